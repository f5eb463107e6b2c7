//! What the RPC needs from the node: six small traits, and the plain types that cross them.
//!
//! [`ChainReader`], [`StateView`] and [`MembersView`] read the disk and are called on blocking
//! threads, as is [`Evm`]. [`TxPool`] is asynchronous, because a task owns the pool.
//! [`ConsensusView`] answers from memory and must not wait.

mod chain;
mod consensus;
mod evm;
mod members;
mod pool;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use chain::{
    AccountView, ChainReader, CommittedBlock, HeadStream, ReadError, StateView, StoredBlock,
    TransactionPlace,
};
pub use consensus::ConsensusView;
pub use evm::{CallFailure, CallOutcome, CallRequest, Cancel, Evm, Halt};
pub use members::MembersView;
pub use pool::{Mistake, PendingTransaction, TxPool, TxRefusal};

/// The answer of a task, to be awaited.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The node behind the RPC.
#[derive(Clone)]
pub struct Node {
    /// Blocks, receipts and state.
    pub chain: Arc<dyn ChainReader>,
    /// Tells of every committed block.
    pub heads: Arc<dyn HeadStream>,
    /// Transactions that wait.
    pub pool: Arc<dyn TxPool>,
    /// Runs calls that change nothing.
    pub evm: Arc<dyn Evm>,
    /// Who leads, who validates, who is connected.
    pub consensus: Arc<dyn ConsensusView>,
    /// What members decided, and what they decide about.
    pub members: Arc<dyn MembersView>,
}
