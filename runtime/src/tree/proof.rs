//! One value of the state, shown to somebody who knows only the root.

use alloy_primitives::B256;

use super::embedding::{Key, Stem};
use super::hash;
use super::page::{Page, Slot};
use super::stem::{LEVELS, StemValues};
use crate::{StateError, TreeReader};

/// Shows what lies at a key, or that nothing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The hashes beside the path, from the top down.
    pub siblings: Vec<B256>,
    /// What lies where the path ends.
    pub end: ProofEnd,
}

/// What lies where the path of a key ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofEnd {
    /// Nothing: no stem begins with this path.
    Empty,
    /// The only stem that begins with this path is another one.
    OtherStem {
        /// That stem.
        stem: Stem,
        /// The root of the subtree of its values.
        subtree: B256,
    },
    /// The stem of the key.
    Stem {
        /// The hashes beside the path from the stem to the value, from the top down.
        siblings: Box<[B256; LEVELS]>,
        /// The value; zero where there is none.
        value: B256,
    },
}

/// The proof does not show what it should: whoever sent it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The hashes lead to another root.
    #[error("the proof leads to the state root {found}, not {expected}; ask for a proof of this")]
    OtherRoot {
        /// The root that was asked about.
        expected: B256,
        /// The root that the proof leads to.
        found: B256,
    },
    /// It ends where the path of the key does not lead.
    #[error("the proof ends off the path of its key; do not trust its sender")]
    OffPath,
}

/// Proves what lies at `key`, for [`Proof::value`] to check.
///
/// # Errors
/// The store could not be read, or what it holds contradicts itself.
pub fn prove(reader: &dyn TreeReader, key: &Key) -> Result<Proof, StateError> {
    let mut siblings = Vec::new();
    let mut page = Page::top(reader)?;
    let mut depth = 0;
    loop {
        match page.descend(key.stem.nibble(depth), &mut siblings) {
            Slot::Subtree(_) => {
                depth += 1;
                page = Page::below(reader, &key.stem, depth)?;
            }
            Slot::Empty => return Ok(Proof { siblings, end: ProofEnd::Empty }),
            Slot::Stem { stem, .. } => {
                let values = StemValues::read(reader, &stem)?;
                let end = if stem == key.stem {
                    let siblings = Box::new(values.siblings(key.sub_index));
                    ProofEnd::Stem { siblings, value: values.get(key.sub_index) }
                } else {
                    ProofEnd::OtherStem { stem, subtree: values.subtree() }
                };
                return Ok(Proof { siblings, end });
            }
        }
    }
}

impl Proof {
    /// The value at `key` in the state with this root; zero where there is none.
    ///
    /// # Errors
    /// The proof shows nothing about this key and root.
    pub fn value(&self, root: B256, key: &Key) -> Result<B256, ProofFault> {
        let depth = self.siblings.len();
        if depth > 8 * Stem::BYTES {
            return Err(ProofFault::OffPath);
        }
        let (end, value) = match &self.end {
            ProofEnd::Empty => (B256::ZERO, B256::ZERO),
            ProofEnd::OtherStem { stem, subtree } => {
                let on_path = (0..depth).all(|bit| stem.bit(bit) == key.stem.bit(bit));
                if *stem == key.stem || !on_path {
                    return Err(ProofFault::OffPath);
                }
                (hash::stem(stem, subtree), B256::ZERO)
            }
            ProofEnd::Stem { siblings, value } => {
                let leaf = if value.is_zero() { B256::ZERO } else { hash::value(value) };
                let bit = |level: usize| key.sub_index >> (LEVELS - 1 - level) & 1 == 1;
                (hash::stem(&key.stem, &climb(leaf, siblings.as_slice(), bit)), *value)
            }
        };
        let found = climb(end, &self.siblings, |level| key.stem.bit(level));
        if found == root { Ok(value) } else { Err(ProofFault::OtherRoot { expected: root, found }) }
    }
}

/// The hash at the top of a path; `is_right` tells on which side of its parent each step lies.
fn climb(end: B256, siblings: &[B256], is_right: impl Fn(usize) -> bool) -> B256 {
    siblings.iter().enumerate().rev().fold(end, |below, (level, beside)| {
        if is_right(level) { hash::pair(beside, &below) } else { hash::pair(&below, beside) }
    })
}
