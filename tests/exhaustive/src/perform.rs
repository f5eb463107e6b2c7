//! One turn of a node: step, write, perform, until nothing is pending.
//!
//! `mokka::Engine` does the same, but can be neither copied nor compared. The application answers
//! at once, which leaves out histories in which a packet comes between a question and its answer.

use std::collections::VecDeque;

use mokka_consensus::{
    Action, Audience, CastVote, CheckRequest, CheckedBlock, FinalizeBlock, FinalizedBlock,
    HandOver, Ignored, Input, Output, ProposeBlock, SignBallot, Verdict,
};
use mokka_crypto::{Verified, digest};
use mokka_types::{
    Ballot, BlockVote, Envelope, FinalBlock, Handover, HandoverToken, Packet, Phase, Proposal,
    PublicKey, SafetyRecord, Voted, VotedAnswer,
};

use crate::{
    application,
    law::{Law, Place},
    node::{Flight, Node},
};

pub(crate) struct Turn<'l> {
    law: &'l Law,
    node: Node,
    queue: VecDeque<Input>,
    sent: Vec<Flight>,
    /// Whether any step did more than to ignore its input.
    heeds: bool,
}

/// Reasons to ignore a packet of which nothing is kept but that it came.
const FORGOTTEN: [Ignored; 9] = [
    Ignored::OldTerm,
    Ignored::Duplicate,
    Ignored::NotNews,
    Ignored::NotTheLeader,
    Ignored::NotStanding,
    Ignored::NotLeading,
    Ignored::Unknown,
    Ignored::Promised,
    Ignored::RulesFail,
];

impl<'l> Turn<'l> {
    pub(crate) fn of(law: &'l Law, node: Node) -> Self {
        Self { law, node, queue: VecDeque::new(), sent: Vec::new(), heeds: false }
    }

    /// Takes an input, with all that it leads to.
    pub(crate) fn take(&mut self, input: Input) {
        self.queue.push_back(input);
        while let Some(input) = self.queue.pop_front() {
            if self.node.halted {
                return;
            }
            let output = self.node.core.step(self.node.now, input);
            self.carry_out(output);
        }
    }

    pub(crate) fn end(self) -> (Node, Vec<Flight>) {
        (self.node, self.sent)
    }

    /// The same, where it was more than an ignored packet.
    ///
    /// What is left of such a packet is that its sender was heard, which decides when to stand and
    /// when to resign. It is taken for lost, so that a state does not depend on old packets.
    pub(crate) fn end_if_heeded(self) -> Option<(Node, Vec<Flight>)> {
        self.heeds.then(|| self.end())
    }

    /// Durable before visible (§8).
    pub(crate) fn carry_out(&mut self, output: Output) {
        let Output { records, actions, events, ignored, accused } = output;
        let silent = records.is_empty() && actions.is_empty() && events.is_empty();
        let forgets = ignored.is_some_and(|reason| FORGOTTEN.contains(&reason));
        self.heeds |= !(silent && (forgets || accused.is_some()));
        for record in records {
            self.node.synced = self.node.blocks.len();
            if let SafetyRecord::Promise(promise) = &record
                && promise.view < self.node.durable.promise.view
            {
                self.node.ledger.is_wrong(|| format!("promised less: {promise:?}"));
            }
            self.node.durable.apply(record);
        }
        for action in actions {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send { to, packet } => self.send(&to, packet),
            Action::Broadcast(packet) => self.broadcast(packet),
            Action::Grant(ballot) => self.grant(ballot),
            Action::SignBallot(request) => self.sign_ballot(&request),
            Action::CastVote(vote) => self.cast_vote(&vote),
            Action::Propose(block) => self.propose(*block),
            Action::HandOver(handover) => self.hand_over(*handover),
            Action::BuildBlock(request) => {
                let built = application::build(self.law, self.node.at, &request);
                if let Some(block) = &built.block {
                    self.node.bodies.insert(block.id, block.body.clone());
                }
                self.queue.push_back(Input::Built(built));
            }
            Action::CheckBlock(request) => self.check(*request),
            Action::Finalize(block) => self.finalize(*block),
            Action::Halt(fatal) => {
                self.node.halted = true;
                self.node.ledger.is_wrong(|| fatal.to_string());
            }
        }
    }

    fn check(&mut self, request: CheckRequest) {
        let verdict = application::check(self.law, &request);
        let CheckRequest { ticket, id, body, .. } = request;
        if matches!(verdict, Verdict::Valid { .. }) {
            self.node.bodies.insert(id, body);
        }
        self.queue.push_back(Input::Checked(CheckedBlock { ticket, verdict }));
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        let FinalizeBlock { id, body, certificate } = block;
        let below = self.node.blocks.last().map_or(self.law.genesis, |block| block.id);
        if below.height.next() != Some(id.height) {
            self.node.ledger.is_wrong(|| format!("went from {below:?} to {id:?}"));
        }
        if certificate.id != id || !self.law.proves(&certificate) {
            self.node.ledger.is_wrong(|| format!("committed {id:?} without a certificate"));
        }
        self.node.ledger.certified(&certificate);
        self.node.blocks.push(FinalBlock { id, body, certificate });
        let finalized = FinalizedBlock { id, next_set: None, next_settings: None };
        self.queue.push_back(Input::Finalized(finalized));
    }

    fn grant(&mut self, ballot: Ballot) {
        let (at, run) = (self.node.at, self.node.run);
        if let Some(nonce) = self.node.pages.grant(self.law, at, run, &ballot) {
            let answer = VotedAnswer::Granted(nonce);
            self.send(&ballot.candidate, Packet::Voted(Voted { ballot, answer }));
        }
    }

    fn sign_ballot(&mut self, request: &SignBallot) {
        let (at, run) = (self.node.at, self.node.run);
        if let Some(signed) = self.node.pages.sign(self.law, at, run, request) {
            let Ballot { view, candidate, base, .. } = request.ballot;
            self.node.ledger.signed(view, candidate, base);
            self.send(&candidate, Packet::Signed(signed));
        }
    }

    fn cast_vote(&mut self, vote: &CastVote) {
        let CastVote { to, phase, view, id, next_set } = *vote;
        self.node.ledger.voted(phase, view, id.height, id.hash);
        let statement = digest::block_vote(self.law.chain(), phase, view, &id, &next_set);
        let signature = self.law.sign(self.node.at, statement);
        let vote = BlockVote { view, id, next_set, signature };
        let packet = match phase {
            Phase::Prepare => Packet::PrepareVote(vote),
            Phase::Commit => Packet::CommitVote(vote),
        };
        self.send(&to, packet);
    }

    fn propose(&mut self, block: ProposeBlock) {
        let ProposeBlock { to, proof, id, parent, parent_certificate, body } = block;
        self.node.ledger.proposed(&proof, id.height, id.hash);
        let statement = digest::proposal(self.law.chain(), proof.view, &id);
        let signature = self.law.sign(self.node.at, statement);
        let proposal = Proposal { proof, id, parent, parent_certificate, body, signature };
        let packet = Packet::Proposal(Box::new(proposal));
        match to {
            Audience::One(to) => self.send(&to, packet),
            Audience::All => {
                let sealed = self.broadcast_sealed(packet);
                self.queue.push_back(Input::Packet(Box::new(sealed)));
            }
        }
    }

    fn hand_over(&mut self, handover: HandOver) {
        let HandOver { to, view, certificate } = handover;
        let statement = digest::handover(self.law.chain(), view, &to);
        let signature = self.law.sign(self.node.at, statement);
        let token = HandoverToken { view, successor: to, signature };
        self.send(&to, Packet::Handover(Box::new(Handover { token, certificate })));
    }

    fn broadcast(&mut self, packet: Packet) {
        match &packet {
            Packet::Ack(ack) => self.node.ledger.led(&ack.proof),
            Packet::Certified(certificate) => {
                if !self.law.proves(certificate) {
                    self.node.ledger.is_wrong(|| format!("shows a bad {certificate:?}"));
                }
                self.node.ledger.certified(certificate);
            }
            _ => {}
        }
        self.broadcast_sealed(packet);
    }

    fn broadcast_sealed(&mut self, packet: Packet) -> Verified<Envelope> {
        let sealed = self.seal(packet);
        for to in self.law.others(self.node.at) {
            self.put_on_its_way(to, &sealed);
        }
        sealed
    }

    /// To one node; to ourselves without a detour.
    pub(crate) fn send(&mut self, to: &PublicKey, packet: Packet) {
        let sealed = self.seal(packet);
        match self.law.place_of(to) {
            Some(to) if to == self.node.at => {
                self.queue.push_back(Input::Packet(Box::new(sealed)));
            }
            Some(to) => self.put_on_its_way(to, &sealed),
            None => {}
        }
    }

    fn put_on_its_way(&mut self, to: Place, packet: &Verified<Envelope>) {
        if !self.law.loses(packet.packet.kind()) {
            self.sent.push(Flight { to, packet: packet.clone() });
        }
    }

    fn seal(&mut self, packet: Packet) -> Verified<Envelope> {
        let counter = self.node.counters.entry(packet.kind()).or_default();
        *counter += 1;
        let (at, run, counter) = (self.node.at, self.node.run, *counter);
        self.law.seal(at, Envelope { sender: self.law.name(at), run, counter, packet })
    }
}
