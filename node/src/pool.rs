//! The thread that owns the pool.
//!
//! Everybody else sends it messages. It takes what waits in its inbox together: senders are
//! recovered once, in parallel, and accounts are read from one state.

mod announce;
mod follow;
mod terms;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use alloy_consensus::TxEnvelope;
use alloy_eips::{Decodable2718, eip7702::constants::EIP7702_DELEGATION_DESIGNATOR};
use alloy_primitives::{Address, B256, bytes::Bytes};
use mokka::Handle;
use mokka_consensus::WorkWaiting;
use mokka_mempool::{
    AccountChange, Arrival, Budget, Candidates, Dropped, Limits, Origin, Pool, Refusal, Rules,
    SenderAccount, SenderCode, Transaction,
};
use mokka_network::{NetworkHandle, PeerId, Transactions, ValidationToken, Verdict};
use mokka_rpc::seams::PendingTransaction;
use mokka_runtime::{Executed, StateError, StateReader, system};
use mokka_storage::Store;
use mokka_types::{Height, Monotonic, View};
use rayon::prelude::*;
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::{debug, info};

use self::terms::Terms;
use crate::{members::Members, metrics::Metrics, submit::pending, supervisor::Task};

pub(crate) use self::announce::rounds;

/// Messages that wait for the pool: a second of a busy node.
const INBOX: usize = 8192;
/// Messages that are taken together.
const TOGETHER: usize = 1024;
/// New transactions that a subscriber may be behind.
pub(crate) const ARRIVALS_KEPT: usize = 4096;
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
    /// A leader is followed: it may have missed some.
    Leader(View),
    /// The leader that was followed is silent.
    Silence,
    /// Time has passed.
    Round,
    /// The best transactions for a block.
    Candidates { budget: Budget, reply: std::sync::mpsc::SyncSender<Candidates> },
    /// A leader could not build a block, although it found candidates or there were none.
    BuiltNothing,
    /// A valid block was proposed.
    InFlight,
    /// These were left out of a block with room to spare.
    LeftOut { view: View, hashes: Vec<B256> },
    /// Known senders, so that a block need not recover them again.
    Senders { hashes: Vec<B256>, reply: std::sync::mpsc::SyncSender<Vec<Option<Address>>> },
    /// It may be time for a block that could not be built before.
    Again,
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
    arrivals: broadcast::Sender<PendingTransaction>,
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
    pub(crate) fn arrivals(&self) -> broadcast::Receiver<PendingTransaction> {
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
    pub(crate) members: Members,
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
    let owner = Owner::new(surroundings, handle);
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
        // Who waits for the end may open the store at once.
        drop(owner);
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
    /// The newest block that it has followed; the store may be ahead by what waits in the inbox.
    committed: Height,
    /// Everything up to here was gossiped.
    announced: Arrival,
    /// What waits for too long was gossiped again up to here.
    repeated: Arrival,
    /// The newest that was there when candidates were last taken.
    offered: Arrival,
    /// No block could be made of what was there then.
    built_nothing: bool,
    terms: Terms,
    since: Instant,
    expired_at: Instant,
    arrivals: broadcast::Sender<PendingTransaction>,
    waiting: Arc<AtomicUsize>,
    surroundings: Surroundings,
}

impl Owner {
    fn new(surroundings: Surroundings, handle: &PoolHandle) -> Self {
        let settings = surroundings.members.borrow().system.settings;
        Self {
            pool: Pool::new(surroundings.limits, surroundings.rules.clone()),
            committed: surroundings.store.head().height,
            announced: Arrival::default(),
            repeated: Arrival::default(),
            offered: Arrival::default(),
            built_nothing: false,
            terms: Terms::new(&settings),
            since: Instant::now(),
            expired_at: Instant::now(),
            arrivals: handle.arrivals.clone(),
            waiting: Arc::clone(&handle.waiting),
            surroundings,
        }
    }

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
            self.report(&changes.dropped);
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
        // What is pending here is weighed against the state that it is pending on.
        let state = self.surroundings.store.state_at(self.committed).ok_or_else(|| {
            StateError(format!("the state after block {} is missing", self.committed))
        })?;
        for one in entering {
            self.admit(one, &*state)?;
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
            Ok(admitted) => {
                self.report(&admitted.dropped);
                if self.arrivals.receiver_count() > 0 {
                    // They may have left meanwhile.
                    let _heard_by = self.arrivals.send(pending(&transaction));
                }
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
        self.committed = Height::new(executed.number());
        self.terms.committed(now);
        self.report(&changes.dropped);
        self.follow_members(executed, now);
    }

    /// Nothing leaves in silence, least of all what a client was told to be in.
    fn report(&self, dropped: &[Dropped]) {
        self.surroundings.metrics.dropped(dropped);
        for Dropped { transaction, origin, reason } in dropped {
            let hash = transaction.hash();
            match origin {
                Origin::Local => info!(%hash, %reason, "a transaction of our RPC left the pool"),
                Origin::Remote => debug!(%hash, %reason, "a transaction left the pool"),
            }
        }
    }

    fn answer(&mut self, question: Message) {
        match question {
            Message::Candidates { budget, reply } => {
                (self.offered, self.built_nothing) = (self.pool.newest_arrival(), false);
                let _ended = reply.send(self.pool.candidates(budget, &Default::default()));
            }
            Message::Senders { hashes, reply } => {
                let known = hashes
                    .iter()
                    .map(|hash| self.pool.get(hash).map(|entry| entry.transaction().sender()));
                let _ended = reply.send(known.collect());
            }
            Message::BuiltNothing => self.built_nothing = true,
            Message::InFlight => self.terms.in_flight(),
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
            Message::Leader(view) => {
                let now = self.now();
                if let Some((ended, by)) = self.terms.begin(view, now) {
                    self.pool.note_all_left_out(ended, by, now);
                }
                self.announced = Arrival::default();
            }
            Message::Silence => self.terms.silence(self.now()),
            Message::Round => self.repeat(),
            Message::Again => {
                self.built_nothing = false;
                self.surroundings.engine.work_waiting_again(self.work());
            }
            Message::Submit { .. } | Message::Gossiped(_) | Message::Committed(_) => {}
        }
    }

    fn work(&self) -> WorkWaiting {
        if self.pool.has_executable() { WorkWaiting::Yes } else { WorkWaiting::No }
    }

    fn show(&mut self) {
        let came = || self.pool.arrivals_after(self.offered).next().is_some();
        if self.built_nothing && came() {
            // The engine waits for news, and "work waits" is none where it was said before.
            self.built_nothing = false;
            self.surroundings.engine.work_waiting_again(self.work());
        } else {
            self.surroundings.engine.work_waiting(self.work());
        }
        let status = self.pool.status();
        self.waiting.store(status.ready + status.queued, Ordering::Relaxed);
        self.surroundings.metrics.pool(status);
    }
}

/// What the pool must know of a sender.
fn account_of(state: &dyn StateReader, address: Address) -> Result<SenderAccount, StateError> {
    let allowance = system::allowance(state, address)?;
    let Some(account) = state.account(address)? else {
        return Ok(SenderAccount { allowance, ..SenderAccount::default() });
    };
    let code = match account.code_hash == alloy_primitives::KECCAK256_EMPTY {
        true => SenderCode::Empty,
        false => match is_delegation(&state.code(account.code_hash)?) {
            true => SenderCode::Delegation,
            false => SenderCode::Contract,
        },
    };
    Ok(SenderAccount { nonce: account.nonce, balance: account.balance, code, allowance })
}

/// EIP-7702: the code of an account that executes another's.
fn is_delegation(code: &[u8]) -> bool {
    code.len() == 23 && code.starts_with(&EIP7702_DELEGATION_DESIGNATOR)
}
