//! What happens to packets on their way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mokka_types::{Monotonic, Packet};

use crate::random::Random;

/// How reliable the network is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The least time on the way.
    pub fastest: Duration,
    /// The most time on the way, but for stragglers.
    pub slowest: Duration,
    /// Packets of a thousand that never arrive.
    pub lost: u64,
    /// Packets of a thousand that arrive twice.
    pub doubled: u64,
    /// Packets of a thousand that take up to [`Weather::straggle`] longer.
    pub late: u64,
    /// How much longer.
    pub straggle: Duration,
}

impl Weather {
    /// Nothing is lost, and everything takes 1 to 5 ms.
    pub const CALM: Self = Self {
        fastest: Duration::from_millis(1),
        slowest: Duration::from_millis(5),
        lost: 0,
        doubled: 0,
        late: 0,
        straggle: Duration::ZERO,
    };

    pub(crate) fn drawn(random: &mut Random) -> Self {
        let stormy = random.per_mille(300);
        Self {
            fastest: random.millis(0, 3),
            slowest: random.millis(4, if stormy { 80 } else { 20 }),
            lost: random.below(if stormy { 250 } else { 40 }),
            doubled: random.below(100),
            late: random.below(if stormy { 100 } else { 20 }),
            straggle: random.millis(10, 2500),
        }
    }

    /// How long each copy of a packet takes; none where it is lost.
    pub(crate) fn arrivals(&self, random: &mut Random) -> Vec<Duration> {
        let mut copies = Vec::new();
        if random.per_mille(self.lost) {
            return copies;
        }
        let count = if random.per_mille(self.doubled) { 2 } else { 1 };
        for _ in 0..count {
            let mut delay = random.between(self.fastest, self.slowest);
            if random.per_mille(self.late) {
                delay += random.between(Duration::ZERO, self.straggle);
            }
            copies.push(delay);
        }
        copies
    }
}

/// A packet on its way, for a story to judge.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// Who sent it.
    pub from: usize,
    /// Who is to get it.
    pub to: usize,
    /// What it is.
    pub packet: &'a Packet,
}

/// What a story does to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// As the weather has it.
    Pass,
    /// It never arrives.
    Lose,
    /// It arrives after exactly so long.
    Delay(Duration),
    /// It arrives at once, and again after so long.
    Twice(Duration),
}

/// The links between nodes, each direction on its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    cuts: BTreeSet<(usize, usize)>,
    /// Links that never were, in either direction: nothing heals them.
    walls: BTreeSet<(usize, usize)>,
    /// How much longer everything takes on a link.
    slow: BTreeMap<(usize, usize), Duration>,
    /// When the last packet so far arrives.
    last: BTreeMap<(usize, usize), Monotonic>,
}

impl Links {
    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cuts.insert((from, to));
    }

    pub(crate) fn slow_down(&mut self, from: usize, to: usize, by: Duration) {
        self.slow.insert((from, to), by);
    }

    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        self.slow.clear();
    }

    pub(crate) fn wall(&mut self, one: usize, other: usize) {
        self.walls.extend([(one, other), (other, one)]);
    }

    pub(crate) fn passes(&self, from: usize, to: usize) -> bool {
        !self.cuts.contains(&(from, to)) && !self.walls.contains(&(from, to))
    }

    /// How much longer this link takes.
    pub(crate) fn slowness(&self, from: usize, to: usize) -> Duration {
        self.slow.get(&(from, to)).copied().unwrap_or_default()
    }

    /// A packet will arrive; says whether it overtakes one that was sent before.
    pub(crate) fn overtakes(&mut self, from: usize, to: usize, arrives: Monotonic) -> bool {
        let last = self.last.entry((from, to)).or_default();
        let overtakes = arrives < *last;
        *last = arrives.max(*last);
        overtakes
    }
}
