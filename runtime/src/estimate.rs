//! `eth_estimateGas`: the least gas limit with which a call succeeds, found by trying.

use alloy_consensus::Header;
use alloy_primitives::{Bytes, KECCAK256_EMPTY, TxKind, U256};
use revm::context::result::{ExecutionResult, HaltReason};

use crate::{
    call::{CallError, CallInput, CallOutcome, Simulation, outcome},
    spec::{ChainSpec, TX_GAS_LIMIT_CAP},
    state::StateReader,
    transaction::TxError,
};

/// A transfer to an account without code uses exactly this.
const TRANSFER_GAS: u64 = 21_000;

/// What a call with value gives the callee on top (EIP-150's exception).
const CALL_STIPEND: u64 = 2_300;

/// The search ends when the answer is at most this part too high: one in 64, as geth's 1.5 %.
const TOLERANCE: u64 = 64;

/// Why there is no estimate.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EstimateError {
    /// It could not begin.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It reverts, whatever gas it has.
    #[error("execution reverted")]
    Revert {
        /// What the contract says about it.
        data: Bytes,
    },
    /// It breaks a rule of the machine, whatever gas it has.
    #[error("{reason}")]
    Halt {
        /// Which rule.
        reason: String,
    },
    /// All that may be spent is not enough.
    #[error("gas required exceeds allowance ({allowance})")]
    Allowance {
        /// The least of: the request's gas, the sender's funds, the node's cap, EIP-7825's cap.
        allowance: u64,
    },
}

/// The least gas limit (within 1.5 %) with which the call succeeds in the block of `header`.
pub fn estimate_gas(
    spec: &ChainSpec,
    header: &Header,
    state: &dyn StateReader,
    input: CallInput<'_>,
) -> Result<u64, EstimateError> {
    let mut simulation = Simulation::new(spec, header, state, input)?;
    let allowance = allowance(header, input, &mut simulation)?;
    if is_plain_transfer(&mut simulation)?
        && allowance >= TRANSFER_GAS
        && let Attempt::Succeeded(_) = attempt(&mut simulation, TRANSFER_GAS)?
    {
        return Ok(TRANSFER_GAS);
    }
    match attempt(&mut simulation, allowance)? {
        Attempt::Succeeded(gas) => search(&mut simulation, gas, allowance),
        Attempt::TooLittleGas => Err(EstimateError::Allowance { allowance }),
        Attempt::Failed(error) => Err(error),
    }
}

/// The most gas that the call may use.
fn allowance(
    header: &Header,
    input: CallInput<'_>,
    simulation: &mut Simulation<'_>,
) -> Result<u64, EstimateError> {
    let wanted = input.request.gas.filter(|gas| *gas >= TRANSFER_GAS).unwrap_or(header.gas_limit);
    let mut most = wanted.min(TX_GAS_LIMIT_CAP).min(input.gas_cap);
    let funds = simulation.funds_for_gas()?;
    if simulation.tx.gas_price > 0 {
        let affordable = funds / U256::from(simulation.tx.gas_price);
        most = most.min(affordable.saturating_to());
    }
    Ok(most)
}

fn is_plain_transfer(simulation: &mut Simulation<'_>) -> Result<bool, CallError> {
    let TxKind::Call(to) = simulation.tx.kind else { return Ok(false) };
    let bare = simulation.tx.data.is_empty()
        && simulation.tx.access_list.is_empty()
        && simulation.tx.authorization_list.is_empty();
    Ok(bare && simulation.account(to)?.code_hash == KECCAK256_EMPTY)
}

/// What one run used.
#[derive(Clone, Copy)]
struct GasOfRun {
    /// After refunds: no limit below this can do.
    used: u64,
    /// Before refunds: what it needed on the way.
    peak: u64,
}

enum Attempt {
    Succeeded(GasOfRun),
    TooLittleGas,
    Failed(EstimateError),
}

fn attempt(simulation: &mut Simulation<'_>, gas_limit: u64) -> Result<Attempt, CallError> {
    let result = match simulation.run(gas_limit) {
        Ok(result) => result,
        Err(CallError::Transaction(TxError::IntrinsicGas { .. } | TxError::FloorGas { .. })) => {
            return Ok(Attempt::TooLittleGas);
        }
        Err(error) => return Err(error),
    };
    let gas = result.gas();
    let gas = GasOfRun { used: gas.tx_gas_used(), peak: gas.total_gas_spent() };
    if let ExecutionResult::Halt { reason: HaltReason::OutOfGas(_), .. } = result {
        return Ok(Attempt::TooLittleGas);
    }
    Ok(match outcome(result) {
        CallOutcome::Success { .. } => Attempt::Succeeded(gas),
        CallOutcome::Revert { data, .. } => Attempt::Failed(EstimateError::Revert { data }),
        CallOutcome::Halt { reason, .. } => Attempt::Failed(EstimateError::Halt { reason }),
    })
}

/// Halves the range between what fails and what succeeds, as geth does. The first guess is what
/// the run used, with the 64th part that EIP-150 keeps back at each call.
fn search(
    simulation: &mut Simulation<'_>,
    gas: GasOfRun,
    allowance: u64,
) -> Result<u64, EstimateError> {
    let (mut fails, mut succeeds) = (gas.used.saturating_sub(1), allowance);
    let guess = gas.peak.saturating_add(CALL_STIPEND).saturating_mul(64) / 63;
    let mut next = guess;
    while fails + 1 < succeeds {
        if next < succeeds && next > fails {
            match attempt(simulation, next)? {
                Attempt::Succeeded(_) => succeeds = next,
                Attempt::TooLittleGas | Attempt::Failed(_) => fails = next,
            }
        }
        if succeeds - fails <= succeeds / TOLERANCE {
            break;
        }
        // Most calls need little: with a wide range, stay near its lower end.
        next = (fails + (succeeds - fails) / 2).min(fails.saturating_mul(2)).max(fails + 1);
    }
    Ok(succeeds)
}
