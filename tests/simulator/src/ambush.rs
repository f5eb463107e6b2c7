//! An ambush: a leader goes mute right after a proposal, and one thing about it comes too late.
//!
//! Votes that cross a change of terms are where agreement is thinnest, and chance alone seldom
//! brings them about: the old leader must hear a vote that its next term no longer knows of. So
//! here somebody watches, and holds back just this until just then.

use std::{sync::Arc, time::Duration};

use mokka_crypto::Verified;
use mokka_types::{Envelope, Monotonic, Packet, SafetyRecord};

use crate::{
    Fate, Fault,
    desk::{Asked, Deed},
    trace::{Name, Names},
    world::{Happening, World},
};

/// After this long it is over, whether anybody walked into it or not.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who is to be caught, and what is held back so far.
pub(crate) struct Ambush {
    leader: usize,
    /// Those that still hear the proposal, and that the leader goes on hearing.
    hear: Vec<usize>,
    /// Hears it only once it stands for election itself.
    late: Option<usize>,
    /// Those whose application says nothing about it before they ask for signatures, or are bound
    /// to the next term.
    hesitate: Vec<usize>,
    /// The leader has made its proposal: from now on it is mute.
    sprung: bool,
    /// The one ack after the proposal, which makes that old news, has passed.
    acked: bool,
    proposal: Option<Arc<Verified<Envelope>>>,
    /// Of whom, and in which of its lives.
    verdicts: Vec<(usize, u64, Asked)>,
    over_at: Monotonic,
}

impl World {
    /// Lies in wait for the next proposal of whoever leads, if others are enough to go on.
    pub(crate) fn lie_in_wait(&mut self) {
        let Some(leader) = self.leaders().first().copied() else { return };
        let epoch = usize::try_from(self.epoch(leader).get()).unwrap_or(usize::MAX);
        let Some(set) = self.sets.get(epoch) else { return };
        let quorum = set.quorum().votes();
        let member = |at: &usize| set.index_of(&self.nodes[*at].public).is_some();
        let mut others: Vec<_> =
            (0..self.validators()).filter(|at| *at != leader && member(at)).collect();
        if others.len() < quorum || quorum < 2 {
            return;
        }
        let turn = self.random.index(others.len());
        others.rotate_left(turn);
        let by_verdict = self.random.per_mille(500);
        let hear = others[..quorum - if by_verdict { 1 } else { 2 }].to_vec();
        let late = (!by_verdict).then(|| others[quorum - 2]);
        let hesitate = if by_verdict { hear.clone() } else { Vec::new() };
        self.end_ambush();
        self.count(Fault::Ambush);
        self.note(format_args!("AMBUSH of {}: only {} hear it", Name(leader), Names(&hear)));
        let over_at = self.now.after(PATIENCE);
        let (sprung, acked, proposal, verdicts) = (false, false, None, Vec::new());
        let ambush =
            Ambush { leader, hear, late, hesitate, sprung, acked, proposal, verdicts, over_at };
        self.ambush = Some(ambush);
    }

    /// What was held back comes now.
    pub(crate) fn end_ambush(&mut self) {
        let Some(ambush) = self.ambush.take() else { return };
        for (node, life, asked) in ambush.verdicts {
            self.schedule(Duration::ZERO, Happening::Answered { node, life, asked });
        }
        if let (Some(to), Some(packet)) = (ambush.late, ambush.proposal) {
            self.schedule(Duration::ZERO, Happening::Arrives { to, packet });
        }
    }

    /// What becomes of a packet.
    pub(crate) fn waylay(
        &mut self,
        from: usize,
        to: usize,
        packet: &Arc<Verified<Envelope>>,
    ) -> Option<Fate> {
        if self.ambush.as_ref().is_some_and(|ambush| self.now >= ambush.over_at) {
            self.end_ambush();
        }
        if matches!(&packet.packet, Packet::Sign(_)) {
            self.release(from);
        }
        let ambush = self.ambush.as_mut()?;
        let proposes = matches!(&packet.packet, Packet::Proposal(it) if it.body.is_some());
        ambush.sprung |= from == ambush.leader && proposes;
        if !ambush.sprung {
            return None;
        }
        let is_late = |at: usize| ambush.late == Some(at);
        let passes = match &packet.packet {
            _ if to == ambush.leader => ambush.hear.contains(&from) || is_late(from),
            _ if from != ambush.leader => true,
            Packet::Proposal(_) if proposes && is_late(to) => {
                ambush.proposal.get_or_insert_with(|| Arc::clone(packet));
                false
            }
            Packet::Proposal(_) => proposes && ambush.hear.contains(&to),
            Packet::Ack(_) => is_late(to) && !std::mem::replace(&mut ambush.acked, true),
            _ => false,
        };
        let stands = is_late(from) && matches!(&packet.packet, Packet::Vote(_));
        if let Some(packet) = ambush.proposal.take_if(|_| stands) {
            self.schedule(Duration::ZERO, Happening::Arrives { to: from, packet });
        }
        (!passes).then_some(Fate::Lose)
    }

    /// Keeps a verdict that is to come too late.
    pub(crate) fn waylay_answer(&mut self, node: usize, asked: Asked) -> Option<Asked> {
        match &mut self.ambush {
            Some(ambush)
                if ambush.sprung
                    && matches!(asked, Asked::Check(_))
                    && ambush.hesitate.contains(&node) =>
            {
                ambush.verdicts.push((node, self.nodes[node].life, asked));
                None
            }
            Some(_) | None => Some(asked),
        }
    }

    /// Sees what a node does.
    pub(crate) fn watch(&mut self, node: usize, deed: &Deed) {
        if matches!(deed, Deed::Recorded(SafetyRecord::Promise(_))) {
            self.release(node);
        }
    }

    /// A node that asks for signatures, or binds itself to another term, gets the verdict for
    /// which it waited.
    fn release(&mut self, node: usize) {
        let Some(ambush) = self.ambush.as_mut().filter(|ambush| ambush.sprung) else { return };
        ambush.hesitate.retain(|at| *at != node);
        let released: Vec<_> = ambush.verdicts.extract_if(.., |(at, ..)| *at == node).collect();
        for (node, life, asked) in released {
            self.schedule(Duration::ZERO, Happening::Answered { node, life, asked });
        }
    }
}
