//! What cannot be opened says why and what to do; what is damaged says where.

use std::fs;

use mokka_runtime::{StateChanges, TreeChanges};
use mokka_types::{ChainHash, Height};

use super::world::{CHAIN, Directory, Place, block, commit, fresh, marked, prepared, start};
use crate::{
    Batch, Chain, Column, DiskStore, Durability, Engine, MemoryDisk, OpenError, Store, StoreError,
    value::{Stored, height_key, meta},
};

fn message<T>(result: Result<T, OpenError>) -> String {
    match result {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

/// Changes a stored value behind the store's back.
fn damage<E: Engine>(store: &Chain<E>, column: Column, key: &[u8], value: Option<&[u8]>) {
    let mut batch = Batch::default();
    batch.set(column, key, value.map(<[u8]>::to_vec));
    store.0.engine.write(batch, Durability::Synced).unwrap();
}

#[test]
fn a_missing_directory_is_created_only_by_init() {
    let place = Directory::default();
    let text = message(place.open(CHAIN));
    assert!(text.contains("holds no chain") && text.contains("`mokka init`"), "{text}");
    assert!(!place.path().exists(), "opening leaves no trace");
    assert!(matches!(MemoryDisk::new().open(CHAIN), Err(OpenError::Missing { .. })));
}

#[test]
fn a_chain_is_never_overwritten() {
    let place = Directory::default();
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    drop(fresh(&place));
    let text = message(start(&place, &genesis));
    assert!(text.contains("already holds a chain"), "{text}");
    fs::remove_file(place.path().join("FORMAT")).unwrap();
    assert!(matches!(start(&place, &genesis), Err(OpenError::Unfinished { .. })));
    let disk = MemoryDisk::new();
    drop(fresh(&disk));
    assert!(matches!(start(&disk, &genesis), Err(OpenError::Exists { .. })));
}

#[test]
fn a_store_of_another_chain_is_refused_with_both_hashes() {
    fn refused<P: Place>() {
        let place = P::default();
        drop(fresh(&place));
        let other = ChainHash::new([0x11; 32]);
        let text = message(place.open(other));
        assert!(text.contains(&CHAIN.to_string()), "{text}");
        assert!(text.contains(&other.to_string()), "{text}");
        assert!(text.contains("genesis.json") && text.contains("--data-dir"), "{text}");
        place.open(CHAIN).unwrap();
    }
    refused::<MemoryDisk>();
    refused::<Directory>();
}

#[test]
fn a_store_of_another_format_is_refused_with_both_numbers() {
    let place = Directory::default();
    drop(fresh(&place));
    fs::write(place.path().join("FORMAT"), "2\n").unwrap();
    let text = message(place.open(CHAIN));
    assert!(text.contains("format 2") && text.contains("reads format 1"), "{text}");
    fs::write(place.path().join("FORMAT"), "1\n").unwrap();
    damage(&place.open(CHAIN).unwrap(), Column::Meta, meta::FORMAT, Some(&[0, 0, 0, 3]));
    assert!(message(place.open(CHAIN)).contains("format 3"));
}

#[test]
fn an_unfinished_store_is_refused() {
    let place = Directory::default();
    drop(fresh(&place));
    fs::remove_file(place.path().join("FORMAT")).unwrap();
    let text = message(place.open(CHAIN));
    assert!(text.contains("never completed") && text.contains("remove it"), "{text}");
}

#[test]
fn a_store_is_used_by_one_node_at_a_time() {
    fn refused<P: Place>() {
        let place = P::default();
        let first = fresh(&place);
        let text = message(place.open(CHAIN));
        assert!(text.contains("another node is using"), "{text}");
        let reader = first.latest();
        drop(first);
        assert!(matches!(place.open(CHAIN), Err(OpenError::Locked { .. })), "a reader lives");
        drop(reader);
        place.open(CHAIN).unwrap();
    }
    refused::<MemoryDisk>();
    refused::<Directory>();
}

#[test]
fn a_database_that_does_not_open_says_so() {
    let place = Directory::default();
    drop(fresh(&place));
    fs::remove_file(place.path().join("rocksdb/CURRENT")).unwrap();
    let error = place.open(CHAIN).err().unwrap();
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
    assert!(error.to_string().contains("keep a copy"), "{error}");
    fs::write(place.path().with_extension("file"), "").unwrap();
    let error = DiskStore::open(&place.path().with_extension("file"), CHAIN).err().unwrap();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

#[test]
fn damaged_bytes_name_their_column_and_key() {
    fn named<P: Place>() {
        let place = P::default();
        let store = fresh(&place);
        let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
        commit(&store, &marked(&genesis)).unwrap();
        let height = Height::new(1);
        let key = height_key(height);
        let at = "key 0x0000000000000001";
        let check = |column: Column, error: Option<StoreError>| {
            let error = error.unwrap();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(column.name()) && text.contains(at), "{text}");
        };
        let columns = [Column::Headers, Column::Bodies, Column::Senders, Column::Certificates];
        let good = columns.map(|column| store.0.engine.get(column, &key).unwrap().unwrap());
        for value in [None, Some([1, 2, 3].as_slice())] {
            for (column, good) in columns.into_iter().zip(&good) {
                damage(&store, column, &key, Some(good));
            }
            damage(&store, Column::Receipts, &key, value);
            check(Column::Receipts, store.receipts(height).err());
            damage(&store, Column::Certificates, &key, value);
            check(Column::Certificates, store.certificate(height).err());
            check(Column::Certificates, store.final_blocks(height, 1, 1).err());
            damage(&store, Column::Senders, &key, value);
            check(Column::Senders, store.block(height).err());
            damage(&store, Column::Bodies, &key, value);
            check(Column::Bodies, store.block(height).err());
            check(Column::Bodies, store.final_blocks(height, 1, 1).err());
            damage(&store, Column::Headers, &key, value);
            check(Column::Headers, store.header(height).err());
        }
        let account = super::world::address(1);
        damage(&store, Column::Accounts, account.as_slice(), Some(&[0; 41]));
        let error = store.latest().state.account(account).unwrap_err().to_string();
        assert!(error.contains("column accounts, key 0x0101"), "{error}");
        drop(store);
        let text = message(place.open(CHAIN));
        assert!(text.contains("column headers") && text.contains(at), "{text}");
    }
    named::<MemoryDisk>();
    named::<Directory>();
}

/// What was checked before writing is checked after reading.
#[test]
fn a_store_whose_parts_contradict_each_other_does_not_open() {
    let disk = MemoryDisk::new();
    let store = fresh(&disk);
    store.append_safety(&[prepared(1, 0)]).unwrap();
    let record = mokka_types::codec::encode(&prepared(2, 0));
    damage(&store, Column::Safety, &[3], Some(&record));
    drop(store);
    let text = message(disk.open(CHAIN));
    assert!(text.contains("a record of height 2"), "{text}");

    let disk = MemoryDisk::new();
    let store = fresh(&disk);
    let mut tip = block(None, 0, StateChanges::default(), TreeChanges::default());
    for _ in 0..3 {
        tip = marked(&tip);
        commit(&store, &tip).unwrap();
    }
    damage(&store, Column::Headers, &height_key(Height::new(2)), None);
    drop(store);
    let text = message(disk.open(CHAIN));
    assert!(text.contains("column headers, key 0x0000000000000002"), "a gap: {text}");
}

#[test]
fn a_value_of_another_length_is_damage() {
    let short = Stored::new(Column::Heights, &[7], &[1, 2]);
    assert!(short.height().unwrap_err().to_string().contains("2 bytes are there, not 8"));
    assert!(short.key_bytes::<2>(0).is_err());
    assert!(Stored::new(Column::Senders, &[], &[0; 21]).addresses().is_err());
    assert_eq!(Stored::new(Column::Senders, &[], &[0; 40]).addresses().unwrap().len(), 2);
}
