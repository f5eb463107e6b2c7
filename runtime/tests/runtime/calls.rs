//! `eth_call`.

use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, map::HashMap};
use alloy_rpc_types_eth::{
    BlockOverrides, TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use mokka_runtime::{
    CallError, CallInput, CallOutcome, ChainSpec, TX_GAS_LIMIT_CAP, TxError, call,
};

use crate::{
    contracts::{BLOCK_VIEW, COUNTER, ENDLESS, init_code},
    world::{Person, World, legacy},
};

const CAP: u64 = 50_000_000;

fn input(request: &TransactionRequest) -> CallInput<'_> {
    CallInput { request, state_overrides: None, block_overrides: None, gas_cap: CAP }
}

fn run(world: &World, input: CallInput<'_>) -> Result<CallOutcome, CallError> {
    call(&world.spec, &world.head, &world.memory, input)
}

/// A world with this contract.
fn with(runtime: &[u8]) -> (World, Address) {
    let mut world = World::new();
    let owner = Person(0);
    world.advance(vec![owner.sign(legacy(0, TxKind::Create, 200_000, &init_code(runtime)))]);
    (world, owner.address().create(0))
}

fn asking(to: Address) -> TransactionRequest {
    TransactionRequest::default().to(to)
}

#[test]
fn a_call_returns_and_changes_nothing() {
    let (world, counter) = with(COUNTER);
    for _ in 0..2 {
        let CallOutcome::Success { output, logs, .. } =
            run(&world, input(&asking(counter))).unwrap()
        else {
            panic!("no success")
        };
        assert_eq!(output.to_vec(), B256::with_last_byte(1).as_slice());
        assert_eq!(logs.len(), 1);
    }
}

#[test]
fn a_revert_carries_its_data() {
    let (world, counter) = with(COUNTER);
    let request = asking(counter).input(Bytes::from_static(b"why").into());
    let outcome = run(&world, input(&request)).unwrap();
    assert!(matches!(outcome, CallOutcome::Revert { data, .. } if data.to_vec() == b"why"));
}

#[test]
fn a_call_has_its_own_cap_and_not_that_of_transactions() {
    let (world, endless) = with(ENDLESS);
    let outcome = run(&world, input(&asking(endless))).unwrap();
    assert_eq!(outcome, CallOutcome::Halt { reason: "out of gas".into(), gas_used: CAP });
    const { assert!(CAP > TX_GAS_LIMIT_CAP) };
    assert!(outcome.is_out_of_gas());
    let outcome = run(&world, input(&asking(endless).gas_limit(CAP * 2))).unwrap();
    assert_eq!(outcome.gas_used(), CAP);
}

/// Wallets ask what a contract would get, and with more gas than a block has.
#[test]
fn a_call_may_come_from_a_contract_and_ask_for_more_than_a_block() {
    let (mut world, counter) = with(COUNTER);
    let ends = |world: &World| {
        let request = asking(counter).from(counter).gas_limit(CAP);
        matches!(run(world, input(&request)), Ok(CallOutcome::Success { .. }))
    };
    assert!(ends(&world));
    let small = alloy_consensus::Header { gas_limit: CAP / 2, ..world.head.inner().clone() };
    world.head = alloy_primitives::Sealed::new_unchecked(small, world.head.hash());
    assert!(ends(&world));
}

#[test]
fn without_a_price_no_fee_is_asked() {
    let mut world = World::with(ChainSpec { base_fee: 9, ..ChainSpec::default() });
    let owner = Person(0);
    let deploy = owner.sign(legacy(0, TxKind::Create, 200_000, &init_code(BLOCK_VIEW)));
    world.advance(vec![deploy]);
    let view = owner.address().create(0);
    let base_fee = |request: TransactionRequest| match run(&world, input(&request)).unwrap() {
        CallOutcome::Success { output, .. } => U256::from_be_slice(&output[96..128]),
        other => panic!("{other:?}"),
    };
    // Nobody with no money may ask, and sees a base fee of zero, as with geth.
    assert_eq!(base_fee(asking(view)), U256::ZERO);
    let paying = asking(view).from(owner.address()).gas_limit(100_000);
    assert_eq!(base_fee(paying.clone().max_fee_per_gas(9)), U256::from(9));
    let poor = asking(view).gas_limit(100_000).max_fee_per_gas(9);
    let error = run(&world, input(&poor)).unwrap_err();
    assert!(matches!(error, CallError::Transaction(TxError::InsufficientFunds { .. })), "{error}");
    let low = paying.max_fee_per_gas(8);
    let error = run(&world, input(&low)).unwrap_err();
    assert!(matches!(error, CallError::Transaction(TxError::FeeBelowBaseFee { .. })), "{error}");
}

/// EIP-7702: the authority runs the code it is given, in a call as in a transaction.
#[test]
fn a_call_may_carry_authorizations_and_access_lists() {
    let (world, counter) = with(COUNTER);
    let owner = Person(1);
    let authorization = Authorization { chain_id: U256::ZERO, address: counter, nonce: 0 };
    let signature = owner.signature(authorization.signature_hash());
    let mut request = asking(owner.address());
    request.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let outcome = run(&world, input(&request)).unwrap();
    assert!(
        matches!(&outcome, CallOutcome::Success { output, .. } if output.len() == 32),
        "{outcome:?}"
    );
    request.to = Some(TxKind::Create);
    let error = run(&world, input(&request)).unwrap_err();
    assert!(matches!(error, CallError::SetCodeWithoutTo), "{error}");

    let mut listed = asking(owner.address());
    listed.access_list = Some(AccessList(vec![AccessListItem::default()]));
    assert_eq!(run(&world, input(&listed)).unwrap().gas_used(), 23_400);
}

#[test]
fn contradictory_requests_are_refused() {
    let world = World::new();
    let error_of = |request: TransactionRequest| run(&world, input(&request)).unwrap_err();
    let to = Person(1).address();
    let mut both = asking(to).max_fee_per_gas(1);
    both.gas_price = Some(1);
    assert!(matches!(error_of(both), CallError::GasPriceAndMaxFee));
    let mut chain = asking(to);
    chain.chain_id = Some(1);
    assert!(matches!(error_of(chain), CallError::WrongChain { found: 1, expected: 1_337 }));
    let mut data = asking(to);
    data.input.input = Some(Bytes::from_static(b"a"));
    data.input.data = Some(Bytes::from_static(b"b"));
    assert!(matches!(error_of(data), CallError::InputAndData));
    let mut blobs = asking(to);
    blobs.blob_versioned_hashes = Some(vec![B256::ZERO]);
    assert!(matches!(error_of(blobs), CallError::Transaction(TxError::TypeNotSupported { ty: 3 })));
}

#[test]
fn state_and_block_can_be_overridden() {
    let (world, counter) = with(COUNTER);
    let stranger = Address::repeat_byte(0x99);
    let slots = HashMap::from_iter([(B256::ZERO, B256::with_last_byte(40))]);
    let overrides: StateOverride = [
        (counter, AccountOverride { state_diff: Some(slots), ..AccountOverride::default() }),
        (
            stranger,
            AccountOverride {
                balance: Some(U256::from(5)),
                code: Some(Bytes::from_static(BLOCK_VIEW)),
                ..AccountOverride::default()
            },
        ),
    ]
    .into_iter()
    .collect();
    let block = BlockOverrides { time: Some(77), ..BlockOverrides::default() };
    let output = |to| {
        let request = asking(to);
        let input = CallInput {
            state_overrides: Some(&overrides),
            block_overrides: Some(&block),
            ..input(&request)
        };
        match run(&world, input).unwrap() {
            CallOutcome::Success { output, .. } => output,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(output(counter).to_vec(), B256::with_last_byte(41).as_slice());
    assert_eq!(output(stranger)[32..64], B256::with_last_byte(77).0);
}

#[test]
fn replaced_storage_hides_what_was_stored() {
    let (mut world, counter) = with(COUNTER);
    world.advance(vec![Person(1).sign(legacy(0, TxKind::Call(counter), 100_000, &[]))]);
    let empty = AccountOverride { state: Some(HashMap::default()), ..AccountOverride::default() };
    let overrides: StateOverride = [(counter, empty)].into_iter().collect();
    let request = asking(counter);
    let plain = run(&world, input(&request)).unwrap();
    assert!(matches!(plain, CallOutcome::Success { output, .. } if output[31] == 2));
    let input = CallInput { state_overrides: Some(&overrides), ..input(&request) };
    let replaced = run(&world, input).unwrap();
    assert!(matches!(replaced, CallOutcome::Success { output, .. } if output[31] == 1));
}
