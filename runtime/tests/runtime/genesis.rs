//! Block 0.

use std::collections::BTreeMap;

use alloy_eips::eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use mokka_runtime::{ChainSpec, GenesisError, Stamp, genesis_block};
use mokka_types::Term;

use crate::world::GENESIS_TIME;

fn alloc_of(account: GenesisAccount) -> BTreeMap<Address, GenesisAccount> {
    BTreeMap::from([(Address::repeat_byte(5), account)])
}

fn error_of(account: GenesisAccount) -> GenesisError {
    genesis_block(&ChainSpec::default(), &alloc_of(account), None, GENESIS_TIME).unwrap_err()
}

#[test]
fn block_0_has_the_history_contract_and_the_stamp_of_term_0() {
    let block = genesis_block(&ChainSpec::default(), &BTreeMap::new(), None, GENESIS_TIME).unwrap();
    let history = block.changes.accounts[&HISTORY_STORAGE_ADDRESS].unwrap();
    assert_eq!(history.nonce, 1);
    assert_eq!(history.code_hash, keccak256(&HISTORY_STORAGE_CODE));
    let stamp = Stamp { term: Term::new(0), ms: GENESIS_TIME * 1_000 };
    assert_eq!(Stamp::of(&block.block.header), Some(stamp));
    assert_eq!(block.block.header.timestamp, GENESIS_TIME);
    assert_ne!(block.block.header.state_root, B256::ZERO);
}

#[test]
fn alloc_may_say_what_stands_at_the_history_address() {
    let mine = GenesisAccount { nonce: Some(7), ..GenesisAccount::default() };
    let alloc = BTreeMap::from([(HISTORY_STORAGE_ADDRESS, mine)]);
    let block = genesis_block(&ChainSpec::default(), &alloc, None, GENESIS_TIME).unwrap();
    assert_eq!(block.changes.accounts[&HISTORY_STORAGE_ADDRESS].unwrap().nonce, 7);
}

#[test]
fn alloc_is_the_state_after_block_0() {
    let storage = BTreeMap::from([
        (B256::with_last_byte(1), B256::with_last_byte(9)),
        (B256::with_last_byte(2), B256::ZERO),
    ]);
    let account = GenesisAccount {
        balance: U256::from(3),
        code: Some(Bytes::from_static(&[0x5b])),
        storage: Some(storage),
        ..GenesisAccount::default()
    };
    let block =
        genesis_block(&ChainSpec::default(), &alloc_of(account), None, GENESIS_TIME).unwrap();
    let address = Address::repeat_byte(5);
    assert_eq!(block.changes.accounts[&address].unwrap().balance, U256::from(3));
    let slots: Vec<_> = block.changes.storage.iter().collect();
    assert_eq!(slots, [(&(address, U256::from(1)), &U256::from(9))]);
    assert_eq!(block.changes.code[&keccak256([0x5b])], Bytes::from_static(&[0x5b]));
}

#[test]
fn an_empty_account_is_left_out() {
    let alloc = alloc_of(GenesisAccount::default());
    let block = genesis_block(&ChainSpec::default(), &alloc, None, GENESIS_TIME).unwrap();
    assert_eq!(block.changes.accounts.len(), 1);
}

#[test]
fn storage_without_an_account_is_refused() {
    let storage = BTreeMap::from([(B256::ZERO, B256::with_last_byte(1))]);
    let error = error_of(GenesisAccount { storage: Some(storage), ..GenesisAccount::default() });
    assert!(matches!(error, GenesisError::StorageWithoutAccount { .. }), "{error}");
}

#[test]
fn code_that_cannot_run_is_refused() {
    let code = Some(Bytes::from_static(&[0xef, 0x01, 0x00, 0x01]));
    let error = error_of(GenesisAccount { code, ..GenesisAccount::default() });
    assert!(matches!(error, GenesisError::Code { .. }), "{error}");
}

#[test]
fn more_money_than_256_bits_is_refused() {
    let rich = GenesisAccount { balance: U256::MAX, ..GenesisAccount::default() };
    let poor = GenesisAccount { balance: U256::from(1), ..GenesisAccount::default() };
    let alloc = BTreeMap::from([(Address::repeat_byte(1), rich), (Address::repeat_byte(2), poor)]);
    let error = genesis_block(&ChainSpec::default(), &alloc, None, GENESIS_TIME).unwrap_err();
    assert!(matches!(error, GenesisError::SupplyOverflow), "{error}");
}

#[test]
fn a_timestamp_in_the_wrong_unit_and_tiny_blocks_are_refused() {
    let spec = ChainSpec::default();
    let error = genesis_block(&spec, &BTreeMap::new(), None, u64::MAX).unwrap_err();
    assert!(matches!(error, GenesisError::Timestamp { .. }), "{error}");
    let spec = ChainSpec { max_block_bytes: 100, ..spec };
    let error = genesis_block(&spec, &BTreeMap::new(), None, GENESIS_TIME).unwrap_err();
    assert!(matches!(error, GenesisError::BlockBytes { found: 100 }), "{error}");
}
