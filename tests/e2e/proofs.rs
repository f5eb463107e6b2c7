//! What a network can prove to somebody who has nothing but its genesis file.

use std::path::Path;

use alloy_network::TransactionBuilder;
use alloy_primitives::{Address, U256};
use alloy_provider::Provider;
use alloy_rpc_types_eth::TransactionRequest;
use serde_json::Value;

use crate::harness::{
    Ledger, Network, Plan, account, mokka_fails_with, mokka_succeeds, plan::new_key, receipt,
    report,
};

const PAYEE: Address = Address::repeat_byte(5);

/// Prints what a command proved.
fn proves(dir: &Path, line: &[&str]) -> Value {
    let printed = mokka_succeeds(dir, &[line, &["--json"]].concat());
    serde_json::from_str(&printed).unwrap()
}

/// The check that failed, in words.
fn refuses(dir: &Path, line: &[&str], words: &[&str]) {
    let said = mokka_fails_with(5, dir, line);
    for word in words {
        assert!(said.contains(word), "mokka {line:?} says {said:?}, not {word:?}");
    }
}

/// Another digit in place of the first one after a mark.
fn with_another_digit(text: &str, mark: &str, skip: usize) -> String {
    let at = text.find(mark).unwrap_or_else(|| panic!("no {mark} in {text}")) + mark.len() + skip;
    let other = if &text[at..=at] == "0" { "1" } else { "0" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// A genesis file of the same chain but for its validators.
fn other_genesis(root: &Path) {
    let key = new_key(root, "other-key.json");
    Plan::bft(1).genesis(root, "other.json", &[(key, 1)], &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_proved_to_who_has_only_the_genesis_file() {
    let network = Network::start(Plan::bft(4)).await;
    let root = network.root();
    let client = network.client(0).await;
    let request = TransactionRequest::default().with_to(PAYEE).with_value(U256::from(7));
    let hash = *client.send_transaction(request).await.unwrap().tx_hash();
    // Any node can prove it, not only the one that took it.
    let known = receipt(network.node(3), hash).await;
    let (asked, url) = (hash.to_string(), format!("http://{}", network.node(3).rpc()));
    let prove = ["tx", "prove", &asked, "--out", "proof.json", "--rpc-url", &url];
    assert!(mokka_succeeds(root, &prove).contains("mokka tx verify"));
    other_genesis(root);

    let verify = ["tx", "verify", "--genesis", "genesis.json", "proof.json"];
    let proved = proves(root, &verify);
    assert_eq!(proved["transactionHash"], asked);
    assert_eq!(proved["from"], account(0).address().to_string().to_lowercase());
    assert_eq!(proved["to"], PAYEE.to_string().to_lowercase());
    assert_eq!(proved["value"], "0x7");
    assert_eq!(proved["done"], true);
    assert_eq!(proved["block"]["number"].as_u64(), known.block_number);
    assert_eq!(proved["block"]["hash"], known.block_hash.unwrap().to_string());
    assert!(mokka_succeeds(root, &verify).contains("status        done"));

    let other = ["tx", "verify", "--genesis", "other.json", "proof.json"];
    refuses(root, &other, &["proof.json proves nothing", "signed the certificate", "other.json"]);
    let genuine = std::fs::read_to_string(root.join("proof.json")).unwrap();
    let fields = ["finality", "transaction", "receipt"].map(|field| format!("\"{field}\": \"0x"));
    for mark in &fields {
        for skip in [0, 9, 60] {
            let changed = with_another_digit(&genuine, mark, skip);
            std::fs::write(root.join("proof.json"), changed).unwrap();
            refuses(root, &verify, &["proof.json proves nothing"]);
        }
    }
    for mark in ["\"transactionProof\": [\n    \"0x", "\"receiptProof\": [\n    \"0x"] {
        let changed = with_another_digit(&genuine, mark, 11);
        std::fs::write(root.join("proof.json"), changed).unwrap();
        refuses(root, &verify, &["proof.json proves nothing", "do not lead from"]);
    }
    std::fs::write(root.join("proof.json"), genuine.replace("\"index\": 0", "\"index\": 1"))
        .unwrap();
    refuses(root, &verify, &["another transaction at index 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_verified_from_its_genesis_file_to_its_head() {
    let network = Network::start(Plan::bft(4)).await;
    let root = network.root();
    let url = format!("http://{}", network.node(1).rpc());
    let verify = ["verify-chain", "--genesis", "genesis.json", "--endpoint", &url];
    let nothing = proves(root, &verify);
    assert_eq!((&nothing["head"]["number"], &nothing["certificates"]), (&0.into(), &0.into()));

    let mut ledger = Ledger::default();
    for at in 0..6 {
        ledger.transfer(&network, at % network.len()).await;
    }
    ledger.holds_on(network.node(1)).await;
    let head = network.node(1).status().await["head"].clone();
    let proved = proves(root, &verify);
    assert_eq!(proved["head"], head);
    assert_eq!(proved["certificates"], 1);
    assert_eq!(proved["epochs"][0]["quorum"], 3);
    assert_eq!(proved["epochs"][0]["validators"].as_array().unwrap().len(), 4);
    report(format_args!("the head is proved in {} s", proved["seconds"]));

    let walked = proves(root, &[&verify[..], &["--every-block"]].concat());
    assert_eq!(walked["head"], head);
    assert_eq!(walked["certificates"].as_u64(), head["number"].as_u64().map(|number| number + 1));
    report(format_args!("{} blocks are walked in {} s", head["number"], walked["seconds"]));
    let table = mokka_succeeds(root, &verify);
    assert!(table.starts_with("epoch  from block  validators  quorum  model\n"), "{table}");
    assert!(table.contains("\nproved      block "), "{table}");

    other_genesis(root);
    let other = ["verify-chain", "--genesis", "other.json", "--endpoint", &url];
    refuses(root, &other, &[&url, "other.json describes the chain"]);
}
