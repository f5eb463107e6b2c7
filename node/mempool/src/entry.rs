//! A transaction's place in the pool.

use std::{fmt, sync::Arc};

use mokka_types::{Monotonic, View};

use crate::{Origin, Transaction};

/// When a transaction came in, counted from 1: later ones have higher numbers. A cursor over
/// arrivals starts at [`Arrival::default`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(u64);

impl Arrival {
    /// The number after this one. 2⁶⁴ admissions do not happen in the life of a process.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The plain number, for display.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a builder sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Executable on the committed state after its sender's transactions before it.
    Ready {
        /// When it became so.
        since: Monotonic,
    },
    /// Waits for a nonce before it, or for funds.
    Queued {
        /// When it began to wait.
        since: Monotonic,
    },
}

/// A transaction in the pool.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) arrival: Arrival,
    pub(crate) origin: Origin,
    pub(crate) readiness: Readiness,
    pub(crate) left_out: LeftOut,
}

impl Entry {
    /// The transaction.
    pub const fn transaction(&self) -> &Arc<Transaction> {
        &self.transaction
    }

    /// When it came in.
    pub const fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// How it came here.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether a builder sees it.
    pub const fn readiness(&self) -> Readiness {
        self.readiness
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.readiness, Readiness::Ready { .. })
    }
}

/// Which leaders could have included a transaction and did not (§5.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    last: Option<View>,
    turns: u8,
}

impl LeftOut {
    /// Two leaders in turn may leave a transaction out before it stops to make blocks due.
    const TURNS: u8 = 2;

    /// The leader of this term left it out; once per term.
    pub(crate) fn note(&mut self, term: View) {
        if self.last != Some(term) {
            self.last = Some(term);
            self.turns = self.turns.saturating_add(1);
        }
    }

    /// Whether it still makes a block due.
    pub(crate) fn counts(self) -> bool {
        self.turns < Self::TURNS
    }
}
