//! Follower, candidate, leader: what only each of them knows.

use std::collections::BTreeMap;

use mokka_types::{
    Ballot, BaseDigest, BlockId, Body, Certificate, CertifiedBase, Monotonic, PartialSignature,
    Proof, PublicNonce, RunNumber, SetDigest, Sign, Signature, Signers, ValidatorIndex, View,
};

/// What this node is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Still follows the leader of its promise until it signs (§5.1).
    Candidate(Box<Candidacy>),
    /// Makes blocks.
    Leader(Box<Leadership>),
}

/// The leader of our promise, as we see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Followed {
    pub(crate) proof: Proof,
    pub(crate) index: ValidatorIndex,
    /// The first time we saw its proof: its lifetime counts from here.
    pub(crate) adopted_at: Monotonic,
    /// The last time that it sent news itself.
    pub(crate) news_at: Monotonic,
    /// Its run when it was adopted or first heard: a newer one means that it restarted.
    pub(crate) run: RunNumber,
    pub(crate) life: Life,
}

/// Whether a followed leader counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Life {
    /// Its news keeps us from standing and from voting for others.
    Alive,
    /// It restarted, or stood for a higher term itself: it protects nobody any more (§3).
    Unprotected,
    /// It made no progress while a block was due (§5.6), until it commits.
    CountedDead,
}

/// One attempt to become leader of one term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Candidacy {
    pub(crate) ballot: Ballot,
    pub(crate) base: CertifiedBase,
    /// When the whole candidacy ends, whatever attempt it is in.
    pub(crate) gives_up_at: Monotonic,
    /// When the packet of the present round is sent again.
    pub(crate) repeats_at: Monotonic,
    /// Left out of all attempts of this candidacy: faulty in one before (§5.4).
    pub(crate) left_out: Signers,
    pub(crate) refusals: BTreeMap<ValidatorIndex, mokka_types::Refusal>,
    pub(crate) round: Round,
}

/// The two rounds of an attempt.
// The candidacy around it is boxed already.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Round {
    /// Collects nonces; binds nobody (§5.2).
    Granting(BTreeMap<ValidatorIndex, PublicNonce>),
    /// Collects shares; binds the signers (§5.3).
    Signing(SigningRound),
}

/// The second round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SigningRound {
    pub(crate) sign: Sign,
    pub(crate) nonces: BTreeMap<ValidatorIndex, PublicNonce>,
    pub(crate) shares: BTreeMap<ValidatorIndex, PartialSignature>,
    /// Who has not signed by then is left out of the next attempt.
    pub(crate) patience_ends_at: Monotonic,
}

/// What a leader knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leadership {
    pub(crate) proof: Proof,
    pub(crate) since: Monotonic,
    pub(crate) proof_ends_at: Monotonic,
    /// When an ack is due because nothing else was broadcast.
    pub(crate) beats_at: Monotonic,
    pub(crate) work: Work,
    /// Votes for the last block that may still come.
    pub(crate) last: Option<LastBlock>,
    pub(crate) succession: Succession,
}

/// Whether a leader hands over (§5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Succession {
    NotDue,
    /// The block in flight is finished, and no new one begins.
    Finishing {
        tried: Signers,
    },
    /// The last of those that were `tried` has until then to be elected. Until it stands it is
    /// asked again, as it may not have heard of it.
    Asked {
        tried: Signers,
        successor: ValidatorIndex,
        repeats_at: Monotonic,
        until: Monotonic,
    },
    /// All that could were tried: it goes on until its proof ends.
    Nobody,
}

/// Whose votes a certified block lacked; they have until the next proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LastBlock {
    pub(crate) id: BlockId,
    pub(crate) silent: Signers,
}

impl Leadership {
    /// Whether it begins no new block, because another is to lead (§5.7).
    pub(crate) const fn hands_over(&self) -> bool {
        matches!(self.succession, Succession::Finishing { .. } | Succession::Asked { .. })
    }

    pub(crate) fn view(&self) -> View {
        self.proof.view
    }
}

/// One block at a time (§6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// Nothing in flight.
    Idle,
    /// The application builds a block on this one.
    Building { parent: BlockId },
    /// A block is in flight.
    InFlight(Box<InFlight>),
}

impl Work {
    /// The block in flight.
    pub(crate) fn in_flight(&mut self) -> Option<&mut InFlight> {
        match self {
            Self::InFlight(block) => Some(block),
            Self::Idle | Self::Building { .. } => None,
        }
    }

    /// Since when the block in flight waits for votes.
    pub(crate) fn uncertified_since(&self) -> Option<Monotonic> {
        match self {
            Self::InFlight(block) if block.certified.is_none() => Some(block.since),
            Self::InFlight(_) | Self::Idle | Self::Building { .. } => None,
        }
    }
}

/// A proposed block on its way to being final.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InFlight {
    pub(crate) id: BlockId,
    pub(crate) parent: BlockId,
    pub(crate) parent_certificate: Option<Certificate>,
    pub(crate) body: Body,
    pub(crate) since: Monotonic,
    /// When those whose vote is missing are sent the packet of the phase again (§6.8).
    pub(crate) repeats_at: Monotonic,
    /// Votes of the first phase, by what they say the next set is; none in CFT.
    pub(crate) prepares: BTreeMap<ValidatorIndex, (SetDigest, Signature)>,
    pub(crate) prepared: Option<Certificate>,
    pub(crate) commits: BTreeMap<ValidatorIndex, (SetDigest, Signature)>,
    /// The block is certified and on its way into the store.
    pub(crate) certified: Option<Certificate>,
}

/// The newest term for which we asked others to sign, and on which base: it must not be used again
/// on another one (§5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AskedToSign {
    pub(crate) view: View,
    pub(crate) base: BaseDigest,
    /// The highest one on a base before.
    pub(crate) on_lower: View,
}

/// A candidate that we granted: what its `Sign` will be judged by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Granted {
    pub(crate) ballot: Ballot,
    pub(crate) base: CertifiedBase,
    /// The term whose leader wants it to lead (§5.7).
    pub(crate) handed_over: Option<View>,
    /// The `Sign` that consumed the nonce.
    pub(crate) answered: Option<Sign>,
}
