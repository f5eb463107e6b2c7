//! A store in memory that behaves like a disk: it outlives the process that uses it, can be used by
//! one at a time, and loses in a crash whatever was not synced.

use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mokka_types::ChainHash;

use crate::{
    Batch, Chain, Column, Durability, Engine, Entry, GenesisCommit, OpenError, StoreError,
    engine::Write,
};

/// A store in memory: for `mokka dev`, simulations and tests.
pub type MemoryStore = Chain<Memory>;

/// What the messages call it, where a directory would be named.
const PLACE: &str = "the memory store";

/// The disk below a [`MemoryStore`]. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Platter>>);

#[derive(Default)]
struct Platter {
    columns: BTreeMap<Column, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// How to take back each batch since the last synced one, oldest first.
    undo: Vec<Vec<Write>>,
    /// Counts crashes: an engine from before the last one is without power.
    crashes: u64,
    in_use: InUse,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum InUse {
    #[default]
    No,
    Yes,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a chain on an empty disk.
    ///
    /// # Errors
    /// When the disk is not empty or in use, or block 0 contradicts itself.
    pub fn create(&self, genesis: &GenesisCommit<'_>) -> Result<MemoryStore, OpenError> {
        let engine = self.attach()?;
        if !self.lock().columns.is_empty() {
            return Err(OpenError::Exists { dir: PLACE.into() });
        }
        Chain::begin(engine, genesis)
            .map_err(|source| OpenError::Store { dir: PLACE.into(), source: Box::new(source) })
    }

    /// Opens the chain on this disk.
    ///
    /// # Errors
    /// When there is none, it is another one, it is in use, or it contradicts itself.
    pub fn open(&self, expected: ChainHash) -> Result<MemoryStore, OpenError> {
        if self.lock().columns.is_empty() {
            return Err(OpenError::Missing { dir: PLACE.into() });
        }
        Chain::load(self.attach()?, Path::new(PLACE), expected)
    }

    /// How many batches a crash could lose now.
    pub fn unsynced(&self) -> usize {
        self.lock().undo.len()
    }

    /// Cuts the power: of the batches since the last synced one only the first `keep` stay, and the
    /// stores that were open can do nothing any more. Tells how many batches are lost.
    pub fn crash(&self, keep: usize) -> usize {
        let mut platter = self.lock();
        let keep = keep.min(platter.undo.len());
        let lost = platter.undo.split_off(keep);
        for batch in lost.iter().rev() {
            for write in batch.iter().rev() {
                platter.apply(write.clone());
            }
        }
        platter.undo.clear();
        platter.crashes += 1;
        platter.in_use = InUse::No;
        lost.len()
    }

    fn attach(&self) -> Result<Memory, OpenError> {
        let mut platter = self.lock();
        if platter.in_use == InUse::Yes {
            return Err(OpenError::Locked { dir: PLACE.into() });
        }
        platter.in_use = InUse::Yes;
        Ok(Memory { disk: self.clone(), crashes: platter.crashes })
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platter {
    /// Performs a write and gives the one that takes it back.
    fn apply(&mut self, Write { column, key, value }: Write) -> Write {
        let entries = self.columns.entry(column).or_default();
        let old = match value {
            Some(value) => entries.insert(key.clone(), value),
            None => entries.remove(&key),
        };
        Write { column, key, value: old }
    }
}

/// The engine of a [`MemoryStore`].
pub struct Memory {
    disk: MemoryDisk,
    crashes: u64,
}

impl Memory {
    fn platter(
        &self,
        column: &'static str,
        doing: &'static str,
    ) -> Result<MutexGuard<'_, Platter>, StoreError> {
        let platter = self.disk.lock();
        if platter.crashes != self.crashes {
            return Err(StoreError::Failed { column, doing, why: "the power is cut".into() });
        }
        Ok(platter)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut platter = self.disk.lock();
        if platter.crashes == self.crashes {
            platter.in_use = InUse::No;
        }
    }
}

impl Engine for Memory {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let platter = self.platter(column.name(), "read")?;
        Ok(platter.columns.get(&column).and_then(|entries| entries.get(key)).cloned())
    }

    fn get_many(
        &self,
        column: Column,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(column, key)).collect()
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let platter = self.platter(column.name(), "read")?;
        if to.is_some_and(|to| from >= to) {
            return Ok(Vec::new());
        }
        let range = (Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded));
        let entries = platter.columns.get(&column).into_iter();
        let entries = entries.flat_map(|entries| entries.range::<[u8], _>(range));
        Ok(entries.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut platter = self.platter("all", "written")?;
        let writes = batch.into_writes();
        match durability {
            Durability::Buffered => {
                let undo = writes.into_iter().map(|write| platter.apply(write)).collect();
                platter.undo.push(undo);
            }
            Durability::Synced => {
                for write in writes {
                    platter.apply(write);
                }
                platter.undo.clear();
            }
        }
        Ok(())
    }
}
