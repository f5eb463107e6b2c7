//! Subscription ids as geth makes them.

use jsonrpsee::core::traits::IdProvider;
use jsonrpsee::types::SubscriptionId;

/// `0x` and 16 random bytes in hex.
#[derive(Clone, Copy, Debug)]
pub(super) struct HexIds;

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        format!("{:#x}", rand::random::<u128>()).into()
    }
}
