//! A whole election over a network that takes no time: both rounds, the proof, and everybody has
//! checked it. Every packet is sealed once and opened by each receiver.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mokka::{
    Engine, Gate, LocalSigner, Plugs, RangeLimit, Start, StateMachine, Transport,
    memory::MemoryStore,
};
use mokka_consensus::{BuildRequest, CheckRequest, FinalizeBlock, Input, Restored};
use mokka_crypto::{SecretKey, digest};
use mokka_types::{
    BaseDigest, BlockHash, BlockId, Body, CrashModel, Epoch, FinalBlock, Height, Monotonic,
    Promise, PublicKey, SafetyState, SealedEnvelope, Settings, SignedBallot, Term, ValidatorSet,
    View, codec,
};

/// Nodes that know of each other and have no leader.
pub(crate) struct Election {
    nodes: Vec<(PublicKey, Engine, Wire)>,
    gate: Gate,
    now: Monotonic,
}

impl Election {
    pub(crate) fn new(model: CrashModel, validators: usize) -> Self {
        let secret = |number: usize| {
            let number = u8::try_from(number + 1).expect("few");
            Arc::new(SecretKey::from_bytes([number; 32]).expect("a secret key"))
        };
        let keys: Vec<_> = (0..validators).map(secret).collect();
        let publics = keys.iter().map(|key| key.public_key());
        let set = ValidatorSet::new(model, publics).expect("distinct keys");
        let genesis = BlockId { height: Height::GENESIS, hash: BlockHash::new([7; 32]) };
        let settings = Settings::default();
        let chain = digest::chain(&genesis.hash, 1, &set, &settings);
        // Who has signed before takes part at once, and waits for a leader first.
        let view = View::new(Epoch::default(), Term::new(1));
        let signed =
            SignedBallot { candidate: keys[0].public_key(), base: BaseDigest::new([7; 32]) };
        let promise = Promise { view, signed: Some(signed) };
        let old = SafetyState { promise, ..SafetyState::default() };
        let start = |key: Arc<SecretKey>| {
            let (public, wire) = (key.public_key(), Wire::default());
            let plugs = Plugs {
                transport: Box::new(wire.clone()),
                machine: Box::new(NoBlocks),
                store: Box::new(MemoryStore::default()),
                signer: Box::new(LocalSigner::new(chain, key)),
            };
            let restored = Restored {
                safety: old.clone(),
                committed: genesis,
                certificate: None,
                epoch: Epoch::default(),
                set: set.clone(),
                began: genesis,
            };
            let (seed, wall_clock) =
                (u64::from(public.as_bytes()[5]), Duration::from_secs(1 << 31));
            let start = Start { chain, genesis, settings, seed, wall_clock, restored };
            let (engine, _) = Engine::start(plugs, start, Monotonic::default()).expect("it starts");
            (public, engine, wire)
        };
        let nodes = keys.into_iter().map(start).collect();
        let gate = Gate::new(chain, &settings);
        let mut election = Self { nodes, gate, now: Monotonic::default() };
        election.deliver();
        election
    }

    /// Time passes until all follow one leader. Returns the nodes, whose end is nobody's cost.
    pub(crate) fn hold(mut self) -> Self {
        assert!(!self.is_over(), "nobody leads yet");
        while !self.is_over() {
            let due = self.nodes.iter_mut().min_by_key(|(_, engine, _)| engine.next_deadline());
            let (_, engine, _) = due.expect("a node");
            self.now = self.now.max(engine.next_deadline().expect("a deadline"));
            engine.turn(self.now, Input::DeadlineReached).expect("it goes on");
            self.deliver();
        }
        self
    }

    fn is_over(&self) -> bool {
        self.nodes.iter().all(|(_, engine, _)| engine.status(self.now).leader.is_some())
    }

    /// Every packet arrives, and what it leads to, at this very instant.
    fn deliver(&mut self) {
        while let Some((from, posted)) = self.posted() {
            for (key, engine, _) in &mut self.nodes {
                if *key != from && posted.to.is_none_or(|to| to == *key) {
                    let packet = self.gate.open(&posted.bytes).expect("a good packet");
                    engine.turn(self.now, Input::Packet(Box::new(packet))).expect("it goes on");
                }
            }
        }
    }

    fn posted(&self) -> Option<(PublicKey, Posted)> {
        self.nodes.iter().find_map(|(key, _, wire)| Some((*key, wire.take()?)))
    }
}

struct Posted {
    to: Option<PublicKey>,
    bytes: Vec<u8>,
}

#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<Posted>>>);

impl Wire {
    fn post(&self, to: Option<PublicKey>, packet: &SealedEnvelope) {
        let bytes = codec::encode(packet);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Posted { to, bytes });
    }

    fn take(&self) -> Option<Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Transport for Wire {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        self.post(Some(*to), packet);
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        self.post(None, packet);
    }
}

/// Nothing is due, so nobody asks.
struct NoBlocks;

impl StateMachine for NoBlocks {
    fn build(&mut self, _: BuildRequest) {}

    fn check(&mut self, _: CheckRequest) {}

    fn finalize(&mut self, _: FinalizeBlock) {}

    fn blocks(&mut self, _: Height, _: RangeLimit) -> Vec<FinalBlock> {
        Vec::new()
    }

    fn body(&mut self, _: &BlockId) -> Option<Body> {
        None
    }
}
