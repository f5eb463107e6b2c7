//! What the others showed of themselves.

use std::collections::BTreeMap;

use mokka_types::{
    Envelope, Height, Monotonic, PacketKind, Quorum, RunNumber, ValidatorIndex, View,
};

/// After so many questions in vain, what a validator claims keeps nobody waiting (§8).
const MOST_IN_VAIN: u32 = 3;

/// Whether a packet is newer than every one of its kind that came before (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    News,
    OldNews,
}

/// What one validator showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    /// Run and counter of the newest packet of each kind.
    newest: BTreeMap<PacketKind, (RunNumber, u64)>,
    /// Its newest run.
    pub(crate) run: RunNumber,
    /// The highest promise that it told.
    pub(crate) promise: View,
    /// The highest committed height that it claimed.
    pub(crate) committed: Option<Height>,
    /// How often in a row it did not show the blocks that it claims.
    pub(crate) in_vain: u32,
    /// When it last sent news of any kind.
    pub(crate) heard_at: Option<Monotonic>,
    /// When it last sent us `Alive` or a vote (§5.6).
    pub(crate) answered_at: Option<Monotonic>,
    /// When it last claimed a height that was level with ours at that moment (§9).
    pub(crate) level_at: Option<Monotonic>,
    /// When we last sent it `Alive` because its term is below our promise, or because it is new.
    pub(crate) told_at: Option<Monotonic>,
}

/// What all validators of the set showed; one entry each, so it cannot grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Peers(BTreeMap<ValidatorIndex, Peer>);

impl Peers {
    /// What this one showed; nothing where it was never heard.
    pub(crate) fn of(&mut self, index: ValidatorIndex) -> &mut Peer {
        self.0.entry(index).or_default()
    }

    /// How often in a row this one did not show the blocks that it claims.
    pub(crate) fn in_vain(&self, index: ValidatorIndex) -> u32 {
        self.0.get(&index).map_or(0, |peer| peer.in_vain)
    }

    /// Takes note of a packet.
    pub(crate) fn hear(
        &mut self,
        index: ValidatorIndex,
        envelope: &Envelope,
        now: Monotonic,
    ) -> Novelty {
        let peer = self.of(index);
        let stamp = (envelope.run, envelope.counter);
        let newest = peer.newest.entry(envelope.packet.kind()).or_default();
        if stamp <= *newest {
            return Novelty::OldNews;
        }
        *newest = stamp;
        peer.run = peer.run.max(envelope.run);
        peer.heard_at = Some(now);
        match envelope.packet.kind() {
            PacketKind::Alive
            | PacketKind::PrepareVote
            | PacketKind::CommitVote
            | PacketKind::Voted
            | PacketKind::Signed => peer.answered_at = Some(now),
            PacketKind::Vote
            | PacketKind::Sign
            | PacketKind::Ack
            | PacketKind::Proposal
            | PacketKind::Certified
            | PacketKind::Handover
            | PacketKind::BlocksRequest
            | PacketKind::Blocks
            | PacketKind::BodyRequest
            | PacketKind::Body => {}
        }
        Novelty::News
    }

    /// A new set: who is in both keeps what it showed, but for its promise, which counts there no
    /// more (§9).
    pub(crate) fn move_to(&mut self, place: impl Fn(ValidatorIndex) -> Option<ValidatorIndex>) {
        let old = std::mem::take(&mut self.0);
        let moved = old.into_iter().filter_map(|(index, peer)| Some((place(index)?, peer)));
        self.0 = moved
            .map(|(index, peer)| (index, Peer { promise: View::default(), told_at: None, ..peer }))
            .collect();
    }

    /// Who claimed a level height, and when each last did.
    pub(crate) fn level(&self) -> impl Iterator<Item = (ValidatorIndex, Monotonic)> + '_ {
        self.0.iter().filter_map(|(index, peer)| Some((*index, peer.level_at?)))
    }

    /// The highest promise that `b + 1` others tell: at least one of them is honest (§5.1).
    pub(crate) fn credible_promise(&self, quorum: Quorum) -> View {
        let mut told: Vec<View> = self.0.values().map(|peer| peer.promise).collect();
        told.sort_unstable_by(|a, b| b.cmp(a));
        told.get(quorum.byzantine()).copied().unwrap_or_default()
    }

    /// How many others showed a promise above this term.
    pub(crate) fn promised_above(&self, view: View) -> usize {
        self.0.values().filter(|peer| peer.promise > view).count()
    }

    /// How many others sent anything since then.
    pub(crate) fn heard_since(&self, then: Monotonic) -> usize {
        self.0.values().filter(|peer| peer.heard_at.is_some_and(|at| at >= then)).count()
    }

    /// Since when `count` others have been answering us without a pause, at the latest `started`.
    pub(crate) fn answered_by(&self, count: usize, started: Monotonic) -> Monotonic {
        let mut at: Vec<_> = self.0.values().filter_map(|peer| peer.answered_at).collect();
        at.sort_unstable_by(|a, b| b.cmp(a));
        let newest_of_count = count.checked_sub(1).and_then(|last| at.get(last)).copied();
        newest_of_count.unwrap_or(started).max(started)
    }

    /// How many others told their committed height.
    pub(crate) fn told_height(&self) -> usize {
        self.0.values().filter(|peer| peer.committed.is_some()).count()
    }

    /// The highest committed height that anybody told.
    pub(crate) fn highest_told(&self) -> Height {
        self.0.values().filter_map(|peer| peer.committed).max().unwrap_or_default()
    }

    /// The highest that was told by somebody who did not fail to show it time after time: several
    /// liars could go on claiming what nobody has.
    pub(crate) fn believed_height(&self) -> Height {
        let believed = self.0.values().filter(|peer| peer.in_vain < MOST_IN_VAIN);
        believed.filter_map(|peer| peer.committed).max().unwrap_or_default()
    }

    /// The highest committed height that `b + 1` others tell: at least one of them is honest.
    pub(crate) fn credible_height(&self, quorum: Quorum) -> Height {
        let mut told: Vec<_> = self.0.values().filter_map(|peer| peer.committed).collect();
        told.sort_unstable_by(|a, b| b.cmp(a));
        told.get(quorum.byzantine()).copied().unwrap_or_default()
    }

    /// One that claims at least this height: of those that answered best so far, in an order that
    /// `turn` changes.
    pub(crate) fn with_height(&self, height: Height, turn: usize) -> Option<ValidatorIndex> {
        let able = self.0.iter().filter(|(_, peer)| peer.committed >= Some(height));
        let least = able.clone().map(|(_, peer)| peer.in_vain).min()?;
        let best: Vec<_> = able.filter(|(_, peer)| peer.in_vain == least).collect();
        best.get(turn.checked_rem(best.len())?).map(|(index, _)| **index)
    }
}
