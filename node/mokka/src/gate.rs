//! From bytes to an authenticated packet.

use mokka_crypto::{InvalidEnvelope, Verified};
use mokka_types::{ChainHash, Envelope, SealedEnvelope, Settings, codec};

use crate::ByteLimit;

/// What an envelope may add to the largest body: proofs and certificates of 128 validators.
const ENVELOPE_BYTES: usize = 256 << 10;

/// Bytes that are no packet. Each costs its sender score; repeated, the connection (§10).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// More bytes than any packet has.
    #[error("{bytes} bytes are more than the {limit} that a packet may have")]
    TooLarge {
        /// How many came.
        bytes: usize,
        /// How many may.
        limit: usize,
    },
    /// They are not the canonical form of a packet.
    #[error("no packet: {0}")]
    Undecodable(#[from] codec::DecodeError),
    /// The named sender did not sign it, or not for this chain.
    #[error(transparent)]
    NotAuthentic(#[from] InvalidEnvelope),
    /// It is a good packet, but the inbox is full. Not the sender's fault.
    #[error("the inbox is full; the packet was dropped")]
    Overloaded,
    /// It is a good packet, but this member's own screen lets it not pass.
    #[error("the member's own screen refuses this packet")]
    Refused,
}

impl Unopened {
    /// Whether the sender is to blame.
    pub const fn is_senders_fault(&self) -> bool {
        !matches!(self, Self::Overloaded | Self::Refused)
    }
}

/// Opens packets of one chain. Cheap to clone: signatures are checked where packets arrive, not on
/// the engine's thread.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    chain: ChainHash,
    limit: ByteLimit,
}

impl Gate {
    /// For the packets of this chain.
    pub fn new(chain: ChainHash, settings: &Settings) -> Self {
        Self { chain, limit: packet_limit(settings) }
    }

    /// The most bytes that a packet of this chain may have.
    pub const fn limit(&self) -> ByteLimit {
        self.limit
    }

    /// Size, then form, then signature.
    ///
    /// # Errors
    /// When the bytes are no packet of this chain.
    pub fn open(&self, bytes: &[u8]) -> Result<Verified<Envelope>, Unopened> {
        let limit = self.limit.bytes();
        if bytes.len() > limit {
            return Err(Unopened::TooLarge { bytes: bytes.len(), limit });
        }
        self.authenticate(codec::decode::<SealedEnvelope>(bytes)?)
    }

    /// Only the signature, where no bytes were between sender and receiver.
    ///
    /// # Errors
    /// When the sender did not sign it for this chain.
    pub fn authenticate(&self, sealed: SealedEnvelope) -> Result<Verified<Envelope>, Unopened> {
        Ok(mokka_crypto::open(&self.chain, sealed)?)
    }
}

/// The most bytes of a packet: a full block and what goes with it.
pub(crate) fn packet_limit(settings: &Settings) -> ByteLimit {
    let body = usize::try_from(settings.max_block_bytes).unwrap_or(usize::MAX);
    ByteLimit::new(body.saturating_add(ENVELOPE_BYTES))
}
