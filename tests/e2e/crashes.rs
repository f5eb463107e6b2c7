//! Processes die without warning; the chain goes on, and nothing that had a receipt is lost.

use std::time::Duration;

use crate::harness::{Ledger, Network, Plan, report};

/// How often the leader is killed.
const LEADERS_KILLED: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_follower_is_not_missed_and_votes_again_when_it_is_back() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    let leader = network.leader().await;
    ledger.transfer(&network, leader).await;

    let follower = (leader + 1) % network.len();
    network.node_mut(follower).kill();
    for _ in 0..3 {
        let took = ledger.transfer(&network, leader).await;
        report(format_args!("a receipt {took:?} after sending, without a follower"));
    }
    network.node_mut(follower).start().await;
    let took = ledger.holds_on(network.node(follower)).await;
    report(format_args!("a killed follower has all receipts {took:?} after it listens again"));

    // Now there is no quorum without it.
    network.node_mut((leader + 2) % network.len()).kill();
    let took = ledger.transfer(&network, follower).await;
    report(format_args!(
        "a receipt {took:?} after sending, with the vote of the one that was back"
    ));
    ledger.holds_everywhere(&network).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    let mut times = Vec::new();
    for _ in 0..LEADERS_KILLED {
        let leader = network.leader().await;
        ledger.transfer(&network, leader).await;
        network.node_mut(leader).kill();
        times.push(ledger.transfer(&network, (leader + 1) % network.len()).await);
        assert_ne!(network.leader().await, leader);
        network.node_mut(leader).start().await;
        ledger.holds_everywhere(&network).await;
    }
    times.sort();
    report(format_args!("receipts after the leader was killed: {times:?}"));
    assert!(times[0] < Duration::from_secs(10), "elections take too long: {times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_killed_at_once_go_on_where_they_were() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    for at in 0..network.len() {
        ledger.transfer(&network, at).await;
    }
    for _ in 0..2 {
        network.kill_all();
        network.restart_all().await;
        ledger.holds_everywhere(&network).await;
        let took = ledger.transfer(&network, 0).await;
        report(format_args!("a receipt {took:?} after sending, all nodes having been killed"));
        ledger.holds_everywhere(&network).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_validators_that_never_lie_survive_one_that_stops() {
    let mut network = Network::start(Plan::cft(3)).await;
    let mut ledger = Ledger::default();
    assert_eq!(network.node(0).status().await["crashModel"], "cft");
    for at in 0..network.len() {
        ledger.transfer(&network, at).await;
    }
    let leader = network.leader().await;
    network.node_mut(leader).kill();
    let took = ledger.transfer(&network, (leader + 1) % network.len()).await;
    report(format_args!(
        "a receipt {took:?} after sending, the leader of three having been killed"
    ));
    network.node_mut(leader).start().await;
    ledger.holds_everywhere(&network).await;

    network.kill_all();
    network.restart_all().await;
    ledger.transfer(&network, leader).await;
    ledger.holds_everywhere(&network).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_stopped_in_order_goes_on_where_it_was() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    for at in 0..network.len() {
        let took = ledger.transfer(&network, at).await;
        report(format_args!("a receipt {took:?} after sending, on node {at}"));
    }
    ledger.holds_everywhere(&network).await;
    for at in 0..network.len() {
        let status = network.node_mut(at).stop().await;
        assert_eq!(status.code(), Some(0), "node {at}");
    }
    network.restart_all().await;
    ledger.holds_everywhere(&network).await;
    ledger.transfer(&network, 0).await;
    ledger.holds_everywhere(&network).await;
}
