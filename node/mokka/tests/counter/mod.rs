//! The smallest application: block `n` says `n`. Four of them agree in one process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mokka::{
    Handle, LocalSigner, Plugs, RangeLimit, Running, Start, StateMachine, driver,
    memory::{MemoryReceiver, MemoryStore, MemoryTransport, network},
};
use mokka_consensus::{
    BuildRequest, BuiltBlock, CheckRequest, CheckedBlock, FinalizeBlock, FinalizedBlock,
    ProposedBlock, Restored, Verdict, WorkWaiting,
};
use mokka_crypto::{SecretKey, digest};
use mokka_types::{
    BlockHash, BlockId, Body, ChainHash, CrashModel, Epoch, FinalBlock, Height, Promise,
    SafetyState, SetDigest, Settings, ValidatorSet, codec,
};

/// Counts up to a number, one step in each block. Answers at once, on the engine's own thread.
struct Counter {
    handle: Handle,
    set: SetDigest,
    end: u64,
    blocks: Arc<Mutex<Vec<FinalBlock>>>,
}

fn body(parent: BlockId) -> Option<(BlockId, Body)> {
    let height = parent.height.next()?;
    let body = Body::new(codec::encode(&(parent, height.get())));
    Some((BlockId { height, hash: digest::body(&body) }, body))
}

impl StateMachine for Counter {
    fn build(&mut self, request: BuildRequest) {
        let BuildRequest { view, parent, .. } = request;
        let next = body(parent).filter(|(id, _)| id.height.get() <= self.end);
        let block = next.map(|(id, body)| ProposedBlock { id, body, next_set: self.set });
        self.handle.built(BuiltBlock { view, parent, block });
    }

    fn check(&mut self, request: CheckRequest) {
        let verdict = match body(request.parent) == Some((request.id, request.body)) {
            true => Verdict::Valid { next_set: self.set },
            false => Verdict::NotThisBlock,
        };
        self.handle.checked(CheckedBlock { ticket: request.ticket, verdict });
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        let FinalizeBlock { id, body, certificate } = block;
        if id.height.get() >= self.end {
            self.handle.work_waiting(WorkWaiting::No);
        }
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.push(FinalBlock { id, body, certificate });
        self.handle.finalized(FinalizedBlock { id, next_set: None, next_settings: None });
    }

    fn blocks(&mut self, from: Height, _limit: RangeLimit) -> Vec<FinalBlock> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.iter().filter(|block| block.id.height >= from).cloned().collect()
    }

    fn body(&mut self, id: &BlockId) -> Option<Body> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.iter().find(|block| block.id == *id).map(|block| block.body.clone())
    }
}

/// One validator of the process.
pub(crate) struct Validator {
    pub(crate) handle: Handle,
    pub(crate) running: Running,
    pub(crate) store: MemoryStore,
}

impl Validator {
    /// There is something to put into blocks: from now on they come.
    pub(crate) fn has_work(&self) {
        self.handle.work_waiting(WorkWaiting::Yes);
    }
}

/// What the validators have in common.
pub(crate) struct Network {
    keys: Vec<Arc<SecretKey>>,
    set: ValidatorSet,
    chain: ChainHash,
    genesis: BlockId,
    end: u64,
    /// What the clocks of their machines show when they start, since 1970.
    pub(crate) wall_clock: Duration,
    /// What they have promised before.
    pub(crate) promise: Promise,
}

impl Network {
    /// So many validators that want to count to `end`.
    pub(crate) fn new(validators: u8, model: CrashModel, end: u64) -> Self {
        let secret = |number| SecretKey::from_bytes([number; 32]).expect("a secret key");
        let keys: Vec<_> = (1..=validators).map(|number| Arc::new(secret(number))).collect();
        let publics = keys.iter().map(|key| key.public_key());
        let set = ValidatorSet::new(model, publics).expect("distinct keys");
        let genesis = BlockId { height: Height::GENESIS, hash: BlockHash::new([1; 32]) };
        let chain = digest::chain(&genesis.hash, 1, &set, &Settings::default());
        let (wall_clock, promise) = (driver::wall_clock(), Promise::default());
        Self { keys, set, chain, genesis, end, wall_clock, promise }
    }

    /// Starts them all. Must be called within a runtime.
    pub(crate) fn start(&self) -> Vec<Validator> {
        let publics: Vec<_> = self.keys.iter().map(|key| key.public_key()).collect();
        let links = network(&publics);
        self.keys.iter().zip(links).map(|(key, link)| self.validator(key, link)).collect()
    }

    fn validator(
        &self,
        key: &Arc<SecretKey>,
        (transport, receiver): (MemoryTransport, MemoryReceiver),
    ) -> Validator {
        let settings = Settings::default();
        let (inbox, handle) = mokka::inbox(self.chain, &settings);
        let store = MemoryStore::default();
        let counter = Counter {
            handle: handle.clone(),
            set: digest::set(&self.set),
            end: self.end,
            blocks: Arc::default(),
        };
        let plugs = Plugs {
            transport: Box::new(transport),
            machine: Box::new(counter),
            store: Box::new(store.clone()),
            signer: Box::new(LocalSigner::new(self.chain, Arc::clone(key))),
        };
        let start = Start {
            chain: self.chain,
            genesis: self.genesis,
            settings,
            seed: u64::from(key.public_key().as_bytes()[1]),
            wall_clock: self.wall_clock,
            restored: Restored {
                safety: SafetyState { promise: self.promise, ..store.state() },
                committed: self.genesis,
                certificate: None,
                epoch: Epoch::default(),
                set: self.set.clone(),
                began: self.genesis,
            },
        };
        tokio::spawn(receiver.deliver_to(handle.clone()));
        let running = mokka::spawn(inbox, plugs, start).expect("a thread");
        Validator { handle, running, store }
    }
}

/// Waits until a validator has committed this height.
pub(crate) async fn committed(validator: &Validator, height: u64) -> BlockId {
    let mut status = validator.handle.status();
    let reached = status.wait_for(|status| {
        status.as_ref().is_some_and(|status| status.committed.height.get() >= height)
    });
    let status = reached.await.expect("the engine runs");
    status.as_ref().expect("it has started").committed
}
