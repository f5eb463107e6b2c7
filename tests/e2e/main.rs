//! Real `mokka` processes on free ports, driven by clients that were not written here.
//!
//! Every network is made by the commands that the README gives. A test says what must happen; the
//! [`harness`] waits for it, at most a minute, and writes to standard error how long it took.
//!
//! Read in this order: [`harness`], [`by_hand`], [`token`], [`crashes`], [`refused`],
//! [`proofs`], [`members`], [`changes`], [`failover`], [`forger`], [`garbage`],
//! [`bad_input`], [`operators`], [`observers`], [`watching`], [`mod@dev`], [`devnet`],
//! [`mod@bench`], [`clients`].
#![allow(clippy::unwrap_used)]

mod bad_input;
mod bench;
mod by_hand;
mod changes;
mod clients;
mod crashes;
mod dev;
mod devnet;
mod failover;
mod forger;
mod garbage;
mod harness;
mod members;
mod observers;
mod operators;
mod proofs;
mod refused;
mod token;
mod watching;
