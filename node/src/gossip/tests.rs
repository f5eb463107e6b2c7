//! Real networks over sockets, real engines: what liars can get others to do.
#![allow(clippy::unwrap_used)]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
    time::Duration,
};

use alloy_primitives::bytes::Bytes;
use mokka::{
    Gate, Inbox, LocalSigner, Plugs, RangeLimit, Start, StateMachine, driver, memory::MemoryStore,
};
use mokka_consensus::{
    BuildRequest, BuiltBlock, CheckRequest, CheckedBlock, FinalizeBlock, FinalizedBlock,
    ProposedBlock, Restored, WorkWaiting,
};
use mokka_crypto::{SecretKey, digest};
use mokka_network::{
    Admitted, Binding, Network, NetworkConfig, NodeKey, PeerId, Rate, Rates, Target, Way,
};
use mokka_types::{
    Alive, BlockHash, BlockId, BlocksRequest, Body, ChainHash, CrashModel, Envelope, Epoch,
    FinalBlock, Height, Packet as Said, PacketKind, RunNumber, Settings, ValidatorSet, View,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::pool;

/// Far longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const GENESIS: BlockId = BlockId { height: Height::GENESIS, hash: BlockHash::new([1; 32]) };

/// What a node's network told it.
#[derive(Debug)]
enum Note {
    Packet(Way, Bytes),
    Up(PeerId),
    Refused,
    Lost(PeerId),
}

/// Block `n` says `n`; the first node counts, the others follow.
struct Counter {
    engine: Handle,
    set: ValidatorSet,
    end: u64,
    blocks: Arc<Mutex<Vec<FinalBlock>>>,
}

fn next(parent: BlockId) -> (BlockId, Body) {
    let height = parent.height.next().unwrap();
    let body = Body::new(codec::encode(&(parent, height.get())));
    (BlockId { height, hash: digest::body(&body) }, body)
}

impl StateMachine for Counter {
    fn build(&mut self, request: BuildRequest) {
        let BuildRequest { view, parent, .. } = request;
        let (id, body) = next(parent);
        let next_set = digest::set(&self.set);
        let wanted = id.height.get() <= self.end;
        let block = wanted.then_some(ProposedBlock { id, body, next_set });
        self.engine.built(BuiltBlock { view, parent, block });
    }

    fn check(&mut self, request: CheckRequest) {
        assert_eq!(next(request.parent), (request.id, request.body));
        let verdict = mokka_consensus::Verdict::Valid { next_set: digest::set(&self.set) };
        self.engine.checked(CheckedBlock { ticket: request.ticket, verdict });
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        let FinalizeBlock { id, body, certificate } = block;
        if id.height.get() >= self.end {
            self.engine.work_waiting(WorkWaiting::No);
        }
        self.blocks.lock().unwrap().push(FinalBlock { id, body, certificate });
        self.engine.finalized(FinalizedBlock { id, next_set: None, next_settings: None });
    }

    fn blocks(&mut self, from: Height, limit: RangeLimit) -> Vec<FinalBlock> {
        let blocks = self.blocks.lock().unwrap();
        let wanted = blocks.iter().filter(|block| block.id.height >= from);
        wanted.take(limit.blocks).cloned().collect()
    }

    fn body(&mut self, _: &BlockId) -> Option<Body> {
        None
    }
}

/// Who a node is.
#[derive(Clone, Copy)]
enum Who {
    Validator(usize),
    Observer(usize),
}

/// What listens to a network.
#[derive(Clone, Copy, PartialEq)]
enum Behind {
    /// What a node has there.
    Node,
    /// Nothing but the test: whoever may say anything.
    Liar,
}

/// Who is of the chain.
struct World {
    validators: Vec<Arc<SecretKey>>,
    observers: Vec<NodeKey>,
    set: ValidatorSet,
    chain: ChainHash,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The network of one node, what it hears, and the place of an engine.
struct Peer {
    network: NetworkHandle,
    notes: mpsc::Receiver<Note>,
    engine: Handle,
    inbox: Option<Inbox>,
    key: Arc<SecretKey>,
    _pool: mpsc::Receiver<Message>,
}

impl World {
    fn new(validators: usize, observers: usize) -> Self {
        let validators: Vec<_> = (0..validators).map(|_| Arc::new(SecretKey::generate())).collect();
        let publics = validators.iter().map(|key| key.public_key());
        let set = ValidatorSet::new(CrashModel::Bft, publics).unwrap();
        let chain = digest::chain(&GENESIS.hash, 1, &set, &Settings::default());
        let observers = (0..observers).map(|_| NodeKey::generate()).collect();
        Self { validators, observers, set, chain, stop: CancellationToken::new() }
    }

    fn config(&self, who: Who, targets: &[&Peer], rates: Rates) -> NetworkConfig {
        let (node_key, binding) = match who {
            Who::Observer(at) => (self.observers[at].clone(), None),
            Who::Validator(at) => {
                let (node_key, key) = (NodeKey::generate(), &self.validators[at]);
                let statement = Binding::digest(&self.chain, &node_key.peer_id(), 1);
                let (validator, signature) = (key.public_key(), key.sign(&statement));
                (node_key, Some(Binding { validator, sequence: 1, signature }))
            }
        };
        let observers = self.observers.iter().map(NodeKey::peer_id);
        let target = |peer: &&Peer| Target {
            validator: peer.key.public_key(),
            addresses: vec![peer.network.listen_address().clone()],
        };
        NetworkConfig {
            node_key,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            chain: self.chain,
            agent: "mokka/test".into(),
            binding,
            record: None,
            committed: Height::GENESIS,
            max_block_bytes: 1 << 20,
            admitted: Admitted::new(self.set.keys().iter().copied(), observers),
            targets: targets.iter().map(target).collect(),
            rates,
        }
    }

    /// Starts a network that dials these, and waits until it is connected to each.
    async fn start(&self, who: Who, behind: Behind, targets: &[&Peer], rates: Rates) -> Peer {
        let config = self.config(who, targets, rates);
        let Network { handle, mut events, .. } =
            Network::spawn(config, self.stop.clone()).await.unwrap();
        let (inbox, engine) = mokka::inbox(self.chain, &Settings::default());
        let (pool, greetings) = pool::channel();
        let (tell, notes) = mpsc::channel(1 << 16);
        let (on, forwarded) = mpsc::channel(1 << 16);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let note = match &event {
                    NetworkEvent::Packet(packet) => Note::Packet(packet.way, packet.bytes.clone()),
                    NetworkEvent::PeerConnected { peer, .. } => Note::Up(*peer),
                    NetworkEvent::PeerLost { peer, .. } => Note::Lost(*peer),
                    NetworkEvent::Refused { .. } => Note::Refused,
                    NetworkEvent::Transactions(_) => continue,
                };
                // The test may have ended.
                let _heard = tell.try_send(note);
                if behind == Behind::Node {
                    on.try_send(event).unwrap();
                }
            }
        });
        tokio::spawn(receive(forwarded, handle.clone(), engine.clone(), pool));
        let key = match who {
            Who::Validator(at) => Arc::clone(&self.validators[at]),
            Who::Observer(_) => Arc::new(SecretKey::generate()),
        };
        let inbox = Some(inbox);
        let mut peer = Peer { network: handle, notes, engine, inbox, key, _pool: greetings };
        let mut missing: Vec<_> = targets.iter().map(|peer| peer.network.peer_id()).collect();
        while !missing.is_empty() {
            peer.until("connected", |note| match note {
                Note::Up(peer) => {
                    missing.retain(|id| *id != peer);
                    true
                }
                _ => false,
            })
            .await;
        }
        peer
    }

    /// Gives a node an engine that counts to `end`, or follows.
    fn run(&self, peer: &mut Peer, end: u64) -> mokka::Running {
        let (engine, key) = (peer.engine.clone(), Arc::clone(&peer.key));
        let counter = Counter { engine, set: self.set.clone(), end, blocks: Arc::default() };
        let store = MemoryStore::default();
        let restored = Restored {
            safety: store.state(),
            committed: GENESIS,
            certificate: None,
            epoch: Epoch::default(),
            set: self.set.clone(),
            began: GENESIS,
        };
        let plugs = Plugs {
            transport: Box::new(Carrier(Some(peer.network.clone()))),
            machine: Box::new(counter),
            store: Box::new(store),
            signer: Box::new(LocalSigner::new(self.chain, key)),
        };
        let start = Start {
            chain: self.chain,
            genesis: GENESIS,
            settings: Settings::default(),
            seed: 1,
            wall_clock: driver::wall_clock(),
            restored,
        };
        mokka::spawn(peer.inbox.take().unwrap(), plugs, start).unwrap()
    }

    fn sealed(&self, key: &SecretKey, counter: u64, packet: Said) -> Vec<u8> {
        let (sender, run) = (key.public_key(), RunNumber::new(1));
        codec::encode(&key.seal(&self.chain, Envelope { sender, run, counter, packet }).0)
    }

    fn request(&self, key: &SecretKey) -> Vec<u8> {
        let from = Height::GENESIS.next().unwrap();
        self.sealed(key, 1, Said::BlocksRequest(BlocksRequest { from }))
    }

    fn alive(&self, key: &SecretKey, counter: u64) -> Vec<u8> {
        let alive = Alive { promise: View::default(), committed: GENESIS };
        self.sealed(key, counter, Said::Alive(alive))
    }

    /// What a packet is, if it is one.
    fn kind(&self, bytes: &[u8]) -> Option<PacketKind> {
        let gate = Gate::new(self.chain, &Settings::default());
        gate.open(bytes).ok().map(|opened| opened.packet.kind())
    }
}

impl Peer {
    /// Passes over notes until one is the wanted.
    async fn until(&mut self, what: &str, mut wanted: impl FnMut(Note) -> bool) {
        let search = async { while !wanted(self.notes.recv().await.unwrap()) {} };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    async fn committed(&self, height: u64) {
        let mut status = self.engine.status();
        let reached = status.wait_for(|status| {
            status.as_ref().is_some_and(|status| status.committed.height.get() >= height)
        });
        timeout(PATIENCE, reached).await.unwrap().unwrap();
    }
}

/// §7: an observer, which signs with a key of the moment, catches up; nobody else hears the ranges.
/// Another, which asks under a hundred keys, gets what one may get.
#[tokio::test(flavor = "multi_thread")]
async fn observers_are_answered_over_their_connections_only() {
    let world = World::new(1, 3);
    let rates = Rates::default;
    let mut v = world.start(Who::Validator(0), Behind::Node, &[], rates()).await;
    let _running = world.run(&mut v, 600);
    v.engine.work_waiting(WorkWaiting::Yes);
    v.committed(600).await;
    let mut bystander = world.start(Who::Observer(0), Behind::Liar, &[&v], rates()).await;
    let mut follower = world.start(Who::Observer(1), Behind::Node, &[&v], rates()).await;
    let _follows = world.run(&mut follower, 0);
    follower.committed(600).await;

    let mut liar = world.start(Who::Observer(2), Behind::Liar, &[&v], rates()).await;
    let asked = Instant::now();
    for _ in 0..90 {
        liar.network.send(v.key.public_key(), world.request(&SecretKey::generate()));
    }
    let last = Bytes::from("nothing more");
    let mut answers = 1;
    liar.until("an answer", |note| matches!(note, Note::Packet(Way::Direct, _))).await;
    v.network.broadcast(last.clone());
    liar.until("the last word", |note| match note {
        Note::Packet(Way::Direct, _) => {
            answers += 1;
            false
        }
        Note::Packet(Way::Broadcast, bytes) => bytes == last,
        Note::Refused | Note::Lost(_) => panic!("{note:?}"),
        Note::Up(_) => false,
    })
    .await;
    let allowed = 16 + 10 * (asked.elapsed().as_secs() + 1);
    assert!(answers <= allowed, "{answers} answers");
    for peer in [&mut bystander, &mut follower] {
        peer.until("the last word", |note| match note {
            Note::Packet(Way::Broadcast, bytes) => {
                assert_ne!(world.kind(&bytes), Some(PacketKind::Blocks), "meant for another");
                bytes == last
            }
            Note::Packet(Way::Direct, _) | Note::Up(_) => false,
            Note::Refused | Note::Lost(_) => panic!("{note:?}"),
        })
        .await;
    }
}

/// §7: whoever leads, an observer of four catches up, connected to all or to one, and nobody thinks
/// ill of it or of another.
#[tokio::test(flavor = "multi_thread")]
async fn an_observer_of_four_validators_catches_up() {
    let world = World::new(4, 2);
    let (mut peers, mut running) = (Vec::<Peer>::new(), Vec::new());
    for who in 0..4 {
        let targets: Vec<_> = peers.iter().collect();
        let who = Who::Validator(who);
        peers.push(world.start(who, Behind::Node, &targets, Rates::default()).await);
    }
    for peer in &mut peers {
        running.push(world.run(peer, 300));
        peer.engine.work_waiting(WorkWaiting::Yes);
    }
    for peer in &peers {
        peer.committed(300).await;
    }
    let all: Vec<_> = peers.iter().collect();
    let mut observers = Vec::new();
    for (at, targets) in [&all[..], &all[..1]].into_iter().enumerate() {
        let who = Who::Observer(at);
        let mut observer = world.start(who, Behind::Node, targets, Rates::default()).await;
        running.push(world.run(&mut observer, 0));
        observer.committed(300).await;
        observers.push(observer);
    }
    peers.extend(observers);
    for peer in &mut peers {
        while let Ok(note) = peer.notes.try_recv() {
            assert!(!matches!(note, Note::Refused | Note::Lost(_)), "{note:?}");
        }
    }
}

/// §10: what liars say costs them, and neither who relays it nor who hears it.
#[tokio::test(flavor = "multi_thread")]
async fn liars_do_not_get_an_honest_relay_cut() {
    let world = World::new(5, 0);
    let relay = world.start(Who::Validator(0), Behind::Node, &[], Rates::default()).await;
    let narrow = Rate { messages: 100.0, bytes: 1e6, burst_seconds: 1.0 };
    let rates = Rates { consensus: narrow, ..Rates::default() };
    let mut hearer = world.start(Who::Validator(1), Behind::Node, &[&relay], rates).await;
    let mut liars = Vec::new();
    for who in 2..5 {
        let who = Who::Validator(who);
        liars.push(world.start(who, Behind::Liar, &[&relay], Rates::default()).await);
    }
    let (forger, babbler, flooder) = (&liars[0], &liars[1], &liars[2]);

    // Who forwards to whom is settled at gossipsub's next heartbeat: until then, again.
    let mut counter = 0;
    loop {
        counter += 1;
        flooder.network.broadcast(world.alive(&flooder.key, counter));
        let heard = hearer.until("", |note| matches!(note, Note::Packet(..)));
        if timeout(Duration::from_millis(100), heard).await.is_ok() {
            break;
        }
    }
    for number in 0..50_u8 {
        forger.network.broadcast(world.request(&SecretKey::generate()));
        babbler.network.broadcast(vec![number; 100]);
    }
    for _ in 0..400 {
        counter += 1;
        flooder.network.broadcast(world.alive(&flooder.key, counter));
    }
    for liar in &mut liars[..2] {
        let id = relay.network.peer_id();
        liar.until("cut", |note| matches!(note, Note::Lost(peer) if peer == id)).await;
    }
    // What the hearer could not take is not held against the relay, who has its say again.
    for counter in 1.. {
        let word = world.alive(&relay.key, counter);
        relay.network.broadcast(word.clone());
        let heard = hearer.until("the relay", |note| match note {
            Note::Packet(_, bytes) => {
                let kind = world.kind(&bytes);
                assert_eq!(kind, Some(PacketKind::Alive), "of the flooder or the relay");
                bytes == word
            }
            Note::Refused | Note::Lost(_) => panic!("{note:?}"),
            Note::Up(_) => false,
        });
        if timeout(Duration::from_millis(100), heard).await.is_ok() {
            break;
        }
    }
}
