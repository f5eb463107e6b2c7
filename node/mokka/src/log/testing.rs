//! What reads files and blocks, fed with bytes instead: for fuzzing, with the feature `testing`.

use std::io::Cursor;

use mokka_crypto::SecretKey;
use mokka_types::{BlockId, Body, ChainHash, RunNumber, codec};

use super::{
    entry::{Entry, LogBlock},
    scan::{Found, Salt},
};

/// What was read of a log without its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The canonical bytes of each record.
    pub records: Vec<Vec<u8>>,
    /// Where the first frame begins that is not whole.
    pub end: u64,
    /// Whether something synced follows, so that the log would be refused.
    pub is_damaged: bool,
}

/// Reads the frames of a log with this salt.
///
/// # Panics
/// When bytes in memory cannot be read.
pub fn scan(salt: [u8; 32], bytes: &[u8]) -> Held {
    let mut records = Vec::new();
    let found = Salt::new(salt).scan(Cursor::new(bytes), 0..bytes.len() as u64, |_, record| {
        records.push(codec::encode(&record));
        Ok(())
    });
    // Invariant: a cursor reads whatever lies in it, and the scan reads nothing beyond.
    match found.expect("bytes in memory") {
        Found::Whole { end } => Held { records, end, is_damaged: false },
        Found::Damaged { at } => Held { records, end: at, is_damaged: true },
    }
}

/// A frame of a log with this salt.
///
/// # Panics
/// When it is longer than 4 GiB.
pub fn frame(salt: [u8; 32], at: u64, payload: &[u8]) -> Vec<u8> {
    // Invariant: no caller has so much memory.
    Salt::new(salt).frame(at, payload).expect("shorter than 4 GiB").1
}

/// The body of a block of the log: its entries, and the same body as it would be written.
pub fn read_block(chain: &ChainHash, body: &Body) -> Option<(Vec<Entry>, Vec<u8>)> {
    let block = LogBlock::read(body)?;
    let written = codec::encode(&block);
    // What a follower does with each before it votes.
    let authentic = block.entries.iter().filter(|entry| entry.is_authentic(chain));
    Some((authentic.cloned().collect(), written))
}

/// The body of a block with these entries of one author.
pub fn write_block(key: &SecretKey, chain: &ChainHash, entries: &[&[u8]]) -> Vec<u8> {
    let sign = |(number, bytes): (u64, &&[u8])| {
        Entry::sign(key, chain, (RunNumber::new(1), number), Body::new(*bytes))
    };
    let entries = (1..).zip(entries).map(sign).collect();
    codec::encode(&LogBlock { parent: BlockId::default(), entries })
}
