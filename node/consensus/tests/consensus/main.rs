//! The rules of the specification, one test each, told to one node by others whose keys the tests
//! hold. `world` signs, `node` drives the core and watches it, `voters` elect it.

#![allow(clippy::unwrap_used)]

mod accepting;
mod catchup;
mod eligibility;
mod end_of_term;
mod epochs;
mod evidence;
mod finality_bft;
mod finality_cft;
mod garbage;
mod granting;
mod handover;
mod mark;
mod node;
mod proof;
mod proposing;
mod quorum;
mod restart;
mod settings;
mod signing;
mod standing;
mod turns;
mod voters;
mod world;
