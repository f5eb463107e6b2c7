//! Nodes that follow without a vote, and validators that move.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{
    Ledger, Network, NodeProcess, Plan, free_ports, get, plan::init, report, until,
};

/// An account that no validator's client uses.
const OBSERVERS: u32 = 8;

/// A node without a key; nobody lets it in yet.
async fn observer(network: &Network) -> NodeProcess {
    init(network.root(), "genesis.json", None, "observer", free_ports(1));
    let mut observer = NodeProcess::new(network.root(), "observer");
    observer.start().await;
    observer
}

/// Validators begin to let a node in, as their operators would.
async fn admit(network: &mut Network, at: usize, observer: &NodeProcess) {
    let status = observer.status().await;
    let id = status["peerId"].as_str().unwrap();
    assert!(network.node_mut(at).stop().await.success());
    network.node(at).set("observers", &format!("[{id:?}]"));
    network.node_mut(at).start().await;
}

async fn is_ready(node: &NodeProcess) -> Duration {
    let ready = || async { get(node.metrics(), "/ready").await.contains(" 200 ").then_some(()) };
    until("it is ready", ready).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_of_one_validator_follows_serves_and_forwards() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    ledger.transfer(&network, 0).await;
    let mut observer = observer(&network).await;
    observer.logs(&["the peer refuses this node", "stranger", "--observer"]).await;
    let warnings = observer.status().await["warnings"].to_string();
    assert!(warnings.contains("refuse this node"), "{warnings}");

    let leader = network.leader().await;
    let friend = (leader + 1) % network.len();
    admit(&mut network, friend, &observer).await;
    let took = observer.has_validators(1).await;
    report(format_args!("an observer is let in {took:?} after its only validator runs again"));
    for at in 0..network.len() {
        ledger.transfer(&network, at).await;
    }
    let took = ledger.holds_on(&observer).await;
    report(format_args!("it has caught up after {took:?}"));
    is_ready(&observer).await;
    let status = observer.status().await;
    assert_eq!((&status["role"], status["leader"].is_null()), (&"observer".into(), false));
    let took = ledger.transfer_by(&observer, OBSERVERS).await;
    report(format_args!("a receipt {took:?} after sending through an observer"));
    ledger.holds_everywhere(&network).await;

    observer.kill();
    for _ in 0..3 {
        ledger.transfer(&network, leader).await;
    }
    observer.start().await;
    let took = ledger.holds_on(&observer).await;
    report(format_args!("a restarted observer has caught up after {took:?}"));
    ledger.transfer_by(&observer, OBSERVERS).await;

    goes_on_without_its_validator(&mut network, friend, &observer, &mut ledger).await;
    for (_, node) in network.running() {
        assert!(!node.log().contains("banned"), "somebody thinks ill of another");
    }
    network.kill_all();
    let nobody = || async {
        let ready = get(observer.metrics(), "/ready").await;
        let waits = ready.contains(" 503 ") && ready.contains("no leader");
        (observer.status().await["leader"].is_null() && waits).then_some(())
    };
    let ((), took) = until("an observer shows no leader", nobody).await;
    report(format_args!("an observer shows no leader {took:?} after all validators died"));
    assert!(took < Duration::from_secs(10), "{took:?}");
    ledger.holds_on(&observer).await;
}

async fn goes_on_without_its_validator(
    network: &mut Network,
    friend: usize,
    observer: &NodeProcess,
    ledger: &mut Ledger,
) {
    let other = (friend + 1) % network.len();
    admit(network, other, observer).await;
    observer.has_validators(2).await;
    network.node_mut(friend).kill();
    let took = ledger.transfer_by(observer, OBSERVERS).await;
    report(format_args!("a receipt {took:?} after sending, its first validator being dead"));
    ledger.holds_everywhere(network).await;
    network.node_mut(friend).start().await;
    observer.has_validators(2).await;
    ledger.transfer(network, friend).await;
    ledger.holds_on(observer).await;
}

/// The peer of a node that speaks for this validator.
async fn peer(of: &NodeProcess, validator: &Value) -> Option<Value> {
    let mut peers = of.peers().await.into_iter();
    peers.find(|peer| peer["validator"]["index"] == validator["index"])
}

/// A validator moves: only its own settings change, and only one node could be reached by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_validator_that_moved_is_found_by_all() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    let leader = network.leader().await;
    ledger.transfer(&network, leader).await;
    let [mover, known, first, second] = [1, 0, 2, 3].map(|at| (leader + at) % network.len());
    let moved = network.node(mover).status().await["validator"].clone();
    let mut unknown = Vec::new();
    for at in [first, second] {
        let status = network.node(at).status().await;
        let key = status["validator"]["publicKey"].as_str().unwrap().to_owned();
        unknown.push(format!("{key}@/ip4/127.0.0.1/tcp/1"));
    }
    assert!(network.node_mut(mover).stop().await.success());
    let port = free_ports(1);
    let node = network.node(mover);
    node.set("p2p-listen", &format!("\"127.0.0.1:{port}\""));
    node.set("p2p-announce", &format!("[\"/ip4/127.0.0.1/tcp/{port}\"]"));
    node.set("peers", &format!("{unknown:?}"));
    // Long enough for the others to be patient with its old place.
    ledger.transfer(&network, known).await;
    let started = Instant::now();
    network.node_mut(mover).start().await;
    for at in [first, second] {
        is_dialed_at(&network, at, &moved, port).await;
    }
    report(format_args!("a validator that moved is found {:?} after its start", started.elapsed()));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    network.node(mover).has_validators(3).await;
    ledger.transfer(&network, mover).await;
    ledger.holds_everywhere(&network).await;

    // Who was away hears of it from the others.
    network.node_mut(first).kill();
    network.node_mut(first).start().await;
    is_dialed_at(&network, first, &moved, port).await;
    ledger.transfer(&network, first).await;
    ledger.holds_everywhere(&network).await;
}

/// Waits until a node has dialed this validator at this port.
async fn is_dialed_at(network: &Network, at: usize, validator: &Value, port: u16) {
    let node = network.node(at);
    let found = || async {
        let peer = peer(node, validator).await?;
        Some(peer["address"].as_str().unwrap().to_owned())
    };
    let (address, _) = until("a validator is found where it says it is", found).await;
    assert!(address.ends_with(&format!("/tcp/{port}")), "{address}");
}
