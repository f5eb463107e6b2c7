//! A chain on an engine: created once, opened with every check that does not read all of it.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy_primitives::keccak256;
use mokka_types::{BlockHash, BlockId, ChainHash, Epoch, Height};

use crate::{
    Batch, Column, Durability, Engine, FORMAT, GenesisCommit, OpenError, StoreError,
    commit::{self, encode_set},
    tree::Replaced,
    value::{Stored, encode_block_id, epoch_key, height_key, meta},
};

/// Genesis is written in parts of so many records, so that no batch outgrows the memory of RocksDB.
/// The head comes last: without it the store is unfinished.
const GENESIS_BATCH: usize = 50_000;

/// A chain and its state on one engine. Clones share it.
pub struct Chain<E>(pub(crate) Arc<Inner<E>>);

impl<E> Clone for Chain<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub(crate) struct Inner<E> {
    pub(crate) engine: E,
    pub(crate) chain: ChainHash,
    tip: RwLock<Tip>,
    /// The highest block whose commit has begun, whether or not it has ended. Set before the write:
    /// who has read a newest value and then finds no higher height here, has read before the write.
    started: AtomicU64,
    writer: Mutex<Writer>,
}

/// The newest block, and the epoch of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) id: BlockId,
    pub(crate) epoch: Epoch,
}

/// What commits, one at a time, keep for themselves.
#[derive(Default)]
pub(crate) struct Writer {
    /// Readers of the tree that are still in use.
    pub(crate) readers: Vec<Weak<Replaced>>,
    /// How many commits followed the last synced commit.
    pub(crate) unsynced: u64,
}

impl<E: Engine> Inner<E> {
    pub(crate) fn tip(&self) -> Tip {
        *self.tip.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, height: Height) {
        self.started.store(height.get(), Ordering::SeqCst);
    }

    /// Whether a newest value, read before this call, may be younger than the state after `height`.
    pub(crate) fn overtaken(&self, height: Height) -> bool {
        self.started.load(Ordering::SeqCst) > height.get()
    }

    pub(crate) fn finish(&self, tip: Tip) {
        *self.tip.write().unwrap_or_else(PoisonError::into_inner) = tip;
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record that must be there.
    pub(crate) fn must<T>(
        &self,
        column: Column,
        key: &[u8],
        read: impl FnOnce(&Stored<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.get(column, key, read)?.ok_or_else(|| StoreError::missing(column, key))
    }

    /// The record that may be there.
    pub(crate) fn get<T>(
        &self,
        column: Column,
        key: &[u8],
        read: impl FnOnce(&Stored<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        get(&self.engine, column, key, read)
    }
}

/// A record of an engine, read as what it is.
fn get<E: Engine, T>(
    engine: &E,
    column: Column,
    key: &[u8],
    read: impl FnOnce(&Stored<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let value = engine.get(column, key)?;
    value.map(|value| read(&Stored::new(column, key, &value))).transpose()
}

impl<E: Engine> Chain<E> {
    /// Writes block 0 and everything that identifies the chain into an empty engine.
    pub(crate) fn begin(engine: E, genesis: &GenesisCommit<'_>) -> Result<Self, StoreError> {
        let (batch, tip) = commit::genesis_batch(genesis)?;
        let mut writes = batch.into_writes().into_iter();
        while writes.len() > 0 {
            let part = Batch::of(writes.by_ref().take(GENESIS_BATCH).collect());
            engine.write(part, Durability::Buffered)?;
        }
        let mut last = Batch::default();
        last.put(Column::Meta, meta::FORMAT, FORMAT.to_be_bytes());
        last.put(Column::Meta, meta::CHAIN, *genesis.chain.as_bytes());
        last.put(Column::Meta, meta::HEAD, encode_block_id(&tip.id));
        last.put(Column::Meta, meta::SYNCED, height_key(tip.id.height));
        last.put(
            Column::ValidatorSets,
            epoch_key(tip.epoch),
            encode_set(Height::GENESIS, genesis.validators),
        );
        engine.write(last, Durability::Synced)?;
        Ok(Self::assemble(engine, genesis.chain, tip))
    }

    /// Opens what an engine holds, if it is this chain and does not contradict itself.
    pub(crate) fn load(engine: E, dir: &Path, expected: ChainHash) -> Result<Self, OpenError> {
        let dir = || dir.to_path_buf();
        let damaged = |source| OpenError::Store { dir: dir(), source: Box::new(source) };
        let format = get(&engine, Column::Meta, meta::FORMAT, |stored| stored.bytes::<4>())
            .map_err(damaged)?
            .ok_or_else(|| OpenError::Unfinished { dir: dir() })?;
        if u32::from_be_bytes(format) != FORMAT {
            let found = u32::from_be_bytes(format).to_string();
            return Err(OpenError::WrongFormat { dir: dir(), found });
        }
        let found = get(&engine, Column::Meta, meta::CHAIN, |stored| stored.bytes::<32>())
            .and_then(|chain| chain.ok_or_else(|| StoreError::missing(Column::Meta, meta::CHAIN)))
            .map(ChainHash::new)
            .map_err(damaged)?;
        if found != expected {
            return Err(OpenError::WrongChain { dir: dir(), found, expected });
        }
        Self::check(engine, found).map_err(damaged)
    }

    /// The newest blocks form a chain, and no promise lies beyond it.
    fn check(engine: E, chain: ChainHash) -> Result<Self, StoreError> {
        let head = get(&engine, Column::Meta, meta::HEAD, |stored| stored.block_id())?
            .ok_or_else(|| StoreError::missing(Column::Meta, meta::HEAD))?;
        let synced = get(&engine, Column::Meta, meta::SYNCED, |stored| stored.height())?
            .ok_or_else(|| StoreError::missing(Column::Meta, meta::SYNCED))?;
        let tip = Tip { id: head, epoch: Epoch::default() };
        let chain = Self::assemble(engine, chain, tip);
        let epoch = chain.newest_epoch()?;
        chain.0.finish(Tip { id: head, epoch });
        chain.check_links(synced)?;
        chain.check_safety()?;
        Ok(chain)
    }

    fn assemble(engine: E, chain: ChainHash, tip: Tip) -> Self {
        Self(Arc::new(Inner {
            engine,
            chain,
            tip: RwLock::new(tip),
            started: AtomicU64::new(tip.id.height.get()),
            writer: Mutex::default(),
        }))
    }

    fn newest_epoch(&self) -> Result<Epoch, StoreError> {
        let sets = self.0.engine.scan(Column::ValidatorSets, &[], None, usize::MAX)?;
        let newest = sets.last().ok_or_else(|| StoreError::missing(Column::ValidatorSets, &[]))?;
        let stored = Stored::entry(Column::ValidatorSets, newest);
        let epoch = u64::from_be_bytes(stored.key_bytes(0)?);
        if epoch + 1 != sets.len() as u64 {
            return Err(stored.corrupt(format_args!("{} sets are there", sets.len())));
        }
        Ok(Epoch::new(epoch))
    }

    /// From the head down to the block that was last known to be synced, each block is there and is
    /// the parent of the next. A power cut that tears two logs at once could leave a gap only here.
    fn check_links(&self, synced: Height) -> Result<(), StoreError> {
        let mut id = self.0.tip().id;
        loop {
            let key = height_key(id.height);
            let header = self.0.must(Column::Headers, &key, |stored| {
                let hash = BlockHash::new(keccak256(stored.value).0);
                if hash == id.hash {
                    stored.rlp::<alloy_consensus::Header>()
                } else {
                    Err(stored.corrupt(format_args!("block {hash} is there, not {}", id.hash)))
                }
            })?;
            match id.height.previous().filter(|_| id.height > synced) {
                Some(height) => id = BlockId { height, hash: BlockHash::new(header.parent_hash.0) },
                None => return Ok(()),
            }
        }
    }
}
