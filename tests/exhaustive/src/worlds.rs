//! The worlds that are searched.

use mokka_types::CrashModel;

use crate::law::{Budget, Disk, World};

/// Three validators that may stop, but never lie.
pub const CFT: World = World {
    name: "CFT 3",
    model: CrashModel::Cft,
    validators: 3,
    budget: Budget { ticks: 4, leaps: 1, crashes: 1, duplicates: 0, lies: 0 },
    disk: Disk::Keeps,
    blocks: 2,
    lost: &[],
    opening: &[],
};

/// Four validators, one of which lies.
pub const BFT: World = World {
    name: "BFT 4, one liar",
    model: CrashModel::Bft,
    validators: 4,
    budget: Budget { ticks: 4, leaps: 1, crashes: 1, duplicates: 0, lies: 2 },
    disk: Disk::Keeps,
    blocks: 2,
    lost: &[],
    opening: &[],
};
