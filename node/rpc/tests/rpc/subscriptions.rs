//! `eth_subscribe`.

use std::time::Duration;

use alloy_primitives::B256;
use alloy_rpc_types_eth::Filter;
use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind, SubscriptionResult};
use mokka_rpc::RpcConfig;
use mokka_rpc::api::EthApiClient;
use serde_json::{Value, json};

use crate::fake::*;
use crate::wire::*;

#[tokio::test]
async fn new_heads_come_in_order() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = ws(&server).await;
    let mut heads = client.subscribe_to(SubscriptionKind::NewHeads, None).await.unwrap();
    for number in 4..8 {
        let committed = fake.commit(Vec::new());
        let news = heads.next().await.unwrap().unwrap();
        let SubscriptionResult::Header(header) = news else { panic!("{news:?}") };
        assert_eq!((header.number, header.hash), (number, committed.block.hash));
        assert_eq!(client.block_number().await.unwrap().to::<u64>(), number);
    }
}

#[tokio::test]
async fn logs_are_filtered() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = ws(&server).await;
    let filter = Filter::new().address(TOKEN).event_signature(TRANSFER);
    let filter = filter.topic2(B256::with_last_byte(8));
    let params = Some(Params::from(filter));
    let mut logs = client.subscribe_to(SubscriptionKind::Logs, params).await.unwrap();
    let mut all = client.subscribe_to(SubscriptionKind::Logs, None).await.unwrap();
    fake.commit(vec![entry(dynamic(2, 50, 1, Some(TOKEN)), BOB, 30_000, vec![transfer(7)])]);
    let wanted = vec![transfer(9), transfer(8)];
    fake.commit(vec![entry(dynamic(3, 50, 1, Some(TOKEN)), BOB, 30_000, wanted)]);
    let news = logs.next().await.unwrap().unwrap();
    let SubscriptionResult::Log(log) = news else { panic!("{news:?}") };
    assert_eq!((log.block_number, log.log_index), (Some(5), Some(1)));
    for amount in [7, 9, 8] {
        let news = all.next().await.unwrap().unwrap();
        let SubscriptionResult::Log(log) = news else { panic!("{news:?}") };
        assert_eq!(log.inner, transfer(amount));
    }
}

#[tokio::test]
async fn pending_transactions_by_hash_or_whole() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = ws(&server).await;
    let kind = SubscriptionKind::NewPendingTransactions;
    let mut hashes = client.subscribe_to(kind, None).await.unwrap();
    let mut whole = client.subscribe_to(kind, Some(true.into())).await.unwrap();
    let waiting = fake.arrive(dynamic(3, 50, 1, Some(TOKEN)), BOB);
    let news = hashes.next().await.unwrap().unwrap();
    assert_eq!(news, SubscriptionResult::TransactionHash(*waiting.hash()));
    let news = whole.next().await.unwrap().unwrap();
    let SubscriptionResult::FullTransaction(transaction) = news else { panic!("{news:?}") };
    assert_eq!(transaction.inner.signer(), BOB);
    assert_eq!(transaction.inner.hash(), waiting.hash());
}

#[tokio::test]
async fn ids_are_hex_and_messages_are_shaped_like_geths() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let mut client = raw_ws(&server).await;
    let accepted = client.ask("eth_subscribe", json!(["newHeads"])).await;
    let id = accepted["result"].as_str().unwrap().to_owned();
    assert!(id.starts_with("0x") && id.len() <= 34, "{id}");
    assert!(u128::from_str_radix(&id[2..], 16).is_ok(), "{id}");
    fake.commit(Vec::new());
    let news = client.receive().await.unwrap();
    assert_eq!(news["method"], "eth_subscription");
    assert_eq!(news["params"]["subscription"], id.as_str());
    assert_eq!(news["params"]["result"]["number"], "0x4");
    assert_eq!(client.ask("eth_unsubscribe", json!([id])).await["result"], true);
    fake.commit(Vec::new());
    assert_eq!(client.ask("eth_blockNumber", json!([])).await["result"], "0x5");
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() {
    let server = Fake::with_blocks().serve(local()).await;
    let mut client = raw_ws(&server).await;
    for params in [
        json!(["newBlocks"]),
        json!(["syncing"]),
        json!(["newHeads", true]),
        json!(["logs", true]),
        json!(["newPendingTransactions", { "address": BOB }]),
        json!([]),
    ] {
        let refused = client.ask("eth_subscribe", params.clone()).await;
        assert_eq!(refused["error"]["code"], -32602, "{params}: {refused}");
    }
}

#[tokio::test]
async fn over_http_a_subscription_says_where_to_go() {
    let server = Fake::with_blocks().serve(local()).await;
    for method in ["eth_subscribe", "eth_unsubscribe", "mokka_subscribe", "mokka_unsubscribe"] {
        let refused = error(&server, method, json!(["newHeads"])).await;
        assert_eq!(refused["code"], -32601);
        let words = refused["message"].as_str().unwrap();
        assert!(words.starts_with("notifications not supported"), "{words}");
        assert!(words.contains(&format!("ws://{}", server.address())), "{words}");
    }
}

/// One thread: the subscription cannot run while the blocks are committed.
#[tokio::test]
async fn a_subscriber_that_falls_behind_is_told_and_dropped() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let mut client = raw_ws(&server).await;
    let accepted = client.ask("eth_subscribe", json!(["newHeads"])).await;
    for _ in 0..CHANNEL + 5 {
        fake.commit(Vec::new());
    }
    let end = client.receive().await.unwrap();
    assert_eq!(end["params"]["subscription"], accepted["result"]);
    assert_eq!(end["params"]["result"], Value::Null);
    let words = end["params"]["error"].to_string();
    assert!(words.contains("too slow, 5 events were missed"), "{words}");
    let gone = client.ask("eth_unsubscribe", json!([accepted["result"]])).await;
    assert_eq!(gone["result"], false, "{gone}");
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_ends_with_its_connection() {
    let fake = Fake::with_blocks();
    let config = RpcConfig {
        message_buffer: 1,
        subscriber_patience: Duration::from_millis(20),
        write_patience: Duration::from_millis(50),
        max_connections: 1,
        ..local()
    };
    let server = fake.serve(config).await;
    let mut client = raw_ws(&server).await;
    client.ask("eth_subscribe", json!(["newHeads"])).await;
    // Requests whose answers nobody reads, until the server cuts the connection.
    let data = format!("0x{}", "ab".repeat(500_000));
    let params = json!([{ "to": ECHO, "data": data, "gas": "0x2000000" }]);
    let big = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": params });
    let text = big.to_string();
    while client.try_send(text.clone()).await {}
    // Its only slot is free again.
    let answer = loop {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
        let answer = post(&server, body).await;
        if answer.status == 200 {
            break answer.json();
        }
    };
    assert_eq!(answer["result"], "0x539");
}
