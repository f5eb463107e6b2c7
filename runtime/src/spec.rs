//! The constants of a chain.

use alloy_eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA;

use crate::{
    state::{StateError, StateReader},
    system,
};

/// The most gas one transaction may ask for (EIP-7825); `eth_call` is not bound by it.
pub const TX_GAS_LIMIT_CAP: u64 = MAX_TX_GAS_LIMIT_OSAKA;

/// Room that a block keeps for everything but its transactions: the header with every field at its
/// longest (below 700 bytes) and the list prefixes.
pub(crate) const HEADER_ROOM: usize = 1_024;

/// A chain with smaller blocks could not hold one transaction of ordinary size.
pub const MIN_BLOCK_BYTES: usize = 4 * HEADER_ROOM;

/// What genesis says of every block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainSpec {
    /// In every signature of a transaction (EIP-155), and what `CHAINID` returns.
    pub chain_id: u64,
    /// The gas limit of every block, until members change it.
    pub gas_limit: u64,
    /// The base fee of every block, burned as in Ethereum.
    pub base_fee: u64,
    /// The longest RLP of a block; at least [`MIN_BLOCK_BYTES`].
    pub max_block_bytes: usize,
}

impl Default for ChainSpec {
    fn default() -> Self {
        Self {
            chain_id: 1_337,
            gas_limit: 100_000_000,
            base_fee: 0,
            max_block_bytes: 4 * 1_024 * 1_024,
        }
    }
}

impl ChainSpec {
    /// The rules of the block after this state: members may have changed the gas limit.
    pub fn in_force(&self, state: &dyn StateReader) -> Result<Self, StateError> {
        let gas_limit = system::gas_limit(state)?.unwrap_or(self.gas_limit);
        Ok(Self { gas_limit, ..*self })
    }
}
