//! The order in which builders see transactions.

use std::{
    collections::{BTreeSet, HashSet, VecDeque, btree_set},
    iter::{Copied, Peekable},
    sync::Arc,
};

use alloy_primitives::{Address, TxHash};

use crate::{Entry, Pool, Transaction, index::Turn};

/// Ready transactions, best first: higher tip, then earlier arrival, and the nonces of a sender in
/// order. Costs as much as is taken from it, however large the pool is.
pub struct Best<'a> {
    pool: &'a Pool,
    heads: Peekable<Copied<btree_set::Iter<'a, Turn>>>,
    /// What follows in the queues of senders that were seen.
    successors: BTreeSet<Turn>,
    skipped: BTreeSet<Address>,
}

impl Best<'_> {
    /// Shows nothing more of this sender: a transaction of it could not be executed, so none that
    /// follows it can be.
    pub fn skip_sender(&mut self, sender: Address) {
        self.skipped.insert(sender);
    }

    fn next_turn(&mut self) -> Option<Turn> {
        match (self.heads.peek(), self.successors.first()) {
            (Some(head), Some(successor)) if successor < head => self.successors.pop_first(),
            (None, _) => self.successors.pop_first(),
            (Some(_), _) => self.heads.next(),
        }
    }
}

impl<'a> Iterator for Best<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        loop {
            let turn = self.next_turn()?;
            if self.skipped.contains(&turn.sender) {
                continue;
            }
            let Some(queue) = self.pool.senders.get(&turn.sender) else { continue };
            let Some(entry) = queue.get(turn.nonce) else { continue };
            let successor = queue.successor(turn.nonce);
            self.successors
                .extend(successor.map(|entry| Turn::of(entry, self.pool.rules.base_fee)));
            return Some(entry);
        }
    }
}

/// How much a builder wants to see for one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// At most so many transactions.
    pub transactions: usize,
    /// At most so many bytes of encodings: what a block may hold.
    pub bytes: usize,
}

/// The transactions for one block, taken out of [`Best`] so that the builder holds no reference to
/// the pool while it executes.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    queue: VecDeque<Arc<Transaction>>,
    skipped: BTreeSet<Address>,
}

impl Candidates {
    /// Shows nothing more of this sender.
    pub fn skip_sender(&mut self, sender: Address) {
        self.skipped.insert(sender);
    }
}

impl Iterator for Candidates {
    type Item = Arc<Transaction>;

    fn next(&mut self) -> Option<Arc<Transaction>> {
        loop {
            let next = self.queue.pop_front()?;
            if !self.skipped.contains(&next.sender()) {
                return Some(next);
            }
        }
    }
}

impl Pool {
    /// Ready transactions, best first.
    pub fn best(&self) -> Best<'_> {
        Best {
            pool: self,
            heads: self.index.heads().copied().peekable(),
            successors: BTreeSet::new(),
            skipped: BTreeSet::new(),
        }
    }

    /// The best transactions for one block, up to the first that does not fit. Those `in_flight`,
    /// in a block that is proposed but not yet final, are passed over; what follows them is not
    /// (§6.6).
    pub fn candidates(&self, budget: Budget, in_flight: &HashSet<TxHash>) -> Candidates {
        let mut bytes = 0;
        let queue = self
            .best()
            .map(Entry::transaction)
            .filter(|transaction| !in_flight.contains(&transaction.hash()))
            .take(budget.transactions)
            .take_while(|transaction| {
                bytes += transaction.encoded_len();
                bytes <= budget.bytes
            })
            .cloned()
            .collect();
        Candidates { queue, skipped: BTreeSet::new() }
    }
}
