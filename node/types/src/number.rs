//! Numbers that count different things.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

macro_rules! counting {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize,
        )]
        pub struct $name(u64);

        impl $name {
            /// The number itself, as stored or shown.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The plain number, for display, storage keys and the outside world.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after it, or `None` at the end of the number range.
            pub fn next(self) -> Option<Self> {
                self.0.checked_add(1).map(Self)
            }

            /// The one before it, or `None` before the first.
            pub fn previous(self) -> Option<Self> {
                self.0.checked_sub(1).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counting!(
    /// Position of a block in the chain; genesis is 0.
    Height
);
counting!(
    /// One attempt to lead. Terms start at 1 in every [`Epoch`]; 0 is before the first.
    Term
);
counting!(
    /// One validator set; the set of genesis is epoch 0.
    Epoch
);
counting!(
    /// A start of a node: wall-clock milliseconds, but always above the run before (§3).
    RunNumber
);

impl RunNumber {
    /// That of a node that starts when the wall clock shows this, since 1970.
    pub fn at(wall_clock: Duration) -> Self {
        Self(u64::try_from(wall_clock.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Height {
    /// The height of block 0.
    pub const GENESIS: Self = Self(0);
}

/// What the specification compares as a term: the epoch first, then the term within it (§3).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct View {
    /// The validator set in which the term counts.
    pub epoch: Epoch,
    /// The attempt to lead.
    pub term: Term,
}

impl View {
    /// A term of an epoch.
    pub const fn new(epoch: Epoch, term: Term) -> Self {
        Self { epoch, term }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.term)
    }
}

/// An instant: time since this process, or this simulated world, started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(Duration);

impl Monotonic {
    /// The instant this long after the start.
    pub const fn since_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How long after the start this instant is.
    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// The instant `length` later; the last representable one where that overflows.
    pub fn after(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length))
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
