//! Every way to send a bad transaction, from the RPC through the pool to its rules and back.

use std::collections::BTreeSet;

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_consensus::{TxEip4844, TxEip7702, TxEnvelope, TxLegacy};
use alloy_eips::Encodable2718;
use alloy_primitives::{Bytes, Signature, TxKind, U256};
use mokka_rpc::{api::EthApiClient, client::HttpClient};

use crate::{
    CHAIN, CONTRACT, CROWD, FEE, POOR, RICH, RICH_NONCE, Told, address, because, observer, signed,
    stop, transfer,
};

/// The largest transaction that a pool takes.
const MAX_BYTES: usize = 131_072;
/// The most transactions of one sender.
const PER_SENDER: u64 = 512;

/// A bad transaction, the reason for programs, and the words for people.
type Mistake = (Bytes, &'static str, String);

fn mistake(raw: Bytes, reason: &'static str, words: &str) -> Mistake {
    (raw, reason, words.to_owned())
}

/// A good one of [`RICH`], but for this.
fn but(change: impl FnOnce(&mut TxEip1559)) -> Bytes {
    let mut transaction = transfer(RICH_NONCE);
    change(&mut transaction);
    signed(RICH, transaction)
}

fn kinds_and_sizes() -> Vec<Mistake> {
    let takes = "; this chain takes legacy transactions and types 1, 2 and 4";
    let unsupported = |raw, ty| {
        let words = format!("transaction type not supported: {ty}{takes}");
        (raw, "type_not_supported", words)
    };
    let blob = TxEip4844 { chain_id: CHAIN, gas_limit: 21_000, ..TxEip4844::default() };
    vec![
        mistake(Bytes::new(), "undecodable", "failed to decode signed transaction: it is empty"),
        unsupported(vec![0x7e, 1].into(), "type 126"),
        unsupported(signed(RICH, blob), "blob transactions (EIP-4844, type 3)"),
        mistake(
            vec![2; MAX_BYTES + 1].into(),
            "oversized",
            "oversized data: transaction size 131073, limit 131072",
        ),
        mistake(
            but(|tx| {
                (tx.to, tx.input) = (TxKind::Create, vec![0; 49_153].into());
                tx.gas_limit = 9_000_000;
            }),
            "init_code_too_large",
            "max initcode size exceeded: code size 49153, limit 49152",
        ),
        mistake(
            signed(RICH, TxEip7702 { chain_id: CHAIN, gas_limit: 21_000, ..TxEip7702::default() }),
            "no_authorization",
            "set code tx must have at least one authorization tuple",
        ),
    ]
}

fn gas_and_fees() -> Vec<Mistake> {
    vec![
        mistake(
            but(|tx| tx.gas_limit = 20_999),
            "intrinsic_gas",
            "intrinsic gas too low: gas 20999, minimum needed 21000",
        ),
        mistake(
            but(|tx| (tx.gas_limit, tx.input) = (40_000, vec![1; 1_000].into())),
            "floor_gas",
            "insufficient gas for floor data gas cost: gas 40000, minimum needed 61000",
        ),
        mistake(
            but(|tx| tx.gas_limit = 16_777_217),
            "gas_limit_too_high",
            "transaction gas limit too high (cap: 16777216, tx: 16777217)",
        ),
        mistake(
            but(|tx| tx.gas_limit = 10_000_001),
            "exceeds_block_gas_limit",
            "exceeds block gas limit: gas 10000001, block gas limit 10000000",
        ),
        mistake(
            but(|tx| tx.max_priority_fee_per_gas = 10),
            "tip_above_fee_cap",
            "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 10, \
             maxFeePerGas: 9",
        ),
        mistake(
            but(|tx| tx.max_priority_fee_per_gas = 1),
            "tip_too_low",
            "transaction gas price below minimum: gas tip cap 1, minimum needed 2",
        ),
        mistake(
            but(|tx| tx.max_fee_per_gas = 6),
            "fee_cap_below_base_fee",
            "max fee per gas less than block base fee: maxFeePerGas: 6, baseFee: 7",
        ),
    ]
}

fn senders_and_nonces() -> Vec<Mistake> {
    let unprotected = TxLegacy {
        chain_id: None,
        nonce: RICH_NONCE,
        gas_price: FEE.into(),
        gas_limit: 21_000,
        ..TxLegacy::default()
    };
    let no_key = Signature::new(U256::MAX, U256::MAX, false);
    let forged = TxEnvelope::from(transfer(RICH_NONCE).into_signed(no_key)).encoded_2718();
    let poor = TxEip1559 { value: U256::from(1_000_000), ..transfer(0) };
    let contract = format!("sender not an eoa: address {} has code", address(CONTRACT));
    vec![
        mistake(
            but(|tx| tx.chain_id = 1),
            "wrong_chain",
            "invalid sender: invalid chain id for signer: have 1 want 1337",
        ),
        mistake(
            signed(RICH, unprotected),
            "unprotected",
            "only replay-protected (EIP-155) transactions allowed over RPC",
        ),
        mistake(forged.into(), "invalid_sender", "invalid sender: the signature names no account"),
        mistake(signed(CONTRACT, transfer(0)), "sender_is_contract", &contract),
        mistake(
            but(|tx| tx.nonce = u64::MAX),
            "nonce_max",
            "nonce has max value: no transaction could follow it",
        ),
        mistake(but(|tx| tx.nonce = 4), "nonce_too_low", "nonce too low: next nonce 5, tx nonce 4"),
        mistake(
            but(|tx| tx.nonce = RICH_NONCE + PER_SENDER),
            "nonce_too_high",
            "nonce too high: next nonce 5, tx nonce 517",
        ),
        mistake(
            signed(POOR, poor),
            "insufficient_funds",
            "insufficient funds for gas * price + value: balance 200000, tx cost 1189000, \
             overshot 989000",
        ),
    ]
}

/// As large as a transaction may be, nearly.
fn large(nonce: u64) -> TxEip1559 {
    TxEip1559 { input: vec![0; 130_850].into(), gas_limit: 1_400_000, ..transfer(nonce) }
}

async fn taken(client: &HttpClient, raw: Bytes) {
    EthApiClient::send_raw_transaction(client, raw).await.unwrap();
}

/// What depends on what is in the pool, which is full in the end.
async fn beside_others(client: &HttpClient) -> Vec<Mistake> {
    taken(client, but(|_| {})).await;
    taken(client, signed(POOR, transfer(0))).await;
    for nonce in 0..PER_SENDER {
        taken(client, signed(CROWD, large(nonce))).await;
    }
    vec![
        mistake(but(|_| {}), "already_known", "already known"),
        mistake(
            but(|tx| tx.value = U256::from(2)),
            "replacement_underpriced",
            "replacement transaction underpriced: fee cap 9 and tip 2, minimum needed 10 and 3",
        ),
        mistake(
            signed(POOR, transfer(1)),
            "insufficient_funds_for_all",
            "insufficient funds for gas * price + value: balance 200000, queued cost 189001, \
             tx cost 189001, overshot 178002",
        ),
        mistake(
            signed(CROWD, transfer(PER_SENDER)),
            "account_limit",
            "account limit exceeded: pooled 512 txs",
        ),
        mistake(
            signed(RICH, large(RICH_NONCE + 1)),
            "full",
            "txpool is full: 514 transactions, 67",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_transaction_has_an_error_of_its_own_and_the_manual_lists_it() {
    let (node, client) = observer().await;
    let manual = include_str!("../../docs/rpc.md");
    let mut mistakes = [kinds_and_sizes(), gas_and_fees(), senders_and_nonces()].concat();
    mistakes.extend(beside_others(&client).await);
    let mut reasons = BTreeSet::new();
    for (raw, reason, words) in mistakes {
        let answer = EthApiClient::send_raw_transaction(&client, raw).await;
        let told = Told::by(answer.expect_err(reason));
        assert!(told.words.starts_with(&words), "{reason}: {told:?}");
        assert_eq!(told.data, because(reason), "{told:?}");
        assert_eq!(told.code, if reason == "undecodable" { -32602 } else { -32000 }, "{told:?}");
        assert!(manual.contains(&format!("`{reason}`")), "the manual does not know {reason}");
        reasons.insert(reason);
    }
    // An unsupported type is tried twice; `underpriced` needs transactions of peers.
    assert_eq!(reasons.len(), 25);
    stop(node).await;
}
