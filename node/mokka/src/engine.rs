//! One turn: step, append, perform.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use mokka_consensus::{
    Accused, Action, Audience, CastVote, Config, Consensus, Event, FinalizedBlock, HandOver,
    Ignored, Input, Output, ProposeBlock, Restored, Rule, SignBallot, Status,
};
use mokka_crypto::Verified;
use mokka_types::{
    Ballot, BlockId, BlockVote, ChainHash, Envelope, Handover, HandoverToken, Monotonic, Packet,
    PacketKind, Phase, Proposal, PublicKey, RunNumber, SafetyRecord, SealedEnvelope, Settings,
    ValidatorSet, Voted, VotedAnswer,
};

use crate::{Fatal, SafetyStore, Signer, StateMachine, Transport, serve::Server};

/// More steps than one input can lead to: a packet of ours comes back at most once per kind, in
/// each of the phases that a single validator runs through alone.
const MAX_STEPS: usize = 256;

/// What a user of the library brings.
pub struct Plugs {
    /// Carries packets.
    pub transport: Box<dyn Transport>,
    /// Builds, checks and keeps blocks.
    pub machine: Box<dyn StateMachine>,
    /// Forgets nothing.
    pub store: Box<dyn SafetyStore>,
    /// Keeps the key.
    pub signer: Box<dyn Signer>,
}

/// What an engine starts from.
pub struct Start {
    /// Names the chain and its rules.
    pub chain: ChainHash,
    /// Block 0.
    pub genesis: BlockId,
    /// The rules themselves, those in force at the committed block.
    pub settings: Settings,
    /// Draws jitter and backoff; no secret.
    pub seed: u64,
    /// What the wall clock shows, since 1970: run numbers grow with it (§3), and it bounds terms
    /// (§5.2 rule 2). Later on [`Input::WallClock`] tells.
    pub wall_clock: Duration,
    /// What was loaded from disk, its run number the stored one.
    pub restored: Restored,
}

/// What became of one input, with all that it led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnReport {
    /// For logs, metrics and users.
    pub events: Vec<Event>,
    /// Who broke the protocol, for the score of peers (§10).
    pub accused: Vec<Accused>,
    /// Why steps changed nothing.
    pub ignored: Vec<Ignored>,
    /// A request of a peer that was above its allowance.
    pub refused_requests: usize,
}

/// The core with its plugs. Synchronous: it has no clock, no thread and no task of its own.
pub struct Engine {
    core: Consensus,
    plugs: Plugs,
    key: PublicKey,
    run: RunNumber,
    counters: BTreeMap<PacketKind, u64>,
    server: Server,
    writes: Writes,
}

/// When the records of a step are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    First,
    /// As no node does it: a test has to notice.
    TooLate,
}

impl Engine {
    /// Starts a node: its new run number is durable before anything leaves (§8).
    ///
    /// # Errors
    /// When the store or the signer fails, or the restored state contradicts itself.
    pub fn start(plugs: Plugs, start: Start, now: Monotonic) -> Result<(Self, TurnReport), Fatal> {
        Self::start_without(plugs, start, now, None)
    }

    /// A node that lacks a rule, for tests of tests only.
    ///
    /// # Errors
    /// As for [`Engine::start`].
    #[doc(hidden)]
    pub fn start_without(
        mut plugs: Plugs,
        start: Start,
        now: Monotonic,
        without: Option<Rule>,
    ) -> Result<(Self, TurnReport), Fatal> {
        let Start { chain, genesis, settings, seed, wall_clock, mut restored } = start;
        let above_stored = restored.safety.run.next().ok_or(Fatal::RunsExhausted)?;
        let run = RunNumber::at(wall_clock).max(above_stored);
        plugs.store.append(&[SafetyRecord::Run(run)])?;
        restored.safety.run = run;
        let key = plugs.signer.public_key();
        refuse_other_parity(key, &restored.set)?;
        let mut server = Server::new(&settings);
        if let Some(prepared) = &restored.safety.prepared {
            server.remember(prepared.id, &prepared.body);
        }
        let config = Config { chain, genesis, key, settings, seed, wall_clock };
        let (core, output) = Consensus::start_without(config, restored, now, without)?;
        let counters = BTreeMap::new();
        let writes = match without {
            Some(Rule::WriteBeforeAct) => Writes::TooLate,
            Some(_) | None => Writes::First,
        };
        let mut engine = Self { core, plugs, key, run, counters, server, writes };
        let mut turn = Turn::at(now);
        engine.carry_out(output, &mut turn)?;
        engine.finish(&mut turn)?;
        Ok((engine, turn.report))
    }

    /// Takes one input and carries out all that it leads to. Afterwards nothing is pending: every
    /// record is durable, every action performed, every packet to ourselves heard.
    ///
    /// # Errors
    /// When the node must stop. The engine is not to be used again.
    pub fn turn(&mut self, now: Monotonic, input: Input) -> Result<TurnReport, Fatal> {
        let mut turn = Turn::at(now);
        if let Some(input) = self.screen(input, &mut turn)? {
            turn.queue.push_back(input);
        }
        self.finish(&mut turn)?;
        Ok(turn.report)
    }

    /// When the next [`Input::DeadlineReached`] is due.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.core.next_deadline()
    }

    /// What this node is and knows.
    pub fn status(&self, now: Monotonic) -> Status {
        self.core.status(now)
    }

    /// Whether a node that was told to stop may end: it leads no more, and whom it handed over to
    /// does (§5.7).
    pub fn may_end(&self, now: Monotonic) -> bool {
        self.core.may_end(now)
    }

    /// The core, to look at.
    pub const fn core(&self) -> &Consensus {
        &self.core
    }

    /// This start of the node.
    pub const fn run(&self) -> RunNumber {
        self.run
    }

    /// Answers what is not the core's business, and stops where a stranger uses our key.
    fn screen(&mut self, input: Input, turn: &mut Turn) -> Result<Option<Input>, Fatal> {
        match &input {
            Input::Packet(packet) => {
                if packet.sender.x() == self.key.x() {
                    return self.own_packet_from_outside(packet);
                }
                let sender = packet.sender;
                let answer = match &packet.packet {
                    Packet::BlocksRequest(request) if self.admit(sender, turn) => {
                        self.server.blocks(*request, &mut *self.plugs.machine)
                    }
                    Packet::BodyRequest(request) if self.admit(sender, turn) => {
                        self.server.body(*request, &mut *self.plugs.machine)
                    }
                    Packet::BlocksRequest(_) | Packet::BodyRequest(_) => None,
                    Packet::Vote(vote) if !self.plugs.machine.agrees(vote) => {
                        return Ok(Some(Input::Vetoed(packet.clone())));
                    }
                    _ => return Ok(Some(input)),
                };
                if let Some(answer) = answer {
                    self.send(sender, answer, turn)?;
                }
                Ok(None)
            }
            Input::Checked(checked) => {
                self.server.checked(checked);
                Ok(Some(input))
            }
            Input::Finalized(FinalizedBlock { next_set: Some(set), .. }) => {
                refuse_other_parity(self.key, set)?;
                Ok(Some(input))
            }
            _ => Ok(Some(input)),
        }
    }

    fn admit(&mut self, peer: PublicKey, turn: &mut Turn) -> bool {
        let admitted = self.server.admits(peer, turn.now);
        turn.report.refused_requests += usize::from(!admitted);
        admitted
    }

    /// §8, two machines with one key. Echoes of what we sent are old news; packets of earlier runs
    /// are, too, unless we have forgotten what they say.
    fn own_packet_from_outside(&self, packet: &Verified<Envelope>) -> Result<Option<Input>, Fatal> {
        let sent = self.counters.get(&packet.packet.kind()).copied().unwrap_or(0);
        match packet.run.cmp(&self.run) {
            Ordering::Less => Ok(Some(Input::Echo(Box::new(packet.clone())))),
            Ordering::Equal if packet.counter <= sent => Ok(None),
            Ordering::Equal | Ordering::Greater => {
                Err(Fatal::KeyInUse { ours: self.run, theirs: packet.run })
            }
        }
    }

    /// Steps through the queue until nothing is left in it.
    fn finish(&mut self, turn: &mut Turn) -> Result<(), Fatal> {
        while let Some(input) = turn.queue.pop_front() {
            turn.steps += 1;
            if turn.steps > MAX_STEPS {
                return Err(Fatal::EndlessTurn(MAX_STEPS));
            }
            let output = self.core.step(turn.now, input);
            self.carry_out(output, turn)?;
        }
        Ok(())
    }

    /// Durable before visible (§8).
    fn carry_out(&mut self, output: Output, turn: &mut Turn) -> Result<(), Fatal> {
        let Output { records, actions, events, ignored, accused } = output;
        if !records.is_empty() && self.writes == Writes::First {
            self.plugs.store.append(&records)?;
        }
        for record in &records {
            if let SafetyRecord::Prepared { id, body, .. } = record {
                self.server.remember(*id, body);
            }
        }
        for action in actions {
            self.perform(action, turn)?;
        }
        if !records.is_empty() && self.writes == Writes::TooLate {
            self.plugs.store.append(&records)?;
        }
        turn.report.events.extend(events);
        turn.report.ignored.extend(ignored);
        turn.report.accused.extend(accused);
        Ok(())
    }

    fn perform(&mut self, action: Action, turn: &mut Turn) -> Result<(), Fatal> {
        match action {
            Action::Send { to, packet } => self.send(to, packet, turn)?,
            Action::Broadcast(packet) => {
                let (sealed, _) = self.seal(packet)?;
                self.plugs.transport.broadcast(&sealed);
            }
            Action::Grant(ballot) => self.grant(ballot, turn)?,
            Action::SignBallot(request) => self.sign_ballot(&request, turn)?,
            Action::CastVote(vote) => self.cast_vote(&vote, turn)?,
            Action::Propose(block) => self.propose(*block, turn)?,
            Action::HandOver(handover) => self.hand_over(*handover, turn)?,
            Action::BuildBlock(request) => self.plugs.machine.build(request),
            Action::CheckBlock(request) => {
                self.server.checking(&request);
                self.plugs.machine.check(*request);
            }
            Action::Finalize(block) => self.plugs.machine.finalize(*block),
            Action::Halt(fatal) => return Err(Fatal::Core(fatal)),
        }
        Ok(())
    }

    fn grant(&mut self, ballot: Ballot, turn: &mut Turn) -> Result<(), Fatal> {
        match self.plugs.signer.open_nonce(&ballot)? {
            None => Ok(()),
            Some(nonce) => {
                let answer = VotedAnswer::Granted(nonce);
                self.send(ballot.candidate, Packet::Voted(Voted { ballot, answer }), turn)
            }
        }
    }

    fn sign_ballot(&mut self, request: &SignBallot, turn: &mut Turn) -> Result<(), Fatal> {
        match self.plugs.signer.sign_ballot(request, self.core.committee())? {
            None => Ok(()),
            Some(signed) => self.send(request.ballot.candidate, Packet::Signed(signed), turn),
        }
    }

    fn cast_vote(&mut self, vote: &CastVote, turn: &mut Turn) -> Result<(), Fatal> {
        let signature = self.plugs.signer.sign_block_vote(vote)?;
        let CastVote { to, phase, view, id, next_set } = *vote;
        let vote = BlockVote { view, id, next_set, signature };
        let packet = match phase {
            Phase::Prepare => Packet::PrepareVote(vote),
            Phase::Commit => Packet::CommitVote(vote),
        };
        self.send(to, packet, turn)
    }

    /// A leader is its own follower: what goes to all comes to itself (§6.1).
    fn propose(&mut self, block: ProposeBlock, turn: &mut Turn) -> Result<(), Fatal> {
        let ProposeBlock { to, proof, id, parent, parent_certificate, body } = block;
        if let Some(body) = &body {
            self.server.remember(id, body);
        }
        let signature = self.plugs.signer.sign_proposal(proof.view, &id)?;
        let proposal = Proposal { proof, id, parent, parent_certificate, body, signature };
        let packet = Packet::Proposal(Box::new(proposal));
        match to {
            Audience::One(to) => self.send(to, packet, turn),
            Audience::All => {
                let (sealed, ours) = self.seal(packet)?;
                self.plugs.transport.broadcast(&sealed);
                turn.queue.push_back(Input::Packet(Box::new(ours)));
                Ok(())
            }
        }
    }

    fn hand_over(&mut self, handover: HandOver, turn: &mut Turn) -> Result<(), Fatal> {
        let HandOver { to, view, certificate } = handover;
        let signature = self.plugs.signer.sign_handover(view, &to)?;
        let token = HandoverToken { view, successor: to, signature };
        self.send(to, Packet::Handover(Box::new(Handover { token, certificate })), turn)
    }

    /// To one node; to ourselves without a detour.
    fn send(&mut self, to: PublicKey, packet: Packet, turn: &mut Turn) -> Result<(), Fatal> {
        let (sealed, ours) = self.seal(packet)?;
        if to.x() == self.key.x() {
            turn.queue.push_back(Input::Packet(Box::new(ours)));
        } else {
            self.plugs.transport.send(&to, &sealed);
        }
        Ok(())
    }

    /// Numbers a packet within this run and signs it.
    fn seal(&mut self, packet: Packet) -> Result<(SealedEnvelope, Verified<Envelope>), Fatal> {
        let counter = self.counters.entry(packet.kind()).or_default();
        *counter += 1;
        let envelope = Envelope { sender: self.key, run: self.run, counter: *counter, packet };
        Ok(self.plugs.signer.seal(envelope)?)
    }
}

/// With the other parity a node could sign everything but its share of a proof.
fn refuse_other_parity(ours: PublicKey, set: &ValidatorSet) -> Result<(), Fatal> {
    match set.index_of(&ours).and_then(|index| set.key(index)) {
        Some(listed) if *listed != ours => Err(Fatal::Parity { listed: *listed, ours }),
        Some(_) | None => Ok(()),
    }
}

/// One turn under way.
struct Turn {
    now: Monotonic,
    queue: VecDeque<Input>,
    steps: usize,
    report: TurnReport,
}

impl Turn {
    fn at(now: Monotonic) -> Self {
        Self { now, queue: VecDeque::new(), steps: 0, report: TurnReport::default() }
    }
}
