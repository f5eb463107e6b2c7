//! Members who come, go and change their keys, while the chain goes on.

use std::{path::Path, time::Duration};

use alloy_network::TransactionBuilder;
use alloy_primitives::U256;
use alloy_provider::Provider;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::SolCall;
use mokka_runtime::system::{TRANSACTIONS, abi::IAllowList};
use serde_json::{Value, json};

use crate::harness::{
    Consortium, LIMIT, Ledger, Load, NodeProcess, Plan, account, counts, free_ports, mokka_fails,
    mokka_succeeds, plan::init, receipt, report, until, validates, validators,
};

const ONE: U256 = U256::from_limbs([1, 0, 0, 0]);

/// Transfers in each second while members change.
const RATE: u32 = 200;
/// No change may hold the chain up for longer. The goal is 2 s, and what it was is printed; where
/// other work keeps two processors busy, ten processes need more.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Those who join a chain of one, in their order.
const JOIN: [&str; 9] =
    ["ben", "clara", "david", "elena", "felix", "greta", "henry", "ida", "jakob"];

fn names(validators: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> =
        validators.iter().map(|one| one["name"].as_str().unwrap_or("-")).collect();
    names.sort_unstable();
    names
}

fn verifies(root: &Path, node: &NodeProcess) -> Value {
    let url = format!("http://{}", node.rpc());
    let line = ["verify-chain", "--genesis", "genesis.json", "--endpoint", &url, "--json"];
    serde_json::from_str(&mokka_succeeds(root, &line)).unwrap()
}

/// A chain of one grows, and its first member leaves; who has nothing but the genesis file
/// can still prove the head. Ten blocks a second leave ten processes on a small machine the time to
/// execute them all again for each that joins.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_one_grows_until_no_genesis_key_is_left() {
    let mut at = Consortium::start(Plan::bft(1).more(&["--block-interval", "100ms"])).await;
    let load = Load::begin(RATE, &at.nodes()).await;
    for name in JOIN {
        let took = at.join(name).await;
        load.aim(&at.nodes()).await;
        let count = at.members.len() + 1;
        report(format_args!("{count} validators, {took:?} after the last vote"));
    }
    for node in at.nodes() {
        assert_eq!(validators(node).await.len(), 1 + JOIN.len());
    }

    // Rotation: ben's organisation moves to another key, on another machine.
    let moved = at.waiting("ben-2").await;
    let voters = at.voters();
    let voters: Vec<_> = voters.iter().map(String::as_str).collect();
    at.carried(&voters, at.network.node(0), &["replace", "ben", &moved.key]);
    let took = validates(&moved.node, at.network.node(0)).await;
    report(format_args!("a key is replaced {took:?} after the last vote"));
    let ben = at.members.remove(0);
    at.members.push(moved);
    load.aim(&at.nodes()).await;
    drop(ben);

    // The one key of the genesis file leaves, and then the last of the first three that joined.
    let gone: Vec<_> = at.voters();
    let voters: Vec<_> = gone.iter().map(String::as_str).collect();
    let genesis_key = at.key("key-0.json");
    let other = &at.members[0].node;
    let rest: Vec<_> = at.members.iter().map(|member| &member.node).collect();
    load.aim(&rest).await;
    at.carried(&voters[1..], other, &["remove", &genesis_key]);
    counts(other, JOIN.len()).await;
    // What she still takes when the others have cut her would be lost with her.
    let stay: Vec<_> = at.members[1..].iter().map(|member| &member.node).collect();
    load.aim(&stay).await;
    at.carried(&voters[1..], other, &["remove", "clara"]);
    let last = &at.members.last().unwrap().node;
    counts(last, JOIN.len() - 1).await;
    let known = validators(last).await;
    assert!(known.iter().all(|one| one["publicKey"] != genesis_key.as_str()));
    let names_left = JOIN.into_iter().filter(|name| *name != "clara");
    assert_eq!(names(&known), names_left.collect::<Vec<_>>());

    let reader = last.reader().await;
    let head = reader.get_block_number().await.unwrap();
    let more = || async { (reader.get_block_number().await.unwrap() > head + 20).then_some(()) };
    until("those who stay make blocks", more).await;
    let (pause, sent) = load.end(last).await;
    report(format_args!("{sent} transfers, none lost; the longest pause was {pause:?}"));
    assert!(pause <= LONGEST_PAUSE, "a pause of {pause:?}");
    let proved = verifies(at.root(), last);
    report(format_args!("verify-chain proves {}", proved["head"]));
    assert!(proved["epochs"].as_array().unwrap().len() > JOIN.len() + 3, "{proved}");
}

/// Who is approved and never comes is not waited for, and its time ends.
#[tokio::test(flavor = "multi_thread")]
async fn an_approved_validator_that_never_starts_is_not_noticed() {
    let plan = Plan::bft(4).more(&["--acceptance-period", "10s"]);
    let consortium = Consortium::start(plan).await;
    let network = &consortium.network;
    let nodes: Vec<_> = (0..4).map(|at| network.node(at)).collect();
    let load = Load::begin(RATE, &nodes).await;
    let absent = consortium.prepare("absent");
    let voters = ["key-0.json", "key-1.json", "key-2.json"];
    consortium.carried(&voters, nodes[0], &["add", &absent.endpoint(), "--name", "absent"]);
    let pending = || {
        let url = format!("http://{}", nodes[1].rpc());
        let line = ["validators", "proposals", "--json", "--rpc-url", &url];
        serde_json::from_str::<Value>(&mokka_succeeds(network.root(), &line)).unwrap()
    };
    assert_eq!(pending()[0]["status"], "approved");
    let over = || async { (pending() == json!([])).then_some(()) };
    let ((), took) = until("it has expired", over).await;
    assert!(took < LIMIT);
    let (pause, sent) = load.end(nodes[3]).await;
    report(format_args!("expired after {took:?}; {sent} transfers, longest pause {pause:?}"));
    assert!(pause <= LONGEST_PAUSE, "a pause of {pause:?}");
    assert_eq!(validators(nodes[0]).await.len(), 4);
    let url = format!("http://{}", nodes[0].rpc());
    let again = ["validators", "vote", "1", "--key", "key-3.json", "--rpc-url", &url, "--yes"];
    let again = [&again[..], &["--password-file", "password"]].concat();
    let said = mokka_fails(network.root(), &again);
    assert!(said.contains("proposal 1 takes no votes any more: it is expired"), "{said}");
}

/// Lists hold in the pool at once and say whom to ask; enabled, an account sends at the
/// next block; a node on the list of members connects without anybody's restart.
#[tokio::test(flavor = "multi_thread")]
async fn lists_of_the_chain_decide_who_sends_and_who_observes() {
    const ADMIN: u32 = 0;
    const STRANGER: u32 = 1;
    let admin = account(ADMIN);
    // The first account of the mnemonic that everybody knows.
    let plan =
        Plan::bft(4).more(&["--transactions-admin", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"]);
    let consortium = Consortium::start(plan).await;
    let network = &consortium.network;
    let transfer = || TransactionRequest::default().with_to(admin.address()).with_value(ONE);
    let stranger = network.node(1).http(account(STRANGER)).await;
    let refused = stranger.send_transaction(transfer()).await.unwrap_err().to_string();
    for word in ["not on the allow list", &admin.address().to_string()] {
        assert!(refused.contains(word), "{refused}");
    }
    let enable = IAllowList::setEnabledCall { account: account(STRANGER).address() };
    let enable =
        TransactionRequest::default().with_to(TRANSACTIONS).with_input(enable.abi_encode());
    let sent = network.node(0).http(admin.clone()).await.send_transaction(enable).await.unwrap();
    assert!(receipt(network.node(1), *sent.tx_hash()).await.status());
    // Another client: this one believes that its nonce is used.
    let stranger = network.node(1).http(account(STRANGER)).await;
    let sent = stranger.send_transaction(transfer()).await.unwrap();
    assert!(receipt(network.node(0), *sent.tx_hash()).await.status());

    init(network.root(), "genesis.json", None, "observer", free_ports(1));
    let mut observer = NodeProcess::new(network.root(), "observer");
    observer.start().await;
    observer.logs(&["the peer refuses this node", "stranger"]).await;
    let status = observer.status().await;
    let peer = status["peerId"].as_str().unwrap();
    let voters = ["key-0.json", "key-1.json", "key-2.json"];
    consortium.carried(&voters, network.node(0), &["node", "admit", peer]);
    let head = network.node(0).reader().await.get_block_number().await.unwrap();
    let follows = || async {
        let reader = observer.reader().await;
        (reader.get_block_number().await.unwrap() >= head).then_some(())
    };
    let took = until("the observer follows", follows).await.1;
    report(format_args!("an observer follows {took:?} after it was listed"));
    let url = format!("http://{}", network.node(0).rpc());
    let said = mokka_fails(
        network.root(),
        &["validators", "remove", "key-9", "--key", "key-0.json", "--rpc-url", &url, "--yes"],
    );
    assert!(said.contains("no validator is called"), "{said}");
}

/// §8: a key whose state was lost signs nothing; its seat is not lost, once members replace it.
#[tokio::test(flavor = "multi_thread")]
async fn a_validator_with_lost_state_observes_until_its_key_is_replaced() {
    let mut consortium = Consortium::start(Plan::bft(4)).await;
    let root = consortium.root().to_path_buf();
    let port = consortium.network.node(3).p2p().port();
    consortium.network.node_mut(3).kill();
    let listen = format!("127.0.0.1:{port}");
    let line = ["init", "--genesis", "genesis.json", "--key", "key-3.json", "--lost-state"];
    let line = [&line[..], &["--data-dir", "again", "--p2p-listen", &listen]].concat();
    let free = ["--rpc-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    mokka_succeeds(&root, &[&line[..], &free].concat());
    let mut marked = NodeProcess::new(&root, "again");
    marked.start().await;
    let mut ledger = Ledger::default();
    for at in 0..3 {
        ledger.transfer(&consortium.network, at).await;
    }
    ledger.holds_on(&marked).await;
    let warnings = marked.status().await["warnings"].to_string();
    assert!(warnings.contains("is marked"), "{warnings}");

    let member = consortium.waiting("next").await;
    let old = consortium.key("key-3.json");
    let voters = ["key-0.json", "key-1.json", "key-2.json"];
    consortium.carried(&voters, consortium.network.node(0), &["replace", &old, &member.key]);
    let took = validates(&member.node, consortium.network.node(0)).await;
    report(format_args!("a lost key is replaced {took:?} after the last vote"));
    assert_eq!(validators(&member.node).await.len(), 4);
    // Three of four are needed: with another one down, the new key's votes count.
    consortium.network.node_mut(2).kill();
    ledger.transfer(&consortium.network, 0).await;
    ledger.transfer(&consortium.network, 1).await;
    ledger.holds_on(&member.node).await;
}
