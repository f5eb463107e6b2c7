//! `eth_call` and `eth_estimateGas`, with code that really runs.

use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_rpc_types_eth::{
    TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use mokka_rpc::{api::EthApiClient, client::HttpClient};

use crate::{
    BLOCK_GAS, CALLER, CHAIN, COUNTER, ENDLESS, RICH, RICH_NONCE, Told, address, because, observer,
    signature, stop,
};

fn asking(to: Address) -> TransactionRequest {
    TransactionRequest::default().to(to)
}

async fn estimate(client: &HttpClient, request: TransactionRequest) -> Result<u64, Told> {
    let answer = EthApiClient::estimate_gas(client, request, None, None, None).await;
    answer.map(|gas| gas.to()).map_err(Told::by)
}

async fn call(client: &HttpClient, request: TransactionRequest) -> Result<Bytes, Told> {
    EthApiClient::call(client, request, None, None, None).await.map_err(Told::by)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_enough_and_not_much_more() {
    let (node, client) = observer().await;
    let transfer = asking(Address::repeat_byte(7)).from(address(RICH)).value(U256::from(1));
    assert_eq!(estimate(&client, transfer).await, Ok(21_000));
    let data = Bytes::copy_from_slice(COUNTER.into_word().as_slice());
    for request in [asking(COUNTER), asking(CALLER).input(data.into())] {
        let gas = estimate(&client, request.clone()).await.unwrap();
        assert!(call(&client, request.clone().gas_limit(gas)).await.is_ok(), "{gas} is too little");
        let less = gas - gas / 32;
        let failed = call(&client, request.gas_limit(less)).await;
        assert!(failed.is_err(), "{gas} is far too much: {less} is enough");
    }
    stop(node).await;
}

/// EIP-7702: what comes back for an account that is there already makes the transaction use less
/// gas in the end than it needs to begin.
#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_covers_what_a_transaction_needs_to_begin() {
    let (node, client) = observer().await;
    let authorization =
        Authorization { chain_id: U256::from(CHAIN), address: COUNTER, nonce: RICH_NONCE };
    let signature = signature(RICH, authorization.signature_hash());
    let mut request = asking(Address::repeat_byte(7));
    request.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let gas = estimate(&client, request).await.unwrap();
    assert!((46_000..46_000 + 46_000 / 50).contains(&gas), "{gas}");
    stop(node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_tells_what_is_missing() {
    let (node, client) = observer().await;
    let exceeded = |gas: u64| Told {
        code: -32000,
        words: format!("gas required exceeds allowance ({gas})"),
        data: String::new(),
    };
    assert_eq!(estimate(&client, asking(ENDLESS)).await, Err(exceeded(BLOCK_GAS)));

    let nobody = Address::repeat_byte(0x55);
    let broke = estimate(&client, asking(COUNTER).from(nobody).value(U256::from(1))).await;
    let broke = broke.unwrap_err();
    let words = "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1";
    assert_eq!((broke.code, broke.words.as_str()), (-32000, words));
    assert_eq!(broke.data, because("insufficient_funds"));

    // Funds for 30,000 gas are not enough to count.
    let mut paying = asking(COUNTER).from(nobody);
    paying.gas_price = Some(7);
    let funds = AccountOverride { balance: Some(U256::from(210_000)), ..Default::default() };
    let overrides: StateOverride = [(nobody, funds)].into_iter().collect();
    let answer = EthApiClient::estimate_gas(&client, paying, None, Some(overrides), None).await;
    assert_eq!(Told::by(answer.unwrap_err()), exceeded(30_000));

    let why = Bytes::from_static(b"why");
    let reverted = estimate(&client, asking(COUNTER).input(why.into())).await.unwrap_err();
    assert_eq!((reverted.code, reverted.data.as_str()), (3, "\"0x776879\""));
    stop(node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_are_refused() {
    let (node, client) = observer().await;
    let but = |change: fn(&mut TransactionRequest)| {
        let mut request = asking(COUNTER);
        change(&mut request);
        request
    };
    for (request, code, words) in [
        (
            but(|of| (of.gas_price, of.max_fee_per_gas) = (Some(9), Some(9))),
            -32602,
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
        ),
        (
            but(|of| (of.max_fee_per_gas, of.max_priority_fee_per_gas) = (Some(8), Some(9))),
            -32000,
            "max priority fee per gas higher than max fee per gas",
        ),
        (
            but(|of| of.chain_id = Some(1)),
            -32602,
            "chainId does not match node's (have=1, want=1337)",
        ),
        (
            but(|of| {
                of.input.input = Some(Bytes::from_static(&[1]));
                of.input.data = Some(Bytes::from_static(&[2]));
            }),
            -32602,
            "both \"data\" and \"input\" are set and not equal",
        ),
        (
            but(|of| of.blob_versioned_hashes = Some(vec![B256::ZERO])),
            -32000,
            "transaction type not supported: blob transactions",
        ),
        (
            but(|of| {
                let authorization =
                    Authorization { chain_id: U256::ZERO, address: COUNTER, nonce: 0 };
                let signature = signature(RICH, authorization.signature_hash());
                of.authorization_list = Some(vec![authorization.into_signed(signature)]);
                of.to = Some(TxKind::Create);
            }),
            -32602,
            "authorizationList needs \"to\"",
        ),
    ] {
        for told in [
            call(&client, request.clone()).await.unwrap_err(),
            estimate(&client, request.clone()).await.unwrap_err(),
        ] {
            assert_eq!(told.code, code, "{told:?}");
            assert!(told.words.starts_with(words), "{told:?}");
        }
    }
    stop(node).await;
}
