//! `eth_sendRawTransaction`.

use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Bytes, U256, hex};
use mokka_rpc::RpcConfig;
use mokka_rpc::api::EthApiClient;
use mokka_rpc::seams::TxRefusal;
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

#[tokio::test]
async fn what_cannot_be_decoded_is_refused_with_the_reason() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let good = dynamic(4, 100, 1, Some(BOB)).encoded_2718();
    let mut longer = good.clone();
    longer.push(0);
    let cut = &good[..good.len() - 1];
    let unparsable = "failed to decode signed transaction";
    let unsupported = "transaction type not supported";
    for (raw, code, words) in [
        (&[][..], -32602, unparsable),
        (&[0xc0][..], -32602, unparsable),
        (&[0xff, 1, 2][..], -32602, unparsable),
        (&[0x02][..], -32602, unparsable),
        (&[0xb8, 0x02, 0x02, 0xc0][..], -32602, unparsable),
        (&[0x00, 0xc0][..], -32000, unsupported),
        (&longer[..], -32602, unparsable),
        (cut, -32602, unparsable),
        (&[0x03, 0xc0][..], -32000, "blob transactions (EIP-4844, type 3)"),
        (&[0x05, 0xc0][..], -32000, unsupported),
        (&[0x7f, 0xc0][..], -32000, unsupported),
    ] {
        let raw = hex::encode_prefixed(raw);
        let failed = error(&server, "eth_sendRawTransaction", json!([raw])).await;
        assert_eq!(failed["code"], code, "{raw}: {failed}");
        assert!(failed["message"].as_str().unwrap().contains(words), "{raw}: {failed}");
    }
}

#[tokio::test]
async fn an_oversized_transaction_is_refused_before_it_is_decoded() {
    let fake = Fake::with_blocks();
    let server = fake.serve(RpcConfig { max_transaction_bytes: 10, ..local() }).await;
    let raw = hex::encode_prefixed([0xff; 11]);
    let failed = error(&server, "eth_sendRawTransaction", json!([raw])).await;
    assert_eq!(failed["message"], "oversized data: transaction size 11, limit 10");
    assert_eq!(failed["data"]["reason"], "oversized");
}

/// Tools match on these words; programs should match on the reason.
async fn check_refusals(refusals: Vec<(TxRefusal, &str, &str)>) {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let raw = hex::encode_prefixed(dynamic(4, 100, 1, Some(BOB)).encoded_2718());
    for (refusal, words, reason) in refusals {
        fake.refuse_next(refusal);
        let failed = error(&server, "eth_sendRawTransaction", json!([raw])).await;
        assert_eq!(failed["code"], -32000, "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(words), "{failed}");
        assert_eq!(failed["data"]["reason"], reason);
    }
}

#[tokio::test]
async fn refusals_of_nonce_funds_and_gas_have_their_words_and_reasons() {
    let (balance, cost) = (U256::ZERO, U256::ONE);
    let (gas, minimum) = (1, 21_000);
    check_refusals(vec![
        (TxRefusal::AlreadyKnown, "already known", "alreadyKnown"),
        (TxRefusal::NonceTooLow { next: 5, nonce: 4 }, "nonce too low", "nonceTooLow"),
        (TxRefusal::NonceTooHigh { next: 5, nonce: 999 }, "nonce too high", "nonceTooHigh"),
        (
            TxRefusal::InsufficientFunds { balance, cost },
            "insufficient funds for gas * price + value",
            "insufficientFunds",
        ),
        (
            TxRefusal::IntrinsicGasTooLow { gas, minimum },
            "intrinsic gas too low",
            "intrinsicGasTooLow",
        ),
        (
            TxRefusal::FloorGasTooLow { gas, minimum },
            "insufficient gas for floor data gas cost",
            "floorGasTooLow",
        ),
        (
            TxRefusal::ExceedsBlockGasLimit { gas: 11, limit: 10 },
            "exceeds block gas limit",
            "exceedsBlockGasLimit",
        ),
        (
            TxRefusal::GasLimitTooHigh { gas: 17_000_000, cap: 16_777_216 },
            "transaction gas limit too high (cap: 16777216, tx: 17000000)",
            "gasLimitTooHigh",
        ),
    ])
    .await;
}

#[tokio::test]
async fn refusals_of_price_kind_and_room_have_their_words_and_reasons() {
    let (limit, size) = (10, 11);
    check_refusals(vec![
        (
            TxRefusal::FeeBelowBaseFee { fee: 1, base_fee: 7 },
            "max fee per gas less than block base fee",
            "feeBelowBaseFee",
        ),
        (
            TxRefusal::TipAboveFee { tip: 2, fee: 1 },
            "max priority fee per gas higher than max fee per gas",
            "tipAboveFee",
        ),
        (TxRefusal::Underpriced { tip: 0, minimum: 1 }, "transaction underpriced", "underpriced"),
        (
            TxRefusal::ReplacementUnderpriced { percent: 10 },
            "replacement transaction underpriced",
            "replacementUnderpriced",
        ),
        (
            TxRefusal::WrongChain { found: 1, expected: 1337 },
            "invalid chain id for signer: have 1 want 1337",
            "wrongChain",
        ),
        (TxRefusal::InvalidSender("bad s".into()), "invalid sender", "invalidSender"),
        (
            TxRefusal::NotReplayProtected,
            "only replay-protected (EIP-155) transactions allowed over RPC",
            "notReplayProtected",
        ),
        (
            TxRefusal::InitCodeTooLarge { size, limit },
            "max initcode size exceeded",
            "initCodeTooLarge",
        ),
        (TxRefusal::SenderNotEoa(TOKEN), "sender not an eoa", "senderNotEoa"),
        (TxRefusal::EmptyAuthorizationList, "empty auth list", "emptyAuthorizationList"),
        (TxRefusal::SenderLimit { sender: BOB, limit }, "account limit exceeded", "senderLimit"),
        (TxRefusal::PoolFull { limit }, "txpool is full", "poolFull"),
        (TxRefusal::NotPermitted("guests read".into()), "not permitted", "notPermitted"),
        (TxRefusal::Unavailable("it stops".into()), "send again later", "unavailable"),
        (TxRefusal::Other("a new rule".into()), "a new rule", "other"),
    ])
    .await;
}
