//! `eth_sendRawTransaction`.

use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Bytes, hex};
use mokka_rpc::api::EthApiClient;
use mokka_rpc::seams::{Mistake, TxRefusal};
use serde_json::json;

use crate::fake::*;
use crate::wire::*;

#[tokio::test]
async fn a_good_transaction_is_answered_with_its_hash() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    for transaction in [legacy(3, 100, Some(BOB)), dynamic(4, 100, 1, None)] {
        let raw = Bytes::from(transaction.encoded_2718());
        let hash = http(&server).send_raw_transaction(raw).await.unwrap();
        assert_eq!(hash, *transaction.hash());
        let found = http(&server).transaction_by_hash(hash).await.unwrap().unwrap();
        assert_eq!(found.block_number, None);
    }
}

/// Tools match on the words; programs should match on the reason.
#[tokio::test]
async fn a_refusal_is_handed_on_with_its_words_and_its_reason() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let raw = hex::encode_prefixed(dynamic(4, 100, 1, Some(BOB)).encoded_2718());
    let undecodable = TxRefusal {
        mistake: Mistake::Undecodable,
        ..refusal("undecodable", "failed to decode signed transaction: it is empty")
    };
    for (refusal, code) in [
        (refusal("nonce_too_low", "nonce too low: next nonce 5, tx nonce 4"), -32000),
        (undecodable, -32602),
    ] {
        fake.refuse_next(refusal.clone());
        let failed = error(&server, "eth_sendRawTransaction", json!([raw])).await;
        assert_eq!(failed["code"], code, "{failed}");
        assert_eq!(failed["message"], refusal.words);
        assert_eq!(failed["data"], json!({ "reason": refusal.reason }));
    }
}
