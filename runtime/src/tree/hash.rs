//! The hash of every node: blake3, except that two empty children hash to zero (EIP-7864).
//!
//! Stems have a hash of their own, which the draft has not. There a stem (`stem, 0, subtree`) also
//! reads as a node with two children, so that a path may lead through a stem into its values; most
//! of those are empty, and one can "prove" the absence of accounts that exist.

use alloy_primitives::B256;

use super::embedding::Stem;

/// The key of blake3 where it hashes stems.
const STEM_KEY: &[u8; 32] = b"mokka state tree, stem of values";

/// Hash of a value.
pub(super) fn value(value: &B256) -> B256 {
    blake3::hash(value.as_slice()).as_bytes().into()
}

/// Hash of a node with two children; two empty children are an empty node.
pub(super) fn pair(left: &B256, right: &B256) -> B256 {
    if left.is_zero() && right.is_zero() {
        return B256::ZERO;
    }
    blake3::hash(&joined(left, right)).as_bytes().into()
}

/// Hash of a stem with the subtree of its values.
pub(super) fn stem(stem: &Stem, subtree: &B256) -> B256 {
    let mut path = B256::ZERO;
    path[..Stem::BYTES].copy_from_slice(stem.as_bytes());
    blake3::keyed_hash(STEM_KEY, &joined(&path, subtree)).as_bytes().into()
}

fn joined(left: &B256, right: &B256) -> [u8; 64] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(left.as_slice());
    both[32..].copy_from_slice(right.as_slice());
    both
}
