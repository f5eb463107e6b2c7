//! State as execution sees it: what it reads, what a block changes.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};

/// An account's basics. An account that is absent is `None`, never a zeroed `Account`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// How many transactions it sent, or contracts it created.
    pub nonce: u64,
    /// In the smallest unit.
    pub balance: U256,
    /// Keccak of its code; [`KECCAK256_EMPTY`] without code.
    pub code_hash: B256,
}

impl Default for Account {
    fn default() -> Self {
        Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY }
    }
}

/// The store below could not answer: our own disk is at fault, never a block or a peer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot read state: {0}")]
pub struct StateError(pub String);

/// What execution reads: the state after one block, and the hashes of the blocks up to it.
pub trait StateReader: Send + Sync {
    /// The account, or `None` where there is none.
    fn account(&self, address: Address) -> Result<Option<Account>, StateError>;
    /// A storage value; zero where nothing is stored.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError>;
    /// The code with this hash. Asked only for hashes that an account names.
    fn code(&self, code_hash: B256) -> Result<Bytes, StateError>;
    /// The hash of an earlier block, or `None` where this node has none.
    fn block_hash(&self, number: u64) -> Result<Option<B256>, StateError>;
}

/// What one block changes, by key: the values after it.
///
/// From Osaka on only an account created in the same transaction can be destroyed (EIP-6780), so a
/// block never has to wipe storage that existed before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateChanges {
    /// `None`: the account is gone.
    pub accounts: BTreeMap<Address, Option<Account>>,
    /// Zero: the slot is cleared.
    pub storage: BTreeMap<(Address, U256), U256>,
    /// Code that was deployed, by its hash.
    pub code: BTreeMap<B256, Bytes>,
}

/// Where a node of the state tree is kept: made and read by [`crate::tree`] alone.
pub type TreeKey = Vec<u8>;

/// What the state tree reads.
pub trait TreeReader: Send + Sync {
    /// The stored node, or `None` where there is none.
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;
}

/// What one block changes in the stored tree. `None`: the node is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeChanges(pub BTreeMap<TreeKey, Option<Vec<u8>>>);
