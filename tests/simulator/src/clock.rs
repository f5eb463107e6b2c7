//! A node's own clock.
//!
//! Every start of a node begins a clock at zero, as every process does, and each node's runs at its
//! own rate: what it calls a second is longer or shorter than a second of the world. Their wall
//! clocks show nearly the same: machines ask each other for the time of day, now and then.

use std::time::Duration;

use mokka_types::Monotonic;

/// How often a node looks at its wall clock.
pub(crate) const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// What the right wall clock shows when the world begins.
const FIRST_DAY: Duration = Duration::from_secs(1_000);

/// As fast as the world's.
pub(crate) const EXACT: u64 = 1000;

/// What one node takes for time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Milliseconds that it shows in a second of the world.
    pub(crate) rate: u64,
    /// When, in the world, it showed zero.
    began: Monotonic,
    /// How far its wall clock is ahead of the right one.
    ahead: Duration,
}

impl Clock {
    pub(crate) const fn new(rate: u64, began: Monotonic) -> Self {
        Self { rate, began, ahead: Duration::ZERO }
    }

    /// The same clock, with a wall clock that is so far ahead.
    pub(crate) const fn ahead_by(self, ahead: Duration) -> Self {
        Self { ahead, ..self }
    }

    /// What its wall clock shows at an instant of the world.
    pub(crate) fn wall_clock(&self, at: Monotonic) -> Duration {
        FIRST_DAY + at.elapsed() + self.ahead
    }

    /// The same clock, begun anew.
    pub(crate) const fn begun(self, began: Monotonic) -> Self {
        Self { began, ..self }
    }

    /// What it shows at an instant of the world.
    pub(crate) fn shows(&self, at: Monotonic) -> Monotonic {
        let passed = at.since(self.began).as_nanos() * u128::from(self.rate) / u128::from(EXACT);
        Monotonic::since_start(nanos(passed))
    }

    /// The first instant of the world at which it shows this.
    pub(crate) fn instant_of(&self, shown: Monotonic) -> Monotonic {
        let passed = shown.elapsed().as_nanos() * u128::from(EXACT);
        self.began.after(nanos(passed.div_ceil(u128::from(self.rate.max(1)))))
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Monotonic {
        Monotonic::since_start(Duration::from_nanos(nanos))
    }

    #[test]
    fn a_clock_shows_its_own_time() {
        let clock = Clock::new(800, at(1_000));
        assert_eq!(clock.shows(at(1_000)), at(0));
        assert_eq!(clock.shows(at(2_000)), at(800));
        assert_eq!(Clock::new(EXACT, at(0)).shows(at(77)), at(77));
    }

    /// Or a node would be woken before its deadline, again and again.
    #[test]
    fn a_deadline_is_never_met_too_early() {
        for rate in [1, 333, 799, EXACT, 1_001, 1_250] {
            let clock = Clock::new(rate, at(5));
            for shown in [0, 1, 2, 7, 999, 1_000_003] {
                let instant = clock.instant_of(at(shown));
                assert!(clock.shows(instant) >= at(shown), "{rate} {shown}");
                let before = at(nanos_of(instant) - 1);
                assert!(shown == 0 || clock.shows(before) < at(shown), "{rate} {shown}");
            }
        }
    }

    fn nanos_of(at: Monotonic) -> u64 {
        u64::try_from(at.elapsed().as_nanos()).expect("small")
    }
}
