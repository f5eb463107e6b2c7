//! Every error code of the RPC in one table, and the errors that carry them.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};
use alloy_sol_types::{Panic, Revert, SolError};
use jsonrpsee::types::ErrorObjectOwned;

use crate::seams::{CallFailure, CallOutcome, Halt, Mistake, ReadError, TxRefusal};

/// The table. What is not here comes from JSON-RPC itself (-32700, -32600) or from the transport
/// (-32006 too many subscriptions, -32007 request too big, -32008 answer too big, -32010 batch too
/// long, -32011 answers to a batch too big).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// The contract reverted. `data` is what it returned, in hex.
    Reverted = 3,
    /// The block is below what this node keeps (EIP-4444's code, as in geth).
    HistoryPruned = 4444,
    /// Refused, in geth's words: transactions (`data.reason` names the rule), calls that halt,
    /// blocks that do not exist.
    Refused = -32000,
    /// The state after that block is not kept here.
    StateUnavailable = -32002,
    /// More than this node gives at once. The message says what to ask for instead.
    LimitExceeded = -32005,
    /// Too much to do. Ask again later.
    Busy = -32009,
    /// No such method, or not over this transport.
    MethodNotFound = -32601,
    /// The parameters are wrong.
    InvalidParams = -32602,
    /// The node's fault.
    Internal = -32603,
}

/// What goes wrong with a request. The text says whose fault it is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// A number above the head.
    #[error("header not found: block {asked} is above the head, block {head}")]
    AboveHead {
        /// The number asked for.
        asked: u64,
        /// The newest block.
        head: u64,
    },
    /// A hash this chain does not have.
    #[error("header for hash not found: {0}")]
    UnknownHash(B256),
    /// A block that was removed.
    #[error("pruned history unavailable: block {asked}; this node keeps blocks from {oldest} on")]
    HistoryPruned {
        /// The number asked for.
        asked: u64,
        /// The oldest block kept.
        oldest: u64,
    },
    /// A state that was removed.
    #[error(
        "historical state unavailable: no state at block {asked}; this node keeps it from block \
         {oldest} to {head}; ask a node that keeps more"
    )]
    StateUnavailable {
        /// The number asked for.
        asked: u64,
        /// The oldest state kept.
        oldest: u64,
        /// The newest block.
        head: u64,
    },
    /// The contract reverted.
    #[error("execution reverted{}", reason_of(.0))]
    Reverted(Bytes),
    /// The code halted, in geth's words.
    #[error("{0}")]
    Halted(String),
    /// No gas up to the limit is enough.
    #[error("gas required exceeds allowance ({0})")]
    GasAllowance(u64),
    /// The pool or the rules refuse it.
    #[error(transparent)]
    Refused(#[from] TxRefusal),
    /// Took too long.
    #[error("execution aborted (timeout = {limit:?}); ask for less at once")]
    TimedOut {
        /// The time allowed.
        limit: Duration,
    },
    /// More logs or blocks than allowed at once.
    #[error("{0}")]
    TooMuch(String),
    /// Wrong parameters.
    #[error("{0}")]
    InvalidParams(String),
    /// All workers are taken.
    #[error("the node is busy; try again later")]
    Busy,
    /// The node's fault.
    #[error("internal error: {0}; see the node's log")]
    Internal(String),
}

impl RpcError {
    /// Its line in the table.
    pub fn code(&self) -> Code {
        match self {
            Self::Reverted(_) => Code::Reverted,
            Self::HistoryPruned { .. } => Code::HistoryPruned,
            Self::StateUnavailable { .. } => Code::StateUnavailable,
            Self::TooMuch(_) => Code::LimitExceeded,
            Self::Busy => Code::Busy,
            Self::InvalidParams(_) => Code::InvalidParams,
            Self::Internal(_) => Code::Internal,
            Self::Refused(refusal) => match refusal.mistake {
                Mistake::Undecodable => Code::InvalidParams,
                Mistake::Forbidden => Code::Refused,
            },
            Self::AboveHead { .. }
            | Self::UnknownHash(_)
            | Self::Halted(_)
            | Self::GasAllowance(_)
            | Self::TimedOut { .. } => Code::Refused,
        }
    }

    /// What a call that did not return is to its caller.
    pub(crate) fn from_outcome(outcome: CallOutcome) -> Self {
        match outcome {
            CallOutcome::Reverted { output } => Self::Reverted(output),
            CallOutcome::Halted(Halt::OutOfGas) => Self::Halted("out of gas".to_owned()),
            CallOutcome::Halted(Halt::Other(words)) => Self::Halted(words),
            CallOutcome::Returned { .. } => Self::Internal("a call that returned failed".into()),
        }
    }

    fn data(&self) -> Option<serde_json::Value> {
        match self {
            Self::Reverted(output) => Some(output.to_string().into()),
            Self::Refused(refusal) => Some(serde_json::json!({ "reason": refusal.reason })),
            _ => None,
        }
    }
}

impl From<ReadError> for RpcError {
    fn from(error: ReadError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<CallFailure> for RpcError {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::TooLittleGas(refusal) | CallFailure::Refused(refusal) => {
                Self::Refused(refusal)
            }
            CallFailure::NoState(block) => {
                Self::StateUnavailable { asked: block, oldest: block, head: block }
            }
            CallFailure::BadArgument(words) => Self::InvalidParams(words),
            CallFailure::Cancelled => Self::TimedOut { limit: Duration::ZERO },
            CallFailure::Read(error) => error.into(),
        }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        if let RpcError::Internal(what) = &error {
            tracing::error!(%what, "a request failed by our own fault");
        }
        Self::owned(error.code() as i32, error.to_string(), error.data())
    }
}

/// What Solidity put into a revert, as geth words it: `: reason`, or nothing it can read.
fn reason_of(output: &Bytes) -> String {
    if let Ok(revert) = Revert::abi_decode(output) {
        return format!(": {}", revert.reason);
    }
    match Panic::abi_decode(output) {
        Ok(panic) => match panic.kind() {
            Some(kind) => format!(": {}", kind.as_str()),
            None => format!(": unknown panic code: {:#x}", panic.code),
        },
        Err(_) => String::new(),
    }
}
