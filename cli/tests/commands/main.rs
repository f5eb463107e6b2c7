//! The commands that need no network, as a shell sees them: what they print, write and refuse.
#![allow(clippy::unwrap_used)]

mod genesis;
mod help;
mod init;
mod keys;
mod offline;
mod world;
