//! §8: RocksDB's log is opened so that a torn tail is tolerated and any other damage is an error.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use alloy_primitives::U256;
use mokka_runtime::{StateChanges, TreeChanges};

use super::world::{
    CHAIN, Directory, Place, address, block, commit, copy, fresh, marked, prepared,
};
use crate::{DiskStore, OpenError, Store};

/// The one log of a store that was never flushed.
fn log_of(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir.join("rocksdb")).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect();
    assert_eq!(logs.len(), 1, "one log for all columns");
    logs.remove(0)
}

/// A store with three synced and three buffered commits, as the disk holds it while it is open, and
/// the length of its log at the synced write.
fn torn(place: &Directory) -> (PathBuf, u64) {
    let store = fresh(place);
    let mut tip = block(None, 0, StateChanges::default(), TreeChanges::default());
    let mut synced = 0;
    for height in 1..=6 {
        tip = marked(&tip);
        commit(&store, &tip).unwrap();
        if height == 3 {
            store.append_safety(&[prepared(4, 0)]).unwrap();
            synced = fs::metadata(log_of(&place.path())).unwrap().len();
        }
    }
    let copied = place.path().with_extension("copy");
    copy(&place.path(), &copied);
    (copied, synced)
}

#[test]
fn a_process_that_is_killed_loses_nothing() {
    let place = Directory::default();
    let (dir, _) = torn(&place);
    let store = DiskStore::open(&dir, CHAIN).unwrap();
    assert_eq!(store.head().height.get(), 6);
    assert!(store.safety().unwrap().prepared.is_some());
}

#[test]
fn a_torn_tail_costs_whole_commits_and_no_promise() {
    let place = Directory::default();
    let (dir, synced) = torn(&place);
    let length = fs::metadata(log_of(&dir)).unwrap().len();
    assert!(synced < length);
    let mut heads = Vec::new();
    for cut in (synced..length).step_by(97) {
        let scratch = Directory::default();
        copy(&dir, &scratch.path());
        let log = File::options().write(true).open(log_of(&scratch.path())).unwrap();
        log.set_len(cut).unwrap();
        let store = scratch.open(CHAIN).unwrap();
        let head = store.head().height.get();
        assert!(store.safety().unwrap().prepared.is_some(), "cut at {cut}");
        let latest = store.latest();
        let balance = latest.state.account(address(1)).unwrap().unwrap().balance;
        assert_eq!(balance, U256::from(head), "cut at {cut}");
        assert_eq!(latest.tree.node(b"root").unwrap(), Some(head.to_be_bytes().to_vec()));
        assert_eq!(store.block(latest.id.height).unwrap().unwrap().hash.0, {
            *latest.id.hash.as_bytes()
        });
        heads.push(head);
    }
    assert!(heads.is_sorted(), "{heads:?}");
    heads.dedup();
    assert_eq!(heads, [3, 4, 5], "the last byte is needed for the last commit");
}

#[test]
fn a_flipped_byte_in_the_log_is_an_error() {
    let place = Directory::default();
    let (dir, _) = torn(&place);
    let path = log_of(&dir);
    let good = fs::read(&path).unwrap();
    // Bytes of the prepared record's body: far from the lengths in the log's own records.
    let at = good.windows(50).position(|bytes| bytes == [1; 50]).unwrap();
    let mut bad = good.clone();
    bad[at] ^= 0x10;
    fs::write(&path, &bad).unwrap();
    let Err(error) = DiskStore::open(&dir, CHAIN) else { panic!("opened") };
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
    assert!(error.to_string().contains("checksum mismatch"), "{error}");
    fs::write(&path, &good).unwrap();
    assert_eq!(DiskStore::open(&dir, CHAIN).unwrap().head().height.get(), 6);
}
