//! The tree against its naive rebuild, and what it promises about cost and damage.

mod canonical;
mod cost;
mod damage;
mod oracle;
mod proofs;
mod vectors;
mod world;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use crate::{Account, StateChanges};

fn address(number: u64) -> Address {
    Address::left_padding_from(&number.to_be_bytes())
}

fn with_balance(balance: u64) -> Account {
    Account { nonce: 1, balance: U256::from(balance), ..Account::default() }
}

/// A block that only sets accounts.
fn accounts(changed: impl IntoIterator<Item = (Address, Option<Account>)>) -> StateChanges {
    StateChanges { accounts: changed.into_iter().collect(), ..StateChanges::default() }
}

/// A block that only sets storage slots of one account.
fn slots(at: Address, changed: impl IntoIterator<Item = (U256, u64)>) -> StateChanges {
    let storage = changed.into_iter().map(|(slot, value)| ((at, slot), U256::from(value)));
    StateChanges { storage: storage.collect(), ..StateChanges::default() }
}

/// A block that deploys code to an account.
fn deployment(at: Address, code: &[u8]) -> StateChanges {
    let code_hash = keccak256(code);
    let account = Account { nonce: 1, balance: U256::ZERO, code_hash };
    let mut changes = accounts([(at, Some(account))]);
    changes.code = [(code_hash, Bytes::copy_from_slice(code))].into();
    changes
}

/// Code of `size` bytes in which every opcode occurs, so that pushes cross chunks everywhere.
fn code(size: usize, seed: u8) -> Vec<u8> {
    let byte = |at: usize| {
        let [low, ..] = (at.wrapping_mul(at) + at / 3).to_le_bytes();
        if at.is_multiple_of(7) { 0x7f - low % 32 } else { low.wrapping_add(seed) }
    };
    (0..size).map(byte).collect()
}

/// A number that looks random, the same in every run.
fn scattered(number: u64) -> B256 {
    keccak256(number.to_be_bytes())
}
