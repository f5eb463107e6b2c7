//! Calls that change nothing.

use std::sync::Arc;

use mokka_rpc::seams::{
    CallFailure, CallOutcome, CallRequest, Evm, Halt, Mistake, ReadError, TxRefusal,
};
use mokka_runtime::{CallError, CallInput, ChainSpec, TxError, call};
use mokka_storage::Store;
use mokka_types::Height;

/// Runs calls on the state of the store.
pub(crate) struct Calls {
    pub(crate) spec: ChainSpec,
    pub(crate) store: Arc<dyn Store>,
}

impl Evm for Calls {
    fn call(&self, request: &CallRequest) -> Result<CallOutcome, CallFailure> {
        if request.cancel.is_cancelled() {
            return Err(CallFailure::Cancelled);
        }
        let number = request.after.number;
        let state = self.store.state_at(Height::new(number)).ok_or(CallFailure::NoState(number))?;
        let input = CallInput {
            request: &request.transaction,
            state_overrides: request.state_overrides.as_ref(),
            block_overrides: request.block_overrides.as_deref(),
            gas_cap: request.gas_cap,
        };
        match call(&self.spec, request.after.inner(), &*state, input) {
            Ok(outcome) => Ok(outcome_of(outcome)),
            Err(CallError::Fatal(fatal)) => Err(ReadError(fatal.to_string()).into()),
            Err(CallError::Transaction(error)) => Err(failure_of(&error)),
            Err(error) => Err(CallFailure::BadArgument(error.to_string())),
        }
    }
}

fn failure_of(error: &TxError) -> CallFailure {
    let (reason, words) = (error.reason(), error.to_string());
    let refusal = TxRefusal { reason, words, mistake: Mistake::Forbidden };
    match error {
        TxError::IntrinsicGas { .. } | TxError::FloorGas { .. } => {
            CallFailure::TooLittleGas(refusal)
        }
        _ => CallFailure::Refused(refusal),
    }
}

fn outcome_of(outcome: mokka_runtime::CallOutcome) -> CallOutcome {
    let out_of_gas = outcome.is_out_of_gas();
    match outcome {
        mokka_runtime::CallOutcome::Success { output, gas_used, .. } => {
            CallOutcome::Returned { output, gas_used }
        }
        mokka_runtime::CallOutcome::Revert { data, .. } => CallOutcome::Reverted { output: data },
        mokka_runtime::CallOutcome::Halt { .. } if out_of_gas => {
            CallOutcome::Halted(Halt::OutOfGas)
        }
        mokka_runtime::CallOutcome::Halt { reason, .. } => CallOutcome::Halted(Halt::Other(reason)),
    }
}
