//! The node under test with the smallest driver that keeps its contract: records first, then
//! actions in order, packets to itself at once. It watches what no node may ever do, in every test.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use mokka_consensus::{
    Action, Audience, BuildRequest, BuiltBlock, CastVote, CheckRequest, CheckedBlock, Config,
    Consensus, EndOfTerm, Event, FinalizedBlock, HandOver, Input, Output, ProposeBlock,
    ProposedBlock, Restored, Status, Verdict, WorkWaiting,
};
use mokka_crypto::{NonceBook, SecretKey, digest};
use mokka_types::{
    BlockId, BlockVote, Certificate, Envelope, FinalBlock, Handover, HandoverToken, Monotonic,
    Packet, Phase, Proof, Proposal, PublicKey, RunNumber, SafetyRecord, SafetyState, Settings,
    Sign, Signed, SignedBallot, ValidatorSet, View, Vote, Voted, VotedAnswer,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::world::{CHAIN, World, alive, block, fresh_base, genesis};

/// What the wall clock of every node shows at first.
pub(crate) const WALL_CLOCK: Duration = Duration::from_secs(1_000_000_000);

/// What the application answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Application {
    /// At once: every block is valid, every write ends.
    Willing,
    /// Nothing until the test says so; requests wait in `checks` and `writes`.
    Slow,
}

/// A packet that left, to one or to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) to: Option<PublicKey>,
    pub(crate) packet: Packet,
}

pub(crate) struct Node<'w> {
    pub(crate) world: &'w World,
    pub(crate) me: usize,
    pub(crate) core: Consensus,
    pub(crate) now: Monotonic,
    pub(crate) application: Application,
    pub(crate) checks: VecDeque<CheckRequest>,
    pub(crate) writes: VecDeque<BlockId>,
    pub(crate) builds: VecDeque<BuildRequest>,
    /// Everything that left since it was last taken.
    pub(crate) sent: Vec<Sent>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) durable: SafetyState,
    pub(crate) committed: BlockId,
    pub(crate) certificate: Option<Certificate>,
    /// The epoch that the next final block begins (§9).
    pub(crate) next: Option<&'w World>,
    /// The rules that the next final block brings.
    pub(crate) next_settings: Option<Settings>,
    began: BlockId,
    written: BTreeMap<BlockId, Certificate>,
    book: NonceBook,
    rng: StdRng,
    run: u64,
    counter: u64,
    others: u64,
    ballots: BTreeMap<View, SignedBallot>,
    votes: BTreeMap<(Phase, View, mokka_types::Height), BlockId>,
}

impl<'w> Node<'w> {
    /// A node without records: it listens until it has heard enough others (§8).
    pub(crate) fn listening(world: &'w World, me: usize) -> Self {
        Self::restored(world, me, SafetyState::default())
    }

    /// A node that has heard the others and takes part.
    pub(crate) fn new(world: &'w World, me: usize) -> Self {
        let mut node = Self::listening(world, me);
        for other in (0..world.secrets.len()).filter(|other| *other != me) {
            node.hears(other, alive(0, genesis()));
        }
        node.sent.clear();
        node.outputs.clear();
        node
    }

    /// A node whose key is in no set.
    pub(crate) fn observer(world: &'w World) -> Self {
        Self::with_key(world, usize::MAX, SafetyState::default())
    }

    /// A node with records, on block 0.
    pub(crate) fn restored(world: &'w World, me: usize, durable: SafetyState) -> Self {
        Self::with_key(world, me, durable)
    }

    fn with_key(world: &'w World, me: usize, durable: SafetyState) -> Self {
        let key = key_of(world, me);
        let now = Monotonic::since_start(Duration::from_secs(100));
        let (core, output) =
            start(world, key, now, durable.clone(), (genesis(), None, genesis()), 1);
        let mut node = Self {
            world,
            me,
            core,
            now,
            application: Application::Willing,
            checks: VecDeque::new(),
            writes: VecDeque::new(),
            builds: VecDeque::new(),
            sent: Vec::new(),
            outputs: Vec::new(),
            durable,
            committed: genesis(),
            certificate: None,
            next: None,
            next_settings: None,
            began: genesis(),
            written: BTreeMap::new(),
            book: NonceBook::new(),
            rng: StdRng::seed_from_u64(7),
            run: 1,
            counter: 0,
            others: 0,
            ballots: BTreeMap::new(),
            votes: BTreeMap::new(),
        };
        let answers = node.carry_out(output);
        node.work_off(answers.into());
        node
    }

    /// The process ends and starts again: what is durable is all that is left.
    pub(crate) fn restart(&mut self) {
        self.run += 1;
        let key = key_of(self.world, self.me);
        let (durable, certificate) = (self.durable.clone(), self.certificate.clone());
        let head = (self.committed, certificate, self.began);
        let (core, output) = start(self.world, key, self.now, durable, head, self.run);
        self.core = core;
        self.book = NonceBook::new();
        self.counter = 0;
        self.checks.clear();
        self.writes.clear();
        self.builds.clear();
        self.sent.clear();
        let answers = self.carry_out(output);
        self.work_off(answers.into());
    }

    /// The last term that its clock allows (§5.2 rule 2).
    pub(crate) fn newest_term(&self) -> u64 {
        RunNumber::at(WALL_CLOCK + self.now.elapsed()).get()
    }

    pub(crate) fn step(&mut self, input: Input) {
        self.work_off(VecDeque::from([input]));
    }

    fn work_off(&mut self, mut queue: VecDeque<Input>) {
        while let Some(input) = queue.pop_front() {
            let output = self.core.step(self.now, input);
            queue.extend(self.carry_out(output));
        }
    }

    /// Records first; what comes back to the node itself is the answer.
    fn carry_out(&mut self, output: Output) -> Vec<Input> {
        self.outputs.push(output.clone());
        for record in &output.records {
            if let SafetyRecord::Promise(promise) = record {
                assert!(promise.view >= self.durable.promise.view, "the promise decreases");
            }
            self.durable.apply(record.clone());
        }
        output.actions.into_iter().filter_map(|action| self.perform(action)).collect()
    }

    fn perform(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Send { to, packet } => self.send(Some(to), packet),
            Action::Broadcast(packet) => self.send(None, packet),
            Action::Grant(ballot) => {
                let key = &self.world.secrets[self.me];
                let nonce = self.book.open(key, &CHAIN, &ballot, &mut self.rng)?;
                let answer = VotedAnswer::Granted(nonce);
                self.send(Some(ballot.candidate), Packet::Voted(Voted { ballot, answer }))
            }
            Action::SignBallot(request) => {
                let sign =
                    Sign { ballot: request.ballot, signers: request.signers, nonce: request.nonce };
                self.watch_ballot(&sign);
                let signed = sign_with(self.world, self.me, &mut self.book, &sign)?;
                self.send(Some(sign.ballot.candidate), Packet::Signed(signed))
            }
            Action::CastVote(vote) => {
                self.watch_vote(&vote);
                let CastVote { to, phase, view, id, next_set } = vote;
                let digest = digest::block_vote(&CHAIN, phase, view, &id, &next_set);
                let signature = self.world.secrets[self.me].sign(&digest);
                let vote = BlockVote { view, id, next_set, signature };
                let packet = match phase {
                    Phase::Prepare => Packet::PrepareVote(vote),
                    Phase::Commit => Packet::CommitVote(vote),
                };
                self.send(Some(to), packet)
            }
            Action::Propose(block) => self.propose(*block),
            Action::HandOver(handover) => {
                let HandOver { to, view, certificate } = *handover;
                let signature =
                    self.world.secrets[self.me].sign(&digest::handover(&CHAIN, view, &to));
                let token = HandoverToken { view, successor: to, signature };
                self.send(Some(to), Packet::Handover(Box::new(Handover { token, certificate })))
            }
            Action::BuildBlock(request) => {
                self.builds.push_back(request);
                None
            }
            Action::CheckBlock(request) => match self.application {
                Application::Willing => Some(self.verdict(&request)),
                Application::Slow => {
                    self.checks.push_back(*request);
                    None
                }
            },
            Action::Finalize(block) => {
                self.written.insert(block.id, block.certificate);
                match self.application {
                    Application::Willing => Some(self.landed(block.id)),
                    Application::Slow => {
                        self.writes.push_back(block.id);
                        None
                    }
                }
            }
            Action::Halt(fatal) => panic!("halted: {fatal}"),
        }
    }

    fn propose(&mut self, block: ProposeBlock) -> Option<Input> {
        let digest = digest::proposal(&CHAIN, block.proof.view, &block.id);
        let signature = self.world.secrets[self.me].sign(&digest);
        let packet = Packet::Proposal(Box::new(Proposal {
            proof: block.proof,
            id: block.id,
            parent: block.parent,
            parent_certificate: block.parent_certificate,
            body: block.body,
            signature,
        }));
        match block.to {
            Audience::One(to) => self.send(Some(to), packet),
            Audience::All => {
                self.send(None, packet.clone());
                Some(self.own(packet))
            }
        }
    }

    fn verdict(&self, request: &CheckRequest) -> Input {
        let verdict = match digest::body(&request.body) == request.id.hash {
            true => Verdict::Valid { next_set: self.next.unwrap_or(self.world).set_digest() },
            false => Verdict::NotThisBlock,
        };
        Input::Checked(CheckedBlock { ticket: request.ticket, verdict })
    }

    fn landed(&mut self, id: BlockId) -> Input {
        assert_eq!(Some(id.height), self.committed.height.next(), "a gap in the chain");
        self.committed = id;
        self.certificate = self.written.get(&id).cloned();
        let next_set = self.next.take().map(|next| self.enter(next));
        let next_settings = self.next_settings.take();
        Input::Finalized(FinalizedBlock { id, next_set, next_settings })
    }

    /// From here on the others are those of the next epoch.
    fn enter(&mut self, next: &'w World) -> ValidatorSet {
        let place = next.committee.set().index_of(&key_of(self.world, self.me));
        self.me = place.map_or(usize::MAX, |place| place.get());
        self.world = next;
        self.began = self.committed;
        next.committee.set().clone()
    }

    /// The application answers the oldest question.
    pub(crate) fn answers(&mut self) {
        let request = self.checks.pop_front().expect("a block to check");
        let input = self.verdict(&request);
        self.step(input);
    }

    pub(crate) fn says(&mut self, verdict: Verdict) {
        let request = self.checks.pop_front().expect("a block to check");
        self.step(Input::Checked(CheckedBlock { ticket: request.ticket, verdict }));
    }

    /// The oldest write ends.
    pub(crate) fn writes_end(&mut self) {
        let id = self.writes.pop_front().expect("a block to write");
        let input = self.landed(id);
        self.step(input);
    }

    /// §8: what a signature promises is durable before it; §13: one candidate and base for a term.
    fn watch_ballot(&mut self, sign: &Sign) {
        let ballot = sign.ballot;
        let signed = SignedBallot { candidate: ballot.candidate, base: ballot.base };
        let first = self.ballots.entry(ballot.view).or_insert(signed);
        assert_eq!(*first, signed, "two candidates or bases signed in one term");
        if self.durable.promise.view == ballot.view {
            assert_eq!(self.durable.promise.signed, Some(signed), "signed before it was durable");
        }
        assert!(self.durable.promise.view >= ballot.view, "signed before it was durable");
    }

    /// §6.3, §6.4: the record of a vote is durable before it; §13: one block for a slot.
    fn watch_vote(&mut self, vote: &CastVote) {
        let CastVote { phase, view, id, .. } = *vote;
        let first = *self.votes.entry((phase, view, id.height)).or_insert(id);
        assert_eq!(first, id, "two votes in one slot");
        match phase {
            Phase::Prepare => assert_eq!(self.durable.prepare_vote, Some((view, id))),
            Phase::Commit => {
                let record = self.durable.prepared.as_ref().expect("a prepared block");
                assert_eq!((record.view, record.id), (view, id));
                assert_eq!(record.certificate.is_some(), self.world.is_bft());
            }
        }
    }

    fn send(&mut self, to: Option<PublicKey>, packet: Packet) -> Option<Input> {
        if to == Some(key_of(self.world, self.me)) {
            return Some(self.own(packet));
        }
        self.sent.push(Sent { to, packet });
        None
    }

    fn own(&mut self, packet: Packet) -> Input {
        self.counter += 1;
        let (run, counter) = (RunNumber::new(self.run), self.counter);
        let sender = self.world.key(self.me);
        let envelope = Envelope { sender, run, counter, packet };
        Input::Packet(Box::new(self.world.secrets[self.me].seal(&CHAIN, envelope).1))
    }

    /// A packet that our key sent in an earlier run comes back from outside.
    pub(crate) fn hears_itself(&mut self, packet: Packet) -> &mut Self {
        let sender = self.world.key(self.me);
        let envelope = Envelope { sender, run: RunNumber::new(0), counter: 1, packet };
        let envelope = self.world.secrets[self.me].seal(&CHAIN, envelope).1;
        self.step(Input::Echo(Box::new(envelope)));
        self
    }

    /// A packet of a validator of another epoch, newer than its last.
    pub(crate) fn hears_of(&mut self, world: &World, from: usize, packet: Packet) -> &mut Self {
        self.others += 1;
        let (sender, run, counter) = (world.key(from), RunNumber::new(1), self.others);
        let envelope = Envelope { sender, run, counter, packet };
        let envelope = world.secrets[from].seal(&CHAIN, envelope).1;
        self.step(Input::Packet(Box::new(envelope)));
        self
    }

    /// A `Vote` of another validator, whom the application does not want to lead.
    pub(crate) fn hears_unwanted(&mut self, from: usize, vote: Vote) -> &mut Self {
        self.others += 1;
        let (sender, run, counter) = (self.world.key(from), RunNumber::new(1), self.others);
        let envelope = Envelope { sender, run, counter, packet: crate::world::ask(vote) };
        let envelope = self.world.secrets[from].seal(&CHAIN, envelope).1;
        self.step(Input::Vetoed(Box::new(envelope)));
        self
    }

    /// A packet of another validator, newer than its last.
    pub(crate) fn hears(&mut self, from: usize, packet: Packet) -> &mut Self {
        self.others += 1;
        self.hears_as(from, 1, self.others, packet)
    }

    pub(crate) fn hears_as(
        &mut self,
        from: usize,
        run: u64,
        counter: u64,
        packet: Packet,
    ) -> &mut Self {
        let (sender, run) = (self.world.key(from), RunNumber::new(run));
        let envelope = Envelope { sender, run, counter, packet };
        let envelope = self.world.secrets[from].seal(&CHAIN, envelope).1;
        self.step(Input::Packet(Box::new(envelope)));
        self
    }

    /// Time passes; every deadline on the way is kept, and none lies in the past for ever.
    pub(crate) fn pass(&mut self, length: Duration) -> &mut Self {
        let end = self.now.after(length);
        let (mut at, mut steps) = (self.now, 0);
        while let Some(due) = self.core.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            steps = if self.now == at { steps + 1 } else { 0 };
            at = self.now;
            assert!(steps < 20, "a deadline that does not pass: {due:?} at {at:?}");
            self.step(Input::DeadlineReached);
        }
        self.now = end;
        self
    }

    /// Since it was last taken, nothing left but questions for blocks (§7).
    pub(crate) fn only_asked(&self) {
        let asks = |sent: &Sent| matches!(sent.packet, Packet::BlocksRequest(_));
        assert!(self.sent.iter().all(asks), "{:?}", self.sent);
    }

    /// Time passes until this holds.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        while !holds(self) {
            assert!(self.now.since(began) < Duration::from_secs(30), "never came: {what}");
            self.pass(Duration::from_millis(1));
        }
        self.now.since(began)
    }

    pub(crate) fn status(&self) -> Status {
        self.core.status(self.now)
    }

    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The packets of a kind that left and were not taken, picked by what the test looks for.
    pub(crate) fn said<T>(&self, pick: impl Fn(&Packet) -> Option<T>) -> Vec<T> {
        self.sent.iter().filter_map(|sent| pick(&sent.packet)).collect()
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.outputs.iter().flat_map(|output| &output.events)
    }

    /// Work waits.
    pub(crate) fn work(&mut self) -> &mut Self {
        self.step(Input::WorkWaiting(WorkWaiting::Yes));
        self
    }

    /// The application built the block of this height and tag.
    pub(crate) fn built(&mut self, height: u64, tag: u8) {
        let request = self.builds.pop_front().expect("a block to build");
        let (id, body) = block(height, tag);
        let next_set = self.next.unwrap_or(self.world).set_digest();
        let block = Some(ProposedBlock { id, body, next_set });
        let BuildRequest { view, parent, .. } = request;
        self.step(Input::Built(BuiltBlock { view, parent, block }));
    }

    /// Follows this leader of this term, elected on block 0.
    pub(crate) fn follows(&mut self, leader: usize, term: u64) -> Proof {
        let places = self.world.quorum_without(self.me, leader);
        let proof = self.world.proof_by(leader, term, fresh_base(), &places);
        self.hears(leader, crate::world::ack(&proof));
        proof
    }

    /// Why it stopped leading, each time.
    pub(crate) fn resigned(&self) -> Vec<EndOfTerm> {
        let reason = |event: &Event| match event {
            Event::Resigned { reason, .. } => Some(*reason),
            _ => None,
        };
        self.events().filter_map(reason).collect()
    }

    /// Committed the blocks of tag 0 up to this height, as others showed them.
    pub(crate) fn commits_up_to(&mut self, height: u64) {
        let teacher = usize::from(self.me == 0);
        let blocks = (1..=height).map(|height| {
            let (id, body) = block(height, 0);
            FinalBlock { id, body, certificate: self.world.commit(1, id) }
        });
        let blocks: Vec<_> = blocks.collect();
        let newest = blocks.last().expect("a block").certificate.clone();
        self.hears(teacher, crate::world::certified(&newest));
        self.hears(teacher, Packet::Blocks(blocks));
        while self.committed.height.get() < height {
            let ids: Vec<_> = self.said(|packet| match packet {
                Packet::BodyRequest(request) => Some(request.id),
                _ => None,
            });
            let id = *ids.last().expect("asked for a body");
            let body = block(id.height.get(), 0).1;
            self.hears(teacher, Packet::Body(mokka_types::BodyReply { id, body }));
        }
        self.sent.clear();
    }
}

/// What a chosen signer sends back.
pub(crate) fn sign_with(
    world: &World,
    at: usize,
    book: &mut NonceBook,
    sign: &Sign,
) -> Option<Signed> {
    let key = &world.secrets[at];
    let partial = book.sign(key, &world.committee, &sign.ballot, sign.signers, &sign.nonce)?;
    let Sign { ballot, .. } = *sign;
    let digest = digest::proof(&CHAIN, ballot.view, &ballot.candidate, &ballot.base);
    Some(Signed { ballot, partial, signature: key.sign(&digest) })
}

/// An observer has a key of its own.
fn key_of(world: &World, me: usize) -> PublicKey {
    match world.secrets.get(me) {
        Some(secret) => secret.public_key(),
        None => SecretKey::from_bytes([200; 32]).unwrap().public_key(),
    }
}

fn start(
    world: &World,
    key: PublicKey,
    now: Monotonic,
    mut safety: SafetyState,
    (committed, certificate, began): (BlockId, Option<Certificate>, BlockId),
    run: u64,
) -> (Consensus, Output) {
    safety.run = RunNumber::new(run);
    let config = Config {
        chain: CHAIN,
        genesis: genesis(),
        key,
        settings: world.settings,
        seed: 3,
        wall_clock: WALL_CLOCK + now.elapsed(),
    };
    let set = world.committee.set().clone();
    let epoch = world.committee.epoch();
    let restored = Restored { safety, committed, certificate, epoch, set, began };
    Consensus::start(config, restored, now).expect("keys of the curve")
}
