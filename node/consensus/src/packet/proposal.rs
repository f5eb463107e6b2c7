//! `Proposal`: a follower takes a block, or says why not (§6.2).

use mokka_types::{BlockId, Envelope, Monotonic, Packet, Proposal, ValidatorIndex, View};

use crate::{
    at_height::{Accepted, VoteState},
    consensus::Consensus,
    faults::Rule,
    io::{Action, Ignored, Origin, Output, PeerFault},
    peers::Novelty,
};

impl Consensus {
    pub(crate) fn on_proposal(
        &mut self,
        now: Monotonic,
        envelope: Envelope,
        novelty: Novelty,
        out: &mut Output,
    ) {
        let sender = envelope.sender;
        let Packet::Proposal(proposal) = &envelope.packet else { return };
        let Some(index) = self.committee.set().index_of(&sender) else { return };
        if !self.proposal_is_genuine(now, index, proposal, out) {
            return;
        }
        let view = proposal.proof.view;
        if let Some(certificate) = &proposal.parent_certificate {
            self.see_commit(now, certificate, sender, out);
        }
        self.show_height(now, index, proposal.parent, out);
        if view < self.promise.view {
            self.tell_promise(now, index, out);
            return out.ignore(Ignored::OldTerm);
        }
        self.note_news(now, index, view, novelty, out);
        if !self.leader.as_ref().is_some_and(|leader| self.proof_holds(now, leader)) {
            return out.ignore(Ignored::OldTerm);
        }
        if proposal.id.height <= self.committed.height {
            return self.answer_old_proposal(index, out);
        }
        if proposal.parent.height > self.committed.height {
            // Its parent is on its way into our store, or must be fetched first.
            if !self.repeats_stashed(proposal) {
                self.stashed = Some(Box::new(envelope));
            }
            return out.ignore(Ignored::Behind);
        }
        self.accept(now, index, proposal, out);
    }

    /// Whether it is what waits already, said again without its body.
    fn repeats_stashed(&self, proposal: &Proposal) -> bool {
        let waits = self.stashed.as_ref().is_some_and(|stashed| {
            matches!(&stashed.packet, Packet::Proposal(first)
                if (first.proof.view, first.id) == (proposal.proof.view, proposal.id))
        });
        waits && proposal.body.is_none()
    }

    /// Its parts belong together, and the leader of its proof made it.
    fn proposal_is_genuine(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        proposal: &Proposal,
        out: &mut Output,
    ) -> bool {
        let Proposal { proof, id, parent, parent_certificate, signature, .. } = proposal;
        let sender = self.key_of(index);
        if !self.see_proof(now, proof, index, out) {
            return false;
        }
        let proves_parent = match parent_certificate {
            Some(certificate) => certificate.id == *parent,
            None => *parent == self.config.genesis,
        };
        if self.committee.set().index_of(&proof.candidate) != Some(index)
            || parent.height.next() != Some(id.height)
            || !proves_parent
        {
            out.accuse(sender, PeerFault::Contradiction);
            return false;
        }
        if !self.committee.check_proposal(&proof.candidate, proof.view, id, signature) {
            out.accuse(sender, PeerFault::InvalidSignature);
            return false;
        }
        self.witness_proposal(index, proposal, out);
        true
    }

    /// The leader lags behind: show it what is final (§6.2).
    fn answer_old_proposal(&self, index: ValidatorIndex, out: &mut Output) {
        out.ignore(Ignored::OtherHeight);
        // Observers only ask.
        let speaks = self.me.is_some_and(|me| me != index);
        if let Some(certificate) = self.certificate.as_ref().filter(|_| speaks) {
            let packet = Packet::Certified(Box::new(certificate.clone()));
            out.act(Action::Send { to: self.key_of(index), packet });
        }
    }

    /// The rest of §6.2: the first proposal of its term and height that honours the base.
    fn accept(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        proposal: &Proposal,
        out: &mut Output,
    ) {
        let (view, id, sender) = (proposal.proof.view, proposal.id, self.key_of(index));
        let base = &proposal.proof.base;
        let on_base = base.committed.height.next() == Some(id.height);
        let on_base = on_base && !self.lacks(Rule::PreparedProposedAgain);
        let owed = base.prepared.filter(|_| on_base).map(|prepared| prepared.id);
        if proposal.parent != self.committed
            || id.height <= base.committed.height
            || owed.is_some_and(|owed| owed != id)
        {
            return out.accuse(sender, PeerFault::Contradiction);
        }
        let same_slot = |at: View, other: BlockId| at == view && other.height == id.height;
        let recorded = match self.is_bft() {
            true => self.prepare_vote.filter(|(at, other)| same_slot(*at, *other)),
            false => {
                let prepared = self.prepared.as_ref().map(|at| (at.view, at.id));
                prepared.filter(|(at, other)| same_slot(*at, *other))
            }
        };
        let first = self.next.accepted.filter(|at| at.view == view).map(|at| at.id);
        let before = recorded.map(|(_, other)| other).or(first);
        if before.is_some_and(|other| other != id) && !self.lacks(Rule::OneProposal) {
            return out.accuse(sender, PeerFault::Equivocation);
        }
        if self.prepared_above(view) {
            return out.ignore(Ignored::Promised);
        }
        let origin = match owed {
            Some(_) => Origin::ProposedAgain,
            None => Origin::Fresh { view, leader: proposal.proof.candidate },
        };
        self.next.accepted = Some(Accepted { view, id, origin, vote: VoteState::Owed });
        let known = || self.next.known.get(&id).map(|known| known.body.clone());
        let prepared = || self.prepared.as_ref().filter(|at| at.id == id).map(|at| at.body.clone());
        match proposal.body.clone().or_else(known).or_else(prepared) {
            Some(body) => self.inspect(id, body, origin, sender, out),
            None => self.ask_body_again(now, sender, id, out),
        }
    }
}
