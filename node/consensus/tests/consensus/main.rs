//! The rules of the specification, one test each, told to one node by others whose keys the tests
//! hold. `world` signs, `node` drives the core and watches it, `voters` elect it.

#![allow(clippy::unwrap_used)]

mod accepting;
mod granting;
mod node;
mod quorum;
mod signing;
mod voters;
mod world;
