//! Blocks, transactions, receipts, accounts.

use std::sync::atomic::Ordering;

use alloy_consensus::Transaction as _;
use alloy_consensus::transaction::SignerRecoverable;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, U64};
use mokka_rpc::api::{EthApiClient, NetApiClient, Web3ApiClient};
use serde_json::{Value, json};

use crate::fake::*;
use crate::wire::*;

#[tokio::test]
async fn the_node_says_who_it_is() {
    let server = Fake::with_blocks().serve(local()).await;
    let client = http(&server);
    assert_eq!(client.chain_id().await.unwrap(), U64::from(1337));
    assert_eq!(NetApiClient::version(&client).await.unwrap(), "1337");
    assert!(client.listening().await.unwrap());
    assert_eq!(client.peer_count().await.unwrap(), U64::from(1));
    assert_eq!(client.client_version().await.unwrap(), "Mokka/test");
    assert_eq!(client.block_number().await.unwrap(), U64::from(3));
    assert_eq!(client.coinbase().await.unwrap(), ALICE);
    assert_eq!(client.protocol_version().await.unwrap(), U64::from(1));
    assert_eq!(result(&server, "eth_accounts", json!([])).await, json!([]));
    let hash = result(&server, "web3_sha3", json!(["0x68656c6c6f"])).await;
    assert_eq!(hash, "0x1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8");
}

#[tokio::test]
async fn syncing_is_false_or_progress() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    assert_eq!(result(&server, "eth_syncing", json!([])).await, json!(false));
    *fake.sync.lock().unwrap() = Some((3, 16));
    let progress = result(&server, "eth_syncing", json!([])).await;
    assert_eq!(
        (&progress["currentBlock"], &progress["highestBlock"]),
        (&json!("0x3"), &json!("0x10"))
    );
}

#[tokio::test]
async fn a_block_has_what_tools_expect() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let stored = fake.block(1);
    let block = result(&server, "eth_getBlockByNumber", json!(["0x1", false])).await;
    assert_eq!(block["hash"], json!(stored.block.hash));
    assert_eq!(block["number"], "0x1");
    assert_eq!(block["baseFeePerGas"], "0x7");
    assert_eq!(block["uncles"], json!([]));
    assert_eq!(block["withdrawals"], json!([]));
    assert_eq!(block["gasUsed"], "0x11558");
    let hashes: Vec<_> = stored.block.block.body.transactions.iter().map(|t| *t.hash()).collect();
    assert_eq!(block["transactions"], json!(hashes));
    for field in [
        "parentHash",
        "sha3Uncles",
        "miner",
        "stateRoot",
        "transactionsRoot",
        "receiptsRoot",
        "logsBloom",
        "difficulty",
        "gasLimit",
        "timestamp",
        "extraData",
        "mixHash",
        "nonce",
        "size",
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
        "requestsHash",
    ] {
        assert!(block[field].is_string(), "{field}: {}", block[field]);
    }
    let header = http(&server).block_by_number(1.into(), None).await.unwrap().unwrap().header;
    assert_eq!(header.inner.hash_slow(), header.hash, "the hash is not keccak of the RLP header");
}

#[tokio::test]
async fn a_zero_base_fee_is_present() {
    let fake = Fake::new();
    fake.base_fee.store(0, Ordering::Relaxed);
    fake.commit(vec![entry(dynamic(0, 3, 1, Some(BOB)), ALICE, 21_000, vec![])]);
    let server = fake.serve(local()).await;
    let block = result(&server, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(block["baseFeePerGas"], "0x0");
    let history = result(&server, "eth_feeHistory", json!(["0x1", "latest", []])).await;
    assert_eq!(history["baseFeePerGas"], json!(["0x0", "0x0"]));
    let mut client = raw_ws(&server).await;
    client.ask("eth_subscribe", json!(["newHeads"])).await;
    fake.commit(Vec::new());
    let news = client.receive().await.unwrap();
    assert_eq!(news["params"]["result"]["baseFeePerGas"], "0x0", "{news}");
}

#[tokio::test]
async fn full_blocks_carry_transactions_with_senders() {
    for keep in [true, false] {
        let fake = Fake::with_blocks();
        fake.keep_senders.store(keep, Ordering::Relaxed);
        let committed = fake.commit(vec![entry(legacy(0, 100, Some(BOB)), ALICE, 21_000, vec![])]);
        let server = fake.serve(local()).await;
        let block = http(&server).block_by_hash(committed.block.hash, Some(true)).await;
        let transactions = block.unwrap().unwrap().transactions.into_transactions_vec();
        let transaction = &transactions[0];
        let recovered = legacy(0, 100, Some(BOB)).recover_signer().unwrap();
        assert_eq!(transaction.inner.signer(), if keep { ALICE } else { recovered });
        assert_eq!(transaction.block_number, Some(4));
        assert_eq!(transaction.transaction_index, Some(0));
        assert_eq!(transaction.effective_gas_price, Some(100));
    }
}

#[tokio::test]
async fn every_tag_but_earliest_is_the_head() {
    let server = Fake::with_blocks().serve(local()).await;
    for tag in ["latest", "safe", "finalized", "pending"] {
        let block = result(&server, "eth_getBlockByNumber", json!([tag, false])).await;
        assert_eq!(block["number"], "0x3", "{tag}");
        assert_eq!(result(&server, "eth_getBalance", json!([BOB, tag])).await, "0xbb8", "{tag}");
    }
    let block = result(&server, "eth_getBlockByNumber", json!(["earliest", false])).await;
    assert_eq!(block["number"], "0x0");
}

#[tokio::test]
async fn what_does_not_exist_yet_is_null_and_what_was_pruned_is_an_error() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let unknown = B256::repeat_byte(0xaa);
    let absent = [
        ("eth_getBlockByNumber", json!(["0x4", false])),
        ("eth_getBlockByHash", json!([unknown, false])),
        ("eth_getBlockTransactionCountByNumber", json!(["0x4"])),
        ("eth_getBlockTransactionCountByHash", json!([unknown])),
        ("eth_getBlockReceipts", json!(["0x4"])),
        ("eth_getBlockReceipts", json!([unknown])),
        ("eth_getTransactionByHash", json!([unknown])),
        ("eth_getTransactionReceipt", json!([unknown])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x4", "0x0"])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x2"])),
        ("eth_getTransactionByBlockHashAndIndex", json!([unknown, "0x0"])),
        ("eth_getUncleCountByBlockNumber", json!(["0x4"])),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x1", "0x0"])),
        ("eth_getUncleByBlockHashAndIndex", json!([unknown, "0x0"])),
    ];
    for (method, params) in absent {
        assert_eq!(result(&server, method, params).await, Value::Null, "{method}");
    }

    fake.oldest_block.store(2, Ordering::Relaxed);
    let hash = *fake.block(1).block.block.body.transactions[0].hash();
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0x1", false])),
        ("eth_getBlockReceipts", json!(["0x1"])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getTransactionReceipt", json!([hash])),
        ("eth_getLogs", json!([{ "fromBlock": "0x1", "toBlock": "0x2" }])),
    ] {
        let error = error(&server, method, params).await;
        assert_eq!(error["code"], 4444, "{method}: {error}");
        assert!(error["message"].as_str().unwrap().contains("from 2 on"), "{error}");
    }
}

#[tokio::test]
async fn counts_and_places() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    let stored = &fake.block(2).block;
    let number = BlockNumberOrTag::Number(2);
    let two = Some(U64::from(2));
    assert_eq!(client.transaction_count_by_number(number).await.unwrap(), two);
    assert_eq!(client.transaction_count_by_hash(stored.hash).await.unwrap(), two);
    assert_eq!(client.uncle_count_by_number(number).await.unwrap(), Some(U64::ZERO));
    assert_eq!(client.uncle_count_by_hash(stored.hash).await.unwrap(), Some(U64::ZERO));
    let hash = *stored.block.body.transactions[1].hash();
    let by_number = client.transaction_by_number_and_index(number, 1.into()).await.unwrap();
    let by_hash = client.transaction_by_hash_and_index(stored.hash, 1.into()).await.unwrap();
    let itself = client.transaction_by_hash(hash).await.unwrap();
    assert_eq!(*itself.as_ref().unwrap().inner.hash(), hash);
    assert_eq!(itself, by_number);
    assert_eq!(itself, by_hash);
}

#[tokio::test]
async fn receipts_count_gas_and_logs_over_the_block() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    let all = client.block_receipts(BlockId::number(1)).await.unwrap().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].gas_used, all[1].gas_used), (21_000, 50_000));
    assert_eq!(all[1].inner.cumulative_gas_used(), 71_000);
    assert_eq!((all[0].effective_gas_price, all[1].effective_gas_price), (100, 10));
    assert_eq!((all[0].to, all[0].contract_address), (Some(BOB), None));
    assert_eq!((all[1].to, all[1].contract_address), (None, Some(ALICE.create(1))));
    let indices: Vec<_> = all[1].inner.logs().iter().map(|log| log.log_index).collect();
    assert_eq!(indices, [Some(0), Some(1)]);
    for receipt in &all {
        let alone = client.receipt(receipt.transaction_hash).await.unwrap();
        assert_eq!(alone.as_ref(), Some(receipt));
    }

    let failed = *fake.block(2).block.block.body.transactions[1].hash();
    let receipt = result(&server, "eth_getTransactionReceipt", json!([failed])).await;
    assert_eq!(receipt["status"], "0x0");
    assert_eq!(receipt["type"], "0x2");
    assert_eq!(receipt["from"], json!(BOB));
    assert_eq!(receipt["contractAddress"], Value::Null);
    assert!(receipt["logsBloom"].is_string());
    assert_eq!(receipt["gasUsed"], "0x7530");
}

#[tokio::test]
async fn a_waiting_transaction_has_no_place() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let waiting = fake.arrive(dynamic(9, 400, 2, Some(BOB)), ALICE);
    let found = result(&server, "eth_getTransactionByHash", json!([waiting.hash()])).await;
    assert_eq!(found["blockNumber"], Value::Null);
    assert_eq!(found["blockHash"], Value::Null);
    assert_eq!(found["transactionIndex"], Value::Null);
    assert_eq!(found["from"], json!(ALICE));
    assert_eq!(found["nonce"], "0x9");
    let receipt = result(&server, "eth_getTransactionReceipt", json!([waiting.hash()])).await;
    assert_eq!(receipt, Value::Null);
}

#[tokio::test]
async fn only_the_pending_nonce_counts_the_pool() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    assert_eq!(client.nonce(ALICE, Some(BlockId::pending())).await.unwrap(), U64::from(3));
    let waiting = fake.arrive(dynamic(3, 400, 2, Some(BOB)), ALICE);
    assert_eq!(waiting.nonce(), 3);
    assert_eq!(client.nonce(ALICE, Some(BlockId::pending())).await.unwrap(), U64::from(4));
    assert_eq!(client.nonce(ALICE, Some(BlockId::latest())).await.unwrap(), U64::from(3));
    assert_eq!(client.nonce(ALICE, None).await.unwrap(), U64::from(3));
    assert_eq!(client.nonce(BOB, Some(BlockId::pending())).await.unwrap(), U64::from(3));
}

#[tokio::test]
async fn accounts_are_read_at_the_block_that_was_named() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let hash = fake.block(2).block.hash;
    for block in [
        json!("0x2"),
        json!(hash),
        json!({ "blockNumber": "0x2" }),
        json!({ "blockHash": hash }),
        json!({ "blockHash": hash, "requireCanonical": true }),
    ] {
        assert_eq!(
            result(&server, "eth_getBalance", json!([BOB, block])).await,
            "0x7d0",
            "{block}"
        );
    }
    let slot = format!("{:#066x}", 2);
    for key in [json!("0x1"), json!(B256::with_last_byte(1))] {
        let params = json!([TOKEN, key, "0x2"]);
        assert_eq!(result(&server, "eth_getStorageAt", params).await, slot.as_str());
    }
    let empty = format!("{:#066x}", 0);
    assert_eq!(result(&server, "eth_getStorageAt", json!([TOKEN, "0x0"])).await, empty.as_str());
    assert_eq!(result(&server, "eth_getCode", json!([TOKEN, "latest"])).await, "0x6080");
    assert_eq!(result(&server, "eth_getCode", json!([BOB, "latest"])).await, "0x");
}

#[tokio::test]
async fn a_state_that_cannot_be_served_is_an_error_never_the_latest() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    fake.oldest_state.store(2, Ordering::Relaxed);
    let call = json!({ "to": ECHO });
    for (method, params) in [
        ("eth_getBalance", json!([BOB])),
        ("eth_getCode", json!([BOB])),
        ("eth_getStorageAt", json!([BOB, "0x0"])),
        ("eth_getTransactionCount", json!([BOB])),
    ] {
        let with = |block: Value| {
            let mut all = params.as_array().unwrap().clone();
            all.push(block);
            Value::from(all)
        };
        let future = error(&server, method, with(json!("0x9"))).await;
        assert_eq!(future["code"], -32000, "{method}");
        let words = future["message"].as_str().unwrap();
        assert!(words.starts_with("header not found") && words.contains("block 3"), "{words}");
        let unknown = error(&server, method, with(json!(B256::repeat_byte(3)))).await;
        assert!(unknown["message"].as_str().unwrap().starts_with("header for hash not found"));
        let pruned = error(&server, method, with(json!("0x1"))).await;
        assert_eq!(pruned["code"], -32002, "{method}");
        assert!(pruned["message"].as_str().unwrap().contains("from block 2 to 3"), "{pruned}");
    }
    for method in ["eth_call", "eth_estimateGas"] {
        let future = error(&server, method, json!([call, "0x9"])).await;
        assert!(future["message"].as_str().unwrap().starts_with("header not found"), "{future}");
    }
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let server = Fake::with_blocks().serve(local()).await;
    for (method, params) in [
        ("eth_getBalance", json!([])),
        ("eth_getBalance", json!(["0x12"])),
        ("eth_getBalance", json!([BOB, "newest"])),
        ("eth_getBlockByNumber", json!(["0xzz", false])),
        ("eth_getTransactionByHash", json!(["0x1234"])),
        ("eth_getStorageAt", json!([BOB, "slot"])),
        ("eth_sendRawTransaction", json!(["raw"])),
    ] {
        let error = error(&server, method, params).await;
        assert_eq!(error["code"], -32602, "{method}: {error}");
        assert!(error["data"].is_string(), "{method} does not say what is wrong: {error}");
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_our_fault() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    fake.broken.store(true, Ordering::Relaxed);
    let error = error(&server, "eth_getBlockByNumber", json!(["0x1", false])).await;
    assert_eq!(error["code"], -32603);
    assert!(error["message"].as_str().unwrap().contains("the disk is on fire"), "{error}");
}
