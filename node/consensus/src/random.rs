//! Jitter and backoff, drawn from a seed: the core has no random source of its own.

use std::time::Duration;

/// `SplitMix64`: enough to keep validators apart, and nothing rests on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero up to, but not including, `count`; zero where that is zero.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(usize::MAX).checked_rem(count).unwrap_or_default()
    }

    /// A length of time from zero up to, but not including, `most`.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(self.next() % nanos)
    }
}
