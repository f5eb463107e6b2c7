//! Small worlds, searched whole: every order in which packets arrive, timers fire and nodes crash.
//!
//! The simulator (`tests/simulator`) draws long histories of large worlds; here all short histories
//! of small ones are tried. The nodes are the real core, `mokka_consensus::Consensus`, a value that
//! can be copied, compared and hashed; their signatures are real and repeatable, so that equal
//! histories lead to equal states.
//!
//! Read in this order: [`World`] (what may happen), `node` and `perform` (an honest node), `liar`,
//! `model` (what can happen next), `ledger` and `judge` (what must hold), [`search()`], [`worlds`].
//!
//! # What is left out
//! * The application answers at once.
//! * A node's clock moves only when its timers fire, or by one long pause. Clocks never matter for
//!   safety, and a search for other lengths of time would never meet a state again.
//! * A node starts with a signature of term 1, so that it need not hear others first (§8).
//! * Members and settings do not change.

mod application;
mod desk;
mod judge;
mod law;
mod ledger;
mod liar;
mod memo;
mod model;
mod node;
mod perform;
mod report;
mod search;
mod signer;
pub mod worlds;

pub use judge::Milestone;
pub use law::{Budget, Disk, Place, Step, World};
pub use report::{Report, Violation};
pub use search::{Limit, search};
