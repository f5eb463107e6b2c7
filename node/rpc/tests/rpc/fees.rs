//! Prices and their history.

use std::sync::atomic::Ordering;

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::U256;
use mokka_rpc::RpcConfig;
use mokka_rpc::api::EthApiClient;
use mokka_rpc::api::params::BlockCount;
use serde_json::{Value, json};

use crate::fake::*;
use crate::wire::*;

#[tokio::test]
async fn the_count_is_a_number_or_hex_and_base_fees_are_one_more() {
    let server = Fake::with_blocks().serve(local()).await;
    for count in [json!(2), json!("0x2"), json!("2")] {
        let history = result(&server, "eth_feeHistory", json!([count, "latest", []])).await;
        assert_eq!(history["oldestBlock"], "0x2", "{count}");
        assert_eq!(history["baseFeePerGas"], json!(["0x7", "0x7", "0x7"]));
        assert_eq!(history["gasUsedRatio"], json!([0.07, 0.0]));
        assert_eq!(history["baseFeePerBlobGas"], json!(["0x1", "0x1", "0x1"]));
        assert_eq!(history["blobGasUsedRatio"], json!([0.0, 0.0]));
    }
    let wrong = error(&server, "eth_feeHistory", json!(["many", "latest", []])).await;
    assert_eq!(wrong["code"], -32602);
}

#[tokio::test]
async fn rewards_are_computed_from_receipts() {
    let server = Fake::with_blocks().serve(local()).await;
    let history = http(&server)
        .fee_history(BlockCount(3), BlockNumberOrTag::Latest, Some(vec![0.0, 50.0, 100.0]))
        .await
        .unwrap();
    // Block 1: 50,000 gas at a tip of 3 and 21,000 at 100 - 7. Block 2: 30,000 at 1, 40,000 at 9.
    assert_eq!(history.reward.unwrap(), [[3, 3, 93], [1, 9, 9], [0, 0, 0]]);
    let without = result(&server, "eth_feeHistory", json!(["0x1", "latest"])).await;
    assert_eq!(without["reward"], Value::Null);
}

#[tokio::test]
async fn a_history_ends_at_what_exists() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let all = result(&server, "eth_feeHistory", json!([5000, "latest", []])).await;
    assert_eq!(all["oldestBlock"], "0x0");
    assert_eq!(all["gasUsedRatio"].as_array().unwrap().len(), 4);
    let none = result(&server, "eth_feeHistory", json!([0, "latest", []])).await;
    assert_eq!(none["gasUsedRatio"], json!([]));
    let future = error(&server, "eth_feeHistory", json!([1, "0x9", []])).await;
    assert_eq!(future["message"], "request beyond head block: requested 9, head 3");
    fake.oldest_block.store(2, Ordering::Relaxed);
    let kept = result(&server, "eth_feeHistory", json!([5000, "latest", [50.0]])).await;
    assert_eq!(kept["oldestBlock"], "0x2");
}

#[tokio::test]
async fn a_history_has_at_most_1024_blocks_and_sensible_percentiles() {
    let fake = Fake::new();
    for _ in 0..1100 {
        fake.commit(Vec::new());
    }
    let server = fake.serve(local()).await;
    let history = result(&server, "eth_feeHistory", json!([5000, "latest", [10.0, 90.0]])).await;
    assert_eq!(history["gasUsedRatio"].as_array().unwrap().len(), 1024);
    assert_eq!(history["reward"].as_array().unwrap().len(), 1024);
    for wrong in [json!([90.0, 10.0]), json!([-1.0]), json!([101.0])] {
        let failed = error(&server, "eth_feeHistory", json!([1, "latest", wrong])).await;
        assert_eq!(failed["code"], -32602);
        assert!(failed["message"].as_str().unwrap().starts_with("invalid reward percentile"));
    }
}

#[tokio::test]
async fn with_room_in_blocks_the_least_tip_is_enough() {
    let fake = Fake::with_blocks();
    let server = fake.serve(RpcConfig { minimum_tip: 2, ..local() }).await;
    let client = http(&server);
    assert_eq!(client.tip().await.unwrap(), U256::from(2));
    assert_eq!(client.gas_price().await.unwrap(), U256::from(BASE_FEE + 2));
    assert_eq!(client.blob_base_fee().await.unwrap(), U256::ONE);

    let tips = [40, 10, 30, 20, 50];
    let full = tips
        .iter()
        .map(|tip| entry(dynamic(9, 1000, *tip, Some(BOB)), ALICE, GAS_LIMIT / 5, vec![]));
    fake.commit(full.collect());
    assert_eq!(client.tip().await.unwrap(), U256::from(30));
    assert_eq!(client.gas_price().await.unwrap(), U256::from(BASE_FEE + 30));
}
