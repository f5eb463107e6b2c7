//! RocksDB: nobody else names it.
//!
//! ```text
//! DIR/FORMAT    the storage format, written last: without it the directory is unfinished
//! DIR/LOCK      held while a process uses the store
//! DIR/rocksdb/  one column family per `Column`, one log for all
//! ```

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use mokka_types::ChainHash;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType,
    DBRecoveryMode, Direction, IteratorMode, LogLevel, Options, ReadOptions, SliceTransform,
    WriteBatch, WriteBufferManager, WriteOptions,
};

use crate::{
    Batch, Chain, Column, Durability, Engine, Entry, FORMAT, GenesisCommit, OpenError, StoreError,
    column::Access,
};

/// All memtables together: a 2-core machine runs four validators, and each stays far below 300 MB.
const MEMTABLES: usize = 64 << 20;
/// The memtable of one column; most columns stay far below.
const MEMTABLE: usize = 16 << 20;
/// Memtables grow in steps; RocksDB's own step of 1 MiB would cost 18 MiB for 18 idle columns.
const MEMTABLE_STEP: usize = 128 << 10;
/// All cached blocks, with indices and filters.
const CACHE: usize = 64 << 20;
/// When the log is longer, the columns that hold it back are flushed. Bounds the time to open.
const LOG_BYTES: u64 = 128 << 20;
/// Tables kept open; each costs memory outside the cache.
const OPEN_FILES: i32 = 512;
/// One false positive in a hundred.
const FILTER_BITS: f64 = 10.0;

/// The store of a node.
pub type DiskStore = Chain<Disk>;

/// The engine of a [`DiskStore`].
pub struct Disk {
    db: DB,
    /// Locked until the database is closed: fields are dropped in order.
    _lock: File,
}

impl DiskStore {
    /// Creates a chain in a directory that holds none. Everything is synced when it returns.
    ///
    /// # Errors
    /// When something is there already, or the disk says no.
    pub fn create(dir: &Path, genesis: &GenesisCommit<'_>) -> Result<Self, OpenError> {
        let (format, database) = (dir.join("FORMAT"), dir.join("rocksdb"));
        if exists(&format)? {
            return Err(OpenError::Exists { dir: dir.into() });
        }
        if exists(&database)? {
            return Err(OpenError::Unfinished { dir: dir.into() });
        }
        fs::create_dir_all(dir).map_err(io(dir))?;
        let lock = lock(dir)?;
        let engine = Disk::open(dir, &database, lock, Existing::Refused)?;
        let chain = Chain::begin(engine, genesis)
            .map_err(|source| OpenError::Store { dir: dir.into(), source: Box::new(source) })?;
        write_format(dir, &format)?;
        Ok(chain)
    }

    /// Opens the chain in a directory.
    ///
    /// # Errors
    /// When there is none, it is another one or of another format, a process uses it, or it is
    /// damaged. A torn end of the log is no damage: what it held was never promised.
    pub fn open(dir: &Path, expected: ChainHash) -> Result<Self, OpenError> {
        let (format, database) = (dir.join("FORMAT"), dir.join("rocksdb"));
        let found = match fs::read_to_string(&format) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(match exists(&database)? {
                    true => OpenError::Unfinished { dir: dir.into() },
                    false => OpenError::Missing { dir: dir.into() },
                });
            }
            Err(error) => return Err(io(&format)(error)),
        };
        if found.trim() != FORMAT.to_string() {
            let found = found.trim().chars().take(20).collect();
            return Err(OpenError::WrongFormat { dir: dir.into(), found });
        }
        let lock = lock(dir)?;
        Chain::load(Disk::open(dir, &database, lock, Existing::Required)?, dir, expected)
    }
}

/// What to do about a database that is there, or is not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Required,
    Refused,
}

fn exists(path: &Path) -> Result<bool, OpenError> {
    path.try_exists().map_err(io(path))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = PathBuf::from(path);
    move |source| OpenError::Io { path, source }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("LOCK");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.into() }),
        Err(TryLockError::Error(error)) => Err(io(&path)(error)),
    }
}

/// The file appears whole or not at all, and stays.
fn write_format(dir: &Path, path: &Path) -> Result<(), OpenError> {
    let new = dir.join("FORMAT.new");
    let write = || {
        let mut file = File::create(&new)?;
        writeln!(file, "{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(io(path))
}

impl Disk {
    fn open(
        dir: &Path,
        database: &Path,
        lock: File,
        existing: Existing,
    ) -> Result<Self, OpenError> {
        let options = database_options(existing);
        let cache = Cache::new_lru_cache(CACHE);
        let columns = Column::ALL.map(|column| {
            ColumnFamilyDescriptor::new(column.name(), column_options(column, &cache))
        });
        match DB::open_cf_descriptors(&options, database, columns) {
            Ok(db) => Ok(Self { db, _lock: lock }),
            Err(error) => Err(OpenError::Database { dir: dir.into(), why: error.to_string() }),
        }
    }

    fn family(&self, column: Column) -> Result<&ColumnFamily, StoreError> {
        let family = self.db.cf_handle(column.name());
        family.ok_or_else(|| StoreError::missing(column, &[]))
    }
}

fn database_options(existing: Existing) -> Options {
    let mut options = Options::default();
    options.create_if_missing(existing == Existing::Refused);
    options.create_missing_column_families(existing == Existing::Refused);
    options.set_error_if_exists(existing == Existing::Refused);
    // §8: a torn tail is tolerated; any other damage is an error, never skipped.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_paranoid_checks(true);
    options.set_track_and_verify_wals_in_manifest(true);
    options
        .set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(MEMTABLES, false));
    options.set_max_total_wal_size(LOG_BYTES);
    options.set_max_background_jobs(2);
    options.set_max_open_files(OPEN_FILES);
    options.set_bytes_per_sync(1 << 20);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_stats_dump_period_sec(0);
    options
}

fn column_options(column: Column, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_optimize_filters_for_memory(true);
    let mut options = Options::default();
    options.set_write_buffer_size(MEMTABLE);
    options.set_arena_block_size(MEMTABLE_STEP);
    options.set_level_compaction_dynamic_level_bytes(true);
    let (filter, compression) = match column.access() {
        Access::Few => (None, DBCompressionType::None),
        Access::ByHeight => (None, DBCompressionType::Lz4),
        Access::ByHash => (Some(FILTER_BITS), DBCompressionType::None),
        Access::BulkByHash | Access::ByPrefix(_) => (Some(FILTER_BITS), DBCompressionType::Lz4),
    };
    options.set_compression_type(compression);
    if let Some(bits) = filter {
        table.set_bloom_filter(bits, false);
    }
    if let Access::ByPrefix(length) = column.access() {
        // Whole keys carry a height that nobody asks for by itself.
        table.set_whole_key_filtering(false);
        options.set_prefix_extractor(SliceTransform::create_fixed_prefix(length));
    }
    options.set_block_based_table_factory(&table);
    options
}

impl Engine for Disk {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get_cf(self.family(column)?, key).map_err(|error| unreadable(column, key, &error))
    }

    fn get_many(
        &self,
        column: Column,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let values = self.db.batched_multi_get_cf(self.family(column)?, keys, true);
        let read = |(key, value): (&Vec<u8>, Result<Option<_>, _>)| match value {
            Ok(value) => Ok(value.map(|value: rocksdb::DBPinnableSlice<'_>| value.to_vec())),
            Err(error) => Err(unreadable(column, key, &error)),
        };
        keys.iter().zip(values).map(read).collect()
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut options = ReadOptions::default();
        if let Some(to) = to {
            options.set_iterate_upper_bound(to);
        }
        let start = IteratorMode::From(from, Direction::Forward);
        let entries = self.db.iterator_cf_opt(self.family(column)?, options, start).take(limit);
        entries
            .map(|entry| match entry {
                Ok((key, value)) => Ok((key.into_vec(), value.into_vec())),
                Err(error) => Err(unreadable(column, from, &error)),
            })
            .collect()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        for write in batch.into_writes() {
            let family = self.family(write.column)?;
            match write.value {
                Some(value) => writes.put_cf(family, write.key, value),
                None => writes.delete_cf(family, write.key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        self.db.write_opt(writes, &options).map_err(|error| StoreError::Failed {
            column: "all",
            doing: "written",
            why: error.to_string(),
        })
    }
}

fn unreadable(column: Column, key: &[u8], error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        rocksdb::ErrorKind::Corruption => StoreError::corrupt(column, key, error),
        _ => StoreError::Failed { column: column.name(), doing: "read", why: error.to_string() },
    }
}
