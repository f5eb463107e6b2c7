//! A block is seen all at once, whatever it is asked for.

use std::time::{Duration, Instant};

use alloy_consensus::TxEip1559;
use alloy_eips::BlockId;
use alloy_primitives::{B256, TxKind, U64, U256};
use alloy_rpc_types_eth::Filter;
use mokka_rpc::{api::EthApiClient, client::HttpClient};

use crate::{COUNTER, RICH, RICH_NONCE, VALIDATOR, address, key, signed, start, stop, transfer};

/// How long a thing may take before it counts as not happening.
const LIMIT: Duration = Duration::from_secs(60);

/// What clients ask for, again and again, until a transaction is in a block.
#[derive(Clone, Copy)]
enum Asked {
    Receipt,
    Transaction,
}

/// The block of a transaction, as soon as it is told.
async fn block_of(client: &HttpClient, hash: B256, asked: Asked) -> (u64, B256) {
    let started = Instant::now();
    loop {
        let told = match asked {
            Asked::Receipt => EthApiClient::receipt(client, hash)
                .await
                .unwrap()
                .and_then(|receipt| receipt.block_number.zip(receipt.block_hash)),
            Asked::Transaction => {
                let found = EthApiClient::transaction_by_hash(client, hash).await.unwrap();
                let found = found.expect("a transaction that was taken is always somewhere");
                found.block_number.zip(found.block_hash)
            }
        };
        if let Some(place) = told {
            return place;
        }
        assert!(started.elapsed() < LIMIT, "{hash} is in no block after {LIMIT:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_a_transaction_in_a_block_sees_all_that_it_did_and_the_next_nonce() {
    const CALLS: u64 = 100;
    let (node, client) = start(Some(key(VALIDATOR))).await;
    for done in 1..=CALLS {
        let next = RICH_NONCE + done;
        let to = TxKind::Call(COUNTER);
        let call = TxEip1559 { to, gas_limit: 100_000, ..transfer(next - 1) };
        let raw = signed(RICH, call);
        let hash = EthApiClient::send_raw_transaction(&client, raw).await.unwrap();
        let asked = if done % 2 == 0 { Asked::Receipt } else { Asked::Transaction };
        let (number, block) = block_of(&client, hash, asked).await;

        for tag in [BlockId::pending(), BlockId::latest()] {
            let nonce = EthApiClient::nonce(&client, address(RICH), Some(tag)).await.unwrap();
            assert_eq!(nonce, U64::from(next), "at {tag}");
        }
        assert_eq!(EthApiClient::block_number(&client).await.unwrap(), U64::from(number));
        assert_eq!(EthApiClient::balance(&client, COUNTER, None).await.unwrap(), U256::from(done));
        let found = EthApiClient::block_by_number(&client, number.into(), Some(false)).await;
        assert_eq!(found.unwrap().expect("its block").header.hash, block);
        let filter = Filter::new().address(COUNTER).from_block(number);
        let logs = EthApiClient::logs(&client, filter).await.unwrap();
        assert_eq!(logs.iter().map(|log| log.transaction_hash).collect::<Vec<_>>(), [Some(hash)]);
        assert!(EthApiClient::receipt(&client, hash).await.unwrap().is_some());
    }
    stop(node).await;
}
