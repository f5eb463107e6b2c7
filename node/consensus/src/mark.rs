//! A key must never vote from a state older than what it signed (§8).
//!
//! Every signature of a node rests on a record that was durable before it. Where a signature of our
//! key turns up that our records do not reach, this state is an old one, and whatever the key signs
//! from it may contradict what it signed before. So it signs nothing any more: for the rest of this
//! crate a marked node has no place in any set, and follows as an observer.
//!
//! Compared are a signature for a candidate with the promise, a vote of the first phase with the
//! newest prepare vote, a vote of the second with the newest prepared block; so an honest node,
//! whose records only grow, is never marked by what it signed itself, however old or new.

use mokka_types::{
    BlockId, Certificate, Mark, MarkReason, Monotonic, Packet, Phase, Proof, SafetyRecord, Signers,
    ValidatorIndex, ValidatorSet, View,
};

use crate::{
    consensus::Consensus,
    faults::{self, Rule},
    io::{EndOfTerm, Event, Ignored, Output},
    role::Role,
};

impl Consensus {
    /// Our place in a set, from which we may sign.
    pub(crate) fn place_in(&self, set: &ValidatorSet) -> Option<ValidatorIndex> {
        set.index_of(&self.config.key).filter(|_| faults::signs(self.mark, self.without))
    }

    /// An old packet of our own. A leader signed its own proof.
    pub(crate) fn on_echo(&mut self, now: Monotonic, packet: &Packet, out: &mut Output) {
        out.ignore(Ignored::NotNews);
        match packet {
            Packet::Signed(signed) => self.notice_signature(now, signed.ballot.view, out),
            Packet::Ack(ack) => self.notice_signature(now, ack.proof.view, out),
            Packet::Proposal(proposal) => self.notice_signature(now, proposal.proof.view, out),
            Packet::PrepareVote(vote) => {
                self.notice_vote(now, Phase::Prepare, vote.view, vote.id, out);
            }
            Packet::CommitVote(vote) => {
                self.notice_vote(now, Phase::Commit, vote.view, vote.id, out);
            }
            // They bind nobody, or say what others signed.
            Packet::Vote(_)
            | Packet::Voted(_)
            | Packet::Sign(_)
            | Packet::Alive(_)
            | Packet::Certified(_)
            | Packet::Handover(_)
            | Packet::BlocksRequest(_)
            | Packet::Blocks(_)
            | Packet::BodyRequest(_)
            | Packet::Body(_) => {}
        }
    }

    /// A valid proof of our epoch.
    pub(crate) fn notice_proof(&mut self, now: Monotonic, proof: &Proof, out: &mut Output) {
        if self.is_among(proof.signers) {
            self.notice_signature(now, proof.view, out);
        }
    }

    /// A valid certificate of our epoch.
    pub(crate) fn notice_certificate(
        &mut self,
        now: Monotonic,
        certificate: &Certificate,
        out: &mut Output,
    ) {
        let Certificate { phase, view, id, signers, .. } = certificate;
        if self.is_among(*signers) {
            self.notice_vote(now, *phase, *view, *id, out);
        }
    }

    fn is_among(&self, signers: Signers) -> bool {
        let place = self.committee.set().index_of(&self.config.key);
        place.is_some_and(|place| signers.contains(place))
    }

    fn notice_signature(&mut self, now: Monotonic, signed: View, out: &mut Output) {
        let promise = self.promise.view;
        if signed > promise {
            self.mark(now, MarkReason::SignedAbove { signed, promise }, out);
        }
    }

    fn notice_vote(
        &mut self,
        now: Monotonic,
        phase: Phase,
        view: View,
        id: BlockId,
        out: &mut Output,
    ) {
        let recorded = match phase {
            Phase::Prepare => self.prepare_vote.map(|(view, id)| (id.height, view)),
            Phase::Commit => self.prepared.as_ref().map(|at| (at.id.height, at.view)),
        };
        let committed = self.committed;
        if id.height > committed.height && recorded.is_none_or(|at| at < (id.height, view)) {
            self.mark(now, MarkReason::VotedAbove { view, id, committed }, out);
        }
    }

    /// From here on this node only follows. Alone, its state is all that there is.
    fn mark(&mut self, now: Monotonic, reason: MarkReason, out: &mut Output) {
        if self.mark.is_some() || self.quorum().validators() == 1 || self.lacks(Rule::MarkObeyed) {
            return;
        }
        let mark = Mark { key: self.config.key, reason };
        out.records.push(SafetyRecord::Mark(Some(mark)));
        out.events.push(Event::Marked(mark));
        match &self.role {
            Role::Leader(_) => self.resign(now, EndOfTerm::Marked, out),
            Role::Candidate(_) => self.become_follower(now, out),
            Role::Follower => {}
        }
        self.mark = Some(mark);
        self.me = None;
        self.farewell_at = None;
        self.granted.clear();
        self.held.clear();
    }
}
