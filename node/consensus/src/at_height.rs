//! What is known of the next height; gone when a block is final there.

use std::{collections::BTreeMap, time::Duration};

use mokka_types::{BlockId, Body, Certificate, Monotonic, PublicKey, SetDigest, View};

use crate::io::{CheckTicket, Origin};

/// Bodies of one height kept at a time: the proposed one, the one in the base of a proof, the
/// certified one, and one to spare.
const MAX_KNOWN: usize = 4;
/// How often the time between two requests for one body doubles.
const MOST_DOUBLINGS: u32 = 2;

/// A body under the id that its sender gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Known {
    pub(crate) body: Body,
    pub(crate) origin: Origin,
    pub(crate) from: PublicKey,
    pub(crate) state: Checked,
}

/// How far the application has looked at a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Checked {
    Asked(CheckTicket),
    Valid(SetDigest),
    /// Its time lies ahead of our clock; looked at again when its leader repeats it (§6.8).
    TooEarly,
    /// It is the block of this id, but not one to vote for.
    Invalid,
}

/// A proposal that passed every guard but the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Accepted {
    pub(crate) view: View,
    pub(crate) id: BlockId,
    pub(crate) origin: Origin,
    pub(crate) vote: VoteState,
}

/// Whether our vote for the accepted proposal has been sent since the leader last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum VoteState {
    Owed,
    Sent,
}

/// A prepared block that others hold and we have to take over to be elected (§5.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Takeover {
    pub(crate) view: View,
    pub(crate) id: BlockId,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) from: PublicKey,
    pub(crate) asked_at: Monotonic,
}

/// The certificate of the block at the next height, before the block is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Arriving {
    pub(crate) certificate: Certificate,
    pub(crate) from: PublicKey,
    /// When its body was last asked for.
    pub(crate) asked_at: Option<Monotonic>,
    pub(crate) asks: usize,
    pub(crate) storing: Storing,
}

/// The body that we last asked of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AskedBody {
    pub(crate) id: BlockId,
    pub(crate) at: Monotonic,
    /// How often, one time after the other.
    pub(crate) times: u32,
}

impl AskedBody {
    /// When to ask again: each time after twice as long, as what is slow already gets slower by
    /// being sent twice.
    pub(crate) fn again_at(&self, heartbeat: Duration) -> Monotonic {
        self.at.after(heartbeat * (1 << self.times.min(MOST_DOUBLINGS)))
    }
}

/// Whether the store has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Storing {
    NotYet,
    Asked,
}

/// Everything about the height above the committed one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AtHeight {
    /// By hash.
    pub(crate) known: BTreeMap<BlockId, Known>,
    pub(crate) accepted: Option<Accepted>,
    /// The prepare certificate of the present term, and whether we owe its leader a commit vote.
    pub(crate) prepare: Option<(Certificate, VoteState)>,
    pub(crate) takeover: Option<Takeover>,
    pub(crate) arriving: Option<Arriving>,
    /// Whom we asked for a body: nobody else's is looked at.
    pub(crate) asked: BTreeMap<PublicKey, AskedBody>,
}

impl AtHeight {
    /// The set after a block that was found valid.
    pub(crate) fn valid(&self, id: &BlockId) -> Option<SetDigest> {
        match self.known.get(id)?.state {
            Checked::Valid(next_set) => Some(next_set),
            Checked::Asked(_) | Checked::TooEarly | Checked::Invalid => None,
        }
    }

    /// Whether we asked this one for this body, and when.
    pub(crate) fn asked_for(&self, peer: &PublicKey, id: BlockId) -> Option<&AskedBody> {
        self.asked.get(peer).filter(|asked| asked.id == id)
    }

    /// Makes room for one more body: nothing that a vote or a certificate waits for goes.
    pub(crate) fn make_room(&mut self, prepared: Option<&BlockId>) {
        while self.known.len() >= MAX_KNOWN {
            let spare = self.known.keys().find(|id| !self.needs(id, prepared)).copied();
            let Some(id) = spare.or_else(|| self.known.keys().next().copied()) else { return };
            self.known.remove(&id);
        }
    }

    fn needs(&self, id: &BlockId, prepared: Option<&BlockId>) -> bool {
        prepared == Some(id)
            || self.accepted.is_some_and(|accepted| accepted.id == *id)
            || self.prepare.as_ref().is_some_and(|(prepare, _)| prepare.id == *id)
            || self.takeover.as_ref().is_some_and(|takeover| takeover.id == *id)
            || self.arriving.as_ref().is_some_and(|arriving| arriving.certificate.id == *id)
    }
}
