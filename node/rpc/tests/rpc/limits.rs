//! What one client may ask for.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mokka_rpc::{RpcConfig, Transport};
use serde_json::{Value, json};

use crate::fake::*;
use crate::wire::*;

fn batch(of: &str, count: usize) -> String {
    let request = |id| json!({ "jsonrpc": "2.0", "id": id, "method": of, "params": [] });
    Value::from((0..count).map(request).collect::<Vec<_>>()).to_string()
}

#[tokio::test]
async fn a_batch_is_answered_in_order_and_counted_one_by_one() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let body = json!([
        { "jsonrpc": "2.0", "id": 7, "method": "eth_chainId" },
        { "jsonrpc": "2.0", "id": "x", "method": "eth_nothing", "params": [] },
        { "jsonrpc": "2.0", "method": "eth_chainId" },
        { "nonsense": true },
    ]);
    let answers = post(&server, &body.to_string()).await.json();
    assert_eq!(answers.as_array().unwrap().len(), 3);
    assert_eq!((&answers[0]["id"], &answers[0]["result"]), (&json!(7), &json!("0x539")));
    assert_eq!((&answers[1]["id"], &answers[1]["error"]["code"]), (&json!("x"), &json!(-32601)));
    assert_eq!(answers[2]["error"]["code"], -32600);
    let calls = fake.calls.lock().unwrap().clone();
    let seen: Vec<_> = calls.iter().map(|call| (call.method, call.error)).collect();
    assert_eq!(seen, [("eth_chainId", None), ("unknown", Some(-32601))]);
}

#[tokio::test]
async fn a_batch_has_a_limit_over_http_and_ws() {
    let server = Fake::with_blocks().serve(RpcConfig { max_batch: 3, ..local() }).await;
    assert_eq!(post(&server, &batch("eth_chainId", 3)).await.json().as_array().unwrap().len(), 3);
    let refused = post(&server, &batch("eth_chainId", 4)).await.json();
    assert_eq!(refused["error"]["code"], -32010, "{refused}");
    let mut client = raw_ws(&server).await;
    client.send(batch("eth_chainId", 4)).await;
    assert_eq!(client.receive().await.unwrap()["error"]["code"], -32010);
    client.send(batch("eth_chainId", 2)).await;
    assert_eq!(client.receive().await.unwrap().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_empty_batch_and_garbage_are_named() {
    let server = Fake::with_blocks().serve(local()).await;
    assert_eq!(post(&server, "[]").await.json()["error"]["code"], -32600);
    assert_eq!(post(&server, "{").await.json()["error"]["code"], -32700);
    let unfinished = post(&server, r#"{"id":4}"#).await.json();
    assert_eq!((&unfinished["id"], &unfinished["error"]["code"]), (&json!(4), &json!(-32600)));
    let mut client = raw_ws(&server).await;
    client.send("garbage").await;
    assert_eq!(client.receive().await.unwrap()["error"]["code"], -32700);
    assert_eq!(client.ask("eth_chainId", json!([])).await["result"], "0x539");
}

#[tokio::test]
async fn requests_and_answers_have_a_size() {
    let config = RpcConfig { max_request_bytes: 2000, max_response_bytes: 3000, ..local() };
    let server = Fake::with_blocks().serve(config).await;
    let data = format!("0x{}", "00".repeat(1000));
    let long = json!({ "jsonrpc": "2.0", "id": 1, "method": "web3_sha3", "params": [data] });
    let refused = post(&server, &long.to_string()).await;
    assert_eq!(refused.status, 413);
    assert_eq!(refused.json()["error"]["code"], -32007);
    let big = ask(&server, "eth_getBlockReceipts", json!(["0x1"])).await;
    assert_eq!(big["error"]["code"], -32008, "{big}");
    let many = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x1", false] },
        { "jsonrpc": "2.0", "id": 2, "method": "eth_getBlockByNumber", "params": ["0x2", false] },
    ]);
    assert_eq!(post(&server, &many.to_string()).await.json()["error"]["code"], -32011);
}

#[tokio::test]
async fn an_unknown_method_is_refused_in_geths_words() {
    let server = Fake::with_blocks().serve(local()).await;
    let refused = error(&server, "evm_mine", json!([])).await;
    assert_eq!(refused["code"], -32601);
    assert_eq!(refused["message"], "the method evm_mine does not exist/is not available");
}

#[tokio::test]
async fn requests_above_the_limit_of_a_websocket_wait_and_are_all_answered() {
    const LIMIT: u64 = 2;
    const REQUESTS: u64 = 6;
    let fake = Fake::with_blocks();
    let config = RpcConfig {
        max_requests_in_flight: 2,
        max_evm_runs: 6,
        evm_timeout: Duration::from_secs(30),
        ..local()
    };
    let server = fake.serve(config).await;
    let mut client = raw_ws(&server).await;
    let params = json!([{ "to": PATIENT }]);
    for id in 1..=REQUESTS {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": "eth_call", "params": params });
        client.send(request).await;
    }
    client.send(batch("eth_chainId", 1)).await;
    while fake.patient_runs.load(Ordering::SeqCst) < LIMIT {
        tokio::task::yield_now().await;
    }
    // Another connection is not concerned.
    assert_eq!(result(&server, "eth_chainId", json!([])).await, "0x539");

    let (mut answered, mut batches) = (BTreeSet::new(), 0);
    for _ in 0..=REQUESTS {
        fake.let_end.fetch_add(1, Ordering::SeqCst);
        let answer = client.receive().await.unwrap();
        match answer.as_array() {
            Some(answers) => batches += answers.len(),
            None => assert!(answered.insert(answer["id"].as_u64().unwrap()), "{answer}"),
        }
    }
    assert_eq!((answered, batches), ((1..=REQUESTS).collect(), 1));
    assert_eq!(fake.most_patient_runs.load(Ordering::SeqCst), LIMIT);
}

#[tokio::test]
async fn a_websocket_has_a_bounded_number_of_subscriptions() {
    let server = Fake::with_blocks().serve(RpcConfig { max_subscriptions: 1, ..local() }).await;
    let mut client = raw_ws(&server).await;
    let first = client.ask("eth_subscribe", json!(["newHeads"])).await;
    assert!(first["result"].is_string());
    let refused = client.ask("eth_subscribe", json!(["newHeads"])).await;
    assert_eq!(refused["error"]["code"], -32006, "{refused}");
    client.ask("eth_unsubscribe", json!([first["result"]])).await;
    let again = client.ask("eth_subscribe", json!(["newHeads"])).await;
    assert!(again["result"].is_string(), "{again}");
}

#[tokio::test]
async fn the_observer_hears_of_method_transport_error_and_time() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    result(&server, "eth_blockNumber", json!([])).await;
    error(&server, "eth_call", json!([{ "to": REVERTS }])).await;
    raw_ws(&server).await.ask("eth_chainId", json!([])).await;
    let calls = fake.calls.lock().unwrap().clone();
    let seen: Vec<_> = calls.iter().map(|call| (call.method, call.transport, call.error)).collect();
    assert_eq!(
        seen,
        [
            ("eth_blockNumber", Transport::Http, None),
            ("eth_call", Transport::Http, Some(3)),
            ("eth_chainId", Transport::WebSocket, None),
        ]
    );
    assert!(calls.iter().all(|call| call.took < Duration::from_secs(30)));
}
