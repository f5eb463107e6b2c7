//! `eth_getLogs`.

use alloy_primitives::B256;
use alloy_rpc_types_eth::Filter;
use mokka_rpc::RpcConfig;
use mokka_rpc::api::EthApiClient;
use serde_json::{Value, json};

use crate::fake::*;
use crate::wire::*;

async fn amounts(server: &mokka_rpc::RpcServer, filter: Value) -> Vec<String> {
    let found = result(server, "eth_getLogs", json!([filter])).await;
    let logs = found.as_array().unwrap();
    logs.iter().map(|log| log["data"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn filters_select_by_block_address_and_topic() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let all = ["0x01", "0x02", "0x03"];
    let range = |from: &str, to: &str| json!({ "fromBlock": from, "toBlock": to });
    assert_eq!(amounts(&server, range("earliest", "latest")).await, all);
    assert_eq!(amounts(&server, range("0x2", "pending")).await, all[2..]);
    assert_eq!(amounts(&server, json!({})).await, Vec::<String>::new());
    assert_eq!(amounts(&server, json!({ "blockHash": fake.block(1).block.hash })).await, all[..2]);
    let third = B256::with_last_byte(2);
    for (filter, expected) in [
        (json!({ "fromBlock": "0x0", "address": TOKEN }), &all[..]),
        (json!({ "fromBlock": "0x0", "address": [BOB, TOKEN] }), &all[..]),
        (json!({ "fromBlock": "0x0", "address": BOB }), &[]),
        (json!({ "fromBlock": "0x0", "topics": [TRANSFER] }), &all[..]),
        (json!({ "fromBlock": "0x0", "topics": [null, null, third] }), &all[1..2]),
        (json!({ "fromBlock": "0x0", "topics": [[TRANSFER, third], ALICE.into_word()] }), &all[..]),
        (json!({ "fromBlock": "0x0", "topics": [third] }), &[]),
        (json!({ "fromBlock": "0x0", "topics": [null, null, null, third] }), &[]),
    ] {
        assert_eq!(amounts(&server, filter.clone()).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_log_knows_its_place() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let logs = http(&server).logs(Filter::new().from_block(1u64).to_block(1u64)).await.unwrap();
    let stored = &fake.block(1).block;
    let log = &logs[1];
    assert_eq!((log.log_index, log.transaction_index), (Some(1), Some(1)));
    assert_eq!((log.block_number, log.block_hash), (Some(1), Some(stored.hash)));
    assert_eq!(log.transaction_hash, Some(*stored.block.body.transactions[1].hash()));
    assert_eq!(log.block_timestamp, Some(1_700_000_001));
    assert!(!log.removed);
}

#[tokio::test]
async fn ranges_that_make_no_sense_are_refused() {
    let server = Fake::with_blocks().serve(local()).await;
    let hash = B256::repeat_byte(1);
    for (filter, code, words) in [
        (json!({ "fromBlock": "0x2", "toBlock": "0x1" }), -32602, "invalid block range params"),
        (json!({ "fromBlock": "0x0", "toBlock": "0x9" }), -32602, "beyond current head block"),
        (json!({ "blockHash": hash }), -32000, "header for hash not found"),
        (json!({ "blockHash": hash, "fromBlock": "0x1" }), -32602, ""),
        (json!({ "topics": [null, null, null, null, null] }), -32602, ""),
        (json!({ "address": vec![BOB; 1] , "fromBlock": "newest" }), -32602, ""),
    ] {
        let failed = error(&server, "eth_getLogs", json!([filter])).await;
        assert_eq!(failed["code"], code, "{filter}: {failed}");
        assert!(failed["message"].as_str().unwrap().contains(words), "{failed}");
    }
    let many: Vec<_> = (0..1001u64).map(|n| B256::from(alloy_primitives::U256::from(n))).collect();
    let failed = error(&server, "eth_getLogs", json!([{ "topics": [many] }])).await;
    assert!(failed["message"].as_str().unwrap().starts_with("exceed max"), "{failed}");
}

#[tokio::test]
async fn too_much_is_refused_with_a_range_that_works() {
    let fake = Fake::with_blocks();
    let server = fake.serve(RpcConfig { max_log_blocks: 2, ..local() }).await;
    let failed =
        error(&server, "eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "0x3" }])).await;
    assert_eq!(failed["code"], -32005);
    let words = failed["message"].as_str().unwrap();
    assert!(words.ends_with("Try with this block range [0x0, 0x1]."), "{words}");

    let server = fake.serve(RpcConfig { max_logs: 2, ..local() }).await;
    let failed =
        error(&server, "eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "0x3" }])).await;
    assert_eq!(failed["code"], -32005);
    let words = failed["message"].as_str().unwrap();
    assert!(words.ends_with("Try with this block range [0x0, 0x1]."), "{words}");
    assert_eq!(amounts(&server, json!({ "fromBlock": "0x0", "toBlock": "0x1" })).await.len(), 2);
}
