//! `mokka bench`: what it reports is compared with what the chain itself holds.

use alloy_provider::Provider;
use serde_json::Value;

use crate::harness::{Network, Plan, mokka_succeeds, report};

/// Accounts that are made and paid for each measurement: one transfer each.
const ACCOUNTS: u64 = 20;

async fn transactions(network: &Network, node: usize) -> u64 {
    let reader = network.node(node).reader().await;
    let mut found = 0;
    for number in 1..=reader.get_block_number().await.unwrap() {
        let block = reader.get_block_by_number(number.into()).await.unwrap().unwrap();
        found += u64::try_from(block.transactions.len()).unwrap();
    }
    found
}

/// Runs a measurement against all nodes; its standard output.
fn bench(network: &Network, load: &[&str]) -> String {
    let urls = (0..network.len()).map(|at| format!("http://{}", network.node(at).rpc()));
    let (urls, accounts) = (urls.collect::<Vec<_>>().join(","), ACCOUNTS.to_string());
    let line = ["bench", "--rpc-url", &urls, "--accounts", &accounts];
    let line: Vec<_> = line.iter().chain(load).copied().collect();
    mokka_succeeds(network.root(), &line)
}

/// Everything became final, all nodes agree, and the chain has it.
async fn nothing_is_lost(network: &Network, load: &[&str], count: u64) -> Value {
    let before = transactions(network, 0).await;
    let said = bench(network, &[load, &["--json"]].concat());
    let found: Value = serde_json::from_str(&said).unwrap();
    for (field, expected) in [("transfers", count), ("final", count), ("lost", 0), ("refused", 0)] {
        assert_eq!(found[field], expected, "{field}: {said}");
    }
    assert_eq!(found["accounts"], ACCOUNTS, "{said}");
    let verdict = &found["verdict"];
    assert_eq!(verdict["differences"], Value::Array(Vec::new()), "{said}");
    assert_eq!(verdict["inChain"], count, "{said}");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{said}"));
    let latency = ["p50", "p90", "p99", "max"].map(|name| number(&found["latencyMs"][name]));
    assert!(latency[0] > 0.0 && latency.is_sorted(), "{said}");
    assert!(number(&found["transfersPerSecond"]) > 0.0 && number(&found["blocks"]) > 0.0, "{said}");
    for node in 0..network.len() {
        assert_eq!(transactions(network, node).await, before + ACCOUNTS + count, "node {node}");
    }
    report(format_args!(
        "{load:?}: {:.0} transfers a second, p50 {:.0} ms, max {:.0} ms",
        number(&found["transfersPerSecond"]),
        latency[0],
        latency[3]
    ));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transfer_of_a_measurement_is_in_the_chain_of_every_node() {
    let network = Network::start(Plan::bft(4)).await;
    let closed = ["--count", "1000", "--in-flight", "100"];
    let found = nothing_is_lost(&network, &closed, 1000).await;
    assert_eq!(found["load"], serde_json::json!({ "loop": "closed", "inFlight": 100 }));

    let open = ["--rate", "50", "--duration", "2s"];
    let found = nothing_is_lost(&network, &open, 100).await;
    assert_eq!(found["load"], serde_json::json!({ "loop": "open", "rate": 50 }));
    let seconds = found["seconds"].as_f64().unwrap();
    assert!(seconds > 1.9, "an open loop does not hurry: {seconds}");

    let text = bench(&network, &["--count", "50", "--in-flight", "10"]);
    for words in ["50 transfers", "p99", "none", "all balances and nonces as they must be"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}
