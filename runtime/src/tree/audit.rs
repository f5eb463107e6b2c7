//! The whole stored tree, read and hashed again: what `apply` takes on trust.

use alloy_primitives::B256;

use super::embedding::Stem;
use super::page::{self, Page, Slot, damaged};
use super::stem::StemValues;
use crate::{StateError, TreeReader};

/// What an audit found, when all of it fits together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Of the whole tree.
    pub root: B256,
    /// Stored pages that the root leads to.
    pub pages: u64,
    /// Stored stems that the root leads to.
    pub stems: u64,
    /// Values in all of them.
    pub values: u64,
}

/// Reads every node below the root and recomputes every hash. Takes about as long as building the
/// tree anew, and little memory.
///
/// # Errors
/// The store could not be read, or names the first node that does not fit the one above it.
pub fn check(reader: &dyn TreeReader) -> Result<Audit, StateError> {
    let mut audit = Audit::default();
    let top = Page::top(reader)?;
    // The key of the top page is the same for every stem.
    let any = Stem::new([0; Stem::BYTES]);
    if top.summary() != Slot::Empty {
        check_page(reader, &top, &any, 0, &mut audit)?;
    }
    audit.root = top.summary().hash();
    Ok(audit)
}

fn check_page(
    reader: &dyn TreeReader,
    page: &Page,
    path: &Stem,
    depth: usize,
    audit: &mut Audit,
) -> Result<(), StateError> {
    audit.pages += 1;
    if !page.adds_up() {
        let reason = "its hashes do not follow from its slots";
        return Err(damaged(Page::key(path, depth).as_slice(), reason));
    }
    for nibble in 0..page::SLOTS {
        match page.slot(nibble) {
            Slot::Empty => {}
            Slot::Stem { stem, hash } => check_stem(reader, &stem, hash, audit)?,
            Slot::Subtree(hash) => {
                let path = path.with_nibble(depth, nibble);
                let below = Page::below(reader, &path, depth + 1)?;
                if below.summary() != Slot::Subtree(hash) {
                    let reason = "its hash is not the one in the page above it";
                    return Err(damaged(Page::key(&path, depth + 1).as_slice(), reason));
                }
                check_page(reader, &below, &path, depth + 1, audit)?;
            }
        }
    }
    Ok(())
}

fn check_stem(
    reader: &dyn TreeReader,
    stem: &Stem,
    hash: B256,
    audit: &mut Audit,
) -> Result<(), StateError> {
    let values = StemValues::read(reader, stem)?;
    if values.hash(stem) != hash {
        let reason = "its hash is not the one in the page above it";
        return Err(damaged(&StemValues::key(stem), reason));
    }
    audit.stems += 1;
    audit.values += values.len();
    Ok(())
}
