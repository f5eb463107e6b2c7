//! `PrepareVote` and `CommitVote`: the leader counts, and certifies (§6.3, §6.4).

use std::collections::BTreeMap;

use mokka_types::{
    BlockVote, Certificate, Monotonic, Packet, Phase, SetDigest, Signature, Signers, ValidatorIndex,
};

use crate::{
    consensus::Consensus,
    io::{Action, Ignored, Output, PeerFault},
    role::{InFlight, LastBlock, Role, Work},
};

impl Consensus {
    /// Our block in flight, if this vote is for it and genuine.
    fn counted(
        &mut self,
        index: ValidatorIndex,
        phase: Phase,
        vote: &BlockVote,
        out: &mut Output,
    ) -> Option<&mut InFlight> {
        let key = self.key_of(index);
        let Role::Leader(leadership) = &mut self.role else {
            out.ignore(Ignored::NotLeading);
            return None;
        };
        let view = leadership.view();
        if let Some(last) = leadership.last.as_mut().filter(|last| last.id == vote.id) {
            last.silent = last.silent.without(index);
        }
        let Work::InFlight(block) = &mut leadership.work else {
            out.ignore(Ignored::Unknown);
            return None;
        };
        if vote.view != view || vote.id.height != block.id.height || block.certified.is_some() {
            out.ignore(Ignored::Unknown);
            return None;
        }
        if vote.id != block.id {
            // Not for ours: whoever also votes for ours shows itself.
            out.ignore(Ignored::Unknown);
            if self.committee.check_block_vote(index, phase, vote) {
                self.witness_vote(index, phase, *vote, out);
            }
            return None;
        }
        let votes = match phase {
            Phase::Prepare => &block.prepares,
            Phase::Commit => &block.commits,
        };
        if votes.contains_key(&index) {
            out.ignore(Ignored::Duplicate);
            return None;
        }
        if !self.committee.check_block_vote(index, phase, vote) {
            out.accuse(key, PeerFault::InvalidSignature);
            return None;
        }
        self.witness_vote(index, phase, *vote, out);
        match &mut self.role {
            Role::Leader(leadership) => leadership.work.in_flight(),
            Role::Follower | Role::Candidate(_) => None,
        }
    }

    pub(crate) fn on_prepare_vote(
        &mut self,
        index: ValidatorIndex,
        vote: &BlockVote,
        out: &mut Output,
    ) {
        if !self.is_bft() {
            return out.accuse(self.key_of(index), PeerFault::Contradiction);
        }
        let quorum = self.quorum();
        let Some(block) = self.counted(index, Phase::Prepare, vote, out) else { return };
        block.prepares.insert(index, (vote.next_set, vote.signature));
        if block.prepared.is_some() {
            return;
        }
        let Some((signers, signatures)) = agreeing(&block.prepares, vote.next_set, quorum.votes())
        else {
            return;
        };
        let certificate = certificate(Phase::Prepare, vote, signers, signatures);
        block.prepared = Some(certificate.clone());
        out.act(Action::Broadcast(Packet::Certified(Box::new(certificate.clone()))));
        self.take_prepare_certificate(certificate);
    }

    pub(crate) fn on_commit_vote(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        vote: &BlockVote,
        out: &mut Output,
    ) {
        let quorum = self.quorum();
        let Some(block) = self.counted(index, Phase::Commit, vote, out) else { return };
        block.commits.insert(index, (vote.next_set, vote.signature));
        let Some((signers, signatures)) = agreeing(&block.commits, vote.next_set, quorum.votes())
        else {
            return;
        };
        let certificate = certificate(Phase::Commit, vote, signers, signatures);
        block.certified = Some(certificate.clone());
        let heard: Signers = block.prepares.keys().chain(block.commits.keys()).copied().collect();
        let id = block.id;
        let silent = self.committee.set().indices().filter(|at| !heard.contains(*at)).collect();
        if let Role::Leader(leadership) = &mut self.role {
            leadership.last = Some(LastBlock { id, silent });
        }
        out.act(Action::Broadcast(Packet::Certified(Box::new(certificate.clone()))));
        self.has_broadcast(now);
        self.see_commit(now, &certificate, self.config.key, out);
    }
}

/// The first quorum of votes that name one next set, in set order.
fn agreeing(
    votes: &BTreeMap<ValidatorIndex, (SetDigest, Signature)>,
    next_set: SetDigest,
    quorum: usize,
) -> Option<(Signers, Vec<Signature>)> {
    let same = votes.iter().filter(|(_, (named, _))| *named == next_set);
    let chosen: Vec<_> = same.take(quorum).collect();
    (chosen.len() == quorum).then(|| {
        let signers = chosen.iter().map(|(index, _)| **index).collect();
        (signers, chosen.iter().map(|(_, (_, signature))| *signature).collect())
    })
}

fn certificate(
    phase: Phase,
    vote: &BlockVote,
    signers: Signers,
    signatures: Vec<Signature>,
) -> Certificate {
    let BlockVote { view, id, next_set, .. } = *vote;
    Certificate { phase, view, id, next_set, signers, signatures }
}
