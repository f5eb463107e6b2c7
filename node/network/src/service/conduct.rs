//! Misbehaviour: scores, bans, and what is logged of it (§10).

use std::time::Instant;

use libp2p::PeerId;

use super::Service;
use crate::{
    Culprit, Fault, NetworkEvent, Reason, RefusedBy, ValidationToken, Verdict,
    limits::{MAX_REMEMBERED, PEER_BAN, REFUSAL_LOG_INTERVAL, VALIDATOR_BAN},
    peer::Peer,
    score::Consequence,
};

impl Service {
    pub(super) fn on_verdict(&mut self, token: ValidationToken, verdict: Verdict) {
        let ValidationToken { source, gossip } = token;
        self.settle(source, gossip.as_ref(), verdict);
        if verdict == Verdict::Reject {
            self.fault(source, Fault::Unauthenticated);
        }
    }

    pub(super) fn on_report(&mut self, culprit: Culprit, fault: Fault) {
        let id = match culprit {
            Culprit::Peer(id) => Some(id),
            Culprit::Validator(key) => self.speakers.get(&key.x()).copied(),
        };
        if let Some(id) = id {
            self.fault(id, fault);
        }
    }

    /// Costs score, and at the limit the connection.
    pub(super) fn fault(&mut self, id: PeerId, fault: Fault) {
        let now = Instant::now();
        self.stats.faults += 1;
        tracing::debug!(peer_id = %id, ?fault, "a fault of a peer");
        if self.bans.contains_key(&id) {
            return;
        }
        match self.scores.add(id, fault, now) {
            Consequence::Noted => {}
            Consequence::Ban => self.ban(id, fault, now),
        }
    }

    fn ban(&mut self, id: PeerId, fault: Fault, now: Instant) {
        let validator = self.peers.get(&id).and_then(Peer::speaks_for);
        let is_validator = self.peers.get(&id).is_some_and(Peer::is_validator);
        let length = if is_validator { VALIDATOR_BAN } else { PEER_BAN };
        tracing::warn!(peer_id = %id, ?validator, last = ?fault, "peer banned for {length:?}");
        self.stats.bans += 1;
        if self.bans.len() >= MAX_REMEMBERED {
            let soonest = self.bans.iter().min_by_key(|(_, until)| **until).map(|(id, _)| *id);
            if let Some(id) = soonest {
                self.lift(&id);
            }
        }
        self.bans.insert(id, now + length);
        self.refuse(id, Reason::Banned);
        if !self.peers.contains_key(&id) {
            let reason = Reason::Banned;
            self.tell(NetworkEvent::Refused { peer: id, by: RefusedBy::Us, reason });
        }
        self.swarm.behaviour_mut().blocked.block_peer(id);
    }

    pub(super) fn lift_bans(&mut self, now: Instant) {
        let over: Vec<_> =
            self.bans.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        over.iter().for_each(|id| self.lift(id));
    }

    fn lift(&mut self, id: &PeerId) {
        self.bans.remove(id);
        self.swarm.behaviour_mut().blocked.unblock_peer(*id);
    }

    /// A peer that knocks every second fills no log.
    pub(super) fn is_worth_logging(&mut self, id: PeerId) -> bool {
        let now = Instant::now();
        let recent = |at: &Instant| now.saturating_duration_since(*at) < REFUSAL_LOG_INTERVAL;
        if self.logged.get(&id).is_some_and(recent) {
            return false;
        }
        if self.logged.len() >= MAX_REMEMBERED {
            self.logged.retain(|_, at| recent(at));
        }
        if self.logged.len() < MAX_REMEMBERED {
            self.logged.insert(id, now);
        }
        true
    }
}
