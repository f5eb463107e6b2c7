//! The rules of admission, in geth's order: first what needs no state, then what needs the sender.
//!
//! The runtime applies the rules of the chain again when it executes; here they are asked first,
//! with the values that a sender needs to hear. A test holds the two together.

use alloy_consensus::{Transaction as _, Typed2718 as _};
use alloy_eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA;
use alloy_primitives::U512;

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

fn shape(tx: &Transaction, rules: &Rules) -> Result<(), Refusal> {
    let signed = tx.recovered();
    if tx.envelope().is_eip4844() {
        return Err(Refusal::TypeNotSupported { ty: signed.ty() });
    }
    if tx.encoded_len() > rules.max_transaction_bytes {
        let limit = rules.max_transaction_bytes;
        return Err(Refusal::Oversized { size: tx.encoded_len(), limit });
    }
    let size = signed.input().len();
    if signed.is_create() && size > MAX_INIT_CODE_BYTES {
        return Err(Refusal::InitCodeTooLarge { size, limit: MAX_INIT_CODE_BYTES });
    }
    let gas = signed.gas_limit();
    if gas > MAX_TX_GAS_LIMIT_OSAKA {
        return Err(Refusal::GasLimitTooHigh { gas, cap: MAX_TX_GAS_LIMIT_OSAKA });
    }
    if gas > rules.block_gas_limit {
        return Err(Refusal::ExceedsBlockGasLimit { gas, limit: rules.block_gas_limit });
    }
    if signed.authorization_list().is_some_and(<[_]>::is_empty) {
        return Err(Refusal::NoAuthorization);
    }
    Ok(())
}

fn signature(tx: &Transaction, origin: Origin, rules: &Rules) -> Result<(), Refusal> {
    match (tx.recovered().chain_id(), origin, rules.replay_protection) {
        (Some(found), _, _) if found != rules.chain_id => {
            return Err(Refusal::WrongChain { found, expected: rules.chain_id });
        }
        (None, Origin::Local, ReplayProtection::Required) => return Err(Refusal::Unprotected),
        (Some(_), _, _)
        | (None, Origin::Remote, _)
        | (None, Origin::Local, ReplayProtection::Optional) => {}
    }
    if tx.nonce() == u64::MAX {
        return Err(Refusal::NonceMax { sender: tx.sender(), nonce: tx.nonce() });
    }
    Ok(())
}

fn gas(tx: &Transaction) -> Result<(), Refusal> {
    let gas = tx.recovered().gas_limit();
    let needed = intrinsic_gas(tx);
    if gas < needed {
        return Err(Refusal::IntrinsicGas { gas, needed });
    }
    let needed = floor_gas(tx);
    if gas < needed {
        return Err(Refusal::FloorGas { gas, needed });
    }
    Ok(())
}

fn fees(tx: &Transaction, rules: &Rules) -> Result<(), Refusal> {
    let sender = tx.sender();
    let fee_cap = tx.recovered().max_fee_per_gas();
    let tip = tx.recovered().priority_fee_or_price();
    if tip > fee_cap {
        return Err(Refusal::TipAboveFeeCap { sender, tip, fee_cap });
    }
    if tip < rules.min_tip {
        return Err(Refusal::TipTooLow { tip, needed: rules.min_tip });
    }
    if fee_cap < u128::from(rules.base_fee) {
        return Err(Refusal::FeeCapBelowBaseFee { sender, fee_cap, base_fee: rules.base_fee });
    }
    Ok(())
}

/// What the sender's account on the committed state allows, beside what is already pending.
pub(crate) fn account(
    tx: &Transaction,
    account: &SenderAccount,
    queue: Option<&SenderQueue>,
) -> Result<(), Refusal> {
    if let SenderCode::Contract(code_hash) = account.code {
        return Err(Refusal::SenderIsContract { sender: tx.sender(), code_hash });
    }
    let next = account.nonce.max(queue.map_or(0, SenderQueue::account_nonce));
    if tx.nonce() < next {
        return Err(Refusal::NonceTooLow { next, nonce: tx.nonce() });
    }
    let (balance, cost) = (account.balance, tx.cost());
    if cost > U512::from(balance) {
        return Err(Refusal::InsufficientFunds { balance, cost });
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
