//! `Handover`: a leader that is about to end names who leads next (§5.7).

use mokka_types::{Handover, HandoverToken, Monotonic, Signers, ValidatorIndex, View};

use crate::{
    consensus::{Consensus, Operation},
    io::{Action, EndOfTerm, HandOver, Ignored, Output, PeerFault},
    role::{Leadership, Role, Succession, Work},
};

impl Consensus {
    /// Whether a node that was told to stop has handed over what it led, as far as it could: then
    /// it may end.
    pub fn may_end(&self, now: Monotonic) -> bool {
        let followed = self.leader.as_ref().map(|leader| leader.proof.view);
        let alone = self.quorum().validators() == 1;
        let over = alone || followed > Some(self.last_led) || self.last_led == View::default();
        // Whom we signed for may need our signature again, until it leads.
        let patience = self.config.settings.election_timeout;
        !self.leads() && (over || now >= self.conduct.leader_lived_at.after(patience))
    }

    /// When a leader begins to hand over.
    pub(crate) fn hands_over_at(&self, leadership: &Leadership) -> Monotonic {
        let lead = self.config.settings.handover_lead;
        let at = leadership.proof_ends_at.elapsed().saturating_sub(lead);
        Monotonic::since_start(at).max(leadership.since)
    }

    /// Finishes the block in flight, starts no other, and asks one after the other to lead.
    pub(crate) fn tick_handover(&mut self, now: Monotonic, out: &mut Output) {
        let (stopping, me) = (self.operation == Operation::Stopping, self.me);
        let Role::Leader(leadership) = &self.role else { return };
        let due = stopping || now >= self.hands_over_at(leadership);
        let alone = self.quorum().validators() == 1;
        let tried = match &leadership.succession {
            Succession::NotDue if due && !alone => {
                me.map_or(Signers::NONE, |me| Signers::NONE.with(me))
            }
            Succession::Asked { until, .. } if now < *until => return self.ask_again(now, out),
            Succession::Finishing { tried } | Succession::Asked { tried, .. } => *tried,
            Succession::NotDue | Succession::Nobody => match stopping {
                true => return self.resign(now, EndOfTerm::Stopped, out),
                false => return,
            },
        };
        let finished =
            !matches!(leadership.work, Work::InFlight(_)) && self.next.arriving.is_none();
        let successor = self.successor(now, tried);
        let patience = self.config.settings.election_timeout;
        let Role::Leader(leadership) = &mut self.role else { return };
        if !finished {
            leadership.succession = Succession::Finishing { tried };
            return;
        }
        leadership.work = Work::Idle;
        let Some(successor) = successor else {
            leadership.succession = Succession::Nobody;
            return self.tick_handover(now, out);
        };
        leadership.succession = Succession::Asked {
            tried: tried.with(successor),
            successor,
            repeats_at: now.after(patience / 6),
            until: now.after(patience),
        };
        self.hand_over(successor, out);
    }

    /// Asks the successor again, unless it stands (§6.8).
    fn ask_again(&mut self, now: Monotonic, out: &mut Output) {
        let pause = self.config.settings.election_timeout / 6;
        let Role::Leader(leadership) = &mut self.role else { return };
        let view = leadership.view();
        let Succession::Asked { successor, repeats_at, until, .. } = &mut leadership.succession
        else {
            return;
        };
        if now < *repeats_at {
            return;
        }
        let successor = *successor;
        let stands = self.granted.get(&successor).is_some_and(|at| at.ballot.view > view);
        *repeats_at = if stands { *until } else { now.after(pause) };
        if !stands {
            self.hand_over(successor, out);
        }
    }

    fn hand_over(&self, successor: ValidatorIndex, out: &mut Output) {
        let Role::Leader(leadership) = &self.role else { return };
        let (to, view) = (self.key_of(successor), leadership.view());
        let certificate = self.certificate.clone();
        out.act(Action::HandOver(Box::new(HandOver { to, view, certificate })));
    }

    /// The eligible one of lowest rank that lives and is level, of those not tried yet.
    fn successor(&self, now: Monotonic, tried: Signers) -> Option<ValidatorIndex> {
        let next = View::new(self.epoch(), self.promise.view.term.next()?);
        let set = self.committee.set();
        let level = self.level(now).into_iter().filter_map(|key| set.index_of(&key));
        let fit = level.filter(|at| !tried.contains(*at) && self.is_eligible(now, *at));
        fit.min_by_key(|index| self.committee.rank(next, &self.key_of(*index)))
    }

    /// Our leader wants us to lead: we stand at once.
    pub(crate) fn on_handover(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        handover: Handover,
        out: &mut Output,
    ) {
        let Handover { token, certificate } = handover;
        let sender = self.key_of(index);
        if token.view.epoch != self.epoch() {
            return out.ignore(Ignored::OtherEpoch);
        }
        if !self.committee.check_handover(&sender, &token) {
            return out.accuse(sender, PeerFault::InvalidSignature);
        }
        if let Some(certificate) = &certificate {
            self.see_commit(now, certificate, sender, out);
        }
        let follows = self.leader.as_ref().is_some_and(|leader| leader.index == index);
        let named = token.successor.x() == self.config.key.x();
        if !named || !follows || self.leader_of(&token).is_none() {
            return out.ignore(Ignored::Unknown);
        }
        self.handover = Some(token);
        // Where its last block is not here yet, once it is.
        let last = certificate.map(|certificate| certificate.id.height);
        match last.filter(|height| *height > self.committed.height) {
            Some(height) => self.stand_from = Some(height),
            None => self.stand_at = now,
        }
    }

    /// The term of our leader, or of our own, if this token is from it for whom it names.
    fn leader_of(&self, token: &HandoverToken) -> Option<View> {
        let leader = self.leader.as_ref().filter(|leader| leader.proof.view == token.view)?;
        let genuine = self.committee.check_handover(&leader.proof.candidate, token);
        genuine.then_some(token.view)
    }

    /// The term whose leader does not stand in the way of this candidate (§5.2 rule 6).
    pub(crate) fn handed_over(
        &self,
        candidate: ValidatorIndex,
        token: Option<&HandoverToken>,
    ) -> Option<View> {
        let named = |token: &&HandoverToken| {
            self.committee.set().index_of(&token.successor) == Some(candidate)
        };
        self.leader_of(token.filter(named)?)
    }

    /// The token of the leader that we still follow.
    pub(crate) fn own_handover(&self) -> Option<HandoverToken> {
        let followed = self.leader.as_ref().map(|leader| leader.proof.view);
        self.handover.filter(|token| Some(token.view) == followed)
    }
}
