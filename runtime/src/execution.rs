//! A block that is open: transactions go in one by one, each on top of those before it.

use alloy_consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, Transaction, TxEnvelope, TxReceipt,
};
use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::SYSTEM_ADDRESS};
use alloy_evm::Evm;
use alloy_primitives::{Address, Bloom};
use mokka_types::PublicKey;
use revm::{
    DatabaseCommit,
    context::{
        TxEnv,
        result::{EVMError, ExecutionResult, ResultAndState},
    },
    state::{Account, EvmState},
};

use crate::{
    evm::{Machine, environment, machine, tx_env},
    spec::ChainSpec,
    state::{StateChanges, StateError, StateReader},
    system::{self, MEMBERS, Stop},
    transaction::{TxError, check_kind},
    working::{After, MissingHash, Working},
};

/// Our own node is at fault, never a block or a peer: stop, and keep the evidence.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fatal {
    /// The store below could not answer.
    #[error(transparent)]
    State(#[from] StateError),
    /// The machine gave up for a reason that lies in no transaction.
    #[error("the EVM failed: {0}; please report this as a bug")]
    Machine(String),
}

/// Why a transaction was not executed. Either way the block is as it was before.
pub(crate) enum Refusal {
    Transaction(TxError),
    Fatal(Fatal),
}

impl From<TxError> for Refusal {
    fn from(error: TxError) -> Self {
        Self::Transaction(error)
    }
}

/// What the transactions of a block did.
pub(crate) struct Outcome {
    pub(crate) receipts: Vec<ReceiptEnvelope>,
    pub(crate) gas_used: u64,
    pub(crate) logs_bloom: Bloom,
    pub(crate) changes: StateChanges,
}

/// A block under execution.
pub(crate) struct OpenBlock<'a> {
    machine: Machine<'a>,
    gas_limit: u64,
    gas_used: u64,
    receipts: Vec<ReceiptEnvelope>,
    /// Whether these keys may validate after the block; asked of whoever builds it (§9).
    may_validate: MayValidate<'a>,
}

/// Says whether a set of validators may be announced.
pub(crate) type MayValidate<'a> = &'a (dyn Fn(&[PublicKey]) -> bool + Sync);

impl<'a> OpenBlock<'a> {
    /// Opens the block of this header and tells the history contract its parent (EIP-2935).
    pub(crate) fn open(
        spec: &ChainSpec,
        header: &Header,
        state: &'a dyn StateReader,
        may_validate: MayValidate<'a>,
    ) -> Result<Self, Fatal> {
        let working = Working::new(state, MissingHash::Stops);
        let mut machine = machine(working, environment(spec, header));
        let call = machine
            .transact_system_call(
                SYSTEM_ADDRESS,
                HISTORY_STORAGE_ADDRESS,
                header.parent_hash.0.into(),
            )
            .map_err(|error| match split(error) {
                Ok(invalid) => Fatal::Machine(invalid.to_string()),
                Err(fatal) => fatal,
            })?;
        machine.db_mut().commit(call.state);
        let gas_limit = header.gas_limit;
        Ok(Self { machine, gas_limit, gas_used: 0, receipts: Vec::new(), may_validate })
    }

    /// Executes the next transaction.
    pub(crate) fn execute(&mut self, tx: &TxEnvelope, sender: Address) -> Result<(), Refusal> {
        check_kind(tx)?;
        let (gas_limit, left) = (tx.gas_limit(), self.gas_left());
        if gas_limit > left && gas_limit <= self.gas_limit {
            return Err(TxError::NoGasLeft { gas_limit, left }.into());
        }
        self.check_allowance(tx, sender)?;
        let ResultAndState { result, state } = self.transact(tx_env(tx, sender))?;
        self.check_validators(&state)?;
        self.gas_used += result.gas().tx_gas_used();
        self.machine.db_mut().commit(state);
        self.receipts.push(receipt(tx, result, self.gas_used));
        Ok(())
    }

    fn transact(&mut self, tx: TxEnv) -> Result<ResultAndState, Refusal> {
        self.machine.transact_raw(tx).map_err(|error| match split(error) {
            Ok(invalid) => {
                let env = alloy_evm::EvmEnv::new(
                    self.machine.cfg_env().clone(),
                    self.machine.block().clone(),
                );
                TxError::from_evm(invalid, &self.machine.ctx().tx, &env).into()
            }
            Err(fatal) => Refusal::Fatal(fatal),
        })
    }

    /// Who is on no list sends nothing, or creates nothing, also from within contracts.
    fn check_allowance(&mut self, tx: &TxEnvelope, sender: Address) -> Result<(), Refusal> {
        let allowance = system::allowance_of(self.machine.db_mut(), sender).map_err(fatal)?;
        if let Some(refusal) = allowance.refuses(tx.kind()) {
            return Err(TxError::NotListed { sender, refusal }.into());
        }
        self.machine.set_inspector_enabled(allowance.creates.is_some());
        Ok(())
    }

    /// Leaves a change of the validators out where these may not be announced.
    fn check_validators(&mut self, changes: &EvmState) -> Result<(), Refusal> {
        let is_changed = |touched: &Account| touched.changed_storage_slots().next().is_some();
        if !changes.get(&MEMBERS).is_some_and(is_changed) {
            return Ok(());
        }
        let state = self.machine.db_mut();
        let before = system::keys_of(state).map_err(fatal)?;
        let after = system::keys_of(&mut After { state, changes }).map_err(fatal)?;
        match before == after || (self.may_validate)(&after) {
            true => Ok(()),
            false => Err(TxError::NotLevel.into()),
        }
    }

    /// The gas that transactions may still ask for.
    pub(crate) fn gas_left(&self) -> u64 {
        self.gas_limit - self.gas_used
    }

    /// Closes the block.
    pub(crate) fn close(self) -> Outcome {
        let mut logs_bloom = Bloom::ZERO;
        for receipt in &self.receipts {
            logs_bloom.accrue_bloom(&receipt.bloom());
        }
        Outcome {
            receipts: self.receipts,
            gas_used: self.gas_used,
            logs_bloom,
            changes: self.machine.into_db().into_changes(),
        }
    }
}

fn fatal(stop: Stop) -> Refusal {
    Refusal::Fatal(Fatal::State(system::fault(stop)))
}

/// Tells what a transaction has wrong from what we have wrong.
pub(crate) fn split(
    error: EVMError<StateError>,
) -> Result<revm::context::result::InvalidTransaction, Fatal> {
    match error {
        EVMError::Transaction(invalid) => Ok(invalid),
        EVMError::Database(error) => Err(Fatal::State(error)),
        EVMError::Header(error) => Err(Fatal::Machine(error.to_string())),
        EVMError::Custom(error) => Err(Fatal::Machine(error)),
        EVMError::CustomAny(error) => Err(Fatal::Machine(error.to_string())),
    }
}

fn receipt(tx: &TxEnvelope, result: ExecutionResult, cumulative_gas_used: u64) -> ReceiptEnvelope {
    let receipt = Receipt {
        status: Eip658Value::Eip658(result.is_success()),
        cumulative_gas_used,
        // Only what succeeded leaves logs.
        logs: if result.is_success() { result.into_logs() } else { Vec::new() },
    };
    ReceiptEnvelope::from_typed(tx.tx_type(), receipt)
}
