//! The leader's side of a block: building, proposing, counting votes, asking again (§6).

use std::collections::BTreeMap;

use mokka_types::{
    BlockId, BlockVote, Body, Certificate, Monotonic, Packet, Phase, SetDigest, Signature, Signers,
    ValidatorIndex,
};

use crate::{
    at_height::{Checked, Known},
    consensus::Consensus,
    faults::Rule,
    io::{
        Action, Audience, BuildRequest, BuiltBlock, Event, Ignored, Origin, Output, PeerFault,
        ProposeBlock, WorkWaiting,
    },
    role::{InFlight, LastBlock, Role, Work},
};

impl Consensus {
    /// Begins the next block if one is owed, or is due (§6.1, §6.6).
    pub(crate) fn advance_leader(&mut self, now: Monotonic, out: &mut Output) {
        let Role::Leader(leadership) = &self.role else { return };
        let busy = leadership.work != Work::Idle || self.next.arriving.is_some();
        if busy || leadership.hands_over() {
            return;
        }
        let base = &leadership.proof.base;
        let forgets = self.lacks(Rule::PreparedProposedAgain);
        let owed = base.prepared.filter(|_| base.committed == self.committed && !forgets);
        let due = self.block_is_due(now);
        match (owed, &self.prepared) {
            (Some(owed), Some(prepared)) if prepared.id == owed.id => {
                let (id, body) = (prepared.id, prepared.body.clone());
                self.inspect(id, body.clone(), Origin::ProposedAgain, self.config.key, out);
                self.propose(now, id, body, out);
            }
            // Our base changed only by a commit, so a prepared block of the proof is still here.
            (Some(_), _) => out.ignore(Ignored::Behind),
            (None, _) if due => {
                let (view, parent) = (leadership.view(), self.committed);
                self.set_work(Work::Building { parent });
                let empty = self.empty_block(now);
                let level = self.level(now);
                out.act(Action::BuildBlock(BuildRequest { view, parent, empty, level }));
            }
            (None, _) => {}
        }
    }

    fn set_work(&mut self, work: Work) {
        if let Role::Leader(leadership) = &mut self.role {
            leadership.work = work;
        }
    }

    pub(crate) fn on_built(&mut self, now: Monotonic, built: BuiltBlock, out: &mut Output) {
        let Role::Leader(leadership) = &self.role else { return out.ignore(Ignored::Stale) };
        let expected = leadership.view() == built.view
            && leadership.work == (Work::Building { parent: built.parent })
            && built.parent == self.committed;
        if !expected {
            return out.ignore(Ignored::Stale);
        }
        let Some(block) = built.block else {
            // Nothing was fit for a block: wait until the application says so again.
            self.work = WorkWaiting::No;
            return self.set_work(Work::Idle);
        };
        self.next.make_room(self.prepared.as_ref().map(|at| &at.id));
        let known = Known {
            body: block.body.clone(),
            origin: Origin::Fresh { view: built.view, leader: self.config.key },
            from: self.config.key,
            state: Checked::Valid(block.next_set),
        };
        self.next.known.insert(block.id, known);
        self.propose(now, block.id, block.body, out);
    }

    fn propose(&mut self, now: Monotonic, id: BlockId, body: Body, out: &mut Output) {
        let block = InFlight {
            id,
            parent: self.committed,
            parent_certificate: self.certificate.clone(),
            body,
            since: now,
            repeats_at: now.after(self.config.settings.heartbeat),
            prepares: BTreeMap::new(),
            prepared: None,
            commits: BTreeMap::new(),
            certified: None,
        };
        self.report_silent(out);
        self.set_work(Work::InFlight(Box::new(block)));
        self.send_proposal(Audience::All, out);
        self.has_broadcast(now);
    }

    fn send_proposal(&self, to: Audience, out: &mut Output) {
        let Role::Leader(leadership) = &self.role else { return };
        let Work::InFlight(block) = &leadership.work else { return };
        let body = (to == Audience::All).then(|| block.body.clone());
        out.act(Action::Propose(Box::new(ProposeBlock {
            to,
            proof: leadership.proof.clone(),
            id: block.id,
            parent: block.parent,
            parent_certificate: block.parent_certificate.clone(),
            body,
        })));
    }

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

    /// Says who cast no vote for the last block, now that its time is over.
    pub(crate) fn report_silent(&mut self, out: &mut Output) {
        let Role::Leader(leadership) = &mut self.role else { return };
        if let Some(last) = leadership.last.take().filter(|last| last.silent != Signers::NONE) {
            out.events.push(Event::VotesMissing(last.silent));
        }
    }

    /// Sends the phase's packet again to those whose vote is missing (§6.8).
    pub(crate) fn repeat_in_flight(&mut self, now: Monotonic, out: &mut Output) {
        let (me, heartbeat) = (self.me, self.config.settings.heartbeat);
        let Role::Leader(leadership) = &mut self.role else { return };
        let Work::InFlight(block) = &mut leadership.work else { return };
        if now < block.repeats_at || block.certified.is_some() {
            return;
        }
        block.repeats_at = now.after(heartbeat);
        let prepared = block.prepared.clone();
        let lacking = |votes: &BTreeMap<ValidatorIndex, _>| -> Signers {
            let all = self.committee.set().indices();
            all.filter(|at| Some(*at) != me && !votes.contains_key(at)).collect()
        };
        let (no_prepare, no_commit) = (lacking(&block.prepares), lacking(&block.commits));
        for index in no_commit.iter() {
            let to = self.key_of(index);
            // Without a first vote it may lack the block itself.
            if prepared.is_none() || no_prepare.contains(index) {
                self.send_proposal(Audience::One(to), out);
            }
            if let Some(certificate) = &prepared {
                let packet = Packet::Certified(Box::new(certificate.clone()));
                out.act(Action::Send { to, packet });
            }
        }
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
