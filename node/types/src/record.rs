//! What a node must not forget (§8).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BaseDigest, BlockId, Body, Certificate, PublicKey, RunNumber, Term, View};

/// For whom, and on which base, a node signed in the term of its promise (§5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedBallot {
    /// The candidate.
    pub candidate: PublicKey,
    /// The base that it stood on.
    pub base: BaseDigest,
}

/// The highest term in which a node bound itself (§3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promise {
    /// The term.
    pub view: View,
    /// What it signed in it; none where it only adopted a proof.
    pub signed: Option<SignedBallot>,
}

/// Why a key must sign nothing from the state of this store (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MarkReason {
    /// The operator said so: the store was restored from a backup, or made anew for a used key.
    Declared,
    /// A signature for a term was seen that the records know nothing of.
    SignedAbove {
        /// The term that the key signed for.
        signed: View,
        /// The promise in the store.
        promise: View,
    },
    /// A vote for a block was seen that the records know nothing of.
    VotedAbove {
        /// The term of the vote.
        view: View,
        /// The block that the key voted for.
        id: BlockId,
        /// The newest committed block in the store.
        committed: BlockId,
    },
}

impl fmt::Display for MarkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declared => write!(f, "this data directory was restored, or made for a used key"),
            Self::SignedAbove { signed, promise } => write!(
                f,
                "it signed in term {signed}, and this data directory only knows of {promise}"
            ),
            Self::VotedAbove { view, id, committed } => write!(
                f,
                "it voted for block {} at height {} in term {view}, and this data directory only \
                 knows of height {}",
                id.hash, id.height, committed.height
            ),
        }
    }
}

/// The key signed what this store has forgotten: it must sign nothing until members replace it
/// (§8). Another key in the same store is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The key that must not sign.
    pub key: PublicKey,
    /// How that is known.
    pub reason: MarkReason,
}

/// One thing to remember. Written and synced before any packet that depends on it leaves (§8).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SafetyRecord {
    /// This start of the node.
    Run(RunNumber),
    /// Replaces the promise before it.
    Promise(Promise),
    /// The one prepare vote of a term and height; replaces the one before it (§6.3).
    PrepareVote {
        /// The term of the vote.
        view: View,
        /// The block.
        id: BlockId,
    },
    /// The block this node has bound itself to; replaces the one before it (§6.3, §6.4).
    Prepared {
        /// The term in which it was prepared.
        view: View,
        /// The block.
        id: BlockId,
        /// Its body, so that it can be proposed again.
        body: Body,
        /// Its prepare certificate; only in BFT.
        certificate: Option<Certificate>,
    },
    /// A key must sign nothing from this state; `None` where an operator lifted the mark. Replaces
    /// the one before it.
    Mark(Option<Mark>),
}

/// A prepared block with its body, as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreparedRecord {
    /// The term in which it was prepared.
    pub view: View,
    /// The block.
    pub id: BlockId,
    /// Its body.
    pub body: Body,
    /// Its prepare certificate; only in BFT.
    pub certificate: Option<Certificate>,
}

/// All records of a node put together: what it loads when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SafetyState {
    /// The last start.
    pub run: RunNumber,
    /// The newest promise.
    pub promise: Promise,
    /// The newest prepare vote.
    pub prepare_vote: Option<(View, BlockId)>,
    /// The newest prepared block.
    pub prepared: Option<PreparedRecord>,
    /// Which key must not sign from this state, if there is one.
    pub mark: Option<Mark>,
}

impl SafetyState {
    /// Takes in one record, in the order of writing.
    pub fn apply(&mut self, record: SafetyRecord) {
        match record {
            SafetyRecord::Run(run) => self.run = run,
            SafetyRecord::Promise(promise) => self.promise = promise,
            SafetyRecord::PrepareVote { view, id } => self.prepare_vote = Some((view, id)),
            SafetyRecord::Prepared { view, id, body, certificate } => {
                self.prepared = Some(PreparedRecord { view, id, body, certificate });
            }
            SafetyRecord::Mark(mark) => self.mark = mark,
        }
    }

    /// The mark of this key; that of another one says nothing about it.
    pub fn mark_of(&self, key: &PublicKey) -> Option<Mark> {
        self.mark.filter(|mark| mark.key.x() == key.x())
    }

    /// The term of the prepared block, where there is one.
    pub fn prepared_term(&self) -> Option<Term> {
        self.prepared.as_ref().map(|prepared| prepared.view.term)
    }
}
