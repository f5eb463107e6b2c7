//! What each type of transaction does, and how each bad one is refused.

use alloy_consensus::{TxEip1559, TxEip2930, TxEip4844, TxEip4844Variant, TxEip7702, TxEnvelope};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, TxKind, U256, keccak256};
use mokka_runtime::{ChainSpec, TX_GAS_LIMIT_CAP, TxError, check_transaction, receipt_details};

use crate::{
    contracts::{COUNTER, STORE_AND_DESTROY, init_code},
    world::{PROPOSER, Person, WEALTH, World, legacy, transfer},
};

const CHAIN: u64 = 1_337;

/// The refusal of one transaction, alone in a block.
fn refusal(world: &World, tx: alloy_consensus::transaction::Recovered<TxEnvelope>) -> TxError {
    let (block, mut skipped) = world.offer(vec![tx]);
    assert_eq!(block.block.body.transactions, []);
    assert_eq!(skipped.len(), 1);
    skipped.remove(0).error
}

#[test]
fn a_transfer_moves_value_pays_the_tip_and_burns_the_base_fee() {
    let mut world = World::with(ChainSpec { base_fee: 7, ..ChainSpec::default() });
    let (from, to) = (Person(0).address(), Address::repeat_byte(0x77));
    let block = world.advance(vec![Person(0).sign(transfer(0, to, 500))]);
    assert_eq!(world.balance(to), U256::from(500));
    assert_eq!(world.balance(PROPOSER), U256::from(21_000));
    assert_eq!(world.balance(from), U256::from(WEALTH - 500 - 21_000 * 8));
    assert_eq!(world.nonce(from), 1);
    assert_eq!(block.gas_used(), 21_000);
    let details = receipt_details(&block.block, &block.senders, &block.receipts);
    assert_eq!(details[0].effective_gas_price, 8);
    assert_eq!(details[0].gas_used, 21_000);
    assert_eq!(details[0].contract_address, None);
}

#[test]
fn a_contract_is_deployed_called_and_reverts() {
    let mut world = World::new();
    let owner = Person(0);
    let address = owner.address().create(0);
    let deploy = owner.sign(legacy(0, TxKind::Create, 200_000, &init_code(COUNTER)));
    let count = owner.sign(legacy(1, TxKind::Call(address), 100_000, &[]));
    let again = owner.sign(legacy(2, TxKind::Call(address), 100_000, &[]));
    let revert = owner.sign(legacy(3, TxKind::Call(address), 100_000, b"no"));
    let block = world.advance(vec![deploy, count, again, revert]);

    let success: Vec<_> = block.receipts.iter().map(|receipt| receipt.status()).collect();
    assert_eq!(success, [true, true, true, false]);
    let logs: Vec<_> = block.receipts.iter().map(|receipt| receipt.logs().len()).collect();
    assert_eq!(logs, [0, 1, 1, 0]);
    assert_eq!(block.receipts[1].logs()[0].address, address);
    assert_eq!(block.receipts[1].logs()[0].topics(), [B256::with_last_byte(42)]);
    assert!(
        block
            .block
            .header
            .logs_bloom
            .contains_input(alloy_primitives::BloomInput::Raw(address.as_slice()))
    );
    assert_eq!(world.memory.storage[&(address, U256::ZERO)], U256::from(2));
    assert_eq!(world.memory.code[&keccak256(COUNTER)].to_vec(), COUNTER);
    let details = receipt_details(&block.block, &block.senders, &block.receipts);
    assert_eq!(details[0].contract_address, Some(address));
    let first: Vec<_> = details.iter().map(|details| details.first_log_index).collect();
    assert_eq!(first, [0, 0, 1, 2]);
    assert_eq!(details.iter().map(|details| details.gas_used).sum::<u64>(), block.gas_used());
}

#[test]
fn an_access_list_of_type_1_is_charged() {
    let mut world = World::new();
    let item = AccessListItem { address: Person(2).address(), storage_keys: vec![B256::ZERO] };
    let tx = TxEip2930 {
        chain_id: CHAIN,
        nonce: 0,
        gas_price: 3,
        gas_limit: 100_000,
        to: TxKind::Call(Person(1).address()),
        value: U256::from(9),
        access_list: AccessList(vec![item]),
        input: Bytes::new(),
    };
    let block = world.advance(vec![Person(0).sign(tx)]);
    assert_eq!(block.gas_used(), 21_000 + 2_400 + 1_900);
    assert_eq!(block.receipts[0].tx_type() as u8, 1);
}

#[test]
fn an_account_takes_code_by_type_4_and_drops_it_again() {
    let mut world = World::new();
    let (payer, owner) = (Person(0), Person(1));
    let deploy = payer.sign(legacy(0, TxKind::Create, 200_000, &init_code(COUNTER)));
    let counter = payer.address().create(0);
    let delegate = |nonce, authorized_at, to| {
        let authorization =
            Authorization { chain_id: U256::from(CHAIN), address: to, nonce: authorized_at };
        let signature = owner.signature(authorization.signature_hash());
        payer.sign(TxEip7702 {
            chain_id: CHAIN,
            nonce,
            gas_limit: 200_000,
            max_fee_per_gas: 5,
            max_priority_fee_per_gas: 1,
            to: owner.address(),
            authorization_list: vec![authorization.into_signed(signature)],
            ..TxEip7702::default()
        })
    };
    let block = world.advance(vec![deploy, delegate(1, 0, counter)]);
    assert_eq!(block.receipts[1].logs().len(), 1);
    let account = world.memory.accounts[&owner.address()];
    assert_eq!(account.nonce, 1);
    let designator = [&[0xef, 0x01, 0x00], counter.as_slice()].concat();
    assert_eq!(world.memory.code[&account.code_hash].to_vec(), designator);
    assert_eq!(world.memory.storage[&(owner.address(), U256::ZERO)], U256::from(1));

    // With a delegation the account still sends transactions (EIP-3607 lets it).
    let from_owner = owner.sign(transfer(1, payer.address(), 1));
    world.advance(vec![from_owner, delegate(2, 2, Address::ZERO)]);
    assert_eq!(world.memory.accounts[&owner.address()].code_hash, KECCAK256_EMPTY);
}

/// EIP-161: nobody comes to exist by receiving nothing, and nobody is left with nothing.
#[test]
fn an_account_with_nothing_in_it_does_not_exist() {
    let mut world = World::new();
    let nobody = Address::repeat_byte(0x33);
    let block = world.advance(vec![Person(0).sign(transfer(0, nobody, 0))]);
    assert!(block.receipts[0].status());
    assert_eq!(block.changes.accounts.get(&nobody), None);
}

/// What a block leaves as it was is not among its changes: they depend on the states alone.
#[test]
fn what_returns_to_its_old_value_is_no_change() {
    let mut world = World::new();
    let (rich, other) = (Person(0), Person(1));
    let block = world.advance(vec![
        rich.sign(TxEip1559 {
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            ..transfer(0, other.address(), 7)
        }),
        rich.sign(transfer(1, Person(2).address(), 0)),
    ]);
    let changed: Vec<_> = block.changes.accounts.keys().copied().collect();
    let mut expected = vec![rich.address(), other.address(), PROPOSER];
    expected.sort_unstable();
    assert_eq!(changed, expected);
}

#[test]
fn a_contract_destroyed_where_it_was_created_leaves_nothing() {
    let mut world = World::new();
    let owner = Person(0);
    // Its init code stores and destroys at once.
    let tx = owner.sign(legacy(0, TxKind::Create, 200_000, STORE_AND_DESTROY));
    let block = world.advance(vec![tx]);
    assert!(block.receipts[0].status());
    let address = owner.address().create(0);
    assert_eq!(block.changes.accounts.get(&address), None);
    assert_eq!(block.changes.storage.keys().find(|(owner, _)| *owner == address), None);
}

#[test]
fn blobs_are_refused_by_name() {
    let world = World::new();
    let tx = TxEip4844 {
        chain_id: CHAIN,
        gas_limit: 21_000,
        max_fee_per_gas: 10,
        max_fee_per_blob_gas: 10,
        blob_versioned_hashes: vec![B256::repeat_byte(1)],
        ..TxEip4844::default()
    };
    let tx: TxEip4844Variant = TxEip4844Variant::TxEip4844(tx);
    let tx = Person(0).sign(tx);
    assert_eq!(
        check_transaction(&world.spec, tx.inner()),
        Err(TxError::TypeNotSupported { ty: 3 })
    );
    assert_eq!(refusal(&world, tx), TxError::TypeNotSupported { ty: 3 });
}

#[test]
fn a_transaction_has_at_most_the_gas_of_eip_7825() {
    let world = World::new();
    let with_gas = |gas_limit| {
        let to = Person(1).address();
        Person(0).sign(alloy_consensus::TxEip1559 { gas_limit, ..transfer(0, to, 1) })
    };
    assert_eq!(check_transaction(&world.spec, with_gas(TX_GAS_LIMIT_CAP).inner()), Ok(()));
    world.build(vec![with_gas(TX_GAS_LIMIT_CAP)]);
    let over = TxError::GasLimitOverCap { gas_limit: TX_GAS_LIMIT_CAP + 1, cap: TX_GAS_LIMIT_CAP };
    let tx = with_gas(TX_GAS_LIMIT_CAP + 1);
    assert_eq!(check_transaction(&world.spec, tx.inner()), Err(over.clone()));
    assert_eq!(refusal(&world, tx), over);
}

#[test]
fn each_bad_transaction_has_its_own_refusal() {
    let mut world = World::with(ChainSpec { base_fee: 5, ..ChainSpec::default() });
    world.advance(vec![Person(0).sign(transfer(0, Person(1).address(), 1))]);
    let to = Person(1).address();
    let good = || transfer(1, to, 1);
    let refused = |tx| refusal(&world, Person(0).sign::<alloy_consensus::TxEip1559>(tx));
    use alloy_consensus::TxEip1559 as Tx;
    assert_eq!(refused(Tx { nonce: 0, ..good() }), TxError::NonceTooLow { found: 0, expected: 1 });
    assert_eq!(refused(Tx { nonce: 3, ..good() }), TxError::NonceTooHigh { found: 3, expected: 1 });
    assert_eq!(
        refused(Tx { chain_id: 1, ..good() }),
        TxError::WrongChain { found: 1, expected: CHAIN }
    );
    assert_eq!(
        refused(Tx { gas_limit: 20_999, ..good() }),
        TxError::IntrinsicGas { gas_limit: 20_999, required: 21_000 }
    );
    assert_eq!(
        refused(Tx { gas_limit: 22_000, input: Bytes::from(vec![1; 30]), ..good() }),
        TxError::FloorGas { gas_limit: 22_000, required: 21_000 + 30 * 40 }
    );
    assert_eq!(
        refused(Tx { max_fee_per_gas: 4, ..good() }),
        TxError::FeeBelowBaseFee { max_fee: 4, base_fee: 5 }
    );
    assert_eq!(
        refused(Tx { max_priority_fee_per_gas: 11, ..good() }),
        TxError::TipAboveMaxFee { tip: 11, max_fee: 10 }
    );
    assert!(matches!(
        refused(Tx { value: U256::from(WEALTH), ..good() }),
        TxError::InsufficientFunds { .. }
    ));
    let code = Bytes::from(vec![0; 49_153]);
    assert_eq!(
        refused(Tx { to: TxKind::Create, gas_limit: 9_000_000, input: code, ..good() }),
        TxError::InitCodeTooLarge { size: 49_153, limit: 49_152 }
    );
    assert_eq!(
        refusal(
            &world,
            Person(0).sign(TxEip7702 {
                chain_id: CHAIN,
                gas_limit: 90_000,
                max_fee_per_gas: 10,
                nonce: 1,
                ..TxEip7702::default()
            })
        ),
        TxError::EmptyAuthorizationList
    );
}

/// What `check_transaction` refuses, a block refuses as well, and with the same words.
#[test]
fn the_rules_without_state_are_those_of_a_block() {
    use alloy_consensus::TxEip1559 as Tx;
    let world =
        World::with(ChainSpec { base_fee: 5, gas_limit: 1_000_000, ..ChainSpec::default() });
    let good = transfer(0, Person(1).address(), 1);
    for bad in [
        Tx { chain_id: 1, ..good.clone() },
        Tx { gas_limit: 20_999, ..good.clone() },
        Tx { gas_limit: 1_000_001, ..good.clone() },
        Tx { max_fee_per_gas: 4, ..good.clone() },
        Tx { max_priority_fee_per_gas: 11, ..good.clone() },
        Tx { nonce: u64::MAX, ..good.clone() },
    ] {
        let bad = Person(0).sign(bad);
        let early = check_transaction(&world.spec, bad.inner()).unwrap_err();
        assert_eq!(refusal(&world, bad), early);
        assert!(!early.may_pass_later(), "{early}");
    }
    assert_eq!(check_transaction(&world.spec, Person(0).sign(good).inner()), Ok(()));
}
