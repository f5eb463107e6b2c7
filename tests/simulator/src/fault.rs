//! What can go wrong, beside lies.

use std::fmt;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A packet that the weather took.
    Loss,
    /// A packet that came twice.
    Duplicate,
    /// A packet that came before one that its sender had sent earlier.
    Reordering,
    /// A packet for a link that was cut.
    Unreachable,
    /// One direction of a link was cut.
    OneWayCut,
    /// The network fell into two parts.
    Partition,
    /// The network fell into two parts, and one node went on seeing both.
    PartialPartition,
    /// One direction of a link became slower than the other.
    SlowLink,
    /// A clock that runs too fast or too slow.
    WrongClock,
    /// An application that takes its time.
    SlowApplication,
    /// A disk that takes its time to sync.
    SlowDisk,
    /// Power failed at one node, between two turns of its engine.
    Crash,
    /// Power failed while a disk was syncing.
    CrashInSync,
    /// Power failed within a turn, between two actions of it.
    CrashInTurn,
    /// Power failed everywhere.
    CrashOfAll,
    /// Several nodes crashed and started again, time after time.
    RestartStorm,
    /// An operator stopped a node, which handed over first.
    OrderlyStop,
    /// A crash took a write that had not been synced.
    LostWrite,
    /// A disk was replaced by an old copy of it.
    Restored,
    /// Members wanted another set of validators.
    ChangeOfSet,
    /// A leader went mute after a proposal, which one or some heard of too late.
    Ambush,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Loss,
        Self::Duplicate,
        Self::Reordering,
        Self::Unreachable,
        Self::OneWayCut,
        Self::Partition,
        Self::PartialPartition,
        Self::SlowLink,
        Self::WrongClock,
        Self::SlowApplication,
        Self::SlowDisk,
        Self::Crash,
        Self::CrashInSync,
        Self::CrashInTurn,
        Self::CrashOfAll,
        Self::RestartStorm,
        Self::OrderlyStop,
        Self::LostWrite,
        Self::Restored,
        Self::ChangeOfSet,
        Self::Ambush,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loss => "packets lost",
            Self::Duplicate => "packets doubled",
            Self::Reordering => "packets reordered",
            Self::Unreachable => "packets into cut links",
            Self::OneWayCut => "one-way cuts",
            Self::Partition => "partitions",
            Self::PartialPartition => "partial partitions",
            Self::SlowLink => "slow links",
            Self::WrongClock => "wrong clocks",
            Self::SlowApplication => "slow applications",
            Self::SlowDisk => "slow disks",
            Self::Crash => "crashes between turns",
            Self::CrashInSync => "crashes during a sync",
            Self::CrashInTurn => "crashes within a turn",
            Self::CrashOfAll => "power cuts everywhere",
            Self::RestartStorm => "restart storms",
            Self::OrderlyStop => "orderly stops",
            Self::LostWrite => "crashes that lost a write",
            Self::Restored => "old disks put back",
            Self::ChangeOfSet => "changes of validators wanted",
            Self::Ambush => "ambushes",
        })
    }
}
