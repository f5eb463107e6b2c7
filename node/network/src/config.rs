//! What the network is told when it starts.

use std::net::SocketAddr;

use libp2p::Multiaddr;
use mokka_types::{ChainHash, Height, PublicKey};

use crate::{
    Admitted, Binding, NodeKey, PeerRecord, Rate, StartError,
    limits::{ENVELOPE_MARGIN, MAX_BLOCK_BYTES},
};

/// A validator and where it can be reached, for example `/dns/a.example/tcp/30303`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Who should be there.
    pub validator: PublicKey,
    /// Tried one after the other; names are resolved anew at every attempt.
    pub addresses: Vec<Multiaddr>,
}

/// How much each peer may say, per kind of message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Consensus packets, broadcast and direct. A busy leader sends a few hundred a second, and one
    /// peer may be the first to forward those of all others.
    pub consensus: Rate,
    /// Batches of transactions, broadcast and direct.
    pub transactions: Rate,
    /// Messages that say where validators are: a few from a peer that has just connected.
    pub records: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        const MIB: f64 = 1024.0 * 1024.0;
        Self {
            consensus: Rate { messages: 4000.0, bytes: 64.0 * MIB, burst_seconds: 3.0 },
            transactions: Rate { messages: 1000.0, bytes: 16.0 * MIB, burst_seconds: 4.0 },
            records: Rate { messages: 2.0, bytes: 0.25 * MIB, burst_seconds: 30.0 },
        }
    }
}

/// Everything the network needs to know at the start.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Names this node and encrypts its connections.
    pub node_key: NodeKey,
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The chain it runs.
    pub chain: ChainHash,
    /// What it calls itself, for people: `mokka/0.1.0`.
    pub agent: String,
    /// The validator it speaks for, if any.
    pub binding: Option<Binding>,
    /// Where its validator says that others reach it, if it says so.
    pub record: Option<PeerRecord>,
    /// The newest committed block at the start; see [`crate::NetworkHandle::set_committed`].
    pub committed: Height,
    /// `maxBlockBytes` of the genesis file.
    pub max_block_bytes: usize,
    /// Who may connect at first; see [`crate::NetworkHandle::set_admitted`].
    pub admitted: Admitted,
    /// Whom to dial at first; see [`crate::NetworkHandle::set_targets`].
    pub targets: Vec<Target>,
    /// How much each peer may say.
    pub rates: Rates,
}

impl NetworkConfig {
    /// The largest consensus packet.
    ///
    /// # Errors
    /// When blocks are larger than the transport carries.
    pub(crate) fn max_packet_bytes(&self) -> Result<usize, StartError> {
        if self.max_block_bytes > MAX_BLOCK_BYTES {
            let max = MAX_BLOCK_BYTES;
            return Err(StartError::BlocksTooLarge { bytes: self.max_block_bytes, max });
        }
        Ok(self.max_block_bytes + ENVELOPE_MARGIN)
    }
}
