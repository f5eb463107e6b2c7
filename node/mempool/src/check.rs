//! The rules of admission, in geth's order: first what needs no state, then what needs the sender.
//!
//! The runtime applies the rules of the chain again when it executes; here they are asked first,
//! without a machine, and refused in its words. A test holds the two together.

use alloy_consensus::{Transaction as _, Typed2718 as _};
use alloy_primitives::U512;
use mokka_runtime::{TX_GAS_LIMIT_CAP, TxError, system::Allowance};

use crate::{
    Origin, Refusal, ReplayProtection, Rules, SenderAccount, SenderCode, Transaction,
    entry::Entry,
    gas::{floor_gas, intrinsic_gas},
    sender::SenderQueue,
};

/// Twice the largest contract (EIP-3860, EIP-170).
const MAX_INIT_CODE_BYTES: usize = 2 * 24_576;

/// A replacement pays this much more, in percent, so that replacing cannot be used to flood.
const PRICE_BUMP: u128 = 10;

/// What the chain and this node ask of any transaction.
pub(crate) fn rules(tx: &Transaction, origin: Origin, rules: &Rules) -> Result<(), Refusal> {
    shape(tx, rules)?;
    signature(tx, origin, rules)?;
    gas(tx)?;
    fees(tx, rules)
}

fn shape(tx: &Transaction, rules: &Rules) -> Result<(), TxError> {
    let signed = tx.recovered();
    if tx.envelope().is_eip4844() {
        return Err(TxError::TypeNotSupported { ty: signed.ty() });
    }
    let (size, limit) = (tx.encoded_len(), rules.max_transaction_bytes);
    if size > limit {
        return Err(TxError::TooLarge { size, limit });
    }
    let (size, limit) = (signed.input().len(), MAX_INIT_CODE_BYTES);
    if signed.is_create() && size > limit {
        return Err(TxError::InitCodeTooLarge { size, limit });
    }
    let (gas_limit, cap) = (signed.gas_limit(), TX_GAS_LIMIT_CAP);
    if gas_limit > cap {
        return Err(TxError::GasLimitOverCap { gas_limit, cap });
    }
    let block_gas_limit = rules.block_gas_limit;
    if gas_limit > block_gas_limit {
        return Err(TxError::GasLimitOverBlock { gas_limit, block_gas_limit });
    }
    if signed.authorization_list().is_some_and(<[_]>::is_empty) {
        return Err(TxError::EmptyAuthorizationList);
    }
    Ok(())
}

fn signature(tx: &Transaction, origin: Origin, rules: &Rules) -> Result<(), Refusal> {
    match (tx.recovered().chain_id(), origin, rules.replay_protection) {
        (Some(found), _, _) if found != rules.chain_id => {
            return Err(TxError::WrongChain { found, expected: rules.chain_id }.into());
        }
        (None, Origin::Local, ReplayProtection::Required) => return Err(Refusal::Unprotected),
        (Some(_), _, _)
        | (None, Origin::Remote, _)
        | (None, Origin::Local, ReplayProtection::Optional) => {}
    }
    if tx.nonce() == u64::MAX {
        return Err(TxError::NonceMax.into());
    }
    Ok(())
}

fn gas(tx: &Transaction) -> Result<(), TxError> {
    let gas_limit = tx.recovered().gas_limit();
    let required = intrinsic_gas(tx);
    if gas_limit < required {
        return Err(TxError::IntrinsicGas { gas_limit, required });
    }
    let required = floor_gas(tx);
    if gas_limit < required {
        return Err(TxError::FloorGas { gas_limit, required });
    }
    Ok(())
}

fn fees(tx: &Transaction, rules: &Rules) -> Result<(), Refusal> {
    let max_fee = tx.recovered().max_fee_per_gas();
    let tip = tx.recovered().priority_fee_or_price();
    if tip > max_fee {
        return Err(TxError::TipAboveMaxFee { tip, max_fee }.into());
    }
    if tip < rules.min_tip {
        return Err(Refusal::TipTooLow { tip, needed: rules.min_tip });
    }
    let base_fee = rules.base_fee;
    if max_fee < u128::from(base_fee) {
        return Err(TxError::FeeBelowBaseFee { max_fee, base_fee }.into());
    }
    Ok(())
}

/// What the sender's account on the committed state allows, beside what is already pending.
pub(crate) fn account(
    tx: &Transaction,
    account: &SenderAccount,
    queue: Option<&SenderQueue>,
) -> Result<(), Refusal> {
    allowed(tx, &account.allowance)?;
    if account.code == SenderCode::Contract {
        return Err(TxError::SenderHasCode { sender: tx.sender() }.into());
    }
    let expected = next_nonce(account, queue);
    if tx.nonce() < expected {
        return Err(TxError::NonceTooLow { found: tx.nonce(), expected }.into());
    }
    let (balance, cost) = (account.balance, tx.cost());
    if cost > U512::from(balance) {
        return Err(TxError::InsufficientFunds { balance, cost }.into());
    }
    let Some(queue) = queue else { return Ok(()) };
    let replaced = queue.get(tx.nonce()).filter(|entry| entry.is_ready());
    let freed = replaced.map_or(U512::ZERO, |entry| entry.transaction.cost());
    let pending = queue.ready_cost() - freed;
    if pending + cost > U512::from(balance) {
        // Each alone is covered by a balance, so each fits into the width of one.
        let (pending, cost) = (pending.saturating_to(), cost.saturating_to());
        return Err(Refusal::InsufficientFundsForAll { balance, pending, cost });
    }
    Ok(())
}

/// What the lists of the chain say.
pub(crate) fn allowed(tx: &Transaction, allowance: &Allowance) -> Result<(), TxError> {
    match allowance.refuses(tx.recovered().kind()) {
        None => Ok(()),
        Some(refusal) => Err(TxError::NotListed { sender: tx.sender(), refusal }),
    }
}

/// The nonce of the sender's next transaction on the committed state: what was heard last.
pub(crate) fn next_nonce(account: &SenderAccount, queue: Option<&SenderQueue>) -> u64 {
    account.nonce.max(queue.map_or(0, SenderQueue::account_nonce))
}

/// Refuses a nonce so far ahead that its sender may not have all those before it here as well: it
/// would wait for blocks, if not for ever. Only asked over RPC: a peer may know later blocks.
pub(crate) fn reach(tx: &Transaction, expected: u64, per_sender: usize) -> Result<(), TxError> {
    let found = tx.nonce();
    match found.saturating_sub(expected) < per_sender as u64 {
        true => Ok(()),
        false => Err(TxError::NonceTooHigh { found, expected }),
    }
}

/// Whether this transaction may take the place of one with its nonce: fee cap and tip must both be
/// higher, by [`PRICE_BUMP`] percent at least.
pub(crate) fn replacement(tx: &Transaction, old: &Entry) -> Result<(), Refusal> {
    let old = old.transaction.recovered();
    let needed_fee_cap = bumped(old.max_fee_per_gas());
    let needed_tip = bumped(old.priority_fee_or_price());
    let fee_cap = tx.recovered().max_fee_per_gas();
    let tip = tx.recovered().priority_fee_or_price();
    if fee_cap < needed_fee_cap || tip < needed_tip {
        return Err(Refusal::ReplacementUnderpriced { fee_cap, tip, needed_fee_cap, needed_tip });
    }
    Ok(())
}

/// The least price above this one that replaces it. As in geth the bump itself rounds down, but the
/// price must rise, also from 0.
fn bumped(price: u128) -> u128 {
    // Divided first where the product would overflow; at such prices nobody notices the difference.
    let bumped = price
        .checked_mul(100 + PRICE_BUMP)
        .map_or_else(|| price.saturating_add(price / 100 * PRICE_BUMP), |scaled| scaled / 100);
    bumped.max(price.saturating_add(1))
}
