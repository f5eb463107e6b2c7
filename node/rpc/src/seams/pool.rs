//! Transactions that wait.

use std::sync::Arc;

use alloy_consensus::TxEnvelope;
use alloy_consensus::transaction::Recovered;
use alloy_primitives::{Address, B256, Bytes};
use tokio::sync::broadcast;

use super::Answer;

/// A transaction in the pool, with its sender.
pub type PendingTransaction = Arc<Recovered<TxEnvelope>>;

/// Why a transaction is not taken. The node words it, because only the pool and the runtime know
/// their rules: geth's words where geth has them, since tools match on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct TxRefusal {
    /// A name for programs: it never changes, the words may.
    pub reason: &'static str,
    /// For people: what is wrong, and with which values.
    pub words: String,
    /// What kind of mistake it is.
    pub mistake: Mistake,
}

/// What kind of mistake a refused transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The bytes are no transaction.
    Undecodable,
    /// A rule of the chain, the account or the pool forbids it.
    Forbidden,
}

/// The pool of transactions, owned by a task of the node.
pub trait TxPool: Send + Sync + 'static {
    /// Decodes the transaction, recovers its sender, checks everything, and keeps it or says why
    /// not.
    fn submit(&self, raw: Bytes) -> Answer<'_, Result<B256, TxRefusal>>;
    /// The nonce after those of this sender that wait without a gap, or `None` if none waits. A
    /// transaction waits until [`super::ChainReader::head`] answers its block.
    fn pending_nonce(&self, sender: Address) -> Answer<'_, Option<u64>>;
    /// A transaction that waits.
    fn pending_transaction(&self, hash: B256) -> Answer<'_, Option<PendingTransaction>>;
    /// Every transaction that the pool takes from now on. A receiver that falls behind is told so.
    fn arrivals(&self) -> broadcast::Receiver<PendingTransaction>;
}
