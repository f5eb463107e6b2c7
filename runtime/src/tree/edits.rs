//! What a block sets in the tree, stem by stem.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use rayon::prelude::*;

use super::batch::{StemChange, StemHash, Write};
use super::chunks;
use super::embedding::{self, Position, Stem};
use super::stem::StemValues;
use crate::{Account, StateChanges, StateError, StateReader, TreeReader};

/// What a block sets in one stem; each place at most once.
pub(super) struct StemEdit {
    stem: Stem,
    /// The stored values, where they had to be read already.
    before: Option<StemValues>,
    sets: Vec<(u8, B256)>,
}

impl StemEdit {
    fn new(stem: Stem) -> Self {
        Self { stem, before: None, sets: Vec::new() }
    }

    /// Reads, changes and hashes the stem. `None`: nothing is new.
    pub(super) fn perform(
        self,
        reader: &dyn TreeReader,
    ) -> Result<Option<(StemChange, Write)>, StateError> {
        let stem = self.stem;
        let mut values = match self.before {
            Some(values) => values,
            None => StemValues::read(reader, &stem)?,
        };
        let mut changed = false;
        for (sub_index, value) in self.sets {
            changed |= values.set(sub_index, value);
        }
        if !changed {
            return Ok(None);
        }
        let kept = !values.is_empty();
        let hash = kept.then(|| values.hash(&stem));
        let stored = kept.then(|| values.encode());
        Ok(Some((StemHash { stem, hash }, (StemValues::key(&stem).to_vec(), stored))))
    }
}

/// Everything that `changes` set, ascending by stem.
pub(super) fn of_block(
    reader: &dyn TreeReader,
    flat: &dyn StateReader,
    changes: &StateChanges,
) -> Result<Vec<StemEdit>, StateError> {
    let block = Block { reader, flat, changes };
    let accounts = changes
        .accounts
        .par_iter()
        .map(|(address, account)| block.account(*address, account.as_ref()))
        .collect::<Result<Vec<_>, StateError>>()?;
    let mut edits: BTreeMap<Stem, StemEdit> =
        accounts.into_iter().flatten().map(|edit| (edit.stem, edit)).collect();

    // Neighbouring slots mostly share their stem, and they come one after the other.
    let mut last: Option<(Address, U256, Stem)> = None;
    for ((address, slot), value) in &changes.storage {
        let Position { index, sub_index } = Position::of_slot(*slot);
        let stem = match last {
            Some((at, before, stem)) if at == *address && before == index => stem,
            Some(_) | None => Stem::derive(*address, index),
        };
        last = Some((*address, index, stem));
        let edit = edits.entry(stem).or_insert_with(|| StemEdit::new(stem));
        edit.sets.push((sub_index, (*value).into()));
    }
    Ok(edits.into_values().collect())
}

/// A block and the state before it.
struct Block<'a> {
    reader: &'a dyn TreeReader,
    flat: &'a dyn StateReader,
    changes: &'a StateChanges,
}

impl Block<'_> {
    /// The edits of an account's header and code.
    fn account(
        &self,
        address: Address,
        account: Option<&Account>,
    ) -> Result<Vec<StemEdit>, StateError> {
        let stem = Stem::header(address);
        let before = StemValues::read(self.reader, &stem)?;
        let code_hash_before = before.get(embedding::CODE_HASH);
        let size_before = embedding::code_size(&before.get(embedding::BASICS));
        let mut header = StemEdit { stem, before: Some(before), sets: Vec::new() };

        let Some(account) = account else {
            let gone = [embedding::BASICS, embedding::CODE_HASH, embedding::BALANCE_HIGH];
            header.sets.extend(gone.map(|sub_index| (sub_index, B256::ZERO)));
            return Ok(replace_code(address, header, size_before, &[]));
        };
        let code = if account.code_hash == code_hash_before {
            None
        } else {
            Some(self.code(address, account.code_hash)?)
        };
        let size = code.as_ref().map_or(size_before, |code| code.size);
        header.sets.extend([
            (embedding::BASICS, embedding::basics(account, size)),
            (embedding::CODE_HASH, account.code_hash),
            (embedding::BALANCE_HIGH, embedding::balance_high(account)),
        ]);
        match code {
            None => Ok(vec![header]),
            Some(code) => Ok(replace_code(address, header, size_before, &code.chunks)),
        }
    }

    /// Code that an account takes on, deployed by this block or known from before.
    fn code(&self, address: Address, code_hash: B256) -> Result<Code, StateError> {
        if code_hash == KECCAK256_EMPTY {
            return Ok(Code { size: 0, chunks: Vec::new() });
        }
        let bytes = match self.changes.code.get(&code_hash) {
            Some(bytes) => bytes.clone(),
            None => self.flat.code(code_hash)?,
        };
        let size = u32::try_from(bytes.len())
            .ok()
            .filter(|size| *size < embedding::CODE_SIZE_LIMIT)
            .ok_or_else(|| {
                StateError(format!(
                    "the code of {address} has {} bytes, but the state tree holds less than {}; \
                     deploy it in parts",
                    bytes.len(),
                    embedding::CODE_SIZE_LIMIT
                ))
            })?;
        Ok(Code { size, chunks: chunks::of_code(&bytes).collect() })
    }
}

/// Code as the tree holds it.
struct Code {
    size: u32,
    chunks: Vec<B256>,
}

/// Puts `chunks` where code of `size_before` bytes was: in the header, and in stems of their own
/// from where the header ends.
fn replace_code(
    address: Address,
    header: StemEdit,
    size_before: u32,
    chunks: &[B256],
) -> Vec<StemEdit> {
    let mut edits = vec![header];
    let stale = (chunks.len() as u64..chunks::count(size_before)).map(|_| B256::ZERO);
    for (chunk, value) in (0..).zip(chunks.iter().copied().chain(stale)) {
        let Position { index, sub_index } = Position::of_chunk(chunk);
        if sub_index == 0 {
            edits.push(StemEdit::new(Stem::derive(address, index)));
        }
        let current = edits.len() - 1;
        edits[current].sets.push((sub_index, value));
    }
    edits
}
