//! Who makes room when the pool is full.
//!
//! Queued transactions go before ready ones, lower tips before higher, later before earlier, and of
//! a sender always the newest nonce. What came over this node's own RPC stays while it is ready:
//! to be queued costs nothing, so whoever protects that lets anybody fill the pool.

use std::collections::BTreeSet;

use alloy_primitives::Address;

use crate::{
    Pool, Refusal,
    entry::Entry,
    index::{Class, Worth},
    pool::Place,
};

/// A transaction that asks for room.
pub(crate) struct Newcomer {
    pub(crate) sender: Address,
    pub(crate) class: Class,
    pub(crate) tip: u128,
}

impl Newcomer {
    /// A ready transaction is worth more than any queued one; else the higher tip wins. Who was
    /// here first stays where tips are equal.
    fn outbids(&self, worst: &Worth) -> bool {
        match (self.class, worst.class) {
            (Class::Ready, Class::Queued) => true,
            (Class::Queued, Class::Ready) => false,
            (Class::Ready, Class::Ready) | (Class::Queued, Class::Queued) => self.tip > worst.tip,
        }
    }
}

/// What an entry takes of each limit, beside its place among the transactions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    pub(crate) bytes: usize,
    pub(crate) queued: usize,
    pub(crate) queued_bytes: usize,
}

impl Size {
    pub(crate) fn of(entry: &Entry) -> Self {
        let bytes = entry.transaction().encoded_len();
        match entry.is_ready() {
            true => Self { bytes, queued: 0, queued_bytes: 0 },
            false => Self { bytes, queued: 1, queued_bytes: bytes },
        }
    }
}

/// How much must go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) transactions: usize,
    pub(crate) bytes: usize,
    pub(crate) queued: usize,
    pub(crate) queued_bytes: usize,
}

impl Need {
    const fn is_met(self) -> bool {
        self.transactions == 0 && self.bytes == 0 && self.queued == 0 && self.queued_bytes == 0
    }

    fn without(self, entry: &Entry) -> Self {
        let size = Size::of(entry);
        Self {
            transactions: self.transactions.saturating_sub(1),
            bytes: self.bytes.saturating_sub(size.bytes),
            queued: self.queued.saturating_sub(size.queued),
            queued_bytes: self.queued_bytes.saturating_sub(size.queued_bytes),
        }
    }
}

impl Pool {
    /// The worst transactions of others that together meet the need, each worth less than the
    /// newcomer.
    pub(crate) fn victims(
        &self,
        newcomer: &Newcomer,
        mut need: Need,
    ) -> Result<Vec<Place>, Refusal> {
        let mut victims = Vec::new();
        let mut tails =
            self.index.tails().filter(|tail| tail.sender != newcomer.sender).copied().peekable();
        // Once a sender's last is to go, the one before it may be next.
        let mut uncovered = BTreeSet::new();
        while !need.is_met() {
            let worst = match (tails.peek(), uncovered.first()) {
                (Some(tail), Some(before)) if before < tail => uncovered.pop_first(),
                (None, _) => uncovered.pop_first(),
                (Some(_), _) => tails.next(),
            };
            let worst: Worth = worst.ok_or_else(|| self.full())?;
            if !newcomer.outbids(&worst) {
                return Err(self.too_cheap(newcomer, &worst));
            }
            let Some(queue) = self.senders.get(&worst.sender) else { continue };
            let Some(entry) = queue.get(worst.nonce) else { continue };
            need = need.without(entry);
            victims.push(Place::of(entry));
            let before = queue.before(worst.nonce);
            uncovered.extend(before.and_then(|entry| Worth::of(entry, self.rules.base_fee)));
        }
        Ok(victims)
    }

    fn too_cheap(&self, newcomer: &Newcomer, worst: &Worth) -> Refusal {
        if newcomer.tip < worst.tip && newcomer.class == worst.class {
            Refusal::Underpriced { tip: newcomer.tip, lowest: worst.tip }
        } else {
            self.full()
        }
    }

    const fn full(&self) -> Refusal {
        let totals = self.index.totals();
        Refusal::Full { transactions: totals.transactions, bytes: totals.bytes }
    }
}
