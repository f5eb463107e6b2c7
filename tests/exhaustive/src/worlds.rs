//! The worlds that are searched, and some in which a rule is broken on purpose.
//!
//! Most begin in the middle of a history, where the dangerous moments are: between the first node
//! that prepares or commits a block and the last.

use mokka_types::{
    CrashModel,
    PacketKind::{
        Ack, Alive, Certified, CommitVote, PrepareVote, Proposal, Sign, Signed, Vote, Voted,
    },
};

use crate::{
    Milestone,
    law::{
        Budget, Disk,
        Step::{self, Deliver, Leap, LoseAll},
        World,
    },
};

/// Nothing but what each world names.
const NOTHING: Budget = Budget { ticks: 0, leaps: 0, crashes: 0, duplicates: 0, lies: 0 };

/// Three validators that may stop, but never lie.
const CFT: World = World {
    name: "CFT 3",
    model: CrashModel::Cft,
    validators: 3,
    budget: NOTHING,
    disk: Disk::Keeps,
    blocks: 1,
    lost: &[],
    opening: &[],
    meets: &[],
};

/// Four validators, of which node 3 lies.
const BFT: World = World { name: "BFT 4", model: CrashModel::Bft, validators: 4, ..CFT };

/// Node 0 leads term 2, with the vote of node 1, and proposes a block.
const CFT_ELECTED: &[Step] = &[
    Leap(0),
    Deliver(Vote, 0, 1),
    Deliver(Voted, 1, 0),
    Deliver(Sign, 0, 1),
    Deliver(Signed, 1, 0),
];

/// Node 1 has accepted the block, too.
const CFT_PREPARED: &[Step] = &[Deliver(Proposal, 0, 1)];

/// Node 0 has committed it, and nobody else.
const CFT_COMMITTED: &[Step] = &[Deliver(CommitVote, 1, 0)];

/// Node 0 leads term 2, with the votes of node 1 and of the liar, and proposes a block.
const BFT_ELECTED: &[Step] = &[
    Leap(0),
    Deliver(Vote, 0, 1),
    Deliver(Voted, 1, 0),
    Deliver(Voted, 3, 0),
    Deliver(Sign, 0, 1),
    Deliver(Signed, 1, 0),
    Deliver(Signed, 3, 0),
];

/// Nodes 0 and 1 have prepared it.
const BFT_PREPARED: &[Step] = &[
    Deliver(Proposal, 0, 1),
    Deliver(PrepareVote, 1, 0),
    Deliver(PrepareVote, 3, 0),
    Deliver(Certified, 0, 1),
];

/// Node 0 has committed it, and nobody else; the liar has seen the certificate.
const BFT_COMMITTED: &[Step] = &[Deliver(CommitVote, 1, 0), Deliver(CommitVote, 3, 0)];

/// The searched worlds of three.
pub const OF_CFT: [World; 5] = [
    World {
        name: "CFT 3, two candidacies",
        budget: Budget { leaps: 2, ..NOTHING },
        lost: &[Alive, Ack],
        meets: &[Milestone::Elected, Milestone::ElectedAgain, Milestone::Committed],
        ..CFT
    },
    World {
        name: "CFT 3, and a crash",
        budget: Budget { leaps: 2, crashes: 1, ..NOTHING },
        lost: &[Alive, Ack],
        meets: &[Milestone::Elected, Milestone::Committed],
        ..CFT
    },
    World {
        name: "CFT 3, every packet",
        budget: Budget { ticks: 1, leaps: 1, crashes: 1, duplicates: 1, ..NOTHING },
        blocks: 2,
        meets: &[Milestone::Elected],
        ..CFT
    },
    World {
        name: "CFT 3, prepared",
        budget: Budget { leaps: 2, ..NOTHING },
        lost: &[Alive, Ack],
        opening: &[CFT_ELECTED, CFT_PREPARED],
        meets: &[Milestone::ElectedAgain, Milestone::Committed, Milestone::ProposedAgain],
        ..CFT
    },
    World {
        name: "CFT 3, committed by one",
        budget: Budget { leaps: 1, crashes: 1, ..NOTHING },
        blocks: 2,
        lost: &[Alive, Ack],
        opening: &[CFT_ELECTED, CFT_PREPARED, CFT_COMMITTED],
        meets: &[Milestone::ElectedAgain, Milestone::ProposedAgain, Milestone::CommittedTwice],
        ..CFT
    },
];

/// The searched worlds of four.
pub const OF_BFT: [World; 6] = [
    World {
        name: "BFT 4, two candidacies",
        budget: Budget { leaps: 1, lies: 1, ..NOTHING },
        lost: &[Alive, Ack],
        meets: &[Milestone::Elected, Milestone::LiarElected],
        ..BFT
    },
    World {
        name: "BFT 4, the liar twice",
        budget: Budget { lies: 2, ..NOTHING },
        lost: &[Alive, Ack],
        meets: &[Milestone::LiarElected],
        ..BFT
    },
    World {
        name: "BFT 4, prepared",
        budget: Budget { leaps: 1, lies: 1, ..NOTHING },
        lost: &[Alive, Ack],
        opening: &[BFT_ELECTED, BFT_PREPARED, &[LoseAll]],
        meets: &[Milestone::ElectedAgain, Milestone::Committed, Milestone::ProposedAgain],
        ..BFT
    },
    World {
        name: "BFT 4, committed by one",
        budget: Budget { leaps: 1, lies: 1, ..NOTHING },
        lost: &[Alive, Ack],
        opening: &[BFT_ELECTED, BFT_PREPARED, BFT_COMMITTED, &[LoseAll]],
        meets: &[Milestone::Committed],
        ..BFT
    },
    World {
        name: "BFT 4, and a crash",
        budget: Budget { leaps: 1, crashes: 1, lies: 1, ..NOTHING },
        lost: &[Alive, Ack],
        opening: &[BFT_ELECTED, BFT_PREPARED],
        meets: &[Milestone::Committed],
        ..BFT
    },
    World {
        name: "BFT 4, every packet",
        budget: Budget { ticks: 1, duplicates: 1, lies: 1, ..NOTHING },
        opening: &[BFT_ELECTED, BFT_PREPARED],
        meets: &[Milestone::Committed],
        ..BFT
    },
];

/// Worlds whose disks forget what §8 wants durable: a search that finds nothing in these is blind.
pub const BROKEN: [World; 3] = [
    World {
        name: "CFT 3, promises forgotten",
        budget: Budget { leaps: 2, crashes: 1, ..NOTHING },
        disk: Disk::ForgetsPromises,
        lost: &[Alive, Ack],
        ..CFT
    },
    World {
        name: "CFT 3, blocks forgotten",
        budget: Budget { leaps: 1, crashes: 1, ..NOTHING },
        disk: Disk::ForgetsPrepared,
        lost: &[Alive, Ack],
        opening: &[CFT_ELECTED, CFT_PREPARED, CFT_COMMITTED],
        ..CFT
    },
    World {
        name: "BFT 4, blocks forgotten",
        budget: Budget { leaps: 1, crashes: 1, ..NOTHING },
        disk: Disk::ForgetsPrepared,
        lost: &[Alive, Ack],
        opening: &[BFT_ELECTED, BFT_PREPARED, BFT_COMMITTED, &[LoseAll]],
        ..BFT
    },
];
