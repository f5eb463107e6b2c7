//! The wall clock, which bounds terms (§5.2 rule 2).

use std::time::Duration;

use mokka_types::{Monotonic, Term, View};

use crate::{consensus::Consensus, faults::Rule};

/// What the wall clock showed, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WallClock {
    told_at: Monotonic,
    since_1970: Duration,
}

impl WallClock {
    pub(crate) const fn told(told_at: Monotonic, since_1970: Duration) -> Self {
        Self { told_at, since_1970 }
    }

    /// There is one term for each millisecond since 1970: elections that follow one another take
    /// far longer, and whatever a liar binds one validator to is within reach of the others as soon
    /// as their clocks show what that one's did.
    fn newest_term(self, now: Monotonic) -> Term {
        let shows = self.since_1970.saturating_add(now.since(self.told_at));
        Term::new(u64::try_from(shows.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Consensus {
    /// A term that nobody can have reached, or whose clock is ahead of ours.
    pub(crate) fn is_out_of_bounds(&self, now: Monotonic, view: View) -> bool {
        if self.lacks(Rule::BoundRises) {
            let seen = self.promise.view.max(self.highest_seen).term;
            return view.term.get() > seen.get().saturating_add(1 << 32);
        }
        view.term > self.clock.newest_term(now) && !self.lacks(Rule::TermsBounded)
    }
}
