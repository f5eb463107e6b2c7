//! The state tree: one hash that commits to every account, storage value and byte of code.
//!
//! A binary Merkle tree with blake3 in the manner of EIP-7864 (`architecture.md` §4). Execution
//! reads the flat state; this tree only proves it. What is pinned, and where it differs from the
//! draft, is written in `node/docs/adr-0001-state-tree.md`.
//!
//! ```text
//! StateChanges --edits--> values by stem --stem--> stem hashes --batch--> pages, root
//!                             (read, change and hash each stem)   (one walk over sorted stems)
//! ```
//! Read in this order: `embedding` (which key and value the state becomes), `chunks` (code), `stem`
//! (256 values that share a hash), `page` (four levels of the tree in one stored node), `batch` (a
//! sorted batch of stems changes the pages), `edits` (a block becomes that batch), `proof` (one
//! value, shown to somebody who knows only the root), `audit` (the whole tree, hashed again).
//!
//! # Why it is canonical
//! A stem record depends only on the values of its stem, and a page only on the stems below it: a
//! page exists where at least two stems share its path (the top page: at least one). So the stored
//! bytes and the root are functions of the contents, whatever the history; tests compare both with
//! a naive rebuild after every block.
//!
//! # What a block costs
//! Reads: one record per changed stem, and each page on the way to one once. Writes: those of them
//! that changed. Nothing is cached between blocks and nothing is read at the start, so opening a
//! state costs one read, whatever its size.

mod audit;
mod batch;
mod chunks;
mod edits;
mod embedding;
mod hash;
mod page;
mod proof;
mod stem;

#[cfg(test)]
mod tests;

pub use audit::{Audit, check};
pub use embedding::{Key, Stem};
pub use proof::{Proof, ProofEnd, ProofFault, prove};

use alloy_primitives::B256;
use rayon::prelude::*;

use crate::{StateChanges, StateError, StateReader, TreeChanges, TreeReader};

/// The root after `changes`, and the nodes to write together with them.
///
/// `flat` is the state before the changes. It is asked for code alone, and only where an account
/// takes over code that was deployed earlier. Deterministic to the byte.
///
/// # Errors
/// The store could not be read, or what it holds contradicts itself: our own disk is at fault.
pub fn apply(
    reader: &dyn TreeReader,
    flat: &dyn StateReader,
    changes: &StateChanges,
) -> Result<(B256, TreeChanges), StateError> {
    let edits = edits::of_block(reader, flat, changes)?;
    let outcomes = edits
        .into_par_iter()
        .map(|edit| edit.perform(reader))
        .collect::<Result<Vec<_>, StateError>>()?;

    let mut stems = Vec::with_capacity(outcomes.len());
    let mut writes = Vec::with_capacity(outcomes.len());
    for (change, write) in outcomes.into_iter().flatten() {
        stems.push(change);
        writes.push(write);
    }
    // Descending, as the pages are: a sorted run is put into a map at once.
    writes.reverse();
    let root = batch::update(reader, &stems, &mut writes)?;
    Ok((root, TreeChanges(writes.into_iter().collect())))
}

/// The root of the stored tree; zero where nothing is stored. Reads one node.
///
/// # Errors
/// The store could not be read, or its top page is damaged.
pub fn root(reader: &dyn TreeReader) -> Result<B256, StateError> {
    Ok(page::Page::top(reader)?.summary().hash())
}
