//! How long clients wait when a leader dies, when it hands over, and after everybody was away. A
//! few times of each in every test run; `make failover TIMES=100` measures.

use std::{env, time::Duration};

use alloy_provider::{DynProvider, Provider};

use crate::harness::{Load, Network, NodeProcess, Plan, report, until};

/// How often, where nobody says otherwise.
const TIMES: usize = 3;
/// Transfers in each second meanwhile.
const RATE: u32 = 50;

fn times() -> usize {
    env::var("MOKKA_TIMES").map_or(TIMES, |text| text.parse().expect("MOKKA_TIMES is a number"))
}

/// What a block says of itself: in which term it was built, and when, in milliseconds.
async fn stamp(reader: &DynProvider, number: u64) -> (u64, u64) {
    let block = reader.get_block_by_number(number.into()).await.unwrap().unwrap();
    let extra: [u8; 16] = block.header.extra_data.as_ref().try_into().unwrap();
    let (term, millis) = extra.split_at(8);
    (u64::from_be_bytes(term.try_into().unwrap()), u64::from_be_bytes(millis.try_into().unwrap()))
}

async fn newest(reader: &DynProvider) -> u64 {
    stamp(reader, reader.get_block_number().await.unwrap()).await.0
}

/// Waits for a block of the leader that a node follows now; its term.
async fn leads_with_blocks(node: &NodeProcess, reader: &DynProvider) -> u64 {
    let made = || async {
        let term = node.status().await["leader"]["term"].as_u64()?;
        (newest(reader).await == term).then_some(term)
    };
    until("the leader has made a block", made).await.0
}

/// Waits for a block of a later term; its number, and how long it took until a client could see it.
async fn later_term(reader: &DynProvider, than: u64) -> (u64, Duration) {
    let later = || async {
        let number = reader.get_block_number().await.unwrap();
        (stamp(reader, number).await.0 > than).then_some(number)
    };
    until("a block of a later term", later).await
}

/// The time between the last block of a term and the first of the next one, which lie below this.
async fn gap(reader: &DynProvider, below: u64) -> Duration {
    let mut above = stamp(reader, below).await;
    let mut number = below;
    loop {
        number -= 1;
        let block = stamp(reader, number).await;
        if block.0 < above.0 {
            return Duration::from_millis(above.1 - block.1);
        }
        above = block;
    }
}

/// Median, 99th percentile and most.
fn percentiles(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
    let (count, p50, p99, most) = (took.len(), at(50), at(99), at(100));
    report(format_args!("{what}, {count} times: p50 {p50:?}, p99 {p99:?}, max {most:?}"));
}

/// A leader is gone, in one way or the other, and comes back; again and again.
async fn leaders_go(how: &str, orderly: bool) {
    let mut network = Network::start(Plan::bft(4)).await;
    let load =
        Load::begin(RATE, &network.running().map(|(_, node)| node).collect::<Vec<_>>()).await;
    let mut took = Vec::new();
    for _ in 0..times() {
        let leader = network.leader().await;
        let others: Vec<_> = (0..network.len()).filter(|at| *at != leader).collect();
        load.aim(&others.iter().map(|at| network.node(*at)).collect::<Vec<_>>()).await;
        let reader = network.node(others[0]).reader().await;
        let term = leads_with_blocks(network.node(others[0]), &reader).await;
        if orderly {
            let status = network.node_mut(leader).stop().await;
            assert_eq!(status.code(), Some(0));
            let (number, _) = later_term(&reader, term).await;
            took.push(gap(&reader, number).await);
        } else {
            network.node_mut(leader).kill();
            took.push(later_term(&reader, term).await.1);
        }
        let head = reader.get_block_number().await.unwrap();
        network.node_mut(leader).start().await;
        let back = network.node(leader).reader().await;
        let level = || async { (back.get_block_number().await.unwrap() >= head).then_some(()) };
        until("it is level again", level).await;
        network.connects().await;
    }
    let (_, sent) = load.end(network.node(0)).await;
    percentiles(how, took);
    report(format_args!("{sent} transfers, none lost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_is_killed_and_the_next_makes_blocks() {
    leaders_go("the leader is killed: the next block is final after", false).await;
}

/// §5.7: a leader that is told to stop hands over.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_stops_and_the_next_makes_blocks() {
    leaders_go("the leader is stopped: between its last block and the next", true).await;
}

/// All start together: the time from when all of them answer clients, connected or not.
#[tokio::test(flavor = "multi_thread")]
async fn after_everybody_was_away_there_is_a_leader() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut took = Vec::new();
    for _ in 0..times() {
        network.kill_all();
        network.restart_all().await;
        let began = std::time::Instant::now();
        network.leader().await;
        took.push(began.elapsed());
    }
    percentiles("all start: a leader whom all follow after", took);
}
