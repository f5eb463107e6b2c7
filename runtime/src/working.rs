//! State while it changes: what `revm` reads and writes during one block or one call.
//!
//! Not `revm`'s own `State`: that keeps what it takes to unwind a block, and final blocks never
//! unwind. Tests hold the two to the same results.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, map::AddressMap};
use revm::{
    Database, DatabaseCommit,
    database_interface::DBErrorMarker,
    state::{Account as RevmAccount, AccountInfo, Bytecode, EvmState},
};

use crate::{
    state::{Account, StateChanges, StateError, StateReader},
    system::{Read, Stop},
};

impl DBErrorMarker for StateError {}

/// What happens where code asks for the hash of a block that the reader does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingHash {
    /// A block must give the same result everywhere, so a gap in our history stops it.
    Stops,
    /// A call may pretend to be in the far future; there the hash is zero.
    IsZero,
}

/// A value before the block, and now.
#[derive(Clone, Copy)]
struct Change<T> {
    before: T,
    now: T,
}

impl<T: Copy + PartialEq> Change<T> {
    fn unchanged(value: T) -> Self {
        Self { before: value, now: value }
    }

    fn is_change(&self) -> bool {
        self.before != self.now
    }
}

/// The state under a block that is being executed: a cache of all it read, and what it changed.
pub(crate) struct Working<'a> {
    base: &'a dyn StateReader,
    missing_hash: MissingHash,
    accounts: HashMap<Address, Change<Option<Account>>>,
    storage: HashMap<(Address, U256), Change<U256>>,
    code: HashMap<B256, Bytecode>,
    deployed: HashSet<B256>,
    /// Accounts whose whole storage a caller replaced; the base is not asked about them.
    replaced: HashSet<Address>,
    hashes: HashMap<u64, B256>,
}

impl fmt::Debug for Working<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Working")
            .field("accounts", &self.accounts.len())
            .field("storage", &self.storage.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Working<'a> {
    pub(crate) fn new(base: &'a dyn StateReader, missing_hash: MissingHash) -> Self {
        Self {
            base,
            missing_hash,
            accounts: HashMap::new(),
            storage: HashMap::new(),
            code: HashMap::new(),
            deployed: HashSet::new(),
            replaced: HashSet::new(),
            hashes: HashMap::new(),
        }
    }

    pub(crate) fn account(&mut self, address: Address) -> Result<Option<Account>, StateError> {
        if let Some(account) = self.accounts.get(&address) {
            return Ok(account.now);
        }
        let account = self.base.account(address)?;
        self.accounts.insert(address, Change::unchanged(account));
        Ok(account)
    }

    /// The code of an account that [`Working::account`] showed.
    pub(crate) fn code_of(&mut self, account: &Account) -> Result<Bytecode, StateError> {
        if account.code_hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.code.get(&account.code_hash) {
            return Ok(code.clone());
        }
        let bytes = self.base.code(account.code_hash)?;
        let code = Bytecode::new_raw_checked(bytes)
            .map_err(|error| StateError(format!("code {}: {error}", account.code_hash)))?;
        self.code.insert(account.code_hash, code.clone());
        Ok(code)
    }

    /// What changed, by key. Values that returned to what they were are left out, so the result
    /// depends on the state before and after alone.
    pub(crate) fn into_changes(self) -> StateChanges {
        let accounts: BTreeMap<_, _> = self
            .accounts
            .into_iter()
            .filter(|(_, account)| account.is_change())
            .map(|(address, account)| (address, account.now))
            .collect();
        let storage = self
            .storage
            .into_iter()
            .filter(|(_, value)| value.is_change())
            .map(|(key, value)| (key, value.now))
            .collect();
        let code = accounts
            .values()
            .flatten()
            .filter(|account| self.deployed.contains(&account.code_hash))
            .filter_map(|account| {
                let code = self.code.get(&account.code_hash)?;
                Some((account.code_hash, code.original_bytes()))
            })
            .collect();
        StateChanges { accounts, storage, code }
    }

    /// Pretends that the account was like this before; for overrides of a call.
    pub(crate) fn pretend_account(&mut self, address: Address, account: Account, code: Bytecode) {
        self.code.insert(account.code_hash, code);
        self.accounts.insert(address, Change::unchanged(Some(account)));
    }

    /// Pretends that the slot held this value before; for overrides of a call.
    pub(crate) fn pretend_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.storage.insert((address, slot), Change::unchanged(value));
    }

    /// Pretends that nothing was stored under the account; for overrides of a call.
    pub(crate) fn pretend_no_storage(&mut self, address: Address) {
        self.replaced.insert(address);
    }

    /// Pretends that the block had this hash; for overrides of a call.
    pub(crate) fn pretend_hash(&mut self, number: u64, hash: B256) {
        self.hashes.insert(number, hash);
    }

    fn keep_code(&mut self, before: Option<&Account>, info: &AccountInfo) {
        if info.code_hash == KECCAK256_EMPTY
            || before.is_some_and(|account| account.code_hash == info.code_hash)
        {
            return;
        }
        if let Some(code) = &info.code {
            self.code.insert(info.code_hash, code.clone());
            self.deployed.insert(info.code_hash);
        }
    }
}

impl Database for Working<'_> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        let account = self.account(address)?;
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code: (account.code_hash == KECCAK256_EMPTY).then(Bytecode::default),
            account_id: None,
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, StateError> {
        self.code_of(&Account { code_hash, ..Account::default() })
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        if let Some(value) = self.storage.get(&(address, slot)) {
            return Ok(value.now);
        }
        let value = if self.replaced.contains(&address) {
            U256::ZERO
        } else {
            self.base.storage(address, slot)?
        };
        self.storage.insert((address, slot), Change::unchanged(value));
        Ok(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        if let Some(hash) = self.hashes.get(&number) {
            return Ok(*hash);
        }
        match (self.base.block_hash(number)?, self.missing_hash) {
            (Some(hash), _) => Ok(hash),
            (None, MissingHash::IsZero) => Ok(B256::ZERO),
            (None, MissingHash::Stops) => {
                Err(StateError(format!("the hash of block {number} is missing")))
            }
        }
    }
}

impl DatabaseCommit for Working<'_> {
    /// Takes over what one transaction changed. An account destroyed by it, or touched and left
    /// empty (EIP-161), is gone; destroyed accounts were created by the same transaction
    /// (EIP-6780), so none of their storage was ever kept.
    fn commit(&mut self, changes: AddressMap<RevmAccount>) {
        for (address, touched) in changes {
            if !touched.is_touched() {
                continue;
            }
            let before = self.accounts.get(&address).and_then(|account| account.now);
            let gone = touched.is_selfdestructed() || touched.is_empty();
            let now = (!gone).then(|| {
                self.keep_code(before.as_ref(), &touched.info);
                Account {
                    nonce: touched.info.nonce,
                    balance: touched.info.balance,
                    code_hash: touched.info.code_hash,
                }
            });
            // Execution reads an account before it changes it, so the entry is there; an account
            // that it makes out of nothing was absent.
            self.accounts.entry(address).or_insert(Change { before: None, now: None }).now = now;
            if gone {
                continue;
            }
            for (slot, value) in touched.changed_storage_slots() {
                self.storage
                    .entry((address, *slot))
                    .or_insert(Change::unchanged(value.original_value))
                    .now = value.present_value;
            }
        }
    }
}

impl Read for Working<'_> {
    fn get(&mut self, at: Address, slot: U256) -> Result<U256, Stop> {
        Ok(Database::storage(self, at, slot)?)
    }
}

/// The storage as it will be when a transaction's changes are taken over.
pub(crate) struct After<'w, 'a> {
    pub(crate) state: &'w mut Working<'a>,
    pub(crate) changes: &'w EvmState,
}

impl Read for After<'_, '_> {
    fn get(&mut self, at: Address, slot: U256) -> Result<U256, Stop> {
        let touched = self.changes.get(&at).and_then(|account| account.storage.get(&slot));
        match touched {
            Some(value) => Ok(value.present_value),
            None => self.state.get(at, slot),
        }
    }
}
