//! The pool as its owner keeps it: what it weighs, says, repeats and gives up.
#![allow(clippy::unwrap_used)]

use alloy_consensus::{Sealed, SignableTransaction, TxEip1559};
use alloy_eips::Encodable2718;
use alloy_primitives::{Signature, TxKind, U256};
use mokka::{Inbox, Notice};
use mokka_consensus::Event;
use mokka_crypto::SecretKey;
use mokka_genesis::{Beginning, Draft, Genesis, Validator};
use mokka_runtime::{BlockBuilder, Plan, Stamp};
use mokka_storage::{BlockCommit, GenesisCommit, MemoryDisk};
use mokka_types::{Certificate, CrashModel, Epoch, Phase, SetDigest, Settings, Signers, Term};

use tokio::sync::watch;

use super::{announce::ROUND, *};
use crate::{executor::id_of, gossip::Listener, members::Membership, view::address_of};

const CHAIN: u64 = 1337;
const COINS: u64 = 100;
/// Has [`COINS`].
const ALICE: u8 = 1;
/// Have nothing, and need nothing to send nothing: gas is free.
const BOB: u8 = 2;
const CAROL: u8 = 3;

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).unwrap()
}

fn address(number: u8) -> Address {
    address_of(&key(number).public_key()).unwrap()
}

fn term(number: u64) -> View {
    View::new(Epoch::new(0), Term::new(number))
}

/// So many coins to somebody, with so much data.
fn transfer(sender: u8, nonce: u64, value: u64, data: usize) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 21_000 + 40 * data as u64,
        to: TxKind::Call(Address::repeat_byte(7)),
        value: U256::from(value),
        input: vec![1; data].into(),
        ..TxEip1559::default()
    };
    let (bytes, parity) = key(sender).sign_recoverable(&transaction.signature_hash());
    let signature = Signature::from_bytes_and_parity(&bytes, parity);
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

struct World {
    owner: Owner,
    genesis: Genesis,
    beginning: Beginning,
    _engine: Inbox,
}

impl World {
    fn new() -> Self {
        Self::within(Limits::default())
    }

    fn within(limits: Limits) -> Self {
        let genesis = Draft::new(CHAIN, CrashModel::Bft)
            .validator(Validator::new(key(9).public_key()))
            .fund(address(ALICE), U256::from(COINS))
            .check()
            .unwrap();
        let beginning = genesis.begin().unwrap();
        let chain = beginning.chain_hash;
        let validators = &genesis.validator_set();
        let commit = GenesisCommit { chain, executed: &beginning.block, validators };
        let (inbox, engine) = mokka::inbox(chain, genesis.settings());
        let store = Arc::new(MemoryDisk::new().create(&commit).unwrap());
        let members = Membership::read(&*store.latest().state, &genesis).unwrap();
        let surroundings = Surroundings {
            store,
            engine,
            network: None,
            metrics: Arc::new(Metrics::new()),
            rules: Rules::new(CHAIN, genesis.gas_limit(), genesis.base_fee()),
            limits,
            members: watch::channel(Arc::new(members)).1,
        };
        let owner = Owner::new(surroundings, &channel().0);
        Self { owner, genesis, beginning, _engine: inbox }
    }

    fn tell(&mut self, message: Message) {
        self.owner.handle(vec![message]).unwrap();
    }

    fn submit(&mut self, raw: &Bytes) -> Submitted {
        let (reply, mut answer) = oneshot::channel();
        self.tell(Message::Submit { raw: raw.clone(), reply });
        answer.try_recv().unwrap()
    }

    /// As if so much time had passed.
    fn wait(&mut self, time: Duration) {
        self.owner.since = self.owner.since.checked_sub(time).unwrap();
    }

    /// Puts a block with this transaction on block 0, and only there.
    fn commit(&self, raw: &Bytes) -> Arc<Executed> {
        let store = &self.owner.surroundings.store;
        let (spec, latest) = (self.genesis.chain_spec(), store.latest());
        let header = store.header(latest.id.height).unwrap().unwrap();
        let parent = Sealed::new_unchecked(header, self.beginning.block.hash);
        let plan = Plan { stamp: Stamp::after(&parent, Term::new(1), 1), beneficiary: address(9) };
        let mut builder =
            BlockBuilder::new(&spec, &parent, plan, &*latest.state, &*latest.tree).unwrap();
        let transaction = Transaction::decode(raw, self.owner.pool.rules()).unwrap();
        builder.push(transaction.recovered().clone()).unwrap();
        let executed = Arc::new(builder.finish().unwrap());
        let certificate = &Certificate {
            phase: Phase::Commit,
            view: term(1),
            id: id_of(&executed),
            next_set: SetDigest::new([4; 32]),
            signers: Signers::NONE,
            signatures: Vec::new(),
        };
        let commit = BlockCommit { executed: &executed, certificate, next_set: None };
        store.commit_block(&commit).unwrap();
        executed
    }

    fn is_due(&self) -> bool {
        self.owner.work() == WorkWaiting::Yes
    }

    fn patience(&self) -> Duration {
        self.genesis.settings().progress_timeout
    }

    /// Its followers count a leader dead: the next one begins its term.
    fn goes_without_a_block(&mut self, next: u64) {
        self.wait(self.patience());
        self.tell(Message::Silence);
        self.tell(Message::Leader(term(next)));
    }
}

/// The store has a block before the pool does. Until it does, the cost of the block's transactions
/// is still pending here, and must not be taken from a balance that has paid for them.
#[test]
fn a_block_that_is_not_followed_yet_costs_its_senders_nothing_twice() {
    let mut world = World::new();
    let (first, second) = (transfer(ALICE, 0, 60, 0), transfer(ALICE, 1, 40, 0));
    world.submit(&first).unwrap();
    let block = world.commit(&first);
    world.submit(&second).expect("40 of the 100 coins are left");
    world.tell(Message::Committed(block));
    assert_eq!(world.owner.pool.status().ready, 1);
    let refusal = world.submit(&transfer(ALICE, 2, 1, 0)).unwrap_err();
    assert_eq!(refusal.reason(), "insufficient_funds_for_all", "the 40 are spoken for");
}

#[test]
fn what_made_room_is_counted() {
    let mut world = World::within(Limits { transactions: 1, ..Limits::default() });
    world.submit(&transfer(BOB, 1, 0, 0)).unwrap();
    world.submit(&transfer(CAROL, 0, 0, 0)).expect("a queued one makes room for a ready one");
    let metrics = world.owner.surroundings.metrics.text(None, &Default::default());
    let line = "mokka_pool_dropped_total{reason=\"evicted\"} 1";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

#[test]
fn what_no_block_takes_is_told_again_every_round() {
    let mut world = World::new();
    let (ready, queued) = (transfer(BOB, 0, 0, 0), transfer(CAROL, 1, 0, 0));
    world.submit(&ready).unwrap();
    world.submit(&queued).unwrap();
    let overdue = |world: &mut World| world.owner.overdue(world.owner.now());
    assert_eq!(overdue(&mut world), Vec::<Bytes>::new(), "a block may come yet");
    world.wait(ROUND);
    let late = transfer(BOB, 1, 0, 0);
    world.submit(&late).unwrap();
    let waiting = [ready, late];
    assert_eq!(overdue(&mut world), waiting[..1], "nobody can use what is queued");
    assert_eq!(overdue(&mut world), waiting[..1], "it may have been lost again");
    world.wait(ROUND);
    assert_eq!(overdue(&mut world), waiting);
}

#[test]
fn a_round_is_bounded_and_the_next_one_goes_on_after_it() {
    let mut world = World::new();
    let large: Vec<_> = (0..5).map(|nonce| transfer(BOB, nonce, 0, 100_000)).collect();
    for raw in &large {
        world.submit(raw).unwrap();
    }
    world.wait(ROUND);
    for round in [&large[..2], &large[2..4], &large[4..], &large[..2]] {
        assert_eq!(world.owner.overdue(world.owner.now()), round);
    }
    world.tell(Message::Round);
    assert_eq!(world.owner.overdue(world.owner.now()), large[4..], "that was a round");
}

#[tokio::test]
async fn the_pool_hears_of_time_and_of_leaders() {
    let (pool, mut inbox) = channel();
    tokio::select! {
        () = rounds(pool.clone()) => unreachable!("it has no end"),
        message = inbox.recv() => assert!(matches!(message, Some(Message::Round))),
    }
    let listener = Listener {
        status: watch::channel(None).1,
        network: None,
        pool,
        metrics: Arc::new(Metrics::new()),
        keep: Box::new(|_| ()),
    };
    let (notices, heard) = broadcast::channel(2);
    let (view, leader) = (term(1), key(9).public_key());
    for event in [Event::Leader { view, leader }, Event::HeartbeatTimeout] {
        notices.send(Notice::Event(event)).unwrap();
    }
    drop(notices);
    listener.listen(heard).await;
    assert!(matches!(inbox.recv().await, Some(Message::Leader(led)) if led == view));
    assert!(matches!(inbox.recv().await, Some(Message::Silence)));
}

/// §5.6, A.11 *Poison transaction that makes every leader look dead*: one that two leaders in turn
/// left out no longer counts. Otherwise one that no builder takes would cost every validator its
/// leadership, twice.
#[test]
fn followers_see_that_two_leaders_in_turn_left_a_transaction_out() {
    let mut world = World::new();
    world.tell(Message::Leader(term(1)));
    world.submit(&transfer(BOB, 0, 0, 0)).unwrap();
    world.goes_without_a_block(2);
    assert!(world.is_due(), "one leader may be faulty");
    world.tell(Message::Leader(term(2)));
    world.goes_without_a_block(3);
    assert!(!world.is_due());
    world.submit(&transfer(CAROL, 0, 0, 0)).unwrap();
    assert!(world.is_due(), "nobody has left that out");
    assert_eq!(world.owner.pool.status().ready, 2, "builders may still try both");
}

/// §5.6: only who could have included a transaction has left it out.
#[test]
fn leaders_that_die_or_have_no_time_leave_nothing_out() {
    let mut world = World::new();
    world.tell(Message::Leader(term(1)));
    world.submit(&transfer(BOB, 0, 0, 0)).unwrap();
    // Each falls silent at once, and the next one is elected much later.
    for next in [2, 3, 4] {
        world.tell(Message::Silence);
        world.wait(world.patience() * 2);
        world.tell(Message::Leader(term(next)));
    }
    assert!(world.is_due());
    // Each has a block in flight, which is not final in time.
    for next in [5, 6, 7] {
        world.tell(Message::InFlight);
        world.goes_without_a_block(next);
    }
    assert!(world.is_due());
    // It came too late for each.
    let late = transfer(CAROL, 0, 0, 0);
    for next in [8, 9] {
        world.wait(world.patience());
        if next == 8 {
            world.submit(&late).unwrap();
        }
        world.tell(Message::Leader(term(next)));
    }
    assert!(world.is_due(), "of the two, one leader had no time for the later one");
}

/// §6.6: before the block interval is over, nobody owes a block.
#[test]
fn a_leader_that_waits_for_the_block_interval_leaves_nothing_out() {
    let mut world = World::new();
    let interval = world.patience() * 10;
    let settings = Settings { block_interval: interval, ..*world.genesis.settings() };
    world.owner.terms = Terms::new(&settings);
    let first = transfer(ALICE, 0, 1, 0);
    world.tell(Message::Leader(term(1)));
    let block = world.commit(&first);
    world.tell(Message::Committed(block));
    world.submit(&transfer(BOB, 0, 0, 0)).unwrap();
    for next in [2, 3, 4] {
        world.goes_without_a_block(next);
    }
    assert!(world.is_due());
    world.wait(interval);
    for next in [5, 6] {
        world.goes_without_a_block(next);
    }
    assert!(!world.is_due());
}
