//! Changes of members that coincide with each other and with failures.

use std::time::{Duration, Instant};

use alloy_provider::Provider;
use serde_json::Value;

use crate::harness::{
    Consortium, Load, NodeProcess, Plan, counts, mokka_succeeds, report, until, validates,
};

/// Transfers in each second meanwhile.
const RATE: u32 = 200;
/// No change may hold the chain up for longer. The goal is 2 s, and what it was is printed; where
/// other work keeps two processors busy, ten processes need more.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is open or approved, as a node lists it.
fn pending(at: &Consortium, node: &NodeProcess) -> Vec<Value> {
    let url = format!("http://{}", node.rpc());
    let line = ["validators", "proposals", "--json", "--rpc-url", &url];
    serde_json::from_str(&mokka_succeeds(at.root(), &line)).unwrap()
}

/// Waits until a node has more blocks than now.
async fn goes_on(node: &NodeProcess) {
    let reader = node.reader().await;
    let head = reader.get_block_number().await.unwrap();
    let more = || async { (reader.get_block_number().await.unwrap() > head + 5).then_some(()) };
    until("the chain goes on", more).await;
}

/// The load ends on a node, nothing is lost, and no pause was too long.
async fn ends(load: Load, node: &NodeProcess) {
    let (pause, sent) = load.end(node).await;
    report(format_args!("{sent} transfers, none lost; the longest pause was {pause:?}"));
    assert!(pause <= LONGEST_PAUSE, "a pause of {pause:?}");
}

/// Two keys wait for their nodes at one time; then the leader itself is removed, and then
/// another validator while one is down.
#[tokio::test(flavor = "multi_thread")]
async fn two_join_at_once_and_the_leader_leaves() {
    let mut at = Consortium::start(Plan::bft(4)).await;
    let load = Load::begin(RATE, &at.nodes()).await;
    let [mut elena, mut felix] = [at.prepare("elena"), at.prepare("felix")];
    let first = ["key-0.json", "key-1.json", "key-2.json"];
    for (name, member) in [("elena", &elena), ("felix", &felix)] {
        at.carried(&first, at.node(first[0]), &["add", &member.endpoint(), "--name", name]);
    }
    let approved = pending(&at, at.node(first[1]));
    assert!(approved.iter().all(|one| one["status"] == "approved"), "{approved:?}");
    assert_eq!(approved.len(), 2);
    tokio::join!(elena.node.start(), felix.node.start());
    let node = at.node(first[0]);
    let took = tokio::join!(validates(&elena.node, node), validates(&felix.node, node));
    counts(node, 6).await;
    report(format_args!("two validate {took:?} after their start"));
    at.members.extend([elena, felix]);
    load.aim(&at.nodes()).await;

    let leader = at.leader(at.node(first[0])).await;
    let rest: Vec<_> = at.voters().into_iter().filter(|voter| *voter != leader).collect();
    let rest: Vec<_> = rest.iter().map(String::as_str).collect();
    load.aim(&rest.iter().map(|one| at.node(one)).collect::<Vec<_>>()).await;
    at.carried(&rest, at.node(rest[0]), &["remove", &at.key(&leader)]);
    let took = counts(at.node(rest[0]), 5).await;
    goes_on(at.node(rest[0])).await;
    report(format_args!("{leader}, the leader, is removed {took:?} after the last vote"));

    // Four of five must agree: with one down it is all the others.
    let [stays, down, gone, voter, another] = rest[..] else { panic!("{rest:?}") };
    load.aim(&[stays, voter, another].map(|one| at.node(one))).await;
    at.node_mut(down).kill();
    goes_on(at.node(stays)).await;
    at.carried(&[stays, voter, another], at.node(stays), &["remove", &at.key(gone)]);
    let took = counts(at.node(stays), 4).await;
    goes_on(at.node(stays)).await;
    report(format_args!("{gone} is removed while {down} is down, {took:?} after the last vote"));
    at.node_mut(down).start().await;
    counts(at.node(down), 4).await;
    ends(load, at.node(down)).await;
}

/// A vote that is taken back does not count; what was decided, and what was half decided,
/// outlives a loss of power everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_vote_is_withdrawn_and_all_restart_in_the_middle_of_a_change() {
    let mut at = Consortium::start(Plan::bft(4)).await;
    let load = Load::begin(RATE, &at.nodes()).await;
    let mut elena = at.prepare("elena");
    let [first, second, third] = ["key-0.json", "key-1.json", "key-2.json"];
    let words = ["add", &elena.endpoint(), "--name", "elena"];
    let id = at.proposed(first, at.node(first), &words);
    at.decide(second, at.node(second), &["vote", &id]);
    at.decide(second, at.node(first), &["withdraw", &id]);
    let said = at.decide(third, at.node(third), &["vote", &id]);
    assert!(said.contains("has 2 of 3 votes"), "{said}");

    // In the middle of the vote, and again while the key's own node is waited for.
    at = restarted(at, &load).await;
    let open = pending(&at, at.node(third));
    assert_eq!(open[0]["status"], "open", "{open:?}");
    assert_eq!(open[0]["voters"].as_array().unwrap().len(), 2, "{open:?}");
    at.voted(&[second], at.node(third), &id);
    at = restarted(at, &load).await;
    let approved = pending(&at, at.node(second));
    assert_eq!(approved[0]["status"], "approved", "{approved:?}");

    elena.node.start().await;
    let took = validates(&elena.node, at.node(first)).await;
    report(format_args!("a new validator {took:?} after its start"));
    counts(at.node(second), 5).await;
    ends(load, &elena.node).await;
}

/// All lose power at once, and get it back; clients send again what no node has.
async fn restarted(mut at: Consortium, load: &Load) -> Consortium {
    let head = at.network.node(0).reader().await.get_block_number().await.unwrap();
    at.network.kill_all();
    let began = Instant::now();
    at.network.restart_all().await;
    load.aim(&at.nodes()).await;
    load.send_again().await;
    let reader = at.network.node(0).reader().await;
    let more = || async { (reader.get_block_number().await.unwrap() > head + 5).then_some(()) };
    until("the chain goes on", more).await;
    report(format_args!("blocks again {:?} after all had lost power", began.elapsed()));
    at
}
