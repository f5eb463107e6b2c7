//! The thread that owns the pool.
//!
//! Everybody else sends it messages. It takes what waits in its inbox together: senders are
//! recovered once, in parallel, and accounts are read from one state.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use alloy_consensus::TxEnvelope;
use alloy_eips::{Decodable2718, Encodable2718, eip7702::constants::EIP7702_DELEGATION_DESIGNATOR};
use alloy_primitives::{Address, B256, bytes::Bytes};
use mokka::Handle;
use mokka_consensus::WorkWaiting;
use mokka_mempool::{
    AccountChange, Arrival, Budget, Candidates, Limits, Origin, Pool, Refusal, Rules,
    SenderAccount, SenderCode, Transaction,
};
use mokka_network::{NetworkHandle, PeerId, Transactions, ValidationToken, Verdict};
use mokka_runtime::{Executed, StateError, StateReader};
use mokka_storage::Store;
use mokka_types::{Monotonic, View};
use rayon::prelude::*;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::{metrics::Metrics, supervisor::Task};

/// Messages that wait for the pool: a second of a busy node.
const INBOX: usize = 8192;
/// Messages that are taken together.
const TOGETHER: usize = 1024;
/// New transactions that a subscriber may be behind.
const ARRIVALS_KEPT: usize = 4096;
/// Bytes of transactions gossiped in one message.
const BATCH_BYTES: usize = 256 << 10;
/// Queued transactions are looked through this often.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// What a submitted transaction became.
pub(crate) type Submitted = Result<B256, Refusal>;

/// What others ask of the pool.
pub(crate) enum Message {
    /// A client's transaction, as it sent it.
    Submit { raw: Bytes, reply: oneshot::Sender<Submitted> },
    /// Transactions of a peer.
    Gossiped(Transactions),
    /// A peer connected, or came back: it may have missed some.
    Greet(PeerId),
    /// A new leader may have missed some.
    Repeat,
    /// The best transactions for a block.
    Candidates { budget: Budget, reply: std::sync::mpsc::SyncSender<Candidates> },
    /// A leader could not build a block, although it found candidates or there were none.
    BuiltNothing,
    /// These were left out of a block with room to spare.
    LeftOut { view: View, hashes: Vec<B256> },
    /// Known senders, so that a block need not recover them again.
    Senders { hashes: Vec<B256>, reply: std::sync::mpsc::SyncSender<Vec<Option<Address>>> },
    /// A block is final.
    Committed(Arc<Executed>),
    /// The nonce after a sender's ready transactions.
    PendingNonce { sender: Address, reply: oneshot::Sender<Option<u64>> },
    /// A transaction that waits.
    Find { hash: B256, reply: oneshot::Sender<Option<Arc<Transaction>>> },
}

/// Reaches the pool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PoolHandle {
    inbox: mpsc::Sender<Message>,
    arrivals: broadcast::Sender<Arc<Transaction>>,
    waiting: Arc<AtomicUsize>,
}

impl PoolHandle {
    /// From async code; waits while the pool is busy.
    pub(crate) async fn send(&self, message: Message) {
        // The pool ends only with the node.
        let _ended = self.inbox.send(message).await;
    }

    /// A peer's transactions, from async code that must not wait; gives their token back where
    /// there is no room for them.
    pub(crate) fn offer(&self, transactions: Transactions) -> Result<(), Box<ValidationToken>> {
        match self.inbox.try_reserve() {
            Ok(room) => {
                room.send(Message::Gossiped(transactions));
                Ok(())
            }
            Err(_) => Err(Box::new(transactions.token)),
        }
    }

    /// From a thread that may block.
    pub(crate) fn tell(&self, message: Message) {
        let _ended = self.inbox.blocking_send(message);
    }

    /// The best transactions for a block; from a thread that may block.
    pub(crate) fn candidates(&self, budget: Budget) -> Candidates {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.tell(Message::Candidates { budget, reply });
        answer.recv().unwrap_or_default()
    }

    /// Who sent these, as far as the pool knows; from a thread that may block.
    pub(crate) fn senders(&self, hashes: Vec<B256>) -> Vec<Option<Address>> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.tell(Message::Senders { hashes, reply });
        answer.recv().unwrap_or_default()
    }

    /// New transactions from now on.
    pub(crate) fn arrivals(&self) -> broadcast::Receiver<Arc<Transaction>> {
        self.arrivals.subscribe()
    }

    /// How many transactions wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// What the pool works with.
pub(crate) struct Surroundings {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Handle,
    pub(crate) network: Option<NetworkHandle>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) rules: Rules,
    pub(crate) limits: Limits,
}

/// A handle and its inbox, for a pool to come.
pub(crate) fn channel() -> (PoolHandle, mpsc::Receiver<Message>) {
    let (inbox, receiver) = mpsc::channel(INBOX);
    let (arrivals, _) = broadcast::channel(ARRIVALS_KEPT);
    (PoolHandle { inbox, arrivals, waiting: Arc::default() }, receiver)
}

/// Starts the pool's thread.
pub(crate) fn spawn(
    surroundings: Surroundings,
    handle: &PoolHandle,
    mut inbox: mpsc::Receiver<Message>,
) -> std::io::Result<Task> {
    let owner = Owner {
        pool: Pool::new(surroundings.limits, surroundings.rules.clone()),
        announced: Arrival::default(),
        offered: Arrival::default(),
        since: Instant::now(),
        expired_at: Instant::now(),
        arrivals: handle.arrivals.clone(),
        waiting: Arc::clone(&handle.waiting),
        surroundings,
    };
    let (ends, task) = Task::named("pool");
    thread::Builder::new().name("mokka-pool".into()).spawn(move || {
        let mut owner = owner;
        while let Some(first) = inbox.blocking_recv() {
            let mut together = vec![first];
            while together.len() < TOGETHER {
                let Ok(message) = inbox.try_recv() else { break };
                together.push(message);
            }
            if let Err(error) = owner.handle(together) {
                return ends.with(error.to_string());
            }
        }
        ends.orderly();
    })?;
    Ok(task)
}

/// A transaction on its way in, with whoever waits for the outcome.
struct Entering {
    transaction: Arc<Transaction>,
    origin: Origin,
    reply: Option<oneshot::Sender<Submitted>>,
}

struct Owner {
    pool: Pool,
    /// Everything up to here was gossiped.
    announced: Arrival,
    /// The newest that was there when candidates were last taken.
    offered: Arrival,
    since: Instant,
    expired_at: Instant,
    arrivals: broadcast::Sender<Arc<Transaction>>,
    waiting: Arc<AtomicUsize>,
    surroundings: Surroundings,
}

impl Owner {
    fn now(&self) -> Monotonic {
        Monotonic::since_start(self.since.elapsed())
    }

    /// Commits come first, so that admission sees the newest accounts; then what enters, together.
    fn handle(&mut self, messages: Vec<Message>) -> Result<(), StateError> {
        let mut submitted = Vec::new();
        let mut gossiped = Vec::new();
        let mut questions = Vec::new();
        for message in messages {
            match message {
                Message::Committed(executed) => self.committed(&executed),
                Message::Submit { raw, reply } => submitted.push((raw, reply)),
                Message::Gossiped(transactions) => gossiped.push(transactions),
                other => questions.push(other),
            }
        }
        self.enter(submitted, gossiped)?;
        for question in questions {
            self.answer(question);
        }
        if self.expired_at.elapsed() >= EXPIRE_EVERY {
            self.expired_at = Instant::now();
            let changes = self.pool.expire(self.now());
            self.surroundings.metrics.dropped(&changes.dropped);
        }
        self.gossip();
        self.show();
        Ok(())
    }

    fn enter(
        &mut self,
        submitted: Vec<(Bytes, oneshot::Sender<Submitted>)>,
        gossiped: Vec<Transactions>,
    ) -> Result<(), StateError> {
        let rules = self.pool.rules();
        let local =
            submitted.into_par_iter().map(|(raw, reply)| (Transaction::decode(&raw, rules), reply));
        let local: Vec<_> = local.collect();
        let mut entering = Vec::with_capacity(local.len());
        for (decoded, reply) in local {
            match decoded {
                Ok(transaction) => entering.push(Entering {
                    transaction: Arc::new(transaction),
                    origin: Origin::Local,
                    reply: Some(reply),
                }),
                Err(refusal) => {
                    self.surroundings.metrics.refused(&refusal);
                    // A client that left does not need to be told.
                    let _left = reply.send(Err(refusal));
                }
            }
        }
        for batch in gossiped {
            entering.extend(self.open(batch));
        }
        if entering.is_empty() {
            return Ok(());
        }
        let latest = self.surroundings.store.latest();
        for one in entering {
            self.admit(one, &*latest.state)?;
        }
        Ok(())
    }

    /// Decodes a peer's batch; one that nobody could have admitted costs its sender score.
    fn open(&self, batch: Transactions) -> Vec<Entering> {
        let opened: Result<Vec<Option<Transaction>>, ()> = batch
            .transactions
            .par_iter()
            .map(|bytes| {
                let envelope = TxEnvelope::decode_2718_exact(bytes).map_err(drop)?;
                match self.pool.contains(envelope.tx_hash()) {
                    true => Ok(None),
                    false => Transaction::recover(envelope).map(Some).map_err(drop),
                }
            })
            .collect();
        let verdict = if opened.is_ok() { Verdict::Accept } else { Verdict::Reject };
        if let Some(network) = &self.surroundings.network {
            network.validated(batch.token, verdict);
        }
        let opened = opened.unwrap_or_default().into_iter().flatten();
        opened
            .map(|transaction| Entering {
                transaction: Arc::new(transaction),
                origin: Origin::Remote,
                reply: None,
            })
            .collect()
    }

    fn admit(&mut self, entering: Entering, state: &dyn StateReader) -> Result<(), StateError> {
        let Entering { transaction, origin, reply } = entering;
        let account = account_of(state, transaction.sender())?;
        let now = self.now();
        let outcome = self.pool.admit(Arc::clone(&transaction), origin, &account, now);
        match &outcome {
            Ok(_) => {
                // Nobody has to listen.
                let _heard_by = self.arrivals.send(Arc::clone(&transaction));
            }
            Err(refusal) if origin == Origin::Local => {
                self.surroundings.metrics.refused(refusal);
            }
            Err(_) => {}
        }
        if let Some(reply) = reply {
            let _left = reply.send(outcome.map(|_| transaction.hash()));
        }
        Ok(())
    }

    fn committed(&mut self, executed: &Executed) {
        let hashes: Vec<B256> =
            executed.block.body.transactions.iter().map(|tx| *tx.tx_hash()).collect();
        let accounts: Vec<AccountChange> = executed
            .changes
            .accounts
            .iter()
            .map(|(address, account)| {
                let account = account.unwrap_or_default();
                let (address, nonce, balance) = (*address, account.nonce, account.balance);
                AccountChange { address, nonce, balance }
            })
            .collect();
        let now = self.now();
        let changes = self.pool.on_commit(hashes, accounts, now);
        self.surroundings.metrics.dropped(&changes.dropped);
    }

    fn answer(&mut self, question: Message) {
        match question {
            Message::Candidates { budget, reply } => {
                self.offered = self.pool.newest_arrival();
                let _ended = reply.send(self.pool.candidates(budget, &Default::default()));
            }
            Message::Senders { hashes, reply } => {
                let known = hashes
                    .iter()
                    .map(|hash| self.pool.get(hash).map(|entry| entry.transaction().sender()));
                let _ended = reply.send(known.collect());
            }
            Message::BuiltNothing => {
                // Something ready that came since then makes a block due again.
                if self.pool.arrivals_after(self.offered).next().is_some() {
                    self.surroundings.engine.work_waiting_again(self.work());
                }
            }
            Message::LeftOut { view, hashes } => {
                let now = self.now();
                self.pool.note_left_out(view, &hashes.into_iter().collect(), now);
            }
            Message::PendingNonce { sender, reply } => {
                let _left = reply.send(self.pool.pending_nonce(&sender));
            }
            Message::Find { hash, reply } => {
                let found = self.pool.get(&hash).map(|entry| Arc::clone(entry.transaction()));
                let _left = reply.send(found);
            }
            Message::Greet(peer) => {
                for batch in self.batches_after(Arrival::default()) {
                    if let Some(network) = &self.surroundings.network {
                        network.send_transactions(peer, batch);
                    }
                }
            }
            Message::Repeat => self.announced = Arrival::default(),
            Message::Submit { .. } | Message::Gossiped(_) | Message::Committed(_) => {}
        }
    }

    /// Tells everybody what is new here.
    fn gossip(&mut self) {
        let batches = self.batches_after(self.announced);
        self.announced = self.pool.newest_arrival();
        let Some(network) = &self.surroundings.network else { return };
        for batch in batches {
            network.publish_transactions(batch);
        }
    }

    /// Local transactions, and those of others where a peer may have missed them.
    fn batches_after(&self, cursor: Arrival) -> Vec<Vec<Bytes>> {
        let everything = cursor == Arrival::default();
        let mut batches = vec![Vec::new()];
        let mut bytes = 0;
        for entry in self.pool.arrivals_after(cursor) {
            if !everything && entry.origin() == Origin::Remote {
                continue;
            }
            let encoded = entry.transaction().envelope().encoded_2718();
            if bytes + encoded.len() > BATCH_BYTES {
                batches.push(Vec::new());
                bytes = 0;
            }
            bytes += encoded.len();
            if let Some(batch) = batches.last_mut() {
                batch.push(Bytes::from(encoded));
            }
        }
        batches.retain(|batch| !batch.is_empty());
        batches
    }

    fn work(&self) -> WorkWaiting {
        if self.pool.has_executable() { WorkWaiting::Yes } else { WorkWaiting::No }
    }

    fn show(&self) {
        self.surroundings.engine.work_waiting(self.work());
        let status = self.pool.status();
        self.waiting.store(status.ready + status.queued, Ordering::Relaxed);
        self.surroundings.metrics.pool(status);
    }
}

/// What the pool must know of a sender.
fn account_of(state: &dyn StateReader, address: Address) -> Result<SenderAccount, StateError> {
    let Some(account) = state.account(address)? else { return Ok(SenderAccount::default()) };
    let code = match account.code_hash == alloy_primitives::KECCAK256_EMPTY {
        true => SenderCode::Empty,
        false => match is_delegation(&state.code(account.code_hash)?) {
            true => SenderCode::Delegation,
            false => SenderCode::Contract,
        },
    };
    Ok(SenderAccount { nonce: account.nonce, balance: account.balance, code })
}

/// EIP-7702: the code of an account that executes another's.
fn is_delegation(code: &[u8]) -> bool {
    code.len() == 23 && code.starts_with(&EIP7702_DELEGATION_DESIGNATOR)
}
