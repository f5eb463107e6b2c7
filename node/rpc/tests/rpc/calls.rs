//! `eth_call` and `eth_estimateGas`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alloy_primitives::{Bytes, U64, U256};
use alloy_rpc_types_eth::TransactionRequest;
use mokka_rpc::RpcConfig;
use mokka_rpc::api::EthApiClient;
use serde_json::{Value, json};

use crate::fake::*;
use crate::wire::*;

#[tokio::test]
async fn a_call_returns_what_the_code_returns() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let request = TransactionRequest::default().to(ECHO).input(Bytes::from_static(&[1, 2]).into());
    let output = http(&server).call(request, None, None, None).await.unwrap();
    assert_eq!(output, Bytes::from_static(&[1, 2]));
    assert_eq!(fake.last_call.lock().unwrap().as_ref().unwrap().gas_cap, 50_000_000);
}

#[tokio::test]
async fn a_call_takes_block_and_overrides() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let params = json!([
        { "to": ECHO, "data": "0xaa" },
        { "blockHash": fake.block(2).block.hash },
        { BOB.to_string(): { "balance": "0x10", "stateDiff": {} } },
        { "time": "0x64" }
    ]);
    assert_eq!(result(&server, "eth_call", params).await, "0xaa");
    let call = fake.last_call.lock().unwrap().clone().unwrap();
    assert_eq!(call.after.number, 2);
    assert_eq!(call.state_overrides.unwrap()[&BOB].balance, Some(U256::from(16)));
    assert_eq!(call.block_overrides.unwrap().time, Some(100));
}

#[tokio::test]
async fn a_revert_is_error_3_with_reason_and_data() {
    let server = Fake::with_blocks().serve(local()).await;
    for method in ["eth_call", "eth_estimateGas"] {
        let reverted = error(&server, method, json!([{ "to": REVERTS, "input": "0x01" }])).await;
        assert_eq!(reverted["code"], 3);
        assert_eq!(reverted["message"], "execution reverted: not today");
        assert!(reverted["data"].as_str().unwrap().starts_with("0x08c379a0"), "{reverted}");

        let panicked = error(&server, method, json!([{ "to": PANICS, "input": "0x01" }])).await;
        assert_eq!(panicked["code"], 3);
        let words = panicked["message"].as_str().unwrap();
        assert!(words.contains("arithmetic"), "{words}");

        let bare = error(&server, method, json!([{ "to": REVERTS_BARE, "input": "0x01" }])).await;
        assert_eq!(bare["code"], 3);
        assert_eq!((&bare["message"], &bare["data"]), (&json!("execution reverted"), &json!("0x")));

        let halted = error(&server, method, json!([{ "to": HALTS, "input": "0x01" }])).await;
        assert_eq!(
            (&halted["code"], &halted["message"]),
            (&json!(-32000), &json!("invalid opcode: INVALID"))
        );
    }
}

#[tokio::test]
async fn a_call_with_too_little_gas_to_begin_is_refused_by_name() {
    let server = Fake::with_blocks().serve(local()).await;
    let failed = error(&server, "eth_call", json!([{ "to": ECHO, "gas": "0x5207" }])).await;
    assert_eq!(failed["code"], -32000);
    assert_eq!(failed["message"], "intrinsic gas too low: gas 20999, minimum needed 21000");
    assert_eq!(failed["data"], json!({ "reason": "intrinsic_gas" }));
}

#[tokio::test]
async fn estimates_are_found_by_search() {
    let server = Fake::with_blocks().serve(local()).await;
    let client = http(&server);
    let transfer = TransactionRequest::default().to(BOB).value(U256::ONE);
    let gas = client.estimate_gas(transfer, None, None, None).await.unwrap();
    assert_eq!(gas, U64::from(21_000));
    let hungry = TransactionRequest::default().to(HUNGRY).input(Bytes::from_static(&[1]).into());
    let gas: u64 = client.estimate_gas(hungry, None, None, None).await.unwrap().to();
    assert!((HUNGRY_GAS..HUNGRY_GAS + HUNGRY_GAS / 50).contains(&gas), "{gas}");
}

#[tokio::test]
async fn an_estimate_never_exceeds_what_the_sender_allows_or_can_pay() {
    let server = Fake::with_blocks().serve(local()).await;
    let capped = json!([{ "to": HUNGRY, "input": "0x01", "gas": "0x186a0" }]);
    let failed = error(&server, "eth_estimateGas", capped).await;
    assert_eq!(failed["code"], -32000);
    assert_eq!(failed["message"], "gas required exceeds allowance (100000)");

    // The balance at block 3 is 3000, so at price 1 it pays for 3000 gas.
    let poor = json!([{ "from": BOB, "to": BOB, "gasPrice": "0x1" }]);
    let failed = error(&server, "eth_estimateGas", poor).await;
    assert_eq!(failed["message"], "gas required exceeds allowance (3000)");
    let rich = json!([
        { "from": BOB, "to": BOB, "gasPrice": "0x1" }, "latest",
        { BOB.to_string(): { "balance": "0xffffff" } }
    ]);
    assert_eq!(result(&server, "eth_estimateGas", rich).await, "0x5208");
    // Less gas than any transaction needs is taken for none named.
    for gas in ["0x0", "0x5207"] {
        let few = json!([{ "to": BOB, "gas": gas }]);
        assert_eq!(result(&server, "eth_estimateGas", few).await, "0x5208");
    }
    let broke = json!([{ "from": BOB, "to": BOB, "gasPrice": "0x1", "value": "0xffff" }]);
    let failed = error(&server, "eth_estimateGas", broke).await;
    assert_eq!(failed["message"], "insufficient funds for transfer: have 3000 want 65535");
}

#[tokio::test]
async fn an_endless_call_ends_in_time_and_its_run_is_cancelled() {
    let fake = Fake::with_blocks();
    let config = RpcConfig { evm_timeout: Duration::from_millis(20), ..local() };
    let server = fake.serve(config).await;
    let failed = error(&server, "eth_call", json!([{ "to": ENDLESS }])).await;
    assert_eq!(failed["code"], -32000);
    assert!(failed["message"].as_str().unwrap().starts_with("execution aborted (timeout ="));
    while fake.cancelled_runs.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn endless_calls_take_only_their_own_workers() {
    let fake = Fake::with_blocks();
    let config = RpcConfig {
        max_evm_runs: 1,
        queue_patience: Duration::from_millis(20),
        evm_timeout: Duration::from_secs(30),
        ..local()
    };
    let server = fake.serve(config).await;
    let mut endless = raw_ws(&server).await;
    let request =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{ "to": ENDLESS }] });
    endless.send(request).await;
    while fake.last_call.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    let refused = error(&server, "eth_call", json!([{ "to": ECHO }])).await;
    assert_eq!(refused["code"], -32009, "{refused}");
    assert_eq!(result(&server, "eth_getBalance", json!([BOB])).await, "0xbb8");

    // The client leaves, so its run ends and the worker is free.
    drop(endless);
    while fake.cancelled_runs.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let answer = loop {
        let answer = ask(&server, "eth_call", json!([{ "to": ECHO, "data": "0x07" }])).await;
        if answer["error"]["code"] != -32009 {
            break answer;
        }
    };
    assert_eq!(answer["result"], "0x07", "{answer}");
    assert_eq!(answer["error"], Value::Null);
}
