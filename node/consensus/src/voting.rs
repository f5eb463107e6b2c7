//! Voting: what the present height allows now, whatever came first (§6.3, §6.4).

use mokka_types::{
    BlockId, Certificate, Monotonic, Phase, PreparedRecord, SafetyRecord, SetDigest, View,
};

use crate::{
    at_height::{Accepted, VoteState},
    consensus::Consensus,
    faults::Rule,
    io::{Action, CastVote, Fatal, Output},
};

impl Consensus {
    /// Does whatever has become possible at this height.
    pub(crate) fn advance(&mut self, now: Monotonic, out: &mut Output) {
        self.advance_arriving(now, out);
        if self.next.arriving.is_some() {
            return;
        }
        self.advance_takeover(now, out);
        if self.takes_part().is_some() {
            self.advance_vote(now, out);
            self.advance_prepared(now, out);
            self.advance_leader(now, out);
        }
    }

    /// Votes for the accepted proposal once the application found it valid.
    fn advance_vote(&mut self, now: Monotonic, out: &mut Output) {
        let Some(accepted) = self.next.accepted else { return };
        let Accepted { view, id, vote: VoteState::Owed, .. } = accepted else { return };
        let Some(next_set) = self.next.valid(&id) else { return };
        if !self.may_vote(now, view) {
            return;
        }
        self.next.accepted = Some(Accepted { vote: VoteState::Sent, ..accepted });
        match self.is_bft() {
            true => self.vote_to_prepare(accepted, next_set, out),
            false => {
                self.prepare(view, id, None, out);
                self.cast(Phase::Commit, view, id, next_set, out);
            }
        }
    }

    /// A block that was taken over may be of a later term: what is prepared never goes to a lower
    /// one.
    pub(crate) fn prepared_above(&self, view: View) -> bool {
        self.prepared_here().is_some_and(|prepared| prepared.view > view)
    }

    /// Only for the leader of our promise, and never back from what is prepared.
    fn may_vote(&self, now: Monotonic, view: View) -> bool {
        let holds = || self.leader.as_ref().is_some_and(|leader| self.proof_holds(now, leader));
        let promised = view == self.promise.view && holds();
        (promised || self.lacks(Rule::VoteInPromisedTerm)) && !self.prepared_above(view)
    }

    fn vote_to_prepare(&mut self, accepted: Accepted, next_set: SetDigest, out: &mut Output) {
        let Accepted { view, id, .. } = accepted;
        if self.prepare_vote != Some((view, id)) {
            self.prepare_vote = Some((view, id));
            if !self.lacks(Rule::PrepareVoteRecorded) {
                out.records.push(SafetyRecord::PrepareVote { view, id });
            }
        }
        self.cast(Phase::Prepare, view, id, next_set, out);
    }

    fn cast(&self, phase: Phase, view: View, id: BlockId, next_set: SetDigest, out: &mut Output) {
        let Some(leader) = &self.leader else { return };
        let to = leader.proof.candidate;
        out.act(Action::CastVote(CastVote { to, phase, view, id, next_set }));
    }

    /// Binds this node to a block: the record that a later leader has to honour.
    fn prepare(
        &mut self,
        view: View,
        id: BlockId,
        certificate: Option<Certificate>,
        out: &mut Output,
    ) {
        let Some(known) = self.next.known.get(&id) else { return };
        if let Some(prepared) = self.prepared_here().filter(|at| at.view == view) {
            if prepared.id != id {
                let fatal = Fatal::PreparedTwice(id.height, prepared.id.hash, id.hash);
                self.halt(fatal, out);
            }
            return;
        }
        let body = known.body.clone();
        let record = PreparedRecord { view, id, body: body.clone(), certificate };
        let certificate = record.certificate.clone();
        self.prepared = Some(record);
        if !self.lacks(Rule::PreparedRecorded) {
            out.records.push(SafetyRecord::Prepared { view, id, body, certificate });
        }
    }

    /// A prepare certificate of the present term and height.
    pub(crate) fn take_prepare_certificate(&mut self, certificate: Certificate) {
        self.next.prepare = Some((certificate, VoteState::Owed));
    }

    /// Prepares a certified block and votes to commit it (§6.3).
    fn advance_prepared(&mut self, now: Monotonic, out: &mut Output) {
        let Some((certificate, VoteState::Owed)) = self.next.prepare.clone() else { return };
        let (view, id, next_set) = (certificate.view, certificate.id, certificate.next_set);
        if self.next.valid(&id) != Some(next_set) || !self.may_vote(now, view) {
            return;
        }
        self.next.prepare = Some((certificate.clone(), VoteState::Sent));
        self.prepare(view, id, Some(certificate), out);
        self.cast(Phase::Commit, view, id, next_set, out);
    }

    /// Takes over a prepared block that a refuser told, once its body is here and valid (§5.4).
    fn advance_takeover(&mut self, now: Monotonic, out: &mut Output) {
        let Some(takeover) = &self.next.takeover else { return };
        let (view, id) = (takeover.view, takeover.id);
        let proved = takeover.certificate.as_ref().map(|certificate| certificate.next_set);
        let Some(next_set) = self.next.valid(&id) else { return };
        if proved.is_some_and(|proved| proved != next_set) {
            self.next.takeover = None;
            return;
        }
        let Some(takeover) = self.next.takeover.take() else { return };
        if self.prepared_here().is_some_and(|prepared| prepared.view >= view) {
            return;
        }
        self.prepare(view, id, takeover.certificate, out);
        self.base_rose(now, out);
        self.stand_soon(now);
    }
}
