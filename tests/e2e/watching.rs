//! What operators watch: metrics for Prometheus, and logs for programs.

use std::time::{Duration, Instant};

use alloy_network::TransactionBuilder;
use alloy_primitives::{Address, U256};
use alloy_provider::Provider;
use alloy_rpc_types_eth::TransactionRequest;
use serde_json::Value;

use crate::harness::{
    LIMIT, Ledger, Network, Plan, account, get, mokka, mokka_succeeds, post, report, until,
};

/// What happens to a network of four after the first look at its metrics makes these grow.
const GROWING: [&str; 9] = [
    "mokka_height",
    "mokka_transactions_total",
    "mokka_block_interval_seconds_count",
    "mokka_finality_seconds_count",
    "mokka_votes_missing_total",
    "mokka_pool_queued",
    "mokka_pool_refusals_total",
    "mokka_rpc_seconds_count",
    "mokka_network{reason=\"bytes_sent\"}",
];

/// What the first election has made greater than nothing.
const ELECTED: [&str; 4] = [
    "mokka_term",
    "mokka_role",
    "mokka_elections_total{reason=\"stood\"}",
    "mokka_election_seconds_count",
];

/// What nodes lost.
const LOST: [&str; 9] = [
    "broadcasts_unheard",
    "commands_dropped",
    "events_lost",
    "gossip_dropped",
    "inbound_dropped",
    "outbound_dropped",
    "outbound_failed",
    "rate_limited",
    "too_large",
];

/// The metrics of all nodes that run.
struct Pages(Vec<String>);

impl Pages {
    async fn of(network: &Network) -> Self {
        let mut pages = Vec::new();
        for (_, node) in network.running() {
            let page = get(node.metrics(), "/metrics").await;
            assert!(page.contains(" 200 ") && page.ends_with("# EOF\n"), "{page}");
            pages.push(page);
        }
        Self(pages)
    }

    /// The sum of a metric over its labels, where none are named, and over all nodes.
    fn sum(&self, name: &str) -> f64 {
        let lines = self.0.iter().flat_map(|page| page.lines());
        let samples = lines.filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = if rest.starts_with('{') { rest.rsplit_once(' ')?.1 } else { rest };
            value.trim().parse::<f64>().ok()
        });
        samples.sum()
    }

    /// Whether all nodes follow the validator of this place, and no other.
    fn follow(&self, leader: u64) -> bool {
        let all = self.0.len() as f64;
        let followed = format!("mokka_leader{{index=\"{leader}\",validator=\"\"}}");
        self.sum(&followed) == all && self.sum("mokka_leader") == all
    }
}

async fn place(network: &Network, at: usize) -> u64 {
    network.node(at).status().await["validator"]["index"].as_u64().unwrap()
}

/// What an operator copies into the `--observer` of another node.
async fn is_known_by_its_name(network: &Network, at: usize) {
    let status = network.node(at).status().await;
    let name = status["peerId"].as_str().unwrap();
    let url = format!("http://{}", network.node(at).rpc());
    let shown = mokka_succeeds(network.root(), &["status", "--rpc-url", &url]);
    assert!(
        shown.lines().any(|line| line.starts_with("peer id") && line.contains(name)),
        "{shown}"
    );
    let reader = network.node((at + 1) % network.len()).reader().await;
    let knows = || async {
        let nothing: [(); 0] = [];
        let peers: Value = reader.raw_request("mokka_peers".into(), nothing).await.unwrap();
        peers.as_array().unwrap().iter().any(|peer| peer["peerId"] == name).then_some(())
    };
    until("others know a node by the name that it tells", knows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_shown_and_follows_what_happens() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    let leader = network.leader().await;
    ledger.transfer(&network, leader).await;
    is_known_by_its_name(&network, leader).await;
    let place = place(&network, leader).await;
    let follow = || async { Pages::of(&network).await.follow(place).then_some(()) };
    until("all metrics name the leader", follow).await;

    network.node_mut((leader + 1) % network.len()).kill();
    let before = Pages::of(&network).await;
    for name in ELECTED {
        assert!(before.sum(name) > 0.0, "{name} is missing in {:?}", before.0);
    }
    for name in LOST {
        let shown = format!("mokka_network{{reason=\"{name}\"}} ");
        assert!(before.0.iter().all(|page| page.contains(&shown)), "{name} is missing");
    }
    // One that is refused, and one that must wait for another.
    let raw = r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x"]}"#;
    assert!(post(network.node(leader).rpc(), raw).await.contains("undecodable"));
    let to = Address::repeat_byte(7);
    let early = TransactionRequest::default().with_to(to).with_value(U256::from(1)).with_nonce(3);
    let other = network.node(leader).http(account(9)).await;
    let _waits = other.send_transaction(early).await.unwrap();

    let started = Instant::now();
    loop {
        ledger.transfer(&network, leader).await;
        let now = Pages::of(&network).await;
        let still: Vec<_> =
            GROWING.iter().filter(|name| now.sum(name) <= before.sum(name)).collect();
        let peers = now.sum("mokka_network{reason=\"peers\"}");
        // Each of three has two others.
        if still.is_empty() && peers == 6.0 {
            break;
        }
        assert!(started.elapsed() < LIMIT, "{still:?} do not grow; {peers} peers: {:?}", now.0);
    }
    report(format_args!("all metrics have moved {:?} after a follower's death", started.elapsed()));
}

/// `isolation` (3 s) after its last words a leader is no leader to anybody, long before its proof
/// ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_gone_is_soon_shown_to_nobody() {
    let mut network = Network::start(Plan::bft(4)).await;
    let leader = network.leader().await;
    // Two are no quorum: nobody follows it.
    network.node_mut(leader).kill();
    network.node_mut((leader + 1) % network.len()).kill();
    let what = "no node shows a leader or is ready";
    let nobody_leads = || async {
        for (_, node) in network.running() {
            let ready = get(node.metrics(), "/ready").await;
            let waits = ready.contains(" 503 ") && ready.contains("no leader");
            if !node.status().await["leader"].is_null() || !waits {
                return None;
            }
        }
        (Pages::of(&network).await.sum("mokka_leader") == 0.0).then_some(())
    };
    let ((), took) = until(what, nobody_leads).await;
    report(format_args!("{what} {took:?} after the leader's death"));
    assert!(took < Duration::from_secs(20), "{what} only after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_for_programs_is_one_object_a_line() {
    let root = tempfile::tempdir().unwrap();
    Plan::bft(1).create(root.path());
    // It begins to run, finds its place taken, and ends.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = ["run", "--data-dir", "node-0", "--password-file", "password"];
    let mut command = mokka(root.path());
    command.args(line).args(["--rpc-listen", &address, "--log-format", "json"]);
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();

    let mut lines: Vec<_> = said.lines().collect();
    let advice = lines.pop().unwrap();
    assert!(advice.starts_with("error: ") && advice.contains(&address), "{said}");
    let events: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    for event in &events {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(event[field].is_string(), "no {field} in {event}");
        }
    }
    let listens = events.iter().find(|event| event["message"] == "listening");
    let listens = listens.unwrap_or_else(|| panic!("it does not say where it listens: {said}"));
    assert_eq!(listens["level"], "INFO");
    assert!(listens["address"].as_str().unwrap().starts_with("/ip4/127.0.0.1/tcp/"), "{listens}");
}
