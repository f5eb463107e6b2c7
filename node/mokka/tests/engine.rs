//! One engine with plugs that only take notes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mokka::{
    Engine, Fatal, Gate, LocalSigner, Plugs, RangeLimit, SafetyStore, Start, StateMachine,
    StoreFailure, Transport, TurnReport,
};
use mokka_consensus::{
    BuildRequest, CheckRequest, Event, FinalizeBlock, Input, Restored, RoleName,
};
use mokka_crypto::{SecretKey, digest};
use mokka_types::{
    Alive, BlockHash, BlockId, BlockVote, BlocksRequest, Body, BodyRequest, Certificate, ChainHash,
    CrashModel, Envelope, Epoch, FinalBlock, Height, Monotonic, Packet, Phase, PublicKey,
    RunNumber, SafetyRecord, SafetyState, SealedEnvelope, SetDigest, Settings, Signature, Signers,
    ValidatorSet, View, codec,
};

/// What the plugs saw, in order.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Stored(SafetyRecord),
    Sent(PublicKey, Packet),
    Broadcast(Packet),
}

#[derive(Clone, Default)]
struct Notes {
    seen: Arc<Mutex<Vec<Seen>>>,
    disk_is_full: Arc<Mutex<bool>>,
    blocks: Arc<Mutex<Vec<FinalBlock>>>,
    /// How many blocks were read.
    read: Arc<Mutex<usize>>,
}

impl Notes {
    fn add(&self, seen: Seen) {
        self.seen.lock().expect("one thread").push(seen);
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().expect("one thread"))
    }
}

impl Transport for Notes {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        self.add(Seen::Sent(*to, packet.envelope.packet.clone()));
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        self.add(Seen::Broadcast(packet.envelope.packet.clone()));
    }
}

impl SafetyStore for Notes {
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure> {
        if *self.disk_is_full.lock().expect("one thread") {
            return Err(StoreFailure { reason: "the disk is full".into() });
        }
        records.iter().for_each(|record| self.add(Seen::Stored(record.clone())));
        Ok(())
    }
}

impl StateMachine for Notes {
    fn build(&mut self, _: BuildRequest) {}
    fn check(&mut self, _: CheckRequest) {}
    fn finalize(&mut self, _: FinalizeBlock) {}

    fn blocks(&mut self, from: Height, limit: RangeLimit) -> Vec<FinalBlock> {
        let blocks = self.blocks.lock().expect("one thread");
        let wanted = blocks.iter().filter(|block| block.id.height >= from);
        let found: Vec<_> = wanted.take(limit.blocks).cloned().collect();
        *self.read.lock().expect("one thread") += found.len();
        found
    }

    fn body(&mut self, id: &BlockId) -> Option<Body> {
        let blocks = self.blocks.lock().expect("one thread");
        blocks.iter().find(|block| block.id == *id).map(|block| block.body.clone())
    }
}

/// One engine of a set, and the keys of all.
struct Bench {
    notes: Notes,
    keys: Vec<Arc<SecretKey>>,
    set: ValidatorSet,
    chain: ChainHash,
}

const GENESIS: BlockId = BlockId { height: Height::GENESIS, hash: BlockHash::new([1; 32]) };

impl Bench {
    fn new(validators: u8) -> Self {
        let secret = |number| SecretKey::from_bytes([number; 32]).expect("a secret key");
        let keys: Vec<_> = (1..=validators).map(|number| Arc::new(secret(number))).collect();
        let publics = keys.iter().map(|key| key.public_key());
        let set = ValidatorSet::new(CrashModel::Bft, publics).expect("distinct keys");
        let chain = digest::chain(&GENESIS.hash, 1, &set, &Settings::default());
        Self { notes: Notes::default(), keys, set, chain }
    }

    fn start(&self, wall_clock: u64, safety: SafetyState) -> Result<Engine, Fatal> {
        let plugs = Plugs {
            transport: Box::new(self.notes.clone()),
            machine: Box::new(self.notes.clone()),
            store: Box::new(self.notes.clone()),
            signer: Box::new(LocalSigner::new(self.chain, Arc::clone(&self.keys[0]))),
        };
        let (epoch, set) = (Epoch::default(), self.set.clone());
        let restored =
            Restored { safety, committed: GENESIS, certificate: None, epoch, set, began: GENESIS };
        let start = Start {
            chain: self.chain,
            genesis: GENESIS,
            settings: Settings::default(),
            seed: 1,
            wall_clock: Duration::from_millis(wall_clock),
            restored,
        };
        Engine::start(plugs, start, Monotonic::default()).map(|(engine, _)| engine)
    }

    fn sealed(&self, by: usize, run: u64, counter: u64, packet: Packet) -> SealedEnvelope {
        let (sender, run) = (self.keys[by].public_key(), RunNumber::new(run));
        self.keys[by].seal(&self.chain, Envelope { sender, run, counter, packet }).0
    }

    fn hear(
        &self,
        engine: &mut Engine,
        by: usize,
        run: u64,
        counter: u64,
        packet: Packet,
    ) -> Result<TurnReport, Fatal> {
        let gate = Gate::new(self.chain, &Settings::default());
        let sealed = self.sealed(by, run, counter, packet);
        let packet = gate.open(&codec::encode(&sealed)).expect("a good packet");
        engine.turn(Monotonic::default(), Input::Packet(Box::new(packet)))
    }
}

fn alive() -> Packet {
    Packet::Alive(Alive { promise: View::default(), committed: GENESIS })
}

/// §8: the run number is durable before anything leaves, and grows even if the clock does not.
#[test]
fn the_run_number_is_durable_before_anything_leaves() {
    let bench = Bench::new(4);
    let stored = SafetyState { run: RunNumber::new(77), ..SafetyState::default() };
    let engine = bench.start(5, stored).expect("it starts");
    let seen = bench.notes.take();
    assert_eq!(seen[0], Seen::Stored(SafetyRecord::Run(RunNumber::new(78))));
    assert_eq!(engine.run(), RunNumber::new(78));
}

/// §3: where the clock is ahead, the run number is wall-clock milliseconds.
#[test]
fn the_run_number_follows_the_clock() {
    let bench = Bench::new(4);
    let engine = bench.start(5_000, SafetyState::default()).expect("it starts");
    assert_eq!(engine.run(), RunNumber::new(5_000));
}

/// §8: what could not be written is not said.
#[test]
fn a_node_that_cannot_write_says_nothing() {
    let bench = Bench::new(1);
    *bench.notes.disk_is_full.lock().expect("one thread") = true;
    assert!(matches!(bench.start(1, SafetyState::default()), Err(Fatal::Store(_))));
    assert_eq!(bench.notes.take(), []);
}

/// §5.1: with n = 1 a node elects itself at once; its promise is durable before its first ack.
#[test]
fn a_validator_alone_elects_itself_in_one_turn() {
    let bench = Bench::new(1);
    let mut engine = bench.start(1, SafetyState::default()).expect("it starts");
    engine.turn(Monotonic::default(), Input::DeadlineReached).expect("no fault");
    assert_eq!(engine.status(Monotonic::default()).role, RoleName::Leader);
    let seen = bench.notes.take();
    let at = |wanted: fn(&Seen) -> bool| seen.iter().position(wanted).expect("it happened");
    let promised = at(|seen| matches!(seen, Seen::Stored(SafetyRecord::Promise(_))));
    let acked = at(|seen| matches!(seen, Seen::Broadcast(Packet::Ack(_))));
    assert!(promised < acked, "{seen:?}");
}

/// §8, two machines with one key: a node stops on a packet of its own key that it did not send.
#[test]
fn a_packet_of_our_key_that_we_did_not_send_stops_the_node() {
    let bench = Bench::new(4);
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    let newer = bench.hear(&mut engine, 0, 101, 1, alive());
    assert!(matches!(newer, Err(Fatal::KeyInUse { .. })), "{newer:?}");
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    let never_sent = bench.hear(&mut engine, 0, 100, 1_000, alive());
    assert!(matches!(never_sent, Err(Fatal::KeyInUse { .. })), "{never_sent:?}");
}

/// Appendix A.10, *replayed own packet*: what an earlier run sent is old news, and so is an echo.
#[test]
fn a_replayed_packet_of_our_own_stops_nobody() {
    let bench = Bench::new(4);
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    let before = engine.core().clone();
    bench.hear(&mut engine, 0, 99, 1_000, alive()).expect("old news");
    let sent = |seen: &Seen| matches!(seen, Seen::Broadcast(Packet::Alive(_)));
    assert!(bench.notes.take().iter().any(sent), "a node without records asks first (§8)");
    bench.hear(&mut engine, 0, 100, 1, alive()).expect("an echo");
    assert_eq!(*engine.core(), before, "it changes nothing");
}

/// §8: a packet of an earlier run that our records do not reach marks our key, durably.
#[test]
fn a_packet_of_our_own_that_we_have_forgotten_marks_our_key() {
    let bench = Bench::new(4);
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    let (view, next_set) = (View::default(), SetDigest::default());
    let id = BlockId { height: Height::new(3), hash: BlockHash::new([3; 32]) };
    let vote = BlockVote { view, id, next_set, signature: Signature::new([1; 64]) };
    let report = bench.hear(&mut engine, 0, 99, 1, Packet::CommitVote(vote)).expect("no fault");
    let mark = engine.status(Monotonic::default()).mark.expect("a mark");
    assert_eq!(mark.key, bench.keys[0].public_key());
    assert!(report.events.contains(&Event::Marked(mark)));
    assert!(bench.notes.take().contains(&Seen::Stored(SafetyRecord::Mark(Some(mark)))));
}

fn final_block(height: u64, bytes: usize) -> FinalBlock {
    let hash = BlockHash::new([u8::try_from(height % 256).expect("a byte"); 32]);
    let id = BlockId { height: Height::new(height), hash };
    let certificate = Certificate {
        phase: Phase::Commit,
        view: View::default(),
        id,
        next_set: SetDigest::default(),
        signers: Signers::NONE,
        signatures: Vec::new(),
    };
    FinalBlock { id, body: Body::new(vec![0; bytes]), certificate }
}

fn ranges(seen: Vec<Seen>) -> Vec<Vec<u64>> {
    seen.into_iter()
        .filter_map(|seen| match seen {
            Seen::Sent(_, Packet::Blocks(blocks)) => {
                Some(blocks.iter().map(|block| block.id.height.get()).collect())
            }
            Seen::Sent(..) | Seen::Broadcast(_) | Seen::Stored(_) => None,
        })
        .collect()
}

/// §7: ranges are in order, without gaps, and no larger than a packet may be.
#[test]
fn a_range_of_blocks_ends_where_a_packet_does() {
    let bench = Bench::new(4);
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    let ask = |from| Packet::BlocksRequest(BlocksRequest { from: Height::new(from) });
    let sizes = [(1, 3 << 20), (2, 1 << 19), (3, 1 << 20), (4, 5), (6, 5)];
    *bench.notes.blocks.lock().expect("one thread") =
        sizes.map(|(height, bytes)| final_block(height, bytes)).to_vec();
    for (counter, from) in [(1, 1), (2, 3), (3, 5), (4, 7)] {
        bench.hear(&mut engine, 1, 1, counter, ask(from)).expect("no fault");
    }
    assert_eq!(ranges(bench.notes.take()), [vec![1, 2], vec![3, 4]]);
}

/// §7, §10: no more is read than is sent.
#[test]
fn a_range_of_small_blocks_ends_at_a_number_of_them() {
    let bench = Bench::new(4);
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    *bench.notes.blocks.lock().expect("one thread") =
        (1..=1000).map(|height| final_block(height, 5)).collect();
    let ask = Packet::BlocksRequest(BlocksRequest { from: Height::new(1) });
    bench.hear(&mut engine, 1, 1, 1, ask).expect("no fault");
    assert_eq!(ranges(bench.notes.take()), [(1..=256).collect::<Vec<_>>()]);
    assert_eq!(*bench.notes.read.lock().expect("one thread"), 256);
}

/// §10: asking costs the asker more than us.
#[test]
fn a_peer_that_asks_too_often_gets_no_answer() {
    let bench = Bench::new(4);
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    *bench.notes.blocks.lock().expect("one thread") = vec![final_block(1, 5)];
    let ask = || Packet::BlocksRequest(BlocksRequest { from: Height::new(1) });
    let mut refused = 0;
    for counter in 1..=40 {
        let report = bench.hear(&mut engine, 1, 1, counter, ask()).expect("no fault");
        refused += report.refused_requests;
    }
    assert_eq!(ranges(bench.notes.take()).len() + refused, 40);
    assert_eq!(refused, 24, "an allowance is 16 at once");
    bench.hear(&mut engine, 2, 1, 1, ask()).expect("no fault");
    assert_eq!(ranges(bench.notes.take()).len(), 1, "others have an allowance of their own");
}

/// §6.8: whoever lacks the body of a certified block gets it; nobody gets another one.
#[test]
fn a_body_is_given_to_who_asks_for_exactly_it() {
    let bench = Bench::new(4);
    let mut engine = bench.start(100, SafetyState::default()).expect("it starts");
    let block = final_block(1, 5);
    *bench.notes.blocks.lock().expect("one thread") = vec![block.clone()];
    bench.notes.take();
    let other = BlockId { hash: BlockHash::new([9; 32]), ..block.id };
    for (counter, id) in [(1, block.id), (2, other)] {
        let ask = Packet::BodyRequest(BodyRequest { id });
        bench.hear(&mut engine, 1, 1, counter, ask).expect("no fault");
    }
    let seen = bench.notes.take();
    let [Seen::Sent(to, Packet::Body(reply))] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((*to, reply.id, &reply.body), (bench.keys[1].public_key(), block.id, &block.body));
}
