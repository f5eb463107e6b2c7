//! A leader's term: beginning, heartbeat, end (§5.4, §5.6).

use mokka_types::{Ack, Monotonic, Packet, Proof};

use crate::{
    consensus::Consensus,
    faults::Rule,
    io::{Action, EndOfTerm, Event, Output, RoleName},
    role::{Followed, Leadership, Life, Role, Succession, Work},
};

impl Consensus {
    /// Begins the term that a fresh proof gives us.
    pub(crate) fn lead(&mut self, now: Monotonic, proof: Proof, out: &mut Output) {
        let Some(me) = self.me else { return };
        // No term that we stopped leading, or that may have been led before this start (§5.6).
        let led = proof.view <= self.last_led || proof.view <= self.loaded_promise;
        if led && !self.lacks(Rule::NoTermAgain) {
            return self.fail(now, out);
        }
        self.see_view(now, proof.view, out);
        self.silent = proof.signers.iter().fold(self.silent, |all, one| all.without(one));
        self.note_leader(proof.view.term, &proof.candidate);
        self.newest_proof = Some(proof.clone());
        self.leader = Some(Followed {
            proof: proof.clone(),
            index: me,
            adopted_at: now,
            news_at: now,
            run: self.run,
            life: Life::Alive,
        });
        self.role = Role::Leader(Box::new(Leadership {
            proof_ends_at: now.after(self.config.settings.proof_lifetime),
            proof,
            since: now,
            beats_at: now,
            work: Work::Idle,
            last: None,
            succession: Succession::NotDue,
        }));
        self.enter_term(now, out);
        // From here on our base changes only by a commit: what it owes stays at hand (§6.1).
        self.next.takeover = None;
        out.events.push(Event::State(RoleName::Leader));
        self.answer_held(now, out);
        self.beat(now, out);
    }

    /// Shows everybody that we live (§4).
    fn beat(&mut self, now: Monotonic, out: &mut Output) {
        let Role::Leader(leadership) = &self.role else { return };
        let ack = Ack {
            proof: leadership.proof.clone(),
            committed: self.committed,
            certificate: self.certificate.clone(),
        };
        out.act(Action::Broadcast(Packet::Ack(Box::new(ack))));
        self.has_broadcast(now);
    }

    /// Whatever a leader broadcasts serves as its heartbeat.
    pub(crate) fn has_broadcast(&mut self, now: Monotonic) {
        let next = now.after(self.config.settings.heartbeat);
        if let Role::Leader(leadership) = &mut self.role {
            leadership.beats_at = next;
        }
    }

    /// A leader's timers: its ends first.
    pub(crate) fn tick_leader(&mut self, now: Monotonic, out: &mut Output) {
        if let Some(reason) = self.end_of_term(now) {
            self.resign(now, reason, out);
            return;
        }
        self.repeat_in_flight(now, out);
        self.tick_handover(now, out);
        let Role::Leader(leadership) = &self.role else { return };
        if now >= leadership.beats_at {
            self.beat(now, out);
        }
    }

    fn end_of_term(&self, now: Monotonic) -> Option<EndOfTerm> {
        let Role::Leader(leadership) = &self.role else { return None };
        if now >= leadership.proof_ends_at {
            return Some(EndOfTerm::ProofEnded);
        }
        if self.peers.promised_above(leadership.view()) > self.quorum().crashes() {
            return Some(EndOfTerm::PromisesAbove);
        }
        if self.isolated_at().is_some_and(|at| now >= at) {
            return Some(EndOfTerm::Isolated);
        }
        if self.progress_ends_at().is_some_and(|at| now >= at) {
            return Some(EndOfTerm::NoProgress);
        }
        None
    }

    /// When we will have heard too little for too long (§5.6); never where we are enough alone.
    pub(crate) fn isolated_at(&self) -> Option<Monotonic> {
        let Role::Leader(leadership) = &self.role else { return None };
        let others = self.quorum().votes() - 1;
        let answered = self.peers.answered_by(others, leadership.since);
        (others > 0).then(|| answered.after(self.config.settings.isolation))
    }

    /// When the block in flight will have taken too long (§5.6).
    pub(crate) fn progress_ends_at(&self) -> Option<Monotonic> {
        let Role::Leader(leadership) = &self.role else { return None };
        Some(leadership.work.uncertified_since()?.after(self.progress_timeout()))
    }
}
