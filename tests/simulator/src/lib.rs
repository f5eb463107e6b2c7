//! A world in which everything goes wrong, again and again in the same way.
//!
//! Validators run the node's own [`mokka::Engine`], with real signatures, over a network and disks
//! that one seed makes fail: delay, loss, duplication, reordering, partitions, power cuts. Time is
//! virtual and nothing here reads a clock or iterates over an unordered map, so a seed gives the
//! same run to the bit; [`Report::trace`] proves it.
//! ```text
//! queue ──happening──▶ World ──turn──▶ Engine ──▶ Desk { packets, requests, records, deeds }
//!   ▲                                                        │
//!   └── packets (delayed, lost, twice), answers, wakes ──────┤
//!                                         Oracle ◀───────────┘ every rule of §13, after every turn
//! ```
//! A node has one log, as bytes ([`disk`]). Records sync it, commits do not; a crash keeps the
//! synced part and whatever more the seed grants, cut anywhere, and the node starts again from
//! these bytes.
//!
//! Read in this order: [`Scenario`] and [`World`] (what a story can do), [`random_run`] (what a
//! seed does), `oracle` (what must hold), then `disk`, `machine`, `desk`, `liars`.
//!
//! In BFT some validators lie ([`Lie`], one file for each way), as many as the model tolerates; a
//! story can make them say more ([`World::say_as`]).
//!
//! # Limits
//! Liars do not agree among themselves on what to say, but for what they hear from each other.
//! Nobody lies in CFT.
//! A key is never replaced: whoever is marked (§8) follows until the end.

mod control;
pub mod cost;
mod desk;
pub mod disk;
mod liars;
mod lying;
mod machine;
mod network;
mod oracle;
mod random;
mod report;
mod run;
mod scenario;
mod story;
mod trace;
mod world;

pub use control::{PowerCut, Restoring};
pub use liars::Lie;
pub use network::{Fate, Passing, Weather};
pub use report::{Failure, Report};
pub use run::{LIVENESS_LIMIT, anybody_lies, random_run, random_run_traced};
pub use scenario::Scenario;
pub use world::World;
