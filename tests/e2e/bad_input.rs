//! What a client does wrong: each mistake has an error of its own, and the node stays.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip4844, TxEnvelope, TxLegacy};
use alloy_eips::Encodable2718;
use alloy_network::TxSignerSync;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use alloy_provider::{DynProvider, Provider};

use crate::harness::{CHAIN_ID, Network, Plan, account, post, receipt};

/// A transaction that would be taken.
fn good(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(7)),
        value: U256::from(1),
        ..TxEip1559::default()
    }
}

/// Signed by account 0, ready to be sent.
fn signed<T: SignableTransaction<Signature>>(mut transaction: T) -> Bytes
where
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = account(0).sign_transaction_sync(&mut transaction).unwrap();
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

/// What the node says to a raw transaction that it does not take: code and message.
async fn refusal(client: &DynProvider, raw: &Bytes) -> (i64, String) {
    let answer = client.send_raw_transaction(raw).await;
    let error = answer.err().unwrap_or_else(|| panic!("taken: {raw}"));
    let error = error.as_error_resp().unwrap_or_else(|| panic!("no answer of the node: {error}"));
    (error.code, error.message.to_string())
}

/// Every mistake, with the code and the words of its error.
fn mistakes() -> Vec<(&'static str, Bytes, i64, &'static str)> {
    let flaw = |change: fn(&mut TxEip1559)| {
        let mut transaction = good(1);
        change(&mut transaction);
        signed(transaction)
    };
    let unprotected = TxLegacy {
        chain_id: None,
        nonce: 1,
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(7)),
        ..TxLegacy::default()
    };
    let blob = TxEip4844 {
        chain_id: CHAIN_ID,
        nonce: 1,
        gas_limit: 21_000,
        blob_versioned_hashes: vec![[1; 32].into()],
        max_fee_per_blob_gas: 1,
        ..TxEip4844::default()
    };
    let no_key = Signature::new(U256::MAX, U256::MAX, false);
    let forged = TxEnvelope::from(good(1).into_signed(no_key)).encoded_2718();
    let mut torn = signed(good(1)).to_vec();
    torn.truncate(torn.len() - 1);
    let longer = [signed(good(1)).as_ref(), &[0]].concat();
    vec![
        ("empty", Bytes::new(), -32602, "failed to decode signed transaction: it is empty"),
        ("torn", torn.into(), -32602, "failed to decode signed transaction"),
        ("longer", longer.into(), -32602, "failed to decode signed transaction"),
        ("type 0x7e", vec![0x7e, 1].into(), -32000, "transaction type not supported: type 126"),
        ("blob", signed(blob), -32000, "transaction type not supported: blob transactions"),
        ("chain", flaw(|tx| tx.chain_id = 1), -32000, "invalid chain id for signer: have 1 want"),
        ("before EIP-155", signed(unprotected), -32000, "only replay-protected (EIP-155)"),
        ("signature", forged.into(), -32000, "invalid sender"),
        ("nonce used", flaw(|tx| tx.nonce = 0), -32000, "nonce too low: next nonce 1, tx nonce 0"),
        ("funds", flaw(|tx| tx.value = U256::MAX / U256::from(2)), -32000, "insufficient funds"),
        ("little gas", flaw(|tx| tx.gas_limit = 20_999), -32000, "intrinsic gas too low"),
        ("much gas", flaw(|tx| tx.gas_limit = 16_777_217), -32000, "gas limit too high (cap:"),
        (
            "more gas than a block",
            flaw(|tx| tx.gas_limit = 200_000_000),
            -32000,
            "gas limit too high (cap:",
        ),
        (
            "tip above fee",
            flaw(|tx| tx.max_priority_fee_per_gas = 1),
            -32000,
            "max priority fee per gas higher than max fee per gas",
        ),
        ("large", flaw(|tx| tx.input = vec![0; 200_000].into()), -32000, "oversized data"),
        (
            "data without gas",
            flaw(|tx| tx.input = vec![1; 1000].into()),
            -32000,
            "intrinsic gas too low",
        ),
        (
            "init code",
            flaw(|tx| {
                tx.to = TxKind::Create;
                tx.input = vec![0; 49_153].into();
                tx.gas_limit = 10_000_000;
            }),
            -32000,
            "max initcode size exceeded",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_transaction_has_an_error_of_its_own() {
    let mut network = Network::start(Plan::bft(1)).await;
    let client = network.node(0).reader().await;
    let first = signed(good(0));
    let hash = *client.send_raw_transaction(&first).await.unwrap().tx_hash();
    receipt(network.node(0), hash).await;

    for (what, raw, code, words) in mistakes() {
        let (found, message) = refusal(&client, &raw).await;
        assert_eq!(found, code, "{what}: {message}");
        assert!(message.contains(words), "{what}: {message:?} says nothing of {words:?}");
    }

    // A nonce too early waits; the same twice is known; both are final once the gap is closed.
    let early = signed(good(2));
    let waiting = *client.send_raw_transaction(&early).await.unwrap().tx_hash();
    assert_eq!(refusal(&client, &early).await, (-32000, "already known".to_owned()));
    let mut cheaper = good(2);
    cheaper.value = U256::from(2);
    let (code, message) = refusal(&client, &signed(cheaper)).await;
    assert_eq!(code, -32000);
    assert!(message.starts_with("replacement transaction underpriced"), "{message}");
    assert_eq!(client.get_transaction_receipt(waiting).await.unwrap(), None);
    assert!(client.send_raw_transaction(&signed(good(1))).await.is_ok());
    receipt(network.node(0), waiting).await;
    assert!(network.node_mut(0).is_alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none_are_answered_as_json_rpc_demands() {
    let network = Network::start(Plan::bft(1)).await;
    let rpc = network.node(0).rpc();
    let request = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
    };
    let nobody = format!("\"{}\"", Address::ZERO);
    let cases = [
        ("{".to_owned(), "-32700"),
        ("[]".to_owned(), "-32600"),
        (r#"{"id":1}"#.to_owned(), "-32600"),
        (request("eth_nothing", "[]"), "-32601"),
        (request("eth_getBalance", "[]"), "-32602"),
        (request("eth_getBalance", "[\"0x12\",\"latest\"]"), "-32602"),
        (request("eth_getBalance", &format!("[{nobody},\"0xffff\"]")), "header not found"),
        (request("eth_getBalance", &format!("[{nobody},\"yesterday\"]")), "-32602"),
        (request("eth_sendRawTransaction", "[\"nonsense\"]"), "-32602"),
        (request("eth_subscribe", "[\"newHeads\"]"), "-32601"),
    ];
    for (body, words) in cases {
        let answer = post(rpc, &body).await;
        assert!(answer.contains(words), "{body}: {answer}");
        assert!(answer.contains("\"error\""), "{body}: {answer}");
    }
    let answer = post(rpc, &"x".repeat(6 << 20)).await;
    assert!(answer.contains("413") || answer.contains("-32007"), "{answer}");
    let batch = vec![request("eth_chainId", "[]"); 1001].join(",");
    let answer = post(rpc, &format!("[{batch}]")).await;
    assert!(answer.contains("-32010"), "{answer}");
    assert!(post(rpc, &request("eth_chainId", "[]")).await.contains("\"0x539\""));
}
