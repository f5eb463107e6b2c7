//! The pool: who is in, and how one gets in.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use alloy_primitives::{Address, TxHash};
use mokka_types::Monotonic;

use crate::{
    Arrival, DropReason, Dropped, Entry, Limits, Origin, Readiness, Refusal, Rules, SenderAccount,
    Transaction, check,
    entry::LeftOut,
    evict::{Need, Newcomer, Size},
    index::{Class, Index},
    sender::SenderQueue,
};

/// Transactions that wait for a block, within [`Limits`].
#[derive(Debug)]
pub struct Pool {
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
    pub(crate) senders: BTreeMap<Address, SenderQueue>,
    /// Only ever looked up, never walked: its order decides nothing.
    pub(crate) by_hash: HashMap<TxHash, Place>,
    pub(crate) arrivals: BTreeMap<Arrival, Place>,
    pub(crate) newest: Arrival,
    pub(crate) index: Index,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sender: Address,
    pub(crate) nonce: u64,
}

impl Place {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { sender: entry.transaction.sender(), nonce: entry.transaction.nonce() }
    }
}

/// What an admission did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its number, for ordering and for cursors.
    pub arrival: Arrival,
    /// Whether builders see it now.
    pub readiness: Readiness,
    /// What left for it: worse transactions, and the one whose place it took.
    pub dropped: Vec<Dropped>,
    /// What builders see now and did not before; with it, if it is ready.
    pub promoted: Vec<Arc<Transaction>>,
}

/// What must go for a newcomer.
struct Plan {
    /// Its sender's newest nonce, when the sender is at its limit.
    surplus: Option<u64>,
    victims: Vec<Place>,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: Limits, rules: Rules) -> Self {
        Self {
            limits,
            rules,
            senders: BTreeMap::new(),
            by_hash: HashMap::new(),
            arrivals: BTreeMap::new(),
            newest: Arrival::default(),
            index: Index::default(),
        }
    }

    /// The bounds it keeps.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The rules it applies.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Takes a transaction in. `account` is its sender on the committed state.
    ///
    /// # Errors
    /// Each rule has its own refusal; the pool is then as it was.
    pub fn admit(
        &mut self,
        transaction: Arc<Transaction>,
        origin: Origin,
        account: &SenderAccount,
        now: Monotonic,
    ) -> Result<Admitted, Refusal> {
        let readiness = Readiness::Queued { since: now };
        let (arrival, left_out) = (self.newest.next(), LeftOut::default());
        self.enter(Entry { transaction, arrival, origin, readiness, left_out }, account, now)
    }

    /// Takes a transaction back that [`Pool::remove`] gave out, in its old place of the order.
    ///
    /// # Errors
    /// Like [`Pool::admit`]: much may have changed in between.
    pub fn reinsert(
        &mut self,
        mut entry: Entry,
        account: &SenderAccount,
        now: Monotonic,
    ) -> Result<Admitted, Refusal> {
        entry.readiness = Readiness::Queued { since: now };
        if entry.arrival > self.newest || self.arrivals.contains_key(&entry.arrival) {
            entry.arrival = self.newest.next();
        }
        self.enter(entry, account, now)
    }

    /// Takes a transaction out, whatever follows it; `None` where it is not here. For a builder
    /// that found it to be invalid, and for an operator.
    pub fn remove(&mut self, hash: &TxHash, now: Monotonic) -> Option<Entry> {
        let place = *self.by_hash.get(hash)?;
        self.take_out(place, now)
    }

    fn enter(
        &mut self,
        entry: Entry,
        account: &SenderAccount,
        now: Monotonic,
    ) -> Result<Admitted, Refusal> {
        let transaction = Arc::clone(&entry.transaction);
        if self.by_hash.contains_key(&transaction.hash()) {
            return Err(Refusal::AlreadyKnown);
        }
        check::rules(&transaction, entry.origin, &self.rules)?;
        check::account(&transaction, account, self.senders.get(&transaction.sender()))?;
        let plan = self.plan(&transaction, entry.origin, account)?;

        let (sender, arrival, place) = (transaction.sender(), entry.arrival, Place::of(&entry));
        let mut evicted: Vec<_> =
            plan.victims.into_iter().filter_map(|victim| self.take_out(victim, now)).collect();
        let mut queue =
            self.take(&sender).unwrap_or_else(|| SenderQueue::new(account.nonce, account.balance));
        evicted.extend(plan.surplus.and_then(|nonce| queue.remove(nonce)));
        let replaced = queue.insert(entry);
        let promoted = self.put(sender, queue, now);
        let evicted = evicted.into_iter().map(|gone| (gone, DropReason::Evicted));
        let replaced = replaced.into_iter().map(|gone| (gone, DropReason::Replaced));
        let gone = evicted.chain(replaced);
        let dropped = gone.map(|(gone, reason)| self.drop_for(gone, reason)).collect();
        self.by_hash.insert(transaction.hash(), place);
        self.arrivals.insert(arrival, place);
        self.newest = self.newest.max(arrival);
        let is_ready = promoted.iter().any(|promoted| promoted.hash() == transaction.hash());
        Ok(Admitted {
            arrival,
            readiness: match is_ready {
                true => Readiness::Ready { since: now },
                false => Readiness::Queued { since: now },
            },
            dropped,
            promoted,
        })
    }

    /// What must go so that this transaction fits, or why it cannot be made to fit. Changes
    /// nothing.
    fn plan(
        &self,
        tx: &Transaction,
        origin: Origin,
        account: &SenderAccount,
    ) -> Result<Plan, Refusal> {
        let queue = self.senders.get(&tx.sender());
        let replaced = queue.and_then(|queue| queue.get(tx.nonce()));
        let pooled = queue.map_or(0, SenderQueue::len);
        let surplus = match (replaced, queue.and_then(SenderQueue::tail)) {
            (Some(old), _) => {
                check::replacement(tx, old)?;
                None
            }
            (None, _) if pooled < self.limits.per_sender => {
                if origin == Origin::Local {
                    check::reach(tx, check::next_nonce(account, queue), self.limits.per_sender)?;
                }
                None
            }
            // A missing nonce is worth more than the newest one: all behind the gap wait for it.
            // It is not worth more than our word, where we told a client that the newest is in.
            (None, Some(tail))
                if tail.transaction.nonce() > tx.nonce() && tail.origin == Origin::Remote =>
            {
                Some(tail)
            }
            (None, _) => return Err(Refusal::AccountLimit { pooled }),
        };
        let next = queue.map_or(account.nonce, SenderQueue::pending_nonce);
        let is_ready = tx.nonce() == next || replaced.is_some_and(Entry::is_ready);
        let newcomer = Newcomer {
            sender: tx.sender(),
            class: if is_ready { Class::Ready } else { Class::Queued },
            tip: tx.tip(self.rules.base_fee).unwrap_or_default(),
        };
        let leaving = replaced.or(surplus);
        let victims = self.victims(&newcomer, self.need(tx, newcomer.class, leaving))?;
        Ok(Plan { surplus: surplus.map(|tail| tail.transaction.nonce()), victims })
    }

    /// By how much the limits would be exceeded with this transaction, and without `leaving`.
    fn need(&self, tx: &Transaction, class: Class, leaving: Option<&Entry>) -> Need {
        let totals = self.index.totals();
        let left = usize::from(leaving.is_some());
        let size = leaving.map(Size::of).unwrap_or_default();
        let (queued, queued_bytes) = match class {
            Class::Ready => (0, 0),
            Class::Queued => (
                totals.transactions - totals.ready + 1 - size.queued,
                totals.bytes - totals.ready_bytes + tx.encoded_len() - size.queued_bytes,
            ),
        };
        Need {
            transactions: (totals.transactions + 1 - left).saturating_sub(self.limits.transactions),
            bytes: (totals.bytes + tx.encoded_len() - size.bytes).saturating_sub(self.limits.bytes),
            queued: queued.saturating_sub(self.limits.queued),
            queued_bytes: queued_bytes.saturating_sub(self.limits.queued_bytes),
        }
    }

    /// Takes a sender out of the pool to change it; [`Pool::put`] it back.
    pub(crate) fn take(&mut self, sender: &Address) -> Option<SenderQueue> {
        let queue = self.senders.remove(sender)?;
        self.index.remove(&queue, self.rules.base_fee);
        Some(queue)
    }

    /// Puts a sender back and returns what has become ready.
    pub(crate) fn put(
        &mut self,
        sender: Address,
        mut queue: SenderQueue,
        now: Monotonic,
    ) -> Vec<Arc<Transaction>> {
        let promoted = queue.settle(now);
        if !queue.is_empty() {
            self.index.add(&queue, self.rules.base_fee);
            self.senders.insert(sender, queue);
        }
        promoted
    }

    /// Forgets an entry that has left its queue without a block, and says so.
    pub(crate) fn drop_for(&mut self, gone: Entry, reason: DropReason) -> Dropped {
        self.forget(&gone);
        Dropped { transaction: gone.transaction, origin: gone.origin, reason }
    }

    /// Drops what leads to an entry that has left its queue.
    pub(crate) fn forget(&mut self, entry: &Entry) {
        self.by_hash.remove(&entry.transaction.hash());
        self.arrivals.remove(&entry.arrival);
    }

    fn take_out(&mut self, place: Place, now: Monotonic) -> Option<Entry> {
        let mut queue = self.take(&place.sender)?;
        let entry = queue.remove(place.nonce);
        self.put(place.sender, queue, now);
        if let Some(entry) = &entry {
            self.forget(entry);
        }
        entry
    }
}
