//! The search behind `eth_estimateGas`.

use alloy_primitives::TxKind;

use crate::seams::{CallFailure, CallOutcome, CallRequest, Halt};

/// What a transaction costs before it does anything.
pub(crate) const TRANSFER_GAS: u64 = 21_000;
/// A call with value hands this to the callee on top; it must be there even if it comes back.
const CALL_STIPEND: u64 = 2_300;
/// The search ends when what is left to search is at most 15 in 1000 of the answer, as in geth.
const TOLERANCE: (u64, u64) = (15, 1000);

/// Finds the least gas with which `request` succeeds, up to its own gas or its cap.
pub(crate) fn search(
    call: impl Fn(&CallRequest) -> Result<CallOutcome, CallFailure>,
    request: &CallRequest,
) -> Result<Result<u64, CallOutcome>, CallFailure> {
    let mut request = request.clone();
    let mut high = request.transaction.gas.unwrap_or(request.gas_cap).min(request.gas_cap);
    if is_bare_transfer(&request) && high >= TRANSFER_GAS {
        request.transaction.gas = Some(TRANSFER_GAS);
        if let Attempt::Enough { .. } = attempt(&call, &request)? {
            return Ok(Ok(TRANSFER_GAS));
        }
    }
    request.transaction.gas = Some(high);
    let used = match attempt(&call, &request)? {
        Attempt::Enough { used } => used,
        Attempt::TooLittle(outcome) => return Ok(Err(outcome)),
    };
    let mut low = used.max(TRANSFER_GAS).saturating_sub(1);
    // What it used, and the 64th that every call inside must leave behind, is mostly enough.
    let guess = used.saturating_add(CALL_STIPEND).saturating_mul(64) / 63;
    let mut next = if guess < high { guess } else { middle(low, high) };
    while low + 1 < high && !close_enough(low, high) {
        request.transaction.gas = Some(next);
        match attempt(&call, &request)? {
            Attempt::Enough { .. } => high = next,
            Attempt::TooLittle(_) => low = next,
        }
        next = middle(low, high);
    }
    Ok(Ok(high))
}

enum Attempt {
    Enough { used: u64 },
    TooLittle(CallOutcome),
}

fn attempt(
    call: impl Fn(&CallRequest) -> Result<CallOutcome, CallFailure>,
    request: &CallRequest,
) -> Result<Attempt, CallFailure> {
    if request.cancel.is_cancelled() {
        return Err(CallFailure::Cancelled);
    }
    match call(request) {
        Ok(CallOutcome::Returned { gas_used, .. }) => Ok(Attempt::Enough { used: gas_used }),
        Ok(outcome) => Ok(Attempt::TooLittle(outcome)),
        Err(CallFailure::TooLittleGas(_)) => {
            Ok(Attempt::TooLittle(CallOutcome::Halted(Halt::OutOfGas)))
        }
        Err(failure) => Err(failure),
    }
}

/// Nothing but value moves, unless the receiver has code, which the first attempt finds out.
fn is_bare_transfer(request: &CallRequest) -> bool {
    let transaction = &request.transaction;
    matches!(transaction.to, Some(TxKind::Call(_)))
        && transaction.input.input().is_none_or(|input| input.is_empty())
        && transaction.access_list.is_none()
        && transaction.authorization_list.is_none()
}

/// Most calls need little more than they use, so the search does not start in the middle of a
/// large range.
fn middle(low: u64, high: u64) -> u64 {
    (low + (high - low) / 2).min(low.saturating_mul(2))
}

fn close_enough(low: u64, high: u64) -> bool {
    let (part, whole) = TOLERANCE;
    u128::from(high - low) * u128::from(whole) <= u128::from(high) * u128::from(part)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;

    use alloy_consensus::{Header, Sealed};
    use alloy_primitives::{Address, Bytes};
    use alloy_rpc_types_eth::{TransactionInput, TransactionRequest};

    use super::*;
    use crate::seams::Cancel;

    fn request(input: &[u8]) -> CallRequest {
        CallRequest {
            transaction: TransactionRequest {
                to: Some(TxKind::Call(Address::repeat_byte(1))),
                input: TransactionInput::new(Bytes::copy_from_slice(input)),
                ..Default::default()
            },
            after: Sealed::new(Header::default()),
            state_overrides: None,
            block_overrides: None,
            gas_cap: 16_000_000,
            cancel: Cancel::default(),
        }
    }

    /// Succeeds with `needed` gas and reports `used`.
    fn needing(
        needed: u64,
        used: u64,
    ) -> impl Fn(&CallRequest) -> Result<CallOutcome, CallFailure> {
        move |request| {
            Ok(if request.transaction.gas.unwrap_or(request.gas_cap) >= needed {
                CallOutcome::Returned { output: Bytes::new(), gas_used: used }
            } else {
                CallOutcome::Halted(Halt::OutOfGas)
            })
        }
    }

    #[test]
    fn a_transfer_needs_exactly_its_price_and_one_attempt() {
        let attempts = Cell::new(0);
        let call = |request: &CallRequest| {
            attempts.set(attempts.get() + 1);
            needing(TRANSFER_GAS, TRANSFER_GAS)(request)
        };
        assert_eq!(search(call, &request(&[])).unwrap(), Ok(21_000));
        assert_eq!(attempts.get(), 1);
    }

    #[test]
    fn the_answer_is_enough_and_at_most_15_in_1000_too_high() {
        for needed in [21_500, 60_000, 333_333, 1_000_000, 7_654_321, 15_999_999] {
            for used in [needed / 2, needed * 9 / 10, needed] {
                let found = search(needing(needed, used), &request(&[1])).unwrap().unwrap();
                assert!(found >= needed, "{found} < {needed}");
                assert!(found - needed <= needed / 50, "{found} is far above {needed}");
            }
        }
    }

    #[test]
    fn a_search_is_short() {
        let attempts = Cell::new(0);
        let call = |request: &CallRequest| {
            attempts.set(attempts.get() + 1);
            needing(1_000_000, 500_000)(request)
        };
        search(call, &request(&[1])).unwrap().unwrap();
        assert!(attempts.get() <= 15, "{} attempts", attempts.get());
    }

    #[test]
    fn what_fails_with_all_the_gas_is_reported() {
        let reverted = CallOutcome::Reverted { output: Bytes::from_static(&[7]) };
        let found = search(|_| Ok(reverted.clone()), &request(&[1])).unwrap();
        assert_eq!(found, Err(reverted));
        let found = search(needing(17_000_000, 1), &request(&[1])).unwrap();
        assert_eq!(found, Err(CallOutcome::Halted(Halt::OutOfGas)));
    }

    #[test]
    fn nobody_waits_so_the_search_ends() {
        let request = request(&[1]);
        request.cancel.cancel();
        let found = search(needing(30_000, 30_000), &request);
        assert!(matches!(found, Err(CallFailure::Cancelled)));
    }
}
