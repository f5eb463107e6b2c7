//! Deliberate faults of the core and of what it stands on: what the search has to find.

use std::fmt;

use mokka_consensus::Rule;

/// What is wrong with every node of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// The core, or what drives it, lacks a rule.
    Without(Rule),
    /// Records are written, and not synced (§8).
    UnsyncedRecords,
    /// The newest commit is in a file of its own, which no record syncs (§6.5).
    CommitsApart,
    /// A nonce that was offered once is offered again (§5.2).
    NonceAgain,
}

impl Flaw {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [Self::UnsyncedRecords, Self::CommitsApart, Self::NonceAgain];
        Rule::ALL.iter().copied().map(Self::Without).chain(others)
    }

    pub(crate) const fn rule(self) -> Option<Rule> {
        match self {
            Self::Without(rule) => Some(rule),
            Self::UnsyncedRecords | Self::CommitsApart | Self::NonceAgain => None,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Without(rule) => rule.fmt(f),
            Self::UnsyncedRecords => f.write_str("§8: records are synced"),
            Self::CommitsApart => f.write_str("§6.5: what is synced makes all before it durable"),
            Self::NonceAgain => f.write_str("§5.2: a nonce is offered for one ballot"),
        }
    }
}
