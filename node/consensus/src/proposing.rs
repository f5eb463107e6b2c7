//! The leader's side of a block: building, proposing, asking again (§6).

use std::collections::BTreeMap;

use mokka_types::{BlockId, Body, Monotonic, Packet, Signers, ValidatorIndex};

use crate::{
    at_height::{Checked, Known},
    consensus::Consensus,
    faults::Rule,
    io::{
        Action, Audience, BuildRequest, BuiltBlock, Event, Ignored, Origin, Output, ProposeBlock,
        WorkWaiting,
    },
    role::{InFlight, Role, Work},
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
