//! Contracts written by hand.

use alloy_primitives::hex;

/// Adds one to slot 0, leaves a log with topic 42, returns the sum; called with data, it reverts
/// with that data.
pub(crate) const COUNTER: &[u8] =
    &hex!("36601857" "5f546001015f55" "602a5f5fa1" "5f545f5260205ff3" "5b365f5f37365ffd");

/// Returns `BLOCKHASH(number in calldata)`.
pub(crate) const BLOCKHASH: &[u8] = &hex!("5f35405f5260205ff3");

/// Returns `PREVRANDAO`, `TIMESTAMP`, `NUMBER`, `BASEFEE`, `COINBASE`, one word each.
pub(crate) const BLOCK_VIEW: &[u8] =
    &hex!("445f52" "42602052" "43604052" "48606052" "41608052" "60a05ff3");

/// Stores the caller's word under slot 1, then destroys itself in favour of the caller.
pub(crate) const STORE_AND_DESTROY: &[u8] = &hex!("5f35600155" "33ff");

/// Never ends.
pub(crate) const ENDLESS: &[u8] = &hex!("5b5f56");

/// Init code that deploys `runtime`.
pub(crate) fn init_code(runtime: &[u8]) -> Vec<u8> {
    let length = u8::try_from(runtime.len()).unwrap();
    let mut code = hex!("60008060095f395ff3").to_vec();
    code[1] = length;
    code.extend_from_slice(runtime);
    code
}
