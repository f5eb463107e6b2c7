//! `eth_call`: code runs on the state after a block, and nothing stays.

use alloy_consensus::Header;
use alloy_evm::Evm;
use alloy_primitives::{Address, Bytes, Log};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use revm::context::result::{ExecutionResult, HaltReason};

use crate::{
    evm::{environment, machine},
    execution::{Fatal, split},
    overrides::{apply_block, apply_state},
    request,
    spec::ChainSpec,
    state::{StateError, StateReader},
    transaction::TxError,
    working::{MissingHash, Working},
};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct CallInput<'a> {
    /// The transaction; nobody signed it.
    pub request: &'a TransactionRequest,
    /// Accounts as they should be.
    pub state_overrides: Option<&'a StateOverride>,
    /// The block as it should be.
    pub block_overrides: Option<&'a BlockOverrides>,
    /// The most gas that this node spends on one call.
    pub gas_cap: u64,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It returned.
    Success {
        /// What it returned, or the code it would have deployed.
        output: Bytes,
        /// The logs it would have left.
        logs: Vec<Log>,
        /// After refunds.
        gas_used: u64,
    },
    /// It took everything back, and said why in its own words.
    Revert {
        /// What it returned: often `Error(string)`, or a custom error.
        data: Bytes,
        /// After refunds.
        gas_used: u64,
    },
    /// It broke a rule of the machine.
    Halt {
        /// Which one, in geth's words where geth has some.
        reason: String,
        /// All it was given.
        gas_used: u64,
    },
}

impl CallOutcome {
    /// The gas it used, after refunds.
    pub fn gas_used(&self) -> u64 {
        match self {
            Self::Success { gas_used, .. }
            | Self::Revert { gas_used, .. }
            | Self::Halt { gas_used, .. } => *gas_used,
        }
    }

    /// Whether more gas might have saved it.
    pub fn is_out_of_gas(&self) -> bool {
        matches!(self, Self::Halt { reason, .. } if reason == OUT_OF_GAS)
    }
}

/// Why a call could not begin. All but [`CallError::Fatal`] are the caller's fault.
#[derive(Clone, Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum CallError {
    /// Two ways to name a price.
    #[error("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")]
    GasPriceAndMaxFee,
    /// Two ways to pass data, with different contents.
    #[error(
        "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass \
         transaction call data"
    )]
    InputAndData,
    /// Meant for another chain.
    #[error("chainId does not match node's (have={found}, want={expected})")]
    WrongChain { found: u64, expected: u64 },
    /// EIP-7702 has no create form.
    #[error("authorizationList needs \"to\": a transaction of type 4 cannot create a contract")]
    SetCodeWithoutTo,
    /// Two ways to override storage.
    #[error("account {address} has both 'state' and 'stateDiff'")]
    StateAndStateDiff { address: Address },
    /// Code that the machine cannot run.
    #[error("the code for {address} cannot be executed: {reason}")]
    Code { address: Address, reason: String },
    /// Only precompiles move.
    #[error("cannot move a precompile: {0}")]
    MovePrecompile(String),
    /// The transaction itself is not valid.
    #[error(transparent)]
    Transaction(#[from] TxError),
    /// Our own node is at fault.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl From<StateError> for CallError {
    fn from(error: StateError) -> Self {
        Self::Fatal(error.into())
    }
}

/// Runs the call in the block of `header`, on the state after it.
///
/// As in geth: neither nonce nor code of the sender is checked, the cap per transaction does not
/// hold, and without a price in the request no fee is asked.
pub fn call(
    spec: &ChainSpec,
    header: &Header,
    state: &dyn StateReader,
    input: CallInput<'_>,
) -> Result<CallOutcome, CallError> {
    let mut working = Working::new(state, MissingHash::IsZero);
    let mut environment = environment(spec, header);
    if let Some(wanted) = input.block_overrides {
        apply_block(wanted, &mut environment, &mut working);
    }
    let moves = match input.state_overrides {
        Some(wanted) => apply_state(wanted, &mut working)?,
        None => Vec::new(),
    };
    let rules = &mut environment.cfg_env;
    rules.tx_gas_limit_cap = Some(u64::MAX);
    rules.disable_nonce_check = true;
    rules.disable_eip3607 = true;
    rules.disable_block_gas_limit = true;
    let tx = request::transaction(spec, input.request, input.gas_cap, &mut environment)?;
    let mut machine = machine(working, environment.clone());
    machine
        .precompiles_mut()
        .move_precompiles(moves)
        .map_err(|error| CallError::MovePrecompile(error.to_string()))?;
    match machine.transact_raw(tx.clone()) {
        Ok(ended) => Ok(outcome(ended.result)),
        Err(error) => Err(match split(error) {
            Ok(invalid) => TxError::from_evm(invalid, &tx, &environment).into(),
            Err(fatal) => fatal.into(),
        }),
    }
}

fn outcome(result: ExecutionResult) -> CallOutcome {
    let gas_used = result.gas().tx_gas_used();
    match result {
        ExecutionResult::Success { output, logs, .. } => {
            CallOutcome::Success { output: output.into_data(), logs, gas_used }
        }
        ExecutionResult::Revert { output, .. } => CallOutcome::Revert { data: output, gas_used },
        ExecutionResult::Halt { reason, .. } => {
            CallOutcome::Halt { reason: halt_words(&reason), gas_used }
        }
    }
}

const OUT_OF_GAS: &str = "out of gas";

/// Geth's words where geth has some.
fn halt_words(reason: &HaltReason) -> String {
    let words = match reason {
        HaltReason::OutOfGas(_) => OUT_OF_GAS,
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode => "invalid opcode",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached",
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::CallTooDeep => "max call depth exceeded",
        HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        other => return other.to_string(),
    };
    words.to_owned()
}
