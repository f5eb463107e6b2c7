//! What a committed block, the passing of time and a change of the rules do to the pool.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use alloy_primitives::{Address, TxHash, U256, U512};
use mokka_runtime::system::Allowance;
use mokka_types::{Monotonic, View};

use crate::{Entry, Origin, Pool, Readiness, Refusal, Rules, Transaction, check, pool::Place};

/// An account as a committed block left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountChange {
    /// Whose.
    pub address: Address,
    /// The nonce of its next transaction.
    pub nonce: u64,
    /// What it can spend.
    pub balance: U256,
}

/// What changed in the pool without being asked for transaction by transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Left because the block includes them.
    pub included: Vec<Arc<Transaction>>,
    /// Left for another reason.
    pub dropped: Vec<Dropped>,
    /// What builders see now and did not before.
    pub promoted: Vec<Arc<Transaction>>,
}

/// A transaction that left the pool without being executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// It.
    pub transaction: Arc<Transaction>,
    /// How it had come here.
    pub origin: Origin,
    /// Why.
    pub reason: DropReason,
}

/// Why a transaction left the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// A block included another transaction with its nonce.
    #[error("another transaction with its nonce is final")]
    Superseded,
    /// Its sender sent another one with its nonce, which pays more.
    #[error("its sender replaced it")]
    Replaced,
    /// The pool or its sender was at a limit.
    #[error("it made room for a transaction that is worth more")]
    Evicted,
    /// Its sender can no longer pay for it.
    #[error("its sender can no longer pay for it")]
    InsufficientFunds,
    /// It waited too long for a nonce before it, or for funds.
    #[error("it waited too long for a nonce before it, or for funds")]
    Expired,
    /// The rules changed.
    #[error("the rules of the chain changed: {0}")]
    AgainstRules(Refusal),
}

impl DropReason {
    /// A short stable name, to count by.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Replaced => "replaced",
            Self::Evicted => "evicted",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Expired => "expired",
            Self::AgainstRules(_) => "against_rules",
        }
    }
}

impl Pool {
    /// Follows a committed block: `included` are its transactions, `accounts` every account whose
    /// nonce or balance it changed. Included and now impossible transactions leave; others become
    /// ready.
    pub fn on_commit(
        &mut self,
        included: impl IntoIterator<Item = TxHash>,
        accounts: impl IntoIterator<Item = AccountChange>,
        now: Monotonic,
    ) -> Changes {
        let included: HashSet<_> = included.into_iter().collect();
        let mut changes = Changes::default();
        for account in accounts {
            self.follow_account(account, &included, now, &mut changes);
        }
        // Every block changes the nonce of each of its senders; a caller that left one out must not
        // make us offer a final transaction again.
        let forgotten: Vec<_> =
            included.iter().filter_map(|hash| self.by_hash.get(hash)).copied().collect();
        for Place { sender, nonce } in forgotten {
            let Some(balance) = self.senders.get(&sender).map(|queue| queue.balance()) else {
                continue;
            };
            let account =
                AccountChange { address: sender, nonce: nonce.saturating_add(1), balance };
            self.follow_account(account, &included, now, &mut changes);
        }
        changes
    }

    fn follow_account(
        &mut self,
        account: AccountChange,
        included: &HashSet<TxHash>,
        now: Monotonic,
        changes: &mut Changes,
    ) {
        let Some(mut queue) = self.take(&account.address) else { return };
        queue.set_account(account.nonce, account.balance);
        let (nonce, balance) = (queue.account_nonce(), U512::from(queue.balance()));
        let gone = queue.remove_unless(|entry| {
            entry.transaction.nonce() >= nonce && entry.transaction.cost() <= balance
        });
        changes.promoted.extend(self.put(account.address, queue, now));
        for entry in gone {
            if included.contains(&entry.transaction.hash()) {
                self.forget(&entry);
                changes.included.push(entry.transaction);
            } else {
                let reason = match entry.transaction.nonce() < nonce {
                    true => DropReason::Superseded,
                    false => DropReason::InsufficientFunds,
                };
                changes.dropped.push(self.drop_for(entry, reason));
            }
        }
    }

    /// Drops what has been queued for longer than [`crate::Limits::queued_lifetime`]. Looks at
    /// every sender: once a minute is often enough.
    pub fn expire(&mut self, now: Monotonic) -> Changes {
        let lifetime = self.limits.queued_lifetime;
        let is_fresh = |entry: &Entry| match entry.readiness {
            Readiness::Ready { .. } => true,
            Readiness::Queued { since } => now.since(since) < lifetime,
        };
        let stale: Vec<_> = self
            .senders
            .iter()
            .filter(|(_, queue)| !queue.queued_entries().all(is_fresh))
            .map(|(sender, _)| *sender)
            .collect();
        let mut changes = Changes::default();
        for sender in stale {
            let Some(mut queue) = self.take(&sender) else { continue };
            let gone = queue.remove_unless(is_fresh);
            changes.promoted.extend(self.put(sender, queue, now));
            for entry in gone {
                changes.dropped.push(self.drop_for(entry, DropReason::Expired));
            }
        }
        changes
    }

    /// Applies other rules, as governance can decide, to what is here and what will come.
    pub fn set_rules(&mut self, rules: Rules, now: Monotonic) -> Changes {
        let senders: Vec<_> = self.senders.keys().copied().collect();
        let queues: Vec<_> =
            senders.iter().filter_map(|sender| Some((*sender, self.take(sender)?))).collect();
        self.rules = rules;
        let mut changes = Changes::default();
        for (sender, mut queue) in queues {
            let verdict =
                |entry: &Entry| check::rules(&entry.transaction, entry.origin, &self.rules);
            let gone = queue.remove_unless(|entry| verdict(entry).is_ok());
            let refusals: Vec<_> = gone.iter().filter_map(|entry| verdict(entry).err()).collect();
            changes.promoted.extend(self.put(sender, queue, now));
            for (entry, refusal) in gone.into_iter().zip(refusals) {
                changes.dropped.push(self.drop_for(entry, DropReason::AgainstRules(refusal)));
            }
        }
        changes
    }

    /// Follows the lists of the chain: what a sender may no longer send leaves.
    pub fn on_allowances(
        &mut self,
        allowance: impl Fn(Address) -> Allowance,
        now: Monotonic,
    ) -> Changes {
        let senders: Vec<_> = self.senders.keys().copied().collect();
        let mut changes = Changes::default();
        for sender in senders {
            let allowance = allowance(sender);
            if allowance == Allowance::default() {
                continue;
            }
            let Some(mut queue) = self.take(&sender) else { continue };
            let verdict = |entry: &Entry| check::allowed(&entry.transaction, &allowance);
            let gone = queue.remove_unless(|entry| verdict(entry).is_ok());
            let refusals: Vec<_> = gone.iter().filter_map(|entry| verdict(entry).err()).collect();
            changes.promoted.extend(self.put(sender, queue, now));
            for (entry, refusal) in gone.into_iter().zip(refusals) {
                let reason = DropReason::AgainstRules(refusal.into());
                changes.dropped.push(self.drop_for(entry, reason));
            }
        }
        changes
    }

    /// The leader of this term has ended, or closed a block with room to spare, and left these
    /// transactions out although it could have included them. After two such terms a transaction no
    /// longer makes a block due (§5.6), though builders still see it.
    pub fn note_left_out(&mut self, term: View, left_out: &BTreeSet<TxHash>, now: Monotonic) {
        let places = left_out.iter().filter_map(|hash| self.by_hash.get(hash));
        let senders: BTreeSet<_> = places.map(|place| place.sender).collect();
        for sender in senders {
            self.note_sender_left_out(sender, term, now, |entry| {
                left_out.contains(&entry.transaction.hash())
            });
        }
    }

    /// Like [`Pool::note_left_out`], for every transaction that has been ready since `by`: for a
    /// leader that ended although it had had time for them since then.
    pub fn note_all_left_out(&mut self, term: View, by: Monotonic, now: Monotonic) {
        let senders: Vec<_> = self.senders.keys().copied().collect();
        for sender in senders {
            self.note_sender_left_out(sender, term, now, |entry| match entry.readiness {
                Readiness::Ready { since } => since <= by,
                Readiness::Queued { .. } => false,
            });
        }
    }

    fn note_sender_left_out(
        &mut self,
        sender: Address,
        term: View,
        now: Monotonic,
        was_left_out: impl Fn(&Entry) -> bool,
    ) {
        let Some(mut queue) = self.take(&sender) else { return };
        queue.for_each_ready(|entry| {
            if was_left_out(entry) {
                entry.left_out.note(term);
            }
        });
        self.put(sender, queue, now);
    }
}
