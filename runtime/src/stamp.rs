//! When a block was built: the term and the millisecond that its `extraData` carries.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes};
use mokka_types::Term;

/// How far a fresh proposal may be ahead of the local clock.
pub const MAX_CLOCK_AHEAD_MS: u64 = 1_000;

/// When a block was built. Orders blocks of one chain: milliseconds strictly grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The term in which the block was built; a block proposed again keeps it. Genesis has 0.
    pub term: Term,
    /// Milliseconds since 1970. The header's `timestamp` is this in whole seconds.
    pub ms: u64,
}

impl Stamp {
    /// `extraData` of the header: the term, then the milliseconds, 8 bytes each, big endian.
    pub fn extra_data(self) -> Bytes {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.term.get().to_be_bytes());
        bytes[8..].copy_from_slice(&self.ms.to_be_bytes());
        Bytes::copy_from_slice(&bytes)
    }

    /// The stamp in `extraData`, or `None` where that is not 16 bytes.
    pub fn of(header: &Header) -> Option<Self> {
        let bytes: &[u8; 16] = header.extra_data.as_ref().try_into().ok()?;
        let number = u128::from_be_bytes(*bytes);
        let half = |shift: u32| u64::try_from(number >> shift & u128::from(u64::MAX)).ok();
        Some(Self { term: Term::new(half(64)?), ms: half(0)? })
    }

    /// The stamp of a block built on `parent` now: milliseconds grow even when the clock does not.
    pub fn after(parent: &Header, term: Term, now_ms: u64) -> Self {
        let parent_ms = Self::of(parent).map_or(0, |stamp| stamp.ms);
        Self { term, ms: now_ms.max(parent_ms.saturating_add(1)) }
    }

    /// `timestamp` of the header.
    pub(crate) fn seconds(self) -> u64 {
        self.ms / 1_000
    }
}

/// What the proposer decides about a new block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When it is built; [`Stamp::after`] makes one that fits the parent.
    pub stamp: Stamp,
    /// The proposer's address: the tips go there.
    pub beneficiary: Address,
}

/// What `PREVRANDAO` returns: blake3 of the parent's hash and the term (8 bytes, big endian).
pub fn prev_randao(parent_hash: B256, term: Term) -> B256 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(parent_hash.as_slice());
    hasher.update(&term.get().to_be_bytes());
    B256::new(*hasher.finalize().as_bytes())
}

/// Why a proposal is not fresh: its proposer is at fault, or one of two clocks is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FreshError {
    /// There is no stamp to judge.
    #[error("extraData is not a term and milliseconds (16 bytes)")]
    NoStamp,
    /// It was built in another term.
    #[error("the block was built in term {built}, but the current term is {current}")]
    Term {
        /// In its `extraData`.
        built: Term,
        /// Of the proposal.
        current: Term,
    },
    /// The tips go to somebody else.
    #[error("the beneficiary is {found}; the proposer is {proposer}")]
    Beneficiary {
        /// In the header.
        found: Address,
        /// The address of the leader.
        proposer: Address,
    },
    /// It comes from the future.
    #[error(
        "the block is {ahead_ms} ms ahead of the local clock, more than {MAX_CLOCK_AHEAD_MS} ms; \
         check the clocks of this node and of the proposer"
    )]
    Ahead {
        /// By how much.
        ahead_ms: u64,
    },
}

/// The rules for a proposal seen for the first time, whose proposer would plan it `now` like this.
/// A block proposed again, or certified, is not asked: q nodes judged it when it was fresh.
pub fn check_fresh(header: &Header, now: &Plan) -> Result<(), FreshError> {
    let stamp = Stamp::of(header).ok_or(FreshError::NoStamp)?;
    if stamp.term != now.stamp.term {
        return Err(FreshError::Term { built: stamp.term, current: now.stamp.term });
    }
    if header.beneficiary != now.beneficiary {
        let (found, proposer) = (header.beneficiary, now.beneficiary);
        return Err(FreshError::Beneficiary { found, proposer });
    }
    let ahead_ms = stamp.ms.saturating_sub(now.stamp.ms);
    if ahead_ms > MAX_CLOCK_AHEAD_MS {
        return Err(FreshError::Ahead { ahead_ms });
    }
    Ok(())
}
