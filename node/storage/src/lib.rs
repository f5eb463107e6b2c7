//! What survives a crash: the chain, the state after each of its blocks, and what a node promised.
//!
//! One schema ([`Column`]) and one logic ([`Chain`]) stand on either of two engines: RocksDB
//! ([`DiskStore`]), and memory ([`MemoryStore`]), which can lose unsynced writes on demand.
//! Everybody else sees [`Store`] and bytes that are already values; nobody else names RocksDB.
//! ```text
//! Store ──▶ Chain ──▶ Batch ──▶ Engine ──▶ one log ──▶ one column family per kind of record
//! ```
//! Read in this order: [`Store`], [`BlockCommit`], [`Column`], [`DiskStore`], [`MemoryDisk`].
//!
//! # Why one log
//! `consensus.md` §6.5: no vote or prepared record of a height above `h` becomes durable before the
//! commit of `h`. All columns share one log, a crash keeps a prefix of it, and a synced write makes
//! every earlier write durable. So a commit need not be synced: the next promise syncs it. The
//! store also refuses a record that comes before the commit that it builds on.
//!
//! # State at earlier heights
//! A commit notes what it replaces, under the key and its height. The value after block `h` is the
//! first note above `h`, else the newest value. Nothing is ever pruned: every node is an archive.
//!
//! # Units
//! Heights, terms and epochs are big-endian in keys, so that iteration follows them. Limits are in
//! bytes or records, as their names say.

mod chain;
mod column;
mod commit;
mod disk;
mod engine;
mod error;
mod memory;
mod read;
mod safety;
mod state;
mod store;
mod tree;
mod value;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use chain::Chain;
pub use column::Column;
pub use disk::{Disk, DiskStore};
pub use engine::{Batch, Durability, Engine, Entry};
pub use error::{OpenError, StoreError};
pub use memory::{Memory, MemoryDisk, MemoryStore};
pub use store::{
    ActiveSet, BlockCommit, GenesisCommit, Latest, Store, StoredBlock, TransactionPlace,
};

/// The layout of columns, keys and values; a store of another one is refused.
pub const FORMAT: u32 = 1;
