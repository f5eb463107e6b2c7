//! Storage of the system contracts, laid out as Solidity would, so that any tool can read it.

use alloy_primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use alloy_sol_types::SolError;

use crate::state::{StateError, StateReader};

/// Why a call of a system contract ends early. What it changed until then is taken back.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has less gas than it costs.
    OutOfGas,
    /// A rule says no: an ABI-encoded error.
    Revert(Bytes),
    /// Our own store could not answer.
    State(String),
}

impl From<StateError> for Stop {
    fn from(error: StateError) -> Self {
        Self::State(error.to_string())
    }
}

/// A rule says no.
#[allow(clippy::needless_pass_by_value)] // The error is made on the spot, for nobody else.
pub(crate) fn refuse<T>(error: impl SolError) -> Result<T, Stop> {
    Err(Stop::Revert(error.abi_encode().into()))
}

/// Reads storage.
pub(crate) trait Read {
    /// Zero where nothing is stored.
    fn get(&mut self, at: Address, slot: U256) -> Result<U256, Stop>;
}

/// Changes storage.
pub(crate) trait Write: Read {
    fn set(&mut self, at: Address, slot: U256, value: U256) -> Result<(), Stop>;
    fn log(&mut self, at: Address, event: LogData) -> Result<(), Stop>;
}

impl Read for &dyn StateReader {
    fn get(&mut self, at: Address, slot: U256) -> Result<U256, Stop> {
        Ok(self.storage(at, slot)?)
    }
}

/// Where the value of a mapping lies.
pub(crate) fn mapped(base: u64, key: B256) -> U256 {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(key.as_slice());
    bytes[32..].copy_from_slice(&U256::from(base).to_be_bytes::<32>());
    keccak256(bytes).into()
}

/// Where the data of an array or of long bytes begins.
fn data_of(slot: U256) -> U256 {
    keccak256(slot.to_be_bytes::<32>()).into()
}

/// Part of a slot: `bits` wide, above `shift`.
pub(crate) fn part(word: U256, shift: usize, bits: usize) -> U256 {
    (word >> shift) & ((U256::from(1) << bits) - U256::from(1))
}

/// Part of a slot that is a number of 64 bits.
pub(crate) fn number(word: U256, shift: usize) -> u64 {
    part(word, shift, 64).saturating_to()
}

/// Part of a slot that is an address.
pub(crate) fn address(word: U256, shift: usize) -> Address {
    let bytes = part(word, shift, 160).to_be_bytes::<32>();
    Address::from_slice(&bytes[12..])
}

/// An address as part of a slot.
pub(crate) fn word_of(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

/// The key of a mapping by address.
pub(crate) fn key_of(address: Address) -> B256 {
    address.into_word()
}

/// A dynamic array of words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) at: Address,
    pub(crate) slot: U256,
}

impl List {
    pub(crate) fn new(at: Address, slot: u64) -> Self {
        Self { at, slot: U256::from(slot) }
    }

    pub(crate) fn len(self, state: &mut dyn Read) -> Result<u64, Stop> {
        Ok(state.get(self.at, self.slot)?.saturating_to())
    }

    /// Where an element lies.
    pub(crate) fn place(self, index: u64) -> U256 {
        data_of(self.slot).wrapping_add(U256::from(index))
    }

    pub(crate) fn get(self, state: &mut dyn Read, index: u64) -> Result<U256, Stop> {
        state.get(self.at, self.place(index))
    }

    pub(crate) fn all(self, state: &mut dyn Read) -> Result<Vec<U256>, Stop> {
        (0..self.len(state)?).map(|index| self.get(state, index)).collect()
    }

    pub(crate) fn set_len(self, state: &mut dyn Write, len: u64) -> Result<(), Stop> {
        state.set(self.at, self.slot, U256::from(len))
    }

    /// Appends; the index of the new element.
    pub(crate) fn push(self, state: &mut dyn Write, value: U256) -> Result<u64, Stop> {
        let index = state.get(self.at, self.slot)?.saturating_to();
        state.set(self.at, self.place(index), value)?;
        self.set_len(state, index + 1)?;
        Ok(index)
    }

    /// Takes an element out; the last one takes its place and is returned, if it is another.
    pub(crate) fn swap_remove(
        self,
        state: &mut dyn Write,
        index: u64,
    ) -> Result<Option<U256>, Stop> {
        let last = state.get(self.at, self.slot)?.saturating_to::<u64>().saturating_sub(1);
        let moved = match index == last {
            true => None,
            false => Some(state.get(self.at, self.place(last))?),
        };
        if let Some(value) = moved {
            state.set(self.at, self.place(index), value)?;
        }
        state.set(self.at, self.place(last), U256::ZERO)?;
        self.set_len(state, last)?;
        Ok(moved)
    }

    /// Takes an element out; those behind it move up.
    pub(crate) fn remove(self, state: &mut dyn Write, value: U256) -> Result<bool, Stop> {
        let len = state.get(self.at, self.slot)?.saturating_to::<u64>();
        let mut found = false;
        for index in 0..len {
            let here = state.get(self.at, self.place(index))?;
            if found {
                state.set(self.at, self.place(index - 1), here)?;
            }
            found |= here == value;
        }
        if found {
            state.set(self.at, self.place(len - 1), U256::ZERO)?;
            self.set_len(state, len - 1)?;
        }
        Ok(found)
    }
}

/// Bytes as Solidity keeps them: below 32 beside their length, longer ones elsewhere.
pub(crate) fn read_bytes(state: &mut dyn Read, at: Address, slot: U256) -> Result<Vec<u8>, Stop> {
    let word = state.get(at, slot)?;
    let head = word.to_be_bytes::<32>();
    if head[31] & 1 == 0 {
        let len = usize::from(head[31] / 2).min(31);
        return Ok(head[..len].to_vec());
    }
    let len: usize = part(word, 1, 255).saturating_to();
    let first = data_of(slot);
    let mut bytes = Vec::new();
    for index in 0..len.div_ceil(32) {
        let word = state.get(at, first.wrapping_add(U256::from(index)))?;
        bytes.extend(word.to_be_bytes::<32>());
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Text that was checked before it was stored.
pub(crate) fn read_text(state: &mut dyn Read, at: Address, slot: U256) -> Result<String, Stop> {
    Ok(String::from_utf8_lossy(&read_bytes(state, at, slot)?).into_owned())
}

/// Replaces bytes; what is left over of longer ones is cleared.
pub(crate) fn write_bytes(
    state: &mut dyn Write,
    at: Address,
    slot: U256,
    bytes: &[u8],
) -> Result<(), Stop> {
    let old = state.get(at, slot)?;
    let old_words: u64 = match old.bit(0) {
        true => part(old, 1, 255).saturating_to::<u64>().div_ceil(32),
        false => 0,
    };
    let (head, words) = match bytes.len() {
        len if len < 32 => {
            let mut head = [0; 32];
            head[..len].copy_from_slice(bytes);
            // Below 32, so twice it fits.
            head[31] = u8::try_from(2 * len).unwrap_or_default();
            (U256::from_be_bytes(head), 0)
        }
        len => (U256::from(2 * len + 1), len.div_ceil(32) as u64),
    };
    let first = data_of(slot);
    if words > 0 {
        for (index, chunk) in bytes.chunks(32).enumerate() {
            let mut word = [0; 32];
            word[..chunk.len()].copy_from_slice(chunk);
            let place = first.wrapping_add(U256::from(index));
            state.set(at, place, U256::from_be_bytes(word))?;
        }
    }
    for index in words..old_words {
        state.set(at, first.wrapping_add(U256::from(index)), U256::ZERO)?;
    }
    state.set(at, slot, head)
}
