//! Entries, the blocks that they travel in, and their order.

use std::collections::BTreeMap;

use mokka_crypto::{SecretKey, digest, verify};
use mokka_types::{BlockId, Body, ChainHash, PublicKey, RunNumber, Signature, codec};
use serde::{Deserialize, Serialize};

/// The most that one entry may hold.
pub const MAX_ENTRY_BYTES: usize = 64 << 10;
/// What an entry has around its bytes in a block: a key, two numbers, two lengths, a signature.
pub(super) const ENTRY_OVERHEAD: usize = 128;
/// What a block has around its entries.
pub(super) const BLOCK_OVERHEAD: usize = 64;
/// Entries of one block: their signatures are checked within some ten milliseconds.
pub(super) const BLOCK_ENTRIES: usize = 1024;

/// The place of an entry among all of its author: the author's run, and a number within it.
pub(super) type Place = (RunNumber, u64);

/// What one member wrote into the log, with its signature: nobody else can write in its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    author: PublicKey,
    run: RunNumber,
    number: u64,
    bytes: Body,
    signature: Signature,
}

impl Entry {
    pub(super) fn sign(key: &SecretKey, chain: &ChainHash, place: Place, bytes: Body) -> Self {
        let (author, (run, number)) = (key.public_key(), place);
        let signature = key.sign(&statement(chain, &author, place, &bytes));
        Self { author, run, number, bytes, signature }
    }

    /// The member at which it was submitted.
    pub const fn author(&self) -> PublicKey {
        self.author
    }

    /// What was submitted.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    pub(super) const fn place(&self) -> Place {
        (self.run, self.number)
    }

    pub(super) fn is_authentic(&self, chain: &ChainHash) -> bool {
        let statement = statement(chain, &self.author, self.place(), &self.bytes);
        verify(&self.author, &statement, &self.signature)
    }

    /// What it takes of a block.
    pub(super) fn weight(&self) -> usize {
        self.bytes().len() + ENTRY_OVERHEAD
    }
}

fn statement(
    chain: &ChainHash,
    author: &PublicKey,
    place: Place,
    bytes: &Body,
) -> mokka_crypto::Digest {
    digest::log_entry(chain, &codec::encode(&(author, place, bytes)))
}

/// What the body of a block holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogBlock {
    pub(super) parent: BlockId,
    pub(super) entries: Vec<Entry>,
}

impl LogBlock {
    pub(super) fn read(body: &Body) -> Option<Self> {
        codec::decode(body.as_bytes()).ok()
    }

    /// Its body, and the id that follows from it; none where no height is left.
    pub(super) fn write(&self) -> Option<(BlockId, Body)> {
        let height = self.parent.height.next()?;
        let body = Body::new(codec::encode(self));
        Some((BlockId { height, hash: digest::body(&body) }, body))
    }
}

/// The last entry of each author that is in the log. Entries of an author follow each other
/// without a gap; a new run of it begins again at 1. So each is in the log once, and to know that
/// takes one place for each author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken(BTreeMap<PublicKey, Place>);

impl Taken {
    /// Whether an entry at this place comes next.
    pub(super) fn is_next(&self, author: &PublicKey, place: Place) -> bool {
        let (run, number) = place;
        match self.0.get(author) {
            Some((last_run, last)) if run == *last_run => last.checked_add(1) == Some(number),
            Some((last_run, _)) => run > *last_run && number == 1,
            None => number == 1,
        }
    }

    /// Whether an entry at this place can no longer come.
    pub(super) fn is_past(&self, author: &PublicKey, place: Place) -> bool {
        self.0.get(author).is_some_and(|last| place <= *last)
    }

    pub(super) fn take(&mut self, entry: &Entry) {
        self.0.insert(entry.author, entry.place());
    }

    /// Whether these entries can come next, in this order.
    pub(super) fn accepts(&self, entries: &[Entry]) -> bool {
        let mut taken = self.clone();
        entries.iter().all(|entry| {
            let is_next = taken.is_next(&entry.author, entry.place());
            taken.take(entry);
            is_next
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: ChainHash = ChainHash::new([7; 32]);

    fn entry(run: u64, number: u64) -> Entry {
        let key = SecretKey::from_bytes([1; 32]).expect("a secret key");
        Entry::sign(&key, &CHAIN, (RunNumber::new(run), number), Body::new(*b"x"))
    }

    #[test]
    fn an_author_leaves_no_gap_and_repeats_nothing() {
        let taken = |entries: &[Entry]| Taken::default().accepts(entries);
        assert!(taken(&[entry(5, 1), entry(5, 2), entry(7, 1)]));
        assert!(!taken(&[entry(5, 2)]), "a gap at the beginning");
        assert!(!taken(&[entry(5, 1), entry(5, 3)]), "a gap");
        assert!(!taken(&[entry(5, 1), entry(5, 1)]), "a repetition");
        assert!(!taken(&[entry(5, 1), entry(7, 2)]), "a new run begins at 1");
        assert!(!taken(&[entry(5, 1), entry(4, 1)]), "an older run");
    }

    #[test]
    fn an_entry_is_its_authors_and_of_its_place() {
        let whole = entry(5, 1);
        assert!(whole.is_authentic(&CHAIN));
        assert!(!whole.is_authentic(&ChainHash::new([8; 32])));
        assert!(!Entry { number: 2, ..whole.clone() }.is_authentic(&CHAIN));
        assert!(!Entry { bytes: Body::new(*b"y"), ..whole }.is_authentic(&CHAIN));
    }

    #[test]
    fn the_overheads_are_upper_bounds() {
        let whole = entry(u64::MAX, u64::MAX);
        let entries = vec![whole.clone(); BLOCK_ENTRIES];
        let weight: usize = entries.iter().map(Entry::weight).sum();
        let block = LogBlock { parent: BlockId::default(), entries };
        let (_, body) = block.write().expect("a block");
        assert!(codec::encode(&whole).len() <= whole.weight());
        assert!(body.as_bytes().len() <= weight + BLOCK_OVERHEAD);
    }
}
