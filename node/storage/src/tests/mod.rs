//! Every rule of the store, on both engines where it concerns both.

mod conformance;
mod crash;
mod history;
mod log;
mod refusals;
mod world;
