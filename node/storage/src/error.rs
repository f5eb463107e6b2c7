//! Whose fault it is, and what to do.

use std::path::PathBuf;

use alloy_primitives::hex;
use mokka_types::{BlockHash, BlockId, ChainHash, Epoch, Height};

use crate::{Column, FORMAT};

/// Why a store cannot be created or opened: for the operator, with advice.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing is there.
    #[error(
        "{dir} holds no chain; create it once with `mokka init`, or pass the right --data-dir \
         (an empty directory is never filled by itself: a key must not vote from lost state)"
    )]
    Missing {
        /// Where.
        dir: PathBuf,
    },
    /// Something is there already.
    #[error("{dir} already holds a chain and is left as it is; choose another --data-dir")]
    Exists {
        /// Where.
        dir: PathBuf,
    },
    /// `mokka init` did not come to its end.
    #[error("{dir} was never completed by `mokka init`; remove it and run `mokka init` again")]
    Unfinished {
        /// Where.
        dir: PathBuf,
    },
    /// It belongs to other rules.
    #[error(
        "{dir} holds chain {found}, but genesis.json beside it describes chain {expected}; put \
         back the file that it was made with, or choose another --data-dir (`mokka init` makes one)"
    )]
    WrongChain {
        /// Where.
        dir: PathBuf,
        /// What is there.
        found: ChainHash,
        /// What was asked for.
        expected: ChainHash,
    },
    /// It was written by another version.
    #[error(
        "{dir} has storage format {found}, this program reads format {FORMAT}; run the version of \
         mokka that wrote it, or `mokka init` a new directory and let it sync"
    )]
    WrongFormat {
        /// Where.
        dir: PathBuf,
        /// What is there.
        found: String,
    },
    /// Another process has it.
    #[error("another node is using {dir}; stop it first or choose another --data-dir")]
    Locked {
        /// Where.
        dir: PathBuf,
    },
    /// The operating system says no.
    #[error("cannot use {path}: {source}; check that it exists, is writable and has space")]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database does not open.
    #[error(
        "the database in {dir} does not open: {why}; if it is damaged, keep a copy, and follow the \
         chain from a new directory of `mokka init` without --key: this key has made promises that \
         only the damaged data knows"
    )]
    Database {
        /// Where.
        dir: PathBuf,
        /// What RocksDB says.
        why: String,
    },
    /// It opens, but contradicts itself.
    #[error("{dir}: {source}")]
    Store {
        /// Where.
        dir: PathBuf,
        /// What is wrong.
        source: Box<StoreError>,
    },
}

/// Our own disk or state contradicts itself: the node stops and keeps the evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Bytes that no version of this program writes, or that the disk changed.
    #[error(
        "column {column}, key 0x{key}: {why}; the data is damaged: keep a copy, and follow the \
         chain from a new directory of `mokka init` without --key: this key has made promises that \
         only the damaged data knows"
    )]
    Corrupt {
        /// The column's name.
        column: &'static str,
        /// The key, in hex.
        key: String,
        /// What is wrong with its value.
        why: String,
    },
    /// A read or write did not succeed.
    #[error("column {column} cannot be {doing}: {why}; check the disk and its free space")]
    Failed {
        /// The column's name, or all of them.
        column: &'static str,
        /// Read or written.
        doing: &'static str,
        /// What the engine says.
        why: String,
    },
    /// The block does not stand on ours: two blocks would be final at one height.
    #[error("block {} ({}) with parent {parent} does not extend {} ({})",
        .block.height, .block.hash, .head.height, .head.hash)]
    NotNext {
        /// Our newest block.
        head: BlockId,
        /// The block that was to be committed.
        block: BlockId,
        /// What it stands on.
        parent: BlockHash,
    },
    /// The parts of a commit do not belong together.
    #[error("the commit of block {height} contradicts itself: {why}")]
    Inconsistent {
        /// Its height.
        height: Height,
        /// Which parts.
        why: String,
    },
    /// A promise would be durable before the commit that it builds on (§6.5).
    #[error(
        "a record of height {height} in epoch {epoch} may not be written before the commit of the \
         block below it; the newest block is {} in epoch {current}", .head.height
    )]
    TooEarly {
        /// The record's height; that of the next block for a promise.
        height: Height,
        /// The record's epoch.
        epoch: Epoch,
        /// Our newest block.
        head: BlockId,
        /// The epoch of the next block.
        current: Epoch,
    },
}

impl StoreError {
    /// Bytes under a key that are no value.
    pub(crate) fn corrupt(column: Column, key: &[u8], why: &dyn ToString) -> Self {
        Self::Corrupt { column: column.name(), key: hex::encode(key), why: why.to_string() }
    }

    /// A record that another one promises.
    pub(crate) fn missing(column: Column, key: &[u8]) -> Self {
        Self::corrupt(column, key, &"nothing is stored")
    }
}
