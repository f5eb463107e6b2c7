//! A block together with all that its execution produced, and the state after it.

use alloy_consensus::{Header, ReceiptEnvelope, TxEnvelope};
use alloy_primitives::{Address, B256, Bytes, Sealed, U256};

use crate::state::{Account, StateChanges, StateError, StateReader, TreeChanges, TreeReader};

/// A block as Ethereum encodes and hashes it.
pub type Block = alloy_consensus::Block<TxEnvelope>;

/// A block that keeps every rule, with the result of its execution: what a commit writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The block.
    pub block: Block,
    /// Keccak of the header's RLP.
    pub hash: B256,
    /// The sender of each transaction.
    pub senders: Vec<Address>,
    /// The receipt of each transaction.
    pub receipts: Vec<ReceiptEnvelope>,
    /// What the block changes in the flat state.
    pub changes: StateChanges,
    /// What the block changes in the state tree.
    pub tree: TreeChanges,
}

impl Executed {
    /// The header with its hash: the parent of the next block.
    pub fn header(&self) -> Sealed<Header> {
        Sealed::new_unchecked(self.block.header.clone(), self.hash)
    }

    /// Position of the block in the chain.
    pub fn number(&self) -> u64 {
        self.block.header.number
    }

    /// The gas that its transactions used together.
    pub fn gas_used(&self) -> u64 {
        self.block.header.gas_used
    }
}

/// The state after blocks that are not yet in the store: the next block is built on it while they
/// are in flight.
#[derive(Clone, Copy)]
pub struct Overlay<'a> {
    state: &'a dyn StateReader,
    tree: &'a dyn TreeReader,
    blocks: &'a [&'a Executed],
}

impl<'a> Overlay<'a> {
    /// The state after `blocks` (oldest first), which stand on the state that the readers show.
    pub fn new(
        state: &'a dyn StateReader,
        tree: &'a dyn TreeReader,
        blocks: &'a [&'a Executed],
    ) -> Self {
        Self { state, tree, blocks }
    }

    /// The newest answer of the blocks in flight.
    fn newest<T>(&self, find: impl Fn(&'a Executed) -> Option<T>) -> Option<T> {
        self.blocks.iter().rev().find_map(|block| find(block))
    }
}

impl StateReader for Overlay<'_> {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        match self.newest(|block| block.changes.accounts.get(&address).copied()) {
            Some(account) => Ok(account),
            None => self.state.account(address),
        }
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        match self.newest(|block| block.changes.storage.get(&(address, slot)).copied()) {
            Some(value) => Ok(value),
            None => self.state.storage(address, slot),
        }
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, StateError> {
        match self.newest(|block| block.changes.code.get(&code_hash).cloned()) {
            Some(code) => Ok(code),
            None => self.state.code(code_hash),
        }
    }

    fn block_hash(&self, number: u64) -> Result<Option<B256>, StateError> {
        match self.newest(|block| (block.number() == number).then_some(block.hash)) {
            Some(hash) => Ok(Some(hash)),
            None => self.state.block_hash(number),
        }
    }
}

impl TreeReader for Overlay<'_> {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        match self.newest(|block| block.tree.0.get(key).cloned()) {
            Some(node) => Ok(node),
            None => self.tree.node(key),
        }
    }
}
