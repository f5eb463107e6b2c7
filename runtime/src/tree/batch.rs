//! A sorted batch of changed stems, applied to the pages in one walk.
//!
//! Each page on the way to a changed stem is read once, changed once and hashed once, however many
//! stems of the batch lie below it. Parts of the tree share nothing, so large batches are worked
//! off on all cores.

use alloy_primitives::B256;
use rayon::prelude::*;

use super::embedding::Stem;
use super::page::{self, Page, Slot};
use crate::{StateError, TreeKey, TreeReader};

/// Below this many stems a walk takes less time than sharing it out.
const PARALLEL_FROM: usize = 64;

/// A node to write; `None`: the node is gone.
pub(super) type Write = (TreeKey, Option<Vec<u8>>);

/// A stem and what is known of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StemHash<H> {
    /// Its path.
    pub(super) stem: Stem,
    /// Of the stem with its values.
    pub(super) hash: H,
}

/// What became of a stem; no hash: it has no value left.
pub(super) type StemChange = StemHash<Option<B256>>;

/// Changes the stored pages by `changes`, which ascend strictly by stem, and returns the new root.
pub(super) fn update(
    reader: &dyn TreeReader,
    changes: &[StemChange],
    writes: &mut Vec<Write>,
) -> Result<B256, StateError> {
    debug_assert!(changes.is_sorted_by(|a, b| a.stem < b.stem), "a batch ascends by stem");
    let top = Page::top(reader)?;
    if changes.is_empty() {
        return Ok(top.summary().hash());
    }
    Ok(change_page(reader, top, 0, changes, writes)?.hash())
}

/// What `page` becomes to the page above it. `depth` counts nibbles; all changes share that much
/// of their paths.
fn change_page(
    reader: &dyn TreeReader,
    mut page: Page,
    depth: usize,
    changes: &[StemChange],
    writes: &mut Vec<Write>,
) -> Result<Slot, StateError> {
    let parts = by_nibble(changes, depth, writes, |nibble, changes, writes| {
        change_slot(reader, page.slot(nibble), depth + 1, changes, writes)
    })?;
    let changed = page.replace(parts);
    let summary = page.summary();
    if changed {
        let stored = page::is_kept(&summary, depth).then(|| page.encode());
        writes.push((Page::key(&changes[0].stem, depth).as_slice().to_vec(), stored));
    }
    Ok(summary)
}

/// What `slot` becomes.
fn change_slot(
    reader: &dyn TreeReader,
    slot: Slot,
    depth: usize,
    changes: &[StemChange],
    writes: &mut Vec<Write>,
) -> Result<Slot, StateError> {
    let lone = match slot {
        Slot::Subtree(_) => {
            let page = Page::below(reader, &changes[0].stem, depth)?;
            return change_page(reader, page, depth, changes, writes);
        }
        Slot::Empty => None,
        Slot::Stem { stem, hash } => Some(StemHash { stem, hash }),
    };
    build(&remaining(lone, changes), depth, writes)
}

/// The stems of a part of the tree that had at most one, ascending.
fn remaining(lone: Option<StemHash<B256>>, changes: &[StemChange]) -> Vec<StemHash<B256>> {
    let mut stems: Vec<_> = changes
        .iter()
        .filter_map(|change| change.hash.map(|hash| StemHash { stem: change.stem, hash }))
        .collect();
    if let Some(lone) = lone
        && changes.binary_search_by_key(&lone.stem, |change| change.stem).is_err()
    {
        let at = stems.partition_point(|other| other.stem < lone.stem);
        stems.insert(at, lone);
    }
    stems
}

/// A new part of the tree from the stems that lie in it, ascending.
fn build(
    stems: &[StemHash<B256>],
    depth: usize,
    writes: &mut Vec<Write>,
) -> Result<Slot, StateError> {
    match stems {
        [] => return Ok(Slot::Empty),
        [StemHash { stem, hash }] => return Ok(Slot::Stem { stem: *stem, hash: *hash }),
        [_, _, ..] => {}
    }
    let parts =
        by_nibble(stems, depth, writes, |_, stems, writes| build(stems, depth + 1, writes))?;
    let mut page = Page::default();
    page.replace(parts);
    writes.push((Page::key(&stems[0].stem, depth).as_slice().to_vec(), Some(page.encode())));
    Ok(page.summary())
}

/// Works off each part of the tree below a page on its own, and collects what they become. The
/// last goes first, and pages are written after those below them, so that all keys written descend.
fn by_nibble<H: Sync>(
    stems: &[StemHash<H>],
    depth: usize,
    writes: &mut Vec<Write>,
    part: impl Fn(u8, &[StemHash<H>], &mut Vec<Write>) -> Result<Slot, StateError> + Sync,
) -> Result<Vec<(u8, Slot)>, StateError> {
    let groups = stems.chunk_by(|a, b| a.stem.nibble(depth) == b.stem.nibble(depth)).rev();
    let work = |group: &[StemHash<H>], writes: &mut Vec<Write>| {
        let nibble = group[0].stem.nibble(depth);
        Ok((nibble, part(nibble, group, writes)?))
    };
    if stems.len() < PARALLEL_FROM {
        return groups.map(|group| work(group, writes)).collect();
    }
    let groups: Vec<_> = groups.collect();
    let done = groups
        .into_par_iter()
        .map(|group| {
            let mut own = Vec::new();
            Ok((work(group, &mut own)?, own))
        })
        .collect::<Result<Vec<_>, StateError>>()?;
    let mut parts = Vec::with_capacity(done.len());
    for (part, mut own) in done {
        parts.push(part);
        writes.append(&mut own);
    }
    Ok(parts)
}
