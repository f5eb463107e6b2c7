//! States and stores in memory, for tests of the tree.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};

use crate::{
    Account, StateChanges, StateError, StateReader, TreeChanges, TreeKey, TreeReader, tree,
};

/// The flat state: what execution would read.
#[derive(Clone, Debug, Default)]
pub(super) struct FlatState {
    pub(super) accounts: BTreeMap<Address, Account>,
    pub(super) storage: BTreeMap<(Address, U256), U256>,
    pub(super) code: BTreeMap<B256, Bytes>,
}

impl FlatState {
    fn apply(&mut self, changes: &StateChanges) {
        for (address, account) in &changes.accounts {
            match account {
                Some(account) => drop(self.accounts.insert(*address, *account)),
                None => drop(self.accounts.remove(address)),
            }
        }
        for (at, value) in &changes.storage {
            if value.is_zero() {
                self.storage.remove(at);
            } else {
                self.storage.insert(*at, *value);
            }
        }
        self.code.extend(changes.code.clone());
    }

    /// The whole state as the changes of one block.
    pub(super) fn as_changes(&self) -> StateChanges {
        StateChanges {
            accounts: self.accounts.iter().map(|(at, account)| (*at, Some(*account))).collect(),
            storage: self.storage.clone(),
            code: self.code.clone(),
        }
    }
}

impl StateReader for FlatState {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.storage.get(&(address, slot)).copied().unwrap_or_default())
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, StateError> {
        assert_ne!(code_hash, KECCAK256_EMPTY, "nobody asks for empty code");
        self.code.get(&code_hash).cloned().ok_or_else(|| StateError(format!("no code {code_hash}")))
    }

    fn block_hash(&self, _: u64) -> Result<Option<B256>, StateError> {
        Ok(None)
    }
}

/// Stored nodes, and how often they were read.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) stored: BTreeMap<TreeKey, Vec<u8>>,
    reads: AtomicUsize,
}

impl Nodes {
    pub(super) fn apply(&mut self, changes: &TreeChanges) {
        for (key, node) in &changes.0 {
            match node {
                Some(node) => {
                    let before = self.stored.insert(key.clone(), node.clone());
                    assert_ne!(before.as_ref(), Some(node), "a write that changes nothing");
                }
                None => assert!(self.stored.remove(key).is_some(), "removes what is not there"),
            }
        }
    }

    /// Reads since the last call.
    pub(super) fn take_reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

impl TreeReader for Nodes {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.stored.get(key).cloned())
    }
}

/// A chain's state: flat, and as a tree.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) flat: FlatState,
    pub(super) nodes: Nodes,
    pub(super) root: B256,
}

impl World {
    /// A state that begins with these changes.
    pub(super) fn with(changes: &StateChanges) -> Self {
        let mut world = Self::default();
        world.block(changes);
        world
    }

    /// Applies a block and returns the nodes it wrote.
    pub(super) fn block(&mut self, changes: &StateChanges) -> TreeChanges {
        let (root, writes) =
            tree::apply(&self.nodes, &self.flat, changes).expect("nothing is damaged");
        self.flat.apply(changes);
        self.nodes.apply(&writes);
        self.root = root;
        writes
    }
}
