//! What is in the pool: lookups, listings, cursors and counts.

use std::ops::Bound;

use alloy_primitives::{Address, TxHash};

use crate::{Arrival, Entry, Pool, sender::SenderQueue};

/// How full the pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Transactions that builders see.
    pub ready: usize,
    /// Transactions that wait for a nonce or for funds.
    pub queued: usize,
    /// Bytes of all their encodings.
    pub bytes: usize,
}

/// The transactions of one sender, each list by nonce: a line of `txpool_content`.
#[derive(Clone, Debug)]
pub struct SenderContent<'a> {
    /// Who sent them.
    pub sender: Address,
    /// Those that builders see.
    pub ready: Vec<&'a Entry>,
    /// Those that wait.
    pub queued: Vec<&'a Entry>,
}

impl<'a> SenderContent<'a> {
    fn of(sender: Address, queue: &'a SenderQueue) -> Self {
        Self {
            sender,
            ready: queue.ready_entries().collect(),
            queued: queue.queued_entries().collect(),
        }
    }
}

impl Pool {
    /// A transaction by its hash.
    pub fn get(&self, hash: &TxHash) -> Option<&Entry> {
        let place = self.by_hash.get(hash)?;
        self.by_nonce(&place.sender, place.nonce)
    }

    /// Whether a transaction is here, so that gossip need not fetch it.
    pub fn contains(&self, hash: &TxHash) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// The transaction of a sender with this nonce.
    pub fn by_nonce(&self, sender: &Address, nonce: u64) -> Option<&Entry> {
        self.senders.get(sender)?.get(nonce)
    }

    /// The nonce after a sender's ready transactions, or `None` where it has none here: then the
    /// pending nonce is that of the committed state. Queued transactions do not count, as in geth.
    pub fn pending_nonce(&self, sender: &Address) -> Option<u64> {
        let queue = self.senders.get(sender)?;
        (queue.ready() > 0).then(|| queue.pending_nonce())
    }

    /// The transactions of one sender.
    pub fn sender_content(&self, sender: &Address) -> Option<SenderContent<'_>> {
        self.senders.get(sender).map(|queue| SenderContent::of(*sender, queue))
    }

    /// Everything, by sender.
    pub fn content(&self) -> impl Iterator<Item = SenderContent<'_>> {
        self.senders.iter().map(|(sender, queue)| SenderContent::of(*sender, queue))
    }

    /// What came after a cursor and is still here, in order of arrival: for gossip, for a peer that
    /// connects (from [`Arrival::default`]), and for subscriptions.
    pub fn arrivals_after(&self, cursor: Arrival) -> impl Iterator<Item = &Entry> {
        self.arrivals
            .range((Bound::Excluded(cursor), Bound::Unbounded))
            .filter_map(|(_, place)| self.by_nonce(&place.sender, place.nonce))
    }

    /// The number of the newest arrival: a cursor that skips all that is here now.
    pub const fn newest_arrival(&self) -> Arrival {
        self.newest
    }

    /// How full the pool is.
    pub const fn status(&self) -> Status {
        let totals = self.index.totals();
        Status {
            ready: totals.ready,
            queued: totals.transactions - totals.ready,
            bytes: totals.bytes,
        }
    }

    /// How many transactions make a block due (§5.6): ready, and not left out by two leaders in
    /// turn.
    pub const fn executable_count(&self) -> usize {
        self.index.totals().executable
    }

    /// Whether a block is due for the sake of a transaction (§5.6, §6.6).
    pub const fn has_executable(&self) -> bool {
        self.executable_count() > 0
    }
}
