//! A world in which everything goes wrong, again and again in the same way.
//!
//! Validators run the node's own [`mokka::Engine`], with real signatures, over a network and disks
//! that one seed makes fail, in every way that [`Fault`] names. Time is virtual and nothing here
//! reads a clock, computes with fractions or iterates over an unordered map, so a seed gives the
//! same run to the bit, in every build; [`Report::trace`] proves it.
//! ```text
//! queue ──happening──▶ World ──turn──▶ Engine ──▶ Desk { packets, requests, records, deeds }
//!   ▲                                                        │
//!   └── packets (delayed, lost, twice), answers, wakes ──────┤
//!                                         Oracle ◀───────────┘ every rule of §13, after every turn
//! ```
//! A node has one log, as bytes ([`disk`]). Records sync it, commits do not; a crash keeps the
//! synced part and whatever more the seed grants, cut anywhere, and the node starts again from
//! these bytes. Power may fail between any two actions of an engine, within a turn as well. Each
//! node has its own clock, which runs too fast or too slow.
//!
//! Read in this order: [`Scenario`] and [`World`] (what a story can do), [`random_run`] (what a
//! seed does: `drawing` what kind of world, `run` its phases, `faults` what goes wrong in it,
//! `ambush` what is planned),
//! `oracle` (what must hold), then `turns`, `power`, `desk`, `disk`, `machine`, `liars`.
//!
//! In BFT some validators lie ([`Lie`], one file for each way), as many as the model tolerates, and
//! in some worlds they help each other; a story can make them say more ([`World::say_as`]).
//!
//! # Limits
//! Nobody lies in CFT.
//! A key is never replaced: whoever is marked (§8) follows until the end.

mod ambush;
mod clock;
mod control;
pub mod cost;
mod desk;
pub mod disk;
mod drawing;
mod fault;
mod faults;
mod flaw;
mod liars;
mod lying;
mod machine;
mod network;
mod node;
mod oracle;
mod power;
mod random;
mod report;
mod run;
mod scenario;
mod story;
mod summary;
mod trace;
mod turns;
mod world;

pub use drawing::anybody_lies;
pub use fault::Fault;
pub use flaw::Flaw;
pub use liars::Lie;
pub use network::{Fate, Passing, Weather};
pub use power::{PowerCut, Restoring};
pub use report::{Failure, Report};
pub use run::{LIVENESS_LIMIT, random_run, random_run_traced, random_run_with};
pub use scenario::{Minds, Scenario};
pub use summary::Summary;
pub use world::World;
