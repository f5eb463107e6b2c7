//! Senders in the order in which builders and eviction want them, and the totals of the pool.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, btree_set},
};

use alloy_primitives::Address;

use crate::{Arrival, Origin, Readiness, entry::Entry, sender::SenderQueue};

/// A builder's order: higher tip first, then earlier arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    tip: Reverse<u128>,
    arrival: Arrival,
    pub(crate) sender: Address,
    pub(crate) nonce: u64,
}

impl Turn {
    pub(crate) fn of(entry: &Entry, base_fee: u64) -> Self {
        Self {
            tip: Reverse(tip(entry, base_fee)),
            arrival: entry.arrival,
            sender: entry.transaction.sender(),
            nonce: entry.transaction.nonce(),
        }
    }
}

/// The order of eviction: queued before ready, lower tip first, then later arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Worth {
    pub(crate) class: Class,
    pub(crate) tip: u128,
    arrival: Reverse<Arrival>,
    pub(crate) sender: Address,
    pub(crate) nonce: u64,
}

/// Which of two transactions the pool would rather lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Queued,
    Ready,
}

impl Worth {
    /// `None` for what is never evicted.
    pub(crate) fn of(entry: &Entry, base_fee: u64) -> Option<Self> {
        let class = match (entry.origin, entry.readiness) {
            (Origin::Local, Readiness::Ready { .. }) => return None,
            (Origin::Remote, Readiness::Ready { .. }) => Class::Ready,
            (Origin::Local | Origin::Remote, Readiness::Queued { .. }) => Class::Queued,
        };
        Some(Self {
            class,
            tip: tip(entry, base_fee),
            arrival: Reverse(entry.arrival),
            sender: entry.transaction.sender(),
            nonce: entry.transaction.nonce(),
        })
    }
}

/// What is in the pool pays the base fee: admission and every change of the rules see to it.
fn tip(entry: &Entry, base_fee: u64) -> u128 {
    entry.transaction.tip(base_fee).unwrap_or_default()
}

/// What all senders add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) transactions: usize,
    pub(crate) bytes: usize,
    pub(crate) ready: usize,
    pub(crate) ready_bytes: usize,
    pub(crate) executable: usize,
}

/// Kept in step by the pool: a sender is taken out before it changes and put back after.
#[derive(Debug, Default)]
pub(crate) struct Index {
    heads: BTreeSet<Turn>,
    tails: BTreeSet<Worth>,
    totals: Totals,
}

impl Index {
    pub(crate) fn add(&mut self, queue: &SenderQueue, base_fee: u64) {
        self.heads.extend(queue.head().map(|head| Turn::of(head, base_fee)));
        self.tails.extend(queue.tail().and_then(|tail| Worth::of(tail, base_fee)));
        self.totals.transactions += queue.len();
        self.totals.bytes += queue.bytes();
        self.totals.ready += queue.ready();
        self.totals.ready_bytes += queue.ready_bytes();
        self.totals.executable += queue.executable();
    }

    pub(crate) fn remove(&mut self, queue: &SenderQueue, base_fee: u64) {
        if let Some(head) = queue.head() {
            self.heads.remove(&Turn::of(head, base_fee));
        }
        if let Some(tail) = queue.tail().and_then(|tail| Worth::of(tail, base_fee)) {
            self.tails.remove(&tail);
        }
        self.totals.transactions -= queue.len();
        self.totals.bytes -= queue.bytes();
        self.totals.ready -= queue.ready();
        self.totals.ready_bytes -= queue.ready_bytes();
        self.totals.executable -= queue.executable();
    }

    /// The next transaction of every sender that has a ready one, best first.
    pub(crate) fn heads(&self) -> btree_set::Iter<'_, Turn> {
        self.heads.iter()
    }

    /// The last transaction of every sender whose last may go, worst first.
    pub(crate) fn tails(&self) -> btree_set::Iter<'_, Worth> {
        self.tails.iter()
    }

    pub(crate) const fn totals(&self) -> Totals {
        self.totals
    }
}
