//! Committed blocks, and the state after each.

use std::sync::Arc;

use alloy_consensus::{Block, Header, ReceiptEnvelope, Sealed, TxEnvelope};
use alloy_primitives::{Address, B256, Bytes, U256};
use tokio::sync::broadcast;

/// Our own disk could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot read the chain: {0}")]
pub struct ReadError(pub String);

/// A committed block as it is stored.
#[derive(Clone, Debug)]
pub struct StoredBlock {
    /// Keccak of the header's RLP.
    pub hash: B256,
    /// Header and body.
    pub block: Block<TxEnvelope>,
    /// Who sent each transaction, where the node keeps it; otherwise recovered when it is asked.
    pub senders: Option<Vec<Address>>,
}

impl StoredBlock {
    /// The header with its hash.
    pub fn sealed_header(&self) -> Sealed<Header> {
        Sealed::new_unchecked(self.block.header.clone(), self.hash)
    }
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionPlace {
    /// The block's number.
    pub block: u64,
    /// Its index in the block.
    pub index: usize,
}

/// An account's basics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// How many transactions it sent, or contracts it created.
    pub nonce: u64,
    /// In wei.
    pub balance: U256,
}

/// The state after one block. Called on blocking threads.
pub trait StateView: Send {
    /// Nonce and balance; zeroes where there is no account.
    fn account(&self, address: Address) -> Result<AccountView, ReadError>;
    /// Empty where there is none.
    fn code(&self, address: Address) -> Result<Bytes, ReadError>;
    /// Zero where nothing is stored.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, ReadError>;
}

/// Reads committed blocks. Only [`ChainReader::head`] and the two `oldest_*` answer from memory;
/// everything else is called on blocking threads.
pub trait ChainReader: Send + Sync + 'static {
    /// The newest committed header. Everything of it (body, receipts, state) can be read, and
    /// nothing of a block above it is found: who sees a part of a block finds the rest.
    fn head(&self) -> Sealed<Header>;
    /// The lowest block whose body and receipts are here. Headers below may be.
    fn oldest_block(&self) -> u64;
    /// The lowest block after which the state is here.
    fn oldest_state(&self) -> u64;
    /// The header at a number, or `None` where this node has none.
    fn header_at(&self, number: u64) -> Result<Option<Sealed<Header>>, ReadError>;
    /// The number of a committed block, by its hash.
    fn number_of(&self, hash: B256) -> Result<Option<u64>, ReadError>;
    /// The block at a number.
    fn block_at(&self, number: u64) -> Result<Option<Arc<StoredBlock>>, ReadError>;
    /// The receipts of the block at a number, in order.
    fn receipts_at(&self, number: u64) -> Result<Option<Arc<Vec<ReceiptEnvelope>>>, ReadError>;
    /// Where a committed transaction is.
    fn transaction_place(&self, hash: B256) -> Result<Option<TransactionPlace>, ReadError>;
    /// The state after a block, or `None` where this node no longer has it.
    fn state_after(&self, number: u64) -> Result<Option<Box<dyn StateView>>, ReadError>;
    /// The base fee of the block after this one.
    fn base_fee_after(&self, parent: &Header) -> u64 {
        parent.base_fee_per_gas.unwrap_or_default()
    }
}

/// A block that was just committed.
#[derive(Clone, Debug)]
pub struct CommittedBlock {
    /// Header and body.
    pub block: StoredBlock,
    /// In the order of its transactions.
    pub receipts: Vec<ReceiptEnvelope>,
}

/// Tells of committed blocks.
pub trait HeadStream: Send + Sync + 'static {
    /// Every block from now on, in order, each after [`ChainReader::head`] answers it. A receiver
    /// that falls behind the channel's capacity is told so and must subscribe again.
    fn heads(&self) -> broadcast::Receiver<Arc<CommittedBlock>>;
}
