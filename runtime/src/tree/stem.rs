//! The values of one stem: a sparse list of up to 256, stored as one record.
//!
//! A value of 32 zero bytes is no value: it hashes like a place never written, and takes no room.
//!
//! # Stored form
//! `count - 1` (1 byte), which places are taken, their values in order. Below 32 values each place
//! is a byte, ascending; from 32 on they are a bitmap of 32 bytes, lowest bit of byte 0 first.

use alloy_primitives::B256;

use super::embedding::Stem;
use super::hash;
use crate::{StateError, TreeReader};

/// First byte of the keys of stem records.
const KEY_PREFIX: u8 = b's';
/// From this many values on, a bitmap is no longer than the list of places.
const BITMAP_FROM: usize = 32;
const BITMAP_BYTES: usize = 32;
/// Levels of the subtree of 256 values.
pub(super) const LEVELS: usize = 8;

/// The values of one stem, ascending by sub-index, none of them zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StemValues(Vec<(u8, B256)>);

impl StemValues {
    /// Where the record of a stem is kept.
    pub(super) fn key(stem: &Stem) -> [u8; 1 + Stem::BYTES] {
        let mut key = [KEY_PREFIX; 1 + Stem::BYTES];
        key[1..].copy_from_slice(stem.as_bytes());
        key
    }

    /// The stored values; none where the stem has no record.
    pub(super) fn read(reader: &dyn TreeReader, stem: &Stem) -> Result<Self, StateError> {
        let key = Self::key(stem);
        let Some(bytes) = reader.node(&key)? else { return Ok(Self::default()) };
        Self::decode(&bytes).map_err(|reason| super::page::damaged(&key, reason))
    }

    /// The value at a place; zero where there is none.
    pub(super) fn get(&self, sub_index: u8) -> B256 {
        match self.find(sub_index) {
            Ok(at) => self.0[at].1,
            Err(_) => B256::ZERO,
        }
    }

    /// Sets a value; zero clears it. Returns whether that changed anything.
    pub(super) fn set(&mut self, sub_index: u8, value: B256) -> bool {
        match (self.find(sub_index), value.is_zero()) {
            (Ok(at), false) => return std::mem::replace(&mut self.0[at].1, value) != value,
            (Ok(at), true) => drop(self.0.remove(at)),
            (Err(_), true) => return false,
            (Err(at), false) => self.0.insert(at, (sub_index, value)),
        }
        true
    }

    /// How many values there are.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether the stem is gone from the tree.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hash of the stem with these values.
    pub(super) fn hash(&self, stem: &Stem) -> B256 {
        hash::stem(stem, &self.subtree())
    }

    /// The root of the subtree of 256 values.
    pub(super) fn subtree(&self) -> B256 {
        let mut level = self.leaves();
        for _ in 0..LEVELS {
            climb(&mut level);
        }
        level.first().map_or(B256::ZERO, |(_, root)| *root)
    }

    /// The hashes beside the path of a place, from the top of the subtree down.
    pub(super) fn siblings(&self, sub_index: u8) -> [B256; LEVELS] {
        let mut siblings = [B256::ZERO; LEVELS];
        let mut level = self.leaves();
        for (up, sibling) in siblings.iter_mut().rev().enumerate() {
            let beside = (sub_index >> up) ^ 1;
            if let Ok(at) = level.binary_search_by_key(&beside, |(place, _)| *place) {
                *sibling = level[at].1;
            }
            climb(&mut level);
        }
        siblings
    }

    fn leaves(&self) -> Vec<(u8, B256)> {
        self.0.iter().map(|(place, value)| (*place, hash::value(value))).collect()
    }

    fn find(&self, sub_index: u8) -> Result<usize, usize> {
        self.0.binary_search_by_key(&sub_index, |(place, _)| *place)
    }

    /// The stored form. Only for stems that are not empty.
    pub(super) fn encode(&self) -> Vec<u8> {
        debug_assert!(!self.is_empty(), "an empty stem has no record");
        let count = self.0.len();
        let mut bytes = Vec::with_capacity(1 + count.min(BITMAP_BYTES) + 32 * count);
        bytes.push(u8::try_from(count.saturating_sub(1)).unwrap_or(u8::MAX));
        if count < BITMAP_FROM {
            bytes.extend(self.0.iter().map(|(place, _)| place));
        } else {
            let mut bitmap = [0u8; BITMAP_BYTES];
            for (place, _) in &self.0 {
                bitmap[usize::from(place / 8)] |= 1 << (place % 8);
            }
            bytes.extend_from_slice(&bitmap);
        }
        for (_, value) in &self.0 {
            bytes.extend_from_slice(value.as_slice());
        }
        bytes
    }

    /// Reads exactly what [`Self::encode`] writes, and nothing else.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let (count, rest) = bytes.split_first().ok_or("it is empty")?;
        let count = usize::from(*count) + 1;
        let head = if count < BITMAP_FROM { count } else { BITMAP_BYTES };
        let (places, values) = rest.split_at_checked(head).ok_or("it ends early")?;
        let places = if count < BITMAP_FROM { listed(places)? } else { mapped(places) };
        let (values, tail) = values.as_chunks::<32>();
        if places.len() != count || values.len() != count || !tail.is_empty() {
            return Err("its length is not that of its values");
        }
        if values.contains(&[0; 32]) {
            return Err("it holds a zero value");
        }
        Ok(Self(places.into_iter().zip(values.iter().map(B256::from)).collect()))
    }
}

/// One level up: pairs neighbours, an absent one counts as zero.
fn climb(level: &mut Vec<(u8, B256)>) {
    let (mut read, mut written) = (0, 0);
    while read < level.len() {
        let (place, hash) = level[read];
        read += 1;
        let parent = match level.get(read) {
            Some((next, right)) if place % 2 == 0 && *next == place + 1 => {
                read += 1;
                hash::pair(&hash, right)
            }
            Some(_) | None if place % 2 == 0 => hash::pair(&hash, &B256::ZERO),
            Some(_) | None => hash::pair(&B256::ZERO, &hash),
        };
        level[written] = (place / 2, parent);
        written += 1;
    }
    level.truncate(written);
}

fn listed(places: &[u8]) -> Result<Vec<u8>, &'static str> {
    if places.is_sorted_by(|a, b| a < b) {
        Ok(places.to_vec())
    } else {
        Err("its places are not ascending")
    }
}

fn mapped(bitmap: &[u8]) -> Vec<u8> {
    (0..=u8::MAX).filter(|place| bitmap[usize::from(place / 8)] >> (place % 8) & 1 == 1).collect()
}
