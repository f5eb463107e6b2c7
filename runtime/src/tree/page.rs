//! Four levels of the tree in one stored node.
//!
//! A page at a path of `depth` nibbles has 16 slots, one for each next nibble. The binary nodes
//! above the slots follow from them. Of these a page also keeps the four in the middle, one for
//! each quad of slots: a changed slot then costs six hashes instead of fifteen, for a quarter more
//! room.
//!
//! # Stored form
//! Two bits for each slot (little endian, slot 0 lowest: 0 empty, 1 stem, 2 subtree), then quad by
//! quad its slots (a stem: 31 bytes and its hash; a subtree: its hash) and, unless the quad is
//! empty or a lone stem, the hash of the quad.

use alloy_primitives::{B256, hex};

use super::embedding::Stem;
use super::hash;
use crate::{StateError, TreeReader};

/// First byte of the keys of pages.
const KEY_PREFIX: u8 = b'p';
/// Levels of the tree in a page, counted from the node at its top down to the slots.
const LEVELS: usize = 4;
const QUAD_LEVEL: usize = 2;
/// Parts of the tree below a page.
pub(super) const SLOTS: u8 = 1 << LEVELS;
const QUADS: usize = 1 << QUAD_LEVEL;
const QUAD_SLOTS: usize = SLOTS as usize / QUADS;
const SLOT_BITS: usize = 2;
const EMPTY: u32 = 0;
const STEM: u32 = 1;
const SUBTREE: u32 = 2;

/// The top of a part of the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Slot {
    /// No stem lies there.
    #[default]
    Empty,
    /// Exactly one stem lies there: it stands for the whole part, without nodes above it.
    Stem {
        /// Its path.
        stem: Stem,
        /// Of the stem with its values.
        hash: B256,
    },
    /// Two or more stems lie there.
    Subtree(B256),
}

impl Slot {
    /// The hash of this part of the tree.
    pub(super) fn hash(&self) -> B256 {
        match self {
            Self::Empty => B256::ZERO,
            Self::Stem { hash, .. } | Self::Subtree(hash) => *hash,
        }
    }

    /// The part that consists of these two. A lone stem rises: paths are as short as they can be.
    fn join(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Empty, Self::Empty) => Self::Empty,
            (lone @ Self::Stem { .. }, Self::Empty) | (Self::Empty, lone @ Self::Stem { .. }) => {
                lone
            }
            (left, right) => Self::Subtree(hash::pair(&left.hash(), &right.hash())),
        }
    }

    fn stored_bytes(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Stem { .. } => Stem::BYTES + 32,
            Self::Subtree(_) => 32,
        }
    }

    fn kind(&self) -> u32 {
        match self {
            Self::Empty => EMPTY,
            Self::Stem { .. } => STEM,
            Self::Subtree(_) => SUBTREE,
        }
    }
}

/// Where a page is kept.
pub(super) struct PageKey {
    bytes: [u8; Stem::NIBBLES],
    depth: usize,
}

impl PageKey {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..=self.depth]
    }
}

/// Four levels of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    slots: [Slot; SLOTS as usize],
    quads: [Slot; QUADS],
}

impl Page {
    /// Where the page on the way to `stem` is kept, `depth` nibbles down: a byte for each nibble,
    /// so that pages follow each other as in a walk from the left, parents first.
    pub(super) fn key(stem: &Stem, depth: usize) -> PageKey {
        debug_assert!(depth < Stem::NIBBLES, "a page lies above a stem");
        let mut bytes = [KEY_PREFIX; Stem::NIBBLES];
        for (at, byte) in bytes[1..=depth].iter_mut().enumerate() {
            *byte = stem.nibble(at);
        }
        PageKey { bytes, depth }
    }

    /// The page at the top; an empty one where nothing is stored.
    pub(super) fn top(reader: &dyn TreeReader) -> Result<Self, StateError> {
        // The key of the top page is the same for every stem.
        let any = Stem::new([0; Stem::BYTES]);
        Ok(Self::read(reader, &any, 0)?.unwrap_or_default())
    }

    /// The page on the way to `stem`; one that must be there, because the page above says so.
    pub(super) fn below(
        reader: &dyn TreeReader,
        stem: &Stem,
        depth: usize,
    ) -> Result<Self, StateError> {
        Self::read(reader, stem, depth)?
            .ok_or_else(|| damaged(Self::key(stem, depth).as_slice(), "it is missing"))
    }

    fn read(
        reader: &dyn TreeReader,
        stem: &Stem,
        depth: usize,
    ) -> Result<Option<Self>, StateError> {
        let key = Self::key(stem, depth);
        let Some(bytes) = reader.node(key.as_slice())? else { return Ok(None) };
        let page =
            Self::decode(&bytes, stem, depth).map_err(|reason| damaged(key.as_slice(), reason))?;
        Ok(Some(page))
    }

    /// What the page is to the page above it.
    pub(super) fn summary(&self) -> Slot {
        self.node(0, 0)
    }

    /// Follows a nibble down to where no node follows, or to the page below, and collects the
    /// hashes beside the way.
    pub(super) fn descend(&self, nibble: u8, siblings: &mut Vec<B256>) -> Slot {
        let mut node = self.summary();
        for level in 1..=LEVELS {
            if !matches!(node, Slot::Subtree(_)) {
                break;
            }
            let at = usize::from(nibble) >> (LEVELS - level);
            siblings.push(self.node(level, at ^ 1).hash());
            node = self.node(level, at);
        }
        node
    }

    fn node(&self, level: usize, at: usize) -> Slot {
        match level {
            LEVELS => self.slots[at],
            QUAD_LEVEL => self.quads[at],
            above => Slot::join(self.node(above + 1, 2 * at), self.node(above + 1, 2 * at + 1)),
        }
    }

    /// The part of the tree behind a nibble.
    pub(super) fn slot(&self, nibble: u8) -> Slot {
        self.slots[usize::from(nibble)]
    }

    /// Whether the nodes kept between follow from the slots.
    pub(super) fn adds_up(&self) -> bool {
        (0..QUADS).all(|quad| self.quads[quad] == self.join_quad(quad))
    }

    /// Replaces parts of the tree. Returns whether any of them is new.
    pub(super) fn replace(&mut self, parts: impl IntoIterator<Item = (u8, Slot)>) -> bool {
        let mut changed = [false; QUADS];
        for (nibble, slot) in parts {
            let nibble = usize::from(nibble);
            if self.slots[nibble] != slot {
                self.slots[nibble] = slot;
                changed[nibble / QUAD_SLOTS] = true;
            }
        }
        for (quad, _) in changed.iter().enumerate().filter(|(_, changed)| **changed) {
            self.quads[quad] = self.join_quad(quad);
        }
        changed.contains(&true)
    }

    fn join_quad(&self, quad: usize) -> Slot {
        let first = QUAD_SLOTS * quad;
        let left = Slot::join(self.slots[first], self.slots[first + 1]);
        let right = Slot::join(self.slots[first + 2], self.slots[first + 3]);
        Slot::join(left, right)
    }

    /// The stored form.
    pub(super) fn encode(&self) -> Vec<u8> {
        let parts = self.slots.iter().map(Slot::stored_bytes);
        let quads = self.quads.iter().filter(|quad| matches!(quad, Slot::Subtree(_)));
        let mut bytes = Vec::with_capacity(4 + parts.sum::<usize>() + 32 * quads.count());
        let mut kinds = 0;
        for (nibble, slot) in self.slots.iter().enumerate() {
            kinds |= slot.kind() << (SLOT_BITS * nibble);
        }
        bytes.extend_from_slice(&kinds.to_le_bytes());
        for (slots, quad) in self.slots.chunks(QUAD_SLOTS).zip(&self.quads) {
            for slot in slots {
                if let Slot::Stem { stem, .. } = slot {
                    bytes.extend_from_slice(stem.as_bytes());
                }
                if *slot != Slot::Empty {
                    bytes.extend_from_slice(slot.hash().as_slice());
                }
            }
            if let Slot::Subtree(hash) = quad {
                bytes.extend_from_slice(hash.as_slice());
            }
        }
        bytes
    }

    /// Reads exactly what [`Self::encode`] writes for a page on the way to `path`.
    pub(super) fn decode(bytes: &[u8], path: &Stem, depth: usize) -> Result<Self, &'static str> {
        let mut input = Input(bytes);
        let kinds = u32::from_le_bytes(input.take()?);
        let mut page = Self::default();
        for quad in 0..QUADS {
            for nibble in QUAD_SLOTS * quad..QUAD_SLOTS * (quad + 1) {
                page.slots[nibble] = match kinds >> (SLOT_BITS * nibble) & 3 {
                    EMPTY => Slot::Empty,
                    STEM => {
                        let stem = Stem::new(input.take()?);
                        if !stem.shares(path, depth) || usize::from(stem.nibble(depth)) != nibble {
                            return Err("it holds a stem of another path");
                        }
                        Slot::Stem { stem, hash: input.hash()? }
                    }
                    SUBTREE if depth + 1 < Stem::NIBBLES => Slot::Subtree(input.hash()?),
                    _ => return Err("a slot is of no known kind"),
                };
            }
            let slots = &page.slots[QUAD_SLOTS * quad..QUAD_SLOTS * (quad + 1)];
            page.quads[quad] = match lone(slots) {
                Some(slot) => slot,
                None => Slot::Subtree(input.hash()?),
            };
        }
        if !input.0.is_empty() {
            return Err("bytes follow its end");
        }
        if !is_kept(&lone(&page.slots).unwrap_or(Slot::Subtree(B256::ZERO)), depth) {
            return Err("it has too few stems to exist");
        }
        Ok(page)
    }
}

/// Whether a page with this summary is stored: the top page for one stem, others for two or more.
pub(super) fn is_kept(summary: &Slot, depth: usize) -> bool {
    match summary {
        Slot::Empty => false,
        Slot::Stem { .. } => depth == 0,
        Slot::Subtree(_) => true,
    }
}

/// The slots as one, where that takes no hash: nothing, or a stem alone.
fn lone(slots: &[Slot]) -> Option<Slot> {
    let mut taken = slots.iter().filter(|slot| **slot != Slot::Empty);
    match (taken.next(), taken.next()) {
        (None, _) => Some(Slot::Empty),
        (Some(stem @ Slot::Stem { .. }), None) => Some(*stem),
        (Some(_), _) => None,
    }
}

/// What is left to decode.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("it ends early")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn hash(&mut self) -> Result<B256, &'static str> {
        let hash = B256::from(self.take::<32>()?);
        if hash.is_zero() { Err("a part that exists has no hash") } else { Ok(hash) }
    }
}

/// The error for a stored node that contradicts itself or its neighbours.
pub(super) fn damaged(key: &[u8], reason: &str) -> StateError {
    StateError(format!(
        "the node of the state tree at 0x{} is damaged: {reason}; \
         restore the data directory from a backup, or remove it and sync again",
        hex::encode(key)
    ))
}
