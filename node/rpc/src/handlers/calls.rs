//! `eth_call` and `eth_estimateGas`.

use alloy_eips::BlockId;
use alloy_primitives::{Bytes, U256};
use alloy_rpc_types_eth::state::StateOverride;
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest};

use super::Handlers;
use crate::error::RpcError;
use crate::estimate::TRANSFER_GAS;
use crate::seams::{CallFailure, CallOutcome, CallRequest, Cancel, Halt};

/// A call as it was asked for.
pub(super) struct Asked {
    pub(super) transaction: TransactionRequest,
    pub(super) block: Option<BlockId>,
    pub(super) state_overrides: Option<StateOverride>,
    pub(super) block_overrides: Option<Box<BlockOverrides>>,
}

impl Handlers {
    pub(super) async fn run_call(&self, asked: Asked) -> Result<Bytes, RpcError> {
        let this = self.clone();
        let run = move |cancel: &Cancel| {
            let request = this.request(asked, this.config.call_gas_cap, cancel)?;
            match this.node.evm.call(&request).map_err(|failure| this.failed(failure))? {
                CallOutcome::Returned { output, .. } => Ok(output),
                outcome => Err(RpcError::from_outcome(outcome)),
            }
        };
        self.runners.run(run).await
    }

    pub(super) async fn run_estimate(&self, asked: Asked) -> Result<u64, RpcError> {
        let this = self.clone();
        let run = move |cancel: &Cancel| {
            let header = this.header_of(asked.block.unwrap_or_default())?;
            let cap = this.config.transaction_gas_cap.min(header.gas_limit);
            let mut request = this.request(asked, cap, cancel)?;
            // As in geth, less than any transaction needs is taken for nothing said.
            request.transaction.gas = request.transaction.gas.filter(|gas| *gas >= TRANSFER_GAS);
            request.gas_cap = request.gas_cap.min(this.allowance(&request)?);
            let limit = request.transaction.gas.unwrap_or(request.gas_cap).min(request.gas_cap);
            match this.node.evm.least_gas(&request).map_err(|failure| this.failed(failure))? {
                Ok(gas) => Ok(gas),
                Err(CallOutcome::Halted(Halt::OutOfGas)) => Err(RpcError::GasAllowance(limit)),
                Err(outcome) => Err(RpcError::from_outcome(outcome)),
            }
        };
        self.runners.run(run).await
    }

    fn request(
        &self,
        asked: Asked,
        gas_cap: u64,
        cancel: &Cancel,
    ) -> Result<CallRequest, RpcError> {
        let Asked { mut transaction, block, state_overrides, block_overrides } = asked;
        transaction.gas = transaction.gas.map(|gas| gas.min(gas_cap));
        let after = self.header_of(block.unwrap_or_default())?;
        let cancel = cancel.clone();
        Ok(CallRequest { transaction, after, state_overrides, block_overrides, gas_cap, cancel })
    }

    /// The gas that the sender can pay for at the price it names; unlimited at price 0.
    fn allowance(&self, request: &CallRequest) -> Result<u64, RpcError> {
        let transaction = &request.transaction;
        let price = transaction.max_fee_per_gas.or(transaction.gas_price).unwrap_or_default();
        if price == 0 {
            return Ok(u64::MAX);
        }
        let sender = transaction.from.unwrap_or_default();
        let overridden = request.state_overrides.as_ref().and_then(|all| all.get(&sender));
        let balance = match overridden.and_then(|account| account.balance) {
            Some(balance) => balance,
            None => {
                let after = BlockId::from(request.after.number);
                self.state_after(Some(after))?.account(sender)?.balance
            }
        };
        let value = transaction.value.unwrap_or_default();
        let Some(left) = balance.checked_sub(value) else {
            return Err(RpcError::Halted(format!(
                "insufficient funds for transfer: have {balance} want {value}"
            )));
        };
        Ok((left / U256::from(price)).saturating_to())
    }

    fn failed(&self, failure: CallFailure) -> RpcError {
        match failure {
            CallFailure::NoState(block) => self.state_gone(block),
            CallFailure::Cancelled => RpcError::TimedOut { limit: self.config.evm_timeout },
            failure => failure.into(),
        }
    }
}
