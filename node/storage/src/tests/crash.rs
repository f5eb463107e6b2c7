//! §6.5, §8: what a crash may take, on the memory disk, which can be cut at every write.

use mokka_runtime::{StateChanges, TreeChanges};
use mokka_types::{Height, RunNumber, SafetyRecord, SafetyState};
use proptest::{collection::vec, prelude::*};

use super::world::{CHAIN, block, commit, fresh, marked, prepared};
use crate::{MemoryDisk, OpenError, Store, StoreError};

#[test]
fn a_crash_takes_only_what_followed_the_last_synced_write() {
    for keep in 0..=3 {
        let disk = MemoryDisk::new();
        let store = fresh(&disk);
        let mut tip = block(None, 0, StateChanges::default(), TreeChanges::default());
        for height in 1..=5 {
            tip = marked(&tip);
            commit(&store, &tip).unwrap();
            if height == 3 {
                store.append_safety(&[prepared(4, 0)]).unwrap();
            }
        }
        assert_eq!(disk.unsynced(), 2);
        assert_eq!(disk.crash(keep), 2usize.saturating_sub(keep));
        let store = disk.open(CHAIN).unwrap();
        let head = 3 + (keep as u64).min(2);
        assert_eq!(store.head().height, Height::new(head));
        let state = store.latest().state;
        assert_eq!(state.account(super::world::address(1)).unwrap().unwrap().balance, {
            alloy_primitives::U256::from(head)
        });
    }
}

#[test]
fn a_store_from_before_the_crash_does_nothing_any_more() {
    let disk = MemoryDisk::new();
    let before = fresh(&disk);
    assert!(matches!(disk.open(CHAIN), Err(OpenError::Locked { .. })));
    disk.crash(0);
    let after = disk.open(CHAIN).unwrap();
    let run = [SafetyRecord::Run(RunNumber::new(1))];
    assert!(matches!(before.append_safety(&run), Err(StoreError::Failed { .. })));
    assert!(matches!(before.safety(), Err(StoreError::Failed { .. })));
    drop(before);
    assert!(matches!(disk.open(CHAIN), Err(OpenError::Locked { .. })), "the new store has it");
    assert_eq!(after.safety().unwrap(), SafetyState::default());
}

#[test]
fn a_node_that_promises_nothing_still_syncs_now_and_then() {
    let disk = MemoryDisk::new();
    let store = fresh(&disk);
    let mut tip = block(None, 0, StateChanges::default(), TreeChanges::default());
    for _ in 0..600 {
        tip = marked(&tip);
        commit(&store, &tip).unwrap();
    }
    assert_eq!(disk.crash(0), 600 - 512);
    assert_eq!(disk.open(CHAIN).unwrap().head().height, Height::new(512));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Commit,
    Promise,
    Crash { keep: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Commit),
        2 => Just(Step::Promise),
        1 => (0..4usize).prop_map(|keep| Step::Crash { keep }),
    ]
}

proptest! {
    /// §6.5: whatever is lost, it is a suffix: no commit below a durable promise, and no promise.
    #[test]
    fn after_every_crash_each_promise_stands_on_its_commit(steps in vec(step(), 1..40)) {
        let disk = MemoryDisk::new();
        let mut store = fresh(&disk);
        let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
        let mut chain = vec![genesis];
        let mut durable = 0;
        let mut promised = SafetyState::default();
        for step in steps {
            match step {
                Step::Commit => {
                    let next = marked(chain.last().unwrap());
                    commit(&store, &next).unwrap();
                    chain.push(next);
                }
                Step::Promise => {
                    let record = prepared(chain.len() as u64, 0);
                    store.append_safety(std::slice::from_ref(&record)).unwrap();
                    promised.apply(record);
                    durable = chain.len() - 1;
                }
                Step::Crash { keep } => {
                    disk.crash(keep);
                    store = disk.open(CHAIN).unwrap();
                    let head = usize::try_from(store.head().height.get()).unwrap();
                    prop_assert!((durable..chain.len()).contains(&head));
                    prop_assert_eq!(head, (chain.len() - 1).min(durable + keep));
                    chain.truncate(head + 1);
                    durable = head;
                }
            }
            prop_assert_eq!(store.safety().unwrap(), promised.clone());
            prop_assert_eq!(store.head().height.get(), chain.len() as u64 - 1);
        }
    }
}
