//! The gas that a transaction needs before its first step runs.

use alloy_consensus::Transaction as _;
use alloy_eips::eip7623::{STANDARD_TOKEN_COST, tokens_in_calldata, transaction_floor_cost};

use crate::Transaction;

/// Every transaction.
const BASE: u64 = 21_000;
/// More for one that creates a contract (EIP-2).
const CREATE: u64 = 32_000;
/// For each 32 bytes of code that creates (EIP-3860).
const INIT_CODE_WORD: u64 = 2;
/// For each address of an access list (EIP-2930).
const ACCESS_LIST_ADDRESS: u64 = 2_400;
/// For each storage key of an access list (EIP-2930).
const ACCESS_LIST_KEY: u64 = 1_900;
/// For each authorisation, as if its account were new (EIP-7702).
const AUTHORIZATION: u64 = 25_000;

/// What is charged before the first step.
pub fn intrinsic_gas(transaction: &Transaction) -> u64 {
    let tx = transaction.recovered();
    let mut gas = BASE + STANDARD_TOKEN_COST * tokens_in_calldata(tx.input());
    if tx.is_create() {
        gas += CREATE + INIT_CODE_WORD * (tx.input().len() as u64).div_ceil(32);
    }
    if let Some(list) = tx.access_list() {
        gas += ACCESS_LIST_ADDRESS * list.len() as u64;
        gas += ACCESS_LIST_KEY * list.storage_keys_count() as u64;
    }
    gas + AUTHORIZATION * tx.authorization_list().map_or(0, <[_]>::len) as u64
}

/// The least a transaction with this much data is charged in the end (EIP-7623).
pub fn floor_gas(transaction: &Transaction) -> u64 {
    transaction_floor_cost(tokens_in_calldata(transaction.recovered().input()))
}
