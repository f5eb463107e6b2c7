//! The state at every height against a model that keeps a whole copy for each.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use mokka_runtime::{Account, StateChanges, TreeChanges};
use mokka_types::Height;
use proptest::{collection::vec, option, prelude::*};

use super::world::{CHAIN, Directory, Place, address, block, commit, start};
use crate::{MemoryDisk, Store};

type Accounts = BTreeMap<Address, Account>;
type Slots = BTreeMap<(Address, U256), U256>;

/// Few addresses, slots and values, so that they are hit again, with and without change.
fn changes() -> impl Strategy<Value = StateChanges> {
    let account = (0..3u64, 0..3u64, any::<bool>()).prop_map(|(nonce, balance, code)| Account {
        nonce,
        balance: U256::from(balance),
        code_hash: if code { B256::repeat_byte(1) } else { Account::default().code_hash },
    });
    let accounts = vec((0..4u8, option::of(account)), 0..4);
    let storage = vec((0..3u8, 0..3u64, 0..3u64), 0..5);
    (accounts, storage).prop_map(|(accounts, storage)| StateChanges {
        accounts: accounts.into_iter().map(|(at, account)| (address(at), account)).collect(),
        storage: storage
            .into_iter()
            .map(|(at, slot, value)| ((address(at), U256::from(slot)), U256::from(value)))
            .collect(),
        code: BTreeMap::new(),
    })
}

fn agrees_with_a_copy_for_each_height<P: Place>(blocks: Vec<StateChanges>) {
    let place = P::default();
    let mut store = None;
    let mut parent = None;
    let mut model: Vec<(Accounts, Slots)> = Vec::new();
    for changes in blocks {
        let (mut accounts, mut slots) = model.last().cloned().unwrap_or_default();
        for (address, account) in &changes.accounts {
            match account {
                Some(account) => drop(accounts.insert(*address, *account)),
                None => drop(accounts.remove(address)),
            }
        }
        slots.extend(changes.storage.clone());
        model.push((accounts, slots));
        let next = block(parent.as_ref(), 0, changes, TreeChanges::default());
        match &store {
            None => store = Some(start(&place, &next).unwrap()),
            Some(store) => commit(store, &next).unwrap(),
        }
        parent = Some(next);
    }
    drop(store);
    let store = place.open(CHAIN).unwrap();
    for (height, (accounts, slots)) in (0..).map(Height::new).zip(&model) {
        let state = store.state_at(height).unwrap();
        for at in (0..4).map(address) {
            assert_eq!(state.account(at).unwrap(), accounts.get(&at).copied(), "{height} {at}");
            for slot in (0..3).map(U256::from) {
                let expected = slots.get(&(at, slot)).copied().unwrap_or_default();
                assert_eq!(state.storage(at, slot).unwrap(), expected, "{height} {at} {slot}");
            }
        }
    }
}

proptest! {
    #[test]
    fn in_memory(blocks in vec(changes(), 1..12)) {
        agrees_with_a_copy_for_each_height::<MemoryDisk>(blocks);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn on_disk(blocks in vec(changes(), 1..12)) {
        agrees_with_a_copy_for_each_height::<Directory>(blocks);
    }
}
