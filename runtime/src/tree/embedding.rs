//! Where the state lies in the tree: the key and the value of everything an account has.
//!
//! A key is a [`Stem`] (31 bytes of a hash) and a sub-index. Values whose positions share all but
//! the last byte share a stem, so that an account's basics, its first storage slots and its first
//! code chunks change with one path.

use std::fmt;

use alloy_primitives::{Address, B256, U256};

use crate::Account;

/// Sub-index of version, code size, nonce and balance in an account's header.
pub(super) const BASICS: u8 = 0;
/// Sub-index of the code hash. Never zero, so it also shows that the account exists.
pub(super) const CODE_HASH: u8 = 1;
/// Sub-index of the balance's upper 128 bits; the draft has no place for them.
pub(super) const BALANCE_HIGH: u8 = 2;
/// Sub-index of storage slot 0.
const HEADER_STORAGE: u8 = 64;
/// Slots from here on lie outside the header.
const HEADER_SLOTS: u8 = 64;
/// Position of code chunk 0.
const CODE_OFFSET: u64 = 128;
/// Values below one stem.
const STEM_WIDTH: u64 = 256;
/// Main storage begins at position 2^248, which is stem 2^240 of the account.
const MAIN_STORAGE_STEM: usize = 240;

const _: () = assert!(BALANCE_HIGH < HEADER_STORAGE);
const _: () = assert!((HEADER_STORAGE + HEADER_SLOTS) as u64 <= CODE_OFFSET);
const _: () = assert!(CODE_OFFSET < STEM_WIDTH);

/// What the keys of up to 256 neighbouring values have in common; the path in the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stem([u8; Stem::BYTES]);

impl Stem {
    /// Its length; with the sub-index it makes a key of 32 bytes.
    pub const BYTES: usize = 31;
    /// Its length in steps of four bits, the height of one page.
    pub(super) const NIBBLES: usize = 2 * Self::BYTES;

    /// The stem with these bytes.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes, first step of the path first.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The stem that starts at position `256 * index` of an account.
    pub(super) fn derive(address: Address, index: U256) -> Self {
        let mut input = [0; 64];
        input[12..32].copy_from_slice(address.as_slice());
        input[32..].copy_from_slice(&index.to_le_bytes::<32>());
        let mut stem = [0; Self::BYTES];
        stem.copy_from_slice(&blake3::hash(&input).as_bytes()[..Self::BYTES]);
        Self(stem)
    }

    /// The stem of an account's header.
    pub(super) fn header(address: Address) -> Self {
        Self::derive(address, U256::ZERO)
    }

    /// Four bits of the path, the most significant first.
    pub(super) fn nibble(&self, depth: usize) -> u8 {
        let byte = self.0[depth / 2];
        if depth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
    }

    /// The path with another nibble at `depth`.
    pub(super) fn with_nibble(&self, depth: usize, nibble: u8) -> Self {
        let mut path = *self;
        let byte = &mut path.0[depth / 2];
        *byte = if depth.is_multiple_of(2) {
            nibble << 4 | *byte & 0x0f
        } else {
            *byte & 0xf0 | nibble
        };
        path
    }

    /// A bit of the path, the most significant first.
    pub(super) fn bit(&self, depth: usize) -> bool {
        self.0[depth / 8] >> (7 - depth % 8) & 1 == 1
    }

    /// Whether the first `depth` nibbles of both paths are the same.
    pub(super) fn shares(&self, other: &Self, depth: usize) -> bool {
        let whole = depth / 2;
        self.0[..whole] == other.0[..whole]
            && (depth.is_multiple_of(2) || self.nibble(depth - 1) == other.nibble(depth - 1))
    }
}

impl fmt::Debug for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stem({})", alloy_primitives::hex::encode(self.0))
    }
}

/// A place in an account: which of its stems, and where below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Which of the account's stems; 0 is the header.
    pub(super) index: U256,
    /// Which of the 256 values below the stem.
    pub(super) sub_index: u8,
}

impl Position {
    /// Where a storage slot lies.
    pub(super) fn of_slot(slot: U256) -> Self {
        let low = slot.byte(0);
        if slot < U256::from(HEADER_SLOTS) {
            return Self { index: U256::ZERO, sub_index: HEADER_STORAGE + low };
        }
        // 2^248 is a multiple of 256, so dividing first keeps the sum within 256 bits.
        let index = (U256::from(1) << MAIN_STORAGE_STEM) + (slot >> 8);
        Self { index, sub_index: low }
    }

    /// Where a chunk of code lies.
    pub(super) fn of_chunk(chunk: u64) -> Self {
        let position = CODE_OFFSET + chunk;
        let [.., sub_index] = position.to_be_bytes();
        Self { index: U256::from(position / STEM_WIDTH), sub_index }
    }
}

/// Code must be shorter than this: its size has three bytes.
pub(super) const CODE_SIZE_LIMIT: u32 = 1 << 24;

/// The key of one value in the tree: where it is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub(super) stem: Stem,
    pub(super) sub_index: u8,
}

impl Key {
    /// The account's version, code size, nonce and the lower half of its balance.
    pub fn basics(address: Address) -> Self {
        Self { stem: Stem::header(address), sub_index: BASICS }
    }

    /// The account's code hash; not zero iff the account exists.
    pub fn code_hash(address: Address) -> Self {
        Self { stem: Stem::header(address), sub_index: CODE_HASH }
    }

    /// The upper half of the account's balance.
    pub fn balance_high(address: Address) -> Self {
        Self { stem: Stem::header(address), sub_index: BALANCE_HIGH }
    }

    /// A storage slot.
    pub fn slot(address: Address, slot: U256) -> Self {
        Self::at(address, Position::of_slot(slot))
    }

    /// A chunk of 31 bytes of code.
    pub fn code_chunk(address: Address, chunk: u32) -> Self {
        Self::at(address, Position::of_chunk(chunk.into()))
    }

    fn at(address: Address, Position { index, sub_index }: Position) -> Self {
        Self { stem: Stem::derive(address, index), sub_index }
    }
}

/// Version 0, code size, nonce and the balance's lower 128 bits, as one value.
pub(super) fn basics(account: &Account, code_size: u32) -> B256 {
    debug_assert!(code_size < CODE_SIZE_LIMIT, "checked where code comes in");
    let mut value = [0; 32];
    value[4..8].copy_from_slice(&code_size.to_be_bytes());
    value[8..16].copy_from_slice(&account.nonce.to_be_bytes());
    value[16..].copy_from_slice(&account.balance.to_be_bytes::<32>()[16..]);
    value.into()
}

/// The balance's upper 128 bits, as one value.
pub(super) fn balance_high(account: &Account) -> B256 {
    (account.balance >> 128u32).into()
}

/// The code size that [`basics`] wrote.
pub(super) fn code_size(basics: &B256) -> u32 {
    u32::from_be_bytes([0, basics[5], basics[6], basics[7]])
}
