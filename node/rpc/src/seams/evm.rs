//! Running code without changing anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy_consensus::{Header, Sealed};
use alloy_primitives::Bytes;
use alloy_rpc_types_eth::state::StateOverride;
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest};

use super::{ReadError, TxRefusal};
use crate::estimate;

/// Set when nobody waits for the result any more: the client left or the time is over.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the work to end early.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work should end early.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A call to run on the state after a block.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// What to run. Its `gas`, if given, is not above `gas_cap`.
    pub transaction: TransactionRequest,
    /// The state is the one after this block; block fields are this block's, as in geth.
    pub after: Sealed<Header>,
    /// Accounts that differ from the state.
    pub state_overrides: Option<StateOverride>,
    /// Block fields that differ.
    pub block_overrides: Option<Box<BlockOverrides>>,
    /// Gas to run with where the transaction names none.
    pub gas_cap: u64,
    /// Looked at now and then, so that a long run ends when nobody waits for it.
    pub cancel: Cancel,
}

/// Why code stopped without returning or reverting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// More gas might help.
    OutOfGas,
    /// In geth's words, for example `invalid opcode: INVALID`.
    Other(String),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It returned.
    Returned {
        /// What it returned.
        output: Bytes,
        /// After refunds.
        gas_used: u64,
    },
    /// It reverted.
    Reverted {
        /// What it reverted with.
        output: Bytes,
    },
    /// It halted.
    Halted(Halt),
}

/// Why a call was not run, or not to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallFailure {
    /// It has less gas than it costs before any code runs: more might help.
    #[error(transparent)]
    TooLittleGas(TxRefusal),
    /// As a transaction it would not be valid for another reason: funds, price, type.
    #[error(transparent)]
    Refused(TxRefusal),
    /// The state after that block is not here any more.
    #[error("the state after block {0} is gone")]
    NoState(u64),
    /// An argument makes no sense, such as an override with both `state` and `stateDiff`.
    #[error("{0}")]
    BadArgument(String),
    /// [`Cancel`] was set.
    #[error("cancelled")]
    Cancelled,
    /// Our own disk is at fault.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Runs calls that change nothing. Called on blocking threads.
pub trait Evm: Send + Sync + 'static {
    /// Runs a call. Neither nonce nor base fee is enforced; funds only for what it transfers.
    fn call(&self, request: &CallRequest) -> Result<CallOutcome, CallFailure>;

    /// The least gas with which the call succeeds, found by search and at most 1.5 % too high. The
    /// outcome is the failure of the call where no gas up to the cap suffices.
    fn least_gas(&self, request: &CallRequest) -> Result<Result<u64, CallOutcome>, CallFailure> {
        estimate::search(|call| self.call(call), request)
    }
}
