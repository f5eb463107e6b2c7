//! Voting: what the present height allows now, whatever came first (§6.3, §6.4).

use mokka_types::{
    BlockId, Certificate, Monotonic, Phase, PreparedRecord, SafetyRecord, SetDigest, View,
};

use crate::{
    at_height::{Accepted, Checked, VoteState},
    consensus::Consensus,
    faults::Rule,
    io::{Action, CastVote, CheckedBlock, Fatal, Ignored, Origin, Output, PeerFault, Verdict},
};

impl Consensus {
    /// The application looked at a block.
    pub(crate) fn on_checked(&mut self, checked: CheckedBlock, out: &mut Output) {
        if self.checked_ahead(checked) {
            return;
        }
        let asked = Checked::Asked(checked.ticket);
        let known = self.next.known.iter_mut().find(|(_, known)| known.state == asked);
        let Some((id, known)) = known else { return out.ignore(Ignored::Stale) };
        let (id, from) = (*id, known.from);
        match checked.verdict {
            Verdict::Valid { next_set } => known.state = Checked::Valid(next_set),
            Verdict::NotThisBlock => {
                self.next.known.remove(&id);
                self.next.asked.remove(&from);
                self.distrust(from);
                out.accuse(from, PeerFault::WrongBody);
            }
            Verdict::TooEarly => known.state = Checked::TooEarly,
            Verdict::Invalid => {
                known.state = Checked::Invalid;
                out.accuse(from, PeerFault::InvalidBlock);
            }
        }
    }

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
        if view != self.promise.view || !self.hears_its_leader(now) || self.prepared_above(view) {
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

    fn hears_its_leader(&self, now: Monotonic) -> bool {
        self.leader.as_ref().is_some_and(|leader| self.proof_holds(now, leader))
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
        if view != self.promise.view
            || self.next.valid(&id) != Some(next_set)
            || !self.hears_its_leader(now)
            || self.prepared_above(view)
        {
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

    /// Looks again at a block that is certified although it was found invalid or only checked as a
    /// fresh proposal: rules of the moment do not apply to it.
    pub(crate) fn recheck_as_certified(&mut self, id: BlockId, out: &mut Output) {
        let Some(known) = self.next.known.get(&id) else { return };
        if known.origin == Origin::Certified {
            return self.halt(Fatal::Diverged(id), out);
        }
        let body = known.body.clone();
        let ticket = self.ask_check(id, self.committed, body, Origin::Certified, out);
        if let Some(known) = self.next.known.get_mut(&id) {
            known.origin = Origin::Certified;
            known.state = Checked::Asked(ticket);
        }
    }
}
