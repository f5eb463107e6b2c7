//! Sockets, hosts, origins, start and stop.

use alloy_primitives::U64;
use mokka_rpc::api::EthApiClient;
use mokka_rpc::{Hosts, IgnoreCalls, Origins, RpcConfig, StartError};
use serde_json::json;
use tokio::net::TcpStream;

use crate::fake::*;
use crate::wire::*;

const JSON: &str = "content-type: application/json";
const CHAIN: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
const UPGRADE: &[&str] = &[
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

#[tokio::test]
async fn http_and_websocket_share_a_port() {
    let server = Fake::with_blocks().serve(local()).await;
    assert_ne!(server.address().port(), 0);
    assert_eq!(http(&server).chain_id().await.unwrap(), U64::from(1337));
    assert_eq!(ws(&server).await.chain_id().await.unwrap(), U64::from(1337));
}

#[tokio::test]
async fn a_port_in_use_is_the_operators_to_mend() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let config = RpcConfig { listen: server.address(), ..local() };
    let identity = mokka_rpc::Identity { chain_id: 1, client_version: String::new() };
    let observer = std::sync::Arc::new(IgnoreCalls);
    let error = mokka_rpc::start(fake.node(), identity, config, observer).await.unwrap_err();
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    for words in [&*server.address().to_string(), "is in use", "choose another --rpc-listen"] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_address_of_another_machine_is_the_operators_to_mend() {
    let fake = Fake::with_blocks();
    // Kept for documentation (RFC 5737): nobody has it.
    let config = RpcConfig { listen: "192.0.2.1:0".parse().unwrap(), ..local() };
    let identity = mokka_rpc::Identity { chain_id: 1, client_version: String::new() };
    let observer = std::sync::Arc::new(IgnoreCalls);
    let error = mokka_rpc::start(fake.node(), identity, config, observer).await.unwrap_err();
    assert!(matches!(error, StartError::CannotListen { .. }), "{error}");
    assert!(error.to_string().contains("choose another --rpc-listen"), "{error}");
}

#[tokio::test]
async fn a_stopped_server_is_gone() {
    let server = Fake::with_blocks().serve(local()).await;
    let address = server.address();
    let client = ws(&server).await;
    assert_eq!(client.chain_id().await.unwrap(), U64::from(1337));
    server.stop().await;
    assert!(client.chain_id().await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn sockets_above_the_limit_are_told_so() {
    let server = Fake::with_blocks().serve(RpcConfig { max_connections: 1, ..local() }).await;
    let first = ws(&server).await;
    let refused = post(&server, CHAIN).await;
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("too many connections"), "{}", refused.body);
    assert_eq!(first.chain_id().await.unwrap(), U64::from(1337));
}

#[tokio::test]
async fn a_foreign_host_name_is_refused() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let at = server.address();
    for served in ["host: localhost:8545", "host: 127.0.0.1", "host: [::1]:1"] {
        assert_eq!(send(at, "POST", &[JSON, served], CHAIN).await.status, 200, "{served}");
    }
    let refused = send(at, "POST", &[JSON, "host: evil.example"], CHAIN).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("invalid host specified"), "{}", refused.body);

    let server = fake.serve(RpcConfig { hosts: Hosts::Any, ..local() }).await;
    let served = send(server.address(), "POST", &[JSON, "host: evil.example"], CHAIN).await;
    assert_eq!(served.status, 200);
}

#[tokio::test]
async fn by_default_no_web_page_may_use_the_node() {
    let server = Fake::with_blocks().serve(local()).await;
    let at = server.address();
    let page = "origin: https://dapp.example";
    let ask = "access-control-request-method: POST";
    let preflight = send(at, "OPTIONS", &[page, ask], "").await;
    assert_eq!(preflight.header("access-control-allow-origin"), None);
    let answer = send(at, "POST", &[JSON, page], CHAIN).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let plain = send(at, "POST", &["content-type: text/plain", page], CHAIN).await;
    assert_eq!(plain.status, 415, "a page could ask without a preflight");
    let socket = send(at, "GET", &[&[page], UPGRADE].concat(), "").await;
    assert_eq!(socket.status, 403);
}

#[tokio::test]
async fn pages_that_are_allowed_may_use_the_node() {
    let fake = Fake::with_blocks();
    let page = "https://dapp.example";
    for (origins, expected) in [(Origins::Any, "*"), (Origins::Only(vec![page.to_owned()]), page)] {
        let server = fake.serve(RpcConfig { origins, ..local() }).await;
        let at = server.address();
        let line = format!("origin: {page}");
        let preflight =
            send(at, "OPTIONS", &[&line, "access-control-request-method: POST"], "").await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some(expected));
        assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
        assert!(preflight.header("access-control-allow-headers").is_some());
        let answer = send(at, "POST", &[JSON, &line], CHAIN).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(expected));
        assert_eq!(answer.json()["result"], "0x539");
    }
    let origins = Origins::Only(vec![page.to_owned()]);
    let server = fake.serve(RpcConfig { origins, ..local() }).await;
    let at = server.address();
    let other = send(at, "POST", &[JSON, "origin: https://evil.example"], CHAIN).await;
    assert_eq!(other.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn other_http_methods_are_refused() {
    let server = Fake::with_blocks().serve(local()).await;
    assert_eq!(send(server.address(), "GET", &[], "").await.status, 405);
    assert_eq!(send(server.address(), "PUT", &[JSON], CHAIN).await.status, 405);
}

#[tokio::test]
async fn clients_say_what_is_wrong_with_an_address() {
    let error = mokka_rpc::client::ws("ws://127.0.0.1:1").await.unwrap_err();
    assert!(error.to_string().contains("is the node running"), "{error}");
    let error = mokka_rpc::client::http("nonsense").unwrap_err();
    assert!(error.to_string().contains("write it like http://"), "{error}");
}

#[tokio::test]
async fn every_method_that_is_promised_is_served() {
    let fake = Fake::with_blocks();
    let served = mokka_rpc::method_names(&fake.node());
    for method in [
        "chainId",
        "blockNumber",
        "getBlockByNumber",
        "getBlockByHash",
        "getBlockTransactionCountByNumber",
        "getBlockTransactionCountByHash",
        "getBlockReceipts",
        "getTransactionByHash",
        "getTransactionByBlockNumberAndIndex",
        "getTransactionByBlockHashAndIndex",
        "getTransactionReceipt",
        "getTransactionCount",
        "getBalance",
        "getCode",
        "getStorageAt",
        "call",
        "estimateGas",
        "gasPrice",
        "maxPriorityFeePerGas",
        "feeHistory",
        "blobBaseFee",
        "sendRawTransaction",
        "getLogs",
        "accounts",
        "syncing",
        "subscribe",
        "unsubscribe",
    ] {
        assert!(served.contains(&format!("eth_{method}").as_str()), "eth_{method}");
    }
    for method in [
        "net_version",
        "net_listening",
        "net_peerCount",
        "web3_clientVersion",
        "web3_sha3",
        "mokka_status",
        "mokka_validators",
        "mokka_leader",
        "mokka_getCertificate",
        "mokka_getTransactionProof",
        "mokka_getProof",
        "mokka_peers",
        "mokka_evidence",
        "mokka_proposals",
        "mokka_permissions",
        "mokka_subscribe",
        "mokka_unsubscribe",
    ] {
        assert!(served.contains(&method), "{method}");
    }
    let server = fake.serve(local()).await;
    for method in served {
        let answer = ask(&server, method, json!([])).await;
        let words = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(!words.contains("does not exist"), "{method}: {answer}");
    }
}
