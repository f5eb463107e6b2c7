//! What misbehaviour costs (§10).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use mokka_types::PublicKey;

use crate::limits::MAX_REMEMBERED;

/// What a peer did that no correct node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It sent what cannot be read.
    Malformed,
    /// It sent what is not signed by whom it names, or passed such a thing on.
    Unauthenticated,
    /// It sent something larger or further out of range than the protocol allows.
    OutOfBounds,
    /// It said more than its share; once for each message beyond.
    Flood,
    /// It sent transactions or blocks that fail a check every correct node makes.
    Invalid,
}

impl Fault {
    fn weight(self) -> f64 {
        match self {
            Self::Malformed | Self::Unauthenticated | Self::Invalid => 20.0,
            Self::OutOfBounds => 34.0,
            Self::Flood => 2.0,
        }
    }
}

/// Whom a fault is reported of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The peer that a message came from.
    Peer(PeerId),
    /// The node that speaks for this validator, if it is connected.
    Validator(PublicKey),
}

/// From here on a peer is banned.
const LIMIT: f64 = 100.0;

/// Faults weigh half as much after this time.
const HALF_LIFE: Duration = Duration::from_secs(60);

/// The faults of all peers; they outlive a connection, so reconnecting does not clear them.
#[derive(Debug, Default)]
pub(crate) struct Scores(BTreeMap<PeerId, (f64, Instant)>);

/// What follows from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    Noted,
    Ban,
}

impl Scores {
    pub(crate) fn add(&mut self, peer: PeerId, fault: Fault, now: Instant) -> Consequence {
        let score = self.of(&peer, now) + fault.weight();
        if score >= LIMIT {
            self.0.remove(&peer);
            return Consequence::Ban;
        }
        if self.0.len() >= MAX_REMEMBERED && !self.0.contains_key(&peer) {
            self.forget_lowest(now);
        }
        self.0.insert(peer, (score, now));
        Consequence::Noted
    }

    /// 0 is spotless; a ban comes at 100.
    pub(crate) fn of(&self, peer: &PeerId, now: Instant) -> f64 {
        let Some((score, at)) = self.0.get(peer) else { return 0.0 };
        let halvings = now.saturating_duration_since(*at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        score * 0.5_f64.powf(halvings)
    }

    fn forget_lowest(&mut self, now: Instant) {
        let lowest = self.0.keys().min_by(|a, b| self.of(a, now).total_cmp(&self.of(b, now)));
        if let Some(peer) = lowest.copied() {
            self.0.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_add_up_to_a_ban_and_are_forgiven_with_time() {
        let (mut scores, peer, start) = (Scores::default(), PeerId::random(), Instant::now());
        for _ in 0..4 {
            assert_eq!(scores.add(peer, Fault::Malformed, start), Consequence::Noted);
        }
        let later = start + HALF_LIFE;
        assert!((scores.of(&peer, later) - 40.0).abs() < 0.01);
        assert_eq!(scores.add(peer, Fault::Malformed, later), Consequence::Noted);
        assert_eq!(scores.add(peer, Fault::OutOfBounds, later), Consequence::Noted);
        assert_eq!(scores.add(peer, Fault::Malformed, later), Consequence::Ban);
        assert!(scores.of(&peer, later).abs() < f64::EPSILON, "served by the ban");
        assert_eq!(scores.add(PeerId::random(), Fault::Flood, later), Consequence::Noted);
    }

    #[test]
    fn only_so_many_peers_are_remembered() {
        let (mut scores, now) = (Scores::default(), Instant::now());
        let worst = PeerId::random();
        scores.add(worst, Fault::OutOfBounds, now);
        for _ in 0..2 * MAX_REMEMBERED {
            scores.add(PeerId::random(), Fault::Flood, now);
        }
        assert_eq!(scores.0.len(), MAX_REMEMBERED);
        assert!(scores.of(&worst, now) > 0.0, "the worst is not forgotten first");
    }
}
