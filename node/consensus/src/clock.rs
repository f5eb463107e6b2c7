//! The wall clock, which bounds terms (§5.2 rule 2).

use std::time::Duration;

use mokka_types::{Monotonic, Term, ValidatorIndex, View};

use crate::{
    consensus::Consensus,
    faults::Rule,
    io::{Event, Output},
};

/// A clock that is behind by no more is not worth a word.
const TOLERATED: Duration = Duration::from_secs(1);

/// What the wall clock showed, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WallClock {
    told_at: Monotonic,
    since_1970: Duration,
    /// It has not reached the term of our promise.
    is_behind: bool,
}

impl WallClock {
    pub(crate) const fn told(told_at: Monotonic, since_1970: Duration) -> Self {
        Self { told_at, since_1970, is_behind: false }
    }

    /// There is one term for each millisecond since 1970: elections that follow one another take
    /// far longer, and whatever a liar binds one validator to is within reach of the others as soon
    /// as their clocks show what that one's did.
    pub(crate) fn newest_term(self, now: Monotonic) -> Term {
        let shows = self.since_1970.saturating_add(now.since(self.told_at));
        Term::new(u64::try_from(shows.as_millis()).unwrap_or(u64::MAX))
    }

    /// When it shows so many milliseconds; where it does already, an instant that has passed.
    pub(crate) fn reaches(self, millis: u64) -> Monotonic {
        self.told_at.after(Duration::from_millis(millis).saturating_sub(self.since_1970))
    }
}

impl Consensus {
    /// Nobody may stand for this term yet, or not this one.
    pub(crate) fn is_out_of_bounds(
        &self,
        now: Monotonic,
        candidate: ValidatorIndex,
        view: View,
    ) -> bool {
        self.is_ahead(now, view) || !self.may_stand_for(now, candidate, view)
    }

    /// Our clock has not reached this term.
    pub(crate) fn is_ahead(&self, now: Monotonic, view: View) -> bool {
        if self.lacks(Rule::BoundRises) {
            let seen = self.promise.view.max(self.highest_seen).term;
            return view.term.get() > seen.get().saturating_add(1 << 32);
        }
        view.term > self.clock.newest_term(now) && !self.lacks(Rule::TermsBounded)
    }

    /// Takes in what the clock shows; says once that it is behind.
    pub(crate) fn look_at_clock(&mut self, now: Monotonic, since_1970: Duration, out: &mut Output) {
        let clock = WallClock::told(now, since_1970);
        let is_behind = self.promise.view.term > clock.newest_term(now.after(TOLERATED));
        if is_behind && !self.clock.is_behind {
            out.events.push(Event::ClockBehind(self.promise.view));
        }
        self.clock = WallClock { is_behind, ..clock };
    }
}
