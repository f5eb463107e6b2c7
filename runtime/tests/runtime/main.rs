//! The rules of `architecture.md` §4, one by one.
#![allow(clippy::unwrap_used)]

mod backend;
mod blocks;
mod building;
mod calls;
mod contracts;
mod finality;
mod genesis;
mod header_rules;
mod history;
mod inclusion;
mod lists;
mod members;
mod random;
mod throughput;
mod transactions;
mod walk;
mod witness;
mod world;
