//! The state after one block, whatever is committed later.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use mokka_runtime::{Account, StateError, StateReader};
use mokka_types::Height;

use crate::{
    Column, Engine, StoreError,
    chain::Inner,
    value::{Stored, height_key, history_key, slot_key},
};

/// Reads the state after the block at `height`.
pub(crate) struct StateAt<E> {
    pub(crate) store: Arc<Inner<E>>,
    pub(crate) height: Height,
}

impl<E: Engine> StateAt<E> {
    /// The value of a key after the block: what the first later block replaced, else the newest.
    ///
    /// The newest value is read first. If no later commit had begun by then, it is the answer, and
    /// history need not be asked: so the newest state costs one look-up. If one had, it put what it
    /// replaced into history in the same atomic write that changed the value.
    fn value<T: Default>(
        &self,
        (column, history): (Column, Column),
        key: &[u8],
        read: impl Fn(&Stored<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let newest = self.store.get(column, key, &read)?;
        if self.store.overtaken(self.height)
            && let Some(above) = self.height.next()
        {
            let from = history_key(key, above.get());
            let to = history_key(key, u64::MAX);
            if let Some(entry) = self.store.engine.scan(history, &from, Some(&to), 1)?.first() {
                return match Stored::entry(history, entry) {
                    stored if stored.value.is_empty() => Ok(T::default()),
                    stored => read(&stored),
                };
            }
        }
        Ok(newest.unwrap_or_default())
    }

    fn code_with(&self, hash: B256) -> Result<Bytes, StoreError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        self.store.must(Column::Code, &hash.0, |stored| Ok(Bytes::copy_from_slice(stored.value)))
    }

    fn hash_of(&self, height: Height) -> Result<Option<B256>, StoreError> {
        if height > self.height {
            return Ok(None);
        }
        let key = height_key(height);
        self.store.must(Column::Headers, &key, |stored| Ok(Some(keccak256(stored.value))))
    }
}

impl<E: Engine> StateReader for StateAt<E> {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        let columns = (Column::Accounts, Column::AccountHistory);
        self.value(columns, address.as_slice(), |stored| stored.account().map(Some))
            .map_err(unreadable)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let columns = (Column::Storage, Column::StorageHistory);
        self.value(columns, &slot_key(address, slot), |stored| stored.word()).map_err(unreadable)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, StateError> {
        self.code_with(code_hash).map_err(unreadable)
    }

    fn block_hash(&self, number: u64) -> Result<Option<B256>, StateError> {
        self.hash_of(Height::new(number)).map_err(unreadable)
    }
}

#[allow(clippy::needless_pass_by_value)] // It is what `map_err` hands over.
fn unreadable(error: StoreError) -> StateError {
    StateError(error.to_string())
}
