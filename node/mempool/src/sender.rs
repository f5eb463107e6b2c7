//! The transactions of one sender, by nonce.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{U256, U512};
use mokka_types::Monotonic;

use crate::{Readiness, Transaction, entry::Entry};

/// One sender: its account as of the newest commit that changed it, and its transactions.
///
/// Those ready come first and have no gap between them, so a number tells them from the queued
/// ones.
#[derive(Debug)]
pub(crate) struct SenderQueue {
    nonce: u64,
    balance: U256,
    entries: BTreeMap<u64, Entry>,
    bytes: usize,
    ready: usize,
    ready_bytes: usize,
    ready_cost: U512,
    executable: usize,
}

impl SenderQueue {
    pub(crate) const fn new(nonce: u64, balance: U256) -> Self {
        Self {
            nonce,
            balance,
            entries: BTreeMap::new(),
            bytes: 0,
            ready: 0,
            ready_bytes: 0,
            ready_cost: U512::ZERO,
            executable: 0,
        }
    }

    pub(crate) const fn account_nonce(&self) -> u64 {
        self.nonce
    }

    pub(crate) const fn balance(&self) -> U256 {
        self.balance
    }

    /// Takes over the account of a commit. A nonce never falls on a chain of final blocks: an
    /// account with a lower one is news that came late.
    pub(crate) fn set_account(&mut self, nonce: u64, balance: U256) {
        if nonce >= self.nonce {
            (self.nonce, self.balance) = (nonce, balance);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many are ready.
    pub(crate) const fn ready(&self) -> usize {
        self.ready
    }

    /// The encodings of the ready ones.
    pub(crate) const fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    /// What the ready ones may cost together.
    pub(crate) const fn ready_cost(&self) -> U512 {
        self.ready_cost
    }

    /// How many of the ready ones make a block due: those before the first that two leaders left
    /// out, since what follows cannot be executed without it.
    pub(crate) const fn executable(&self) -> usize {
        self.executable
    }

    /// The nonce after the ready ones: what `eth_getTransactionCount` calls pending.
    pub(crate) fn pending_nonce(&self) -> u64 {
        self.nonce.saturating_add(self.ready as u64)
    }

    pub(crate) fn get(&self, nonce: u64) -> Option<&Entry> {
        self.entries.get(&nonce)
    }

    pub(crate) fn ready_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().take(self.ready)
    }

    pub(crate) fn queued_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().skip(self.ready)
    }

    /// The next one to be executed.
    pub(crate) fn head(&self) -> Option<&Entry> {
        self.entries.values().next().filter(|entry| entry.is_ready())
    }

    /// The one that eviction takes first: without it nothing else loses its predecessor.
    pub(crate) fn tail(&self) -> Option<&Entry> {
        self.entries.values().next_back()
    }

    /// The ready one after this nonce.
    pub(crate) fn successor(&self, nonce: u64) -> Option<&Entry> {
        self.get(nonce.checked_add(1)?).filter(|entry| entry.is_ready())
    }

    /// The one before this nonce, whatever the gap.
    pub(crate) fn before(&self, nonce: u64) -> Option<&Entry> {
        self.entries.range(..nonce).next_back().map(|(_, entry)| entry)
    }

    pub(crate) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.bytes += entry.transaction.encoded_len();
        let replaced = self.entries.insert(entry.transaction.nonce(), entry);
        self.bytes -= replaced.as_ref().map_or(0, |old| old.transaction.encoded_len());
        replaced
    }

    pub(crate) fn remove(&mut self, nonce: u64) -> Option<Entry> {
        let removed = self.entries.remove(&nonce)?;
        self.bytes -= removed.transaction.encoded_len();
        Some(removed)
    }

    /// Removes what fails the test.
    pub(crate) fn remove_unless(&mut self, keep: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let gone: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| !keep(entry))
            .map(|(nonce, _)| *nonce)
            .collect();
        gone.into_iter().filter_map(|nonce| self.remove(nonce)).collect()
    }

    /// Changes every ready entry.
    pub(crate) fn for_each_ready(&mut self, mut change: impl FnMut(&mut Entry)) {
        self.entries.values_mut().take(self.ready).for_each(&mut change);
    }

    /// Decides anew which are ready, after any change; returns those that have become so.
    pub(crate) fn settle(&mut self, now: Monotonic) -> Vec<Arc<Transaction>> {
        let mut promoted = Vec::new();
        let (mut ready, mut ready_bytes, mut executable) = (0, 0, 0);
        let (mut cost, mut next) = (U512::ZERO, Some(self.nonce));
        let balance = U512::from(self.balance);
        for (nonce, entry) in &mut self.entries {
            let total = cost + entry.transaction.cost();
            let is_ready = next == Some(*nonce) && total <= balance;
            match (is_ready, entry.readiness) {
                (true, Readiness::Queued { .. }) => {
                    entry.readiness = Readiness::Ready { since: now };
                    promoted.push(Arc::clone(&entry.transaction));
                }
                (false, Readiness::Ready { .. }) => {
                    entry.readiness = Readiness::Queued { since: now };
                }
                (true, Readiness::Ready { .. }) | (false, Readiness::Queued { .. }) => {}
            }
            if !is_ready {
                next = None;
                continue;
            }
            if executable == ready && entry.left_out.counts() {
                executable += 1;
            }
            ready_bytes += entry.transaction.encoded_len();
            (ready, cost, next) = (ready + 1, total, nonce.checked_add(1));
        }
        (self.ready, self.ready_bytes) = (ready, ready_bytes);
        (self.ready_cost, self.executable) = (cost, executable);
        promoted
    }
}
