//! The seam below the schema: ordered bytes in columns, written through one log.

use crate::{Column, StoreError};

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Whether a write waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives the end of the process; a power cut may take it, with everything after it.
    Buffered,
    /// On disk, with everything written before it, when the call returns.
    Synced,
}

/// Writes that land together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch(Vec<Write>);

/// One write of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) column: Column,
    pub(crate) key: Vec<u8>,
    /// `None` removes the key.
    pub(crate) value: Option<Vec<u8>>,
}

impl Batch {
    /// These writes, in order.
    pub(crate) fn of(writes: Vec<Write>) -> Self {
        Self(writes)
    }

    /// Sets a key.
    pub(crate) fn put(
        &mut self,
        column: Column,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) {
        self.set(column, key, Some(value.into()));
    }

    /// Sets or removes a key.
    pub(crate) fn set(&mut self, column: Column, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) {
        self.0.push(Write { column, key: key.into(), value });
    }

    /// Its writes, in order.
    pub(crate) fn into_writes(self) -> Vec<Write> {
        self.0
    }
}

/// Ordered keys in columns. Implementations know nothing of chains.
pub trait Engine: Send + Sync + 'static {
    /// The value of a key.
    ///
    /// # Errors
    /// When the disk fails or its bytes are damaged.
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The values of keys that are in ascending order.
    ///
    /// # Errors
    /// As for [`Engine::get`].
    fn get_many(
        &self,
        column: Column,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// At most `limit` entries from `from` on and below `to`, in key order. In a history column
    /// both ends share the prefix of their column.
    ///
    /// # Errors
    /// As for [`Engine::get`].
    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// Writes a batch, after every earlier one in the one log.
    ///
    /// # Errors
    /// When the disk fails; what was written is then unknown, and the node must stop.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError>;
}
