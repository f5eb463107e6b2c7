//! The same contents give the same root and the same stored bytes, whatever the history.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use proptest::prelude::*;

use super::super::batch::{self, StemHash};
use super::super::embedding::Stem;
use super::oracle;
use super::world::{Nodes, World};
use super::{accounts, address, code, deployment, slots, with_balance};
use crate::{Account, StateChanges, TreeChanges, tree};

/// Compares a world with the naive rebuild, and its nodes with those of a state without history.
fn check(world: &World) -> Result<(), TestCaseError> {
    prop_assert_eq!(world.root, oracle::root(&world.flat));
    prop_assert_eq!(world.root, tree::root(&world.nodes).expect("nothing is damaged"));
    let fresh = World::with(&world.flat.as_changes());
    prop_assert_eq!(&world.nodes.stored, &fresh.nodes.stored);
    Ok(())
}

fn codes() -> Vec<Bytes> {
    let mut delegation = vec![0xef, 0x01, 0x00];
    delegation.extend([0x77; 20]);
    let sizes = [1, 30, 31, 32, 62, 128 * 31, 128 * 31 + 1, 385 * 31];
    let mut codes: Vec<Bytes> = sizes.iter().map(|size| code(*size, 9).into()).collect();
    codes.push(delegation.into());
    codes.push(vec![0; 100].into());
    codes
}

fn any_slot() -> impl Strategy<Value = U256> {
    prop_oneof![
        prop::sample::select(vec![0u64, 1, 62, 63, 64, 65, 127, 128, 255, 256, 257])
            .prop_map(U256::from),
        prop::sample::select(vec![U256::MAX, U256::MAX - U256::from(1), U256::from(1) << 248]),
        (0u64..300).prop_map(U256::from),
    ]
}

fn any_account() -> impl Strategy<Value = (Account, Option<Bytes>)> {
    let balance = prop_oneof![
        (0u64..3).prop_map(U256::from),
        Just(U256::from(u128::MAX)),
        Just(U256::from(u128::MAX) + U256::from(1)),
        Just(U256::MAX),
    ];
    let code = prop_oneof![
        2 => Just(None),
        3 => prop::sample::select(codes()).prop_map(Some),
    ];
    (0u64..3, balance, code).prop_map(|(nonce, balance, code)| {
        let code_hash = code.as_ref().map_or(KECCAK256_EMPTY, keccak256);
        (Account { nonce, balance, code_hash }, code)
    })
}

/// What a block does, before it is known which code earlier blocks deployed.
#[derive(Clone, Debug)]
struct Plan {
    accounts: BTreeMap<u64, Option<(Account, Option<Bytes>)>>,
    storage: BTreeMap<(u64, U256), u64>,
}

fn any_block() -> impl Strategy<Value = Plan> {
    let account = prop_oneof![1 => Just(None), 3 => any_account().prop_map(Some)];
    (
        prop::collection::btree_map(0u64..6, account, 0..4),
        prop::collection::btree_map((0u64..6, any_slot()), 0u64..3, 0..12),
    )
        .prop_map(|(accounts, storage)| Plan { accounts, storage })
}

/// The block of a plan in this world. Code is listed only where it is new, as execution does it.
fn block(world: &World, plan: Plan) -> StateChanges {
    let mut changes = StateChanges::default();
    for (number, account) in plan.accounts {
        if let Some((account, Some(code))) = &account
            && !world.flat.code.contains_key(&account.code_hash)
        {
            changes.code.insert(account.code_hash, code.clone());
        }
        changes.accounts.insert(address(number), account.map(|(account, _)| account));
    }
    for ((number, slot), value) in plan.storage {
        changes.storage.insert((address(number), slot), U256::from(value));
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_history_gives_the_naive_root_and_the_bytes_of_a_fresh_state(
        plans in prop::collection::vec(any_block(), 1..8),
    ) {
        let mut world = World::default();
        for plan in plans {
            let changes = block(&world, plan);
            world.block(&changes);
            check(&world)?;
        }
    }

    /// Stems that share long prefixes, which hashed keys never show in a test.
    #[test]
    fn close_stems_split_and_collapse_as_in_the_naive_tree(
        batches in prop::collection::vec(
            prop::collection::btree_map(close_stem(), prop::option::of(1u8..4), 1..12),
            1..10,
        ),
    ) {
        let mut nodes = Nodes::default();
        let mut stems: BTreeMap<[u8; 31], [u8; 32]> = BTreeMap::new();
        for batch in batches {
            let root = change_stems(&mut nodes, &batch);
            for (stem, hash) in batch {
                match hash {
                    Some(hash) => drop(stems.insert(stem, [hash; 32])),
                    None => drop(stems.remove(&stem)),
                }
            }
            prop_assert_eq!(root, oracle::root_of_stems(&stems));
            let mut fresh = Nodes::default();
            let all = stems.iter().map(|(stem, hash)| (*stem, Some(hash[0]))).collect();
            prop_assert_eq!(root, change_stems(&mut fresh, &all));
            prop_assert_eq!(&nodes.stored, &fresh.stored);
        }
    }
}

/// All zero but for a few bits, at the top, in the middle and at the very end of the path.
fn close_stem() -> impl Strategy<Value = [u8; 31]> {
    let places = vec![0usize, 1, 3, 4, 7, 8, 42, 43, 44, 120, 240, 244, 246, 247];
    prop::collection::vec(prop::sample::select(places), 0..4).prop_map(|bits| {
        let mut stem = [0; 31];
        for bit in bits {
            stem[bit / 8] |= 0x80 >> (bit % 8);
        }
        stem
    })
}

fn change_stems(nodes: &mut Nodes, batch: &BTreeMap<[u8; 31], Option<u8>>) -> B256 {
    let changes: Vec<_> = batch
        .iter()
        .map(|(stem, hash)| StemHash { stem: Stem::new(*stem), hash: hash.map(B256::repeat_byte) })
        .collect();
    let mut writes = Vec::new();
    let root = batch::update(nodes, &changes, &mut writes).expect("nothing is damaged");
    nodes.apply(&TreeChanges(writes.into_iter().collect()));
    root
}

#[test]
fn a_state_without_values_has_a_zero_root_and_no_nodes() {
    let mut world = World::with(&deployment(address(1), &code(9000, 1)));
    world.block(&slots(address(1), [(U256::from(3), 7), (U256::from(300), 8)]));
    assert_ne!(world.root, B256::ZERO);

    world.block(&accounts([(address(1), None)]));
    world.block(&slots(address(1), [(U256::from(3), 0), (U256::from(300), 0)]));
    assert_eq!(world.root, B256::ZERO);
    assert!(world.nodes.stored.is_empty(), "{:?}", world.nodes.stored);
}

#[test]
fn a_cleared_slot_is_a_slot_never_written() {
    let before = accounts([(address(1), Some(with_balance(5)))]);
    let mut world = World::with(&before);
    let (root, nodes) = (world.root, world.nodes.stored.clone());
    let slot = [U256::from(1), U256::from(64), U256::MAX];

    world.block(&slots(address(1), slot.map(|slot| (slot, 9))));
    assert_ne!(world.root, root);
    world.block(&slots(address(1), slot.map(|slot| (slot, 0))));
    assert_eq!((world.root, world.nodes.stored), (root, nodes));
}

#[test]
fn a_block_that_changes_nothing_writes_nothing() {
    let changes = deployment(address(1), &code(9000, 1));
    let mut world = World::with(&changes);
    let root = world.root;
    let again = accounts([(address(1), changes.accounts[&address(1)])]);
    assert!(world.block(&again).0.is_empty());
    assert!(world.block(&slots(address(2), [(U256::from(1), 0)])).0.is_empty());
    assert!(world.block(&StateChanges::default()).0.is_empty());
    assert_eq!(world.root, root);
}

/// EIP-7702: a delegation replaces the code of an account, and may be lifted again.
#[test]
fn shorter_code_leaves_no_chunk_of_longer_code() {
    let long = deployment(address(1), &code(385 * 31, 1));
    let mut world = World::with(&long);
    let delegation = deployment(address(1), &[&[0xef, 0x01, 0x00][..], &[7; 20]].concat());
    world.block(&delegation);
    assert_eq!(world.root, World::with(&delegation).root);

    let bare = accounts([(address(1), Some(with_balance(0)))]);
    world.block(&bare);
    let fresh = World::with(&bare);
    assert_eq!((world.root, world.nodes.stored), (fresh.root, fresh.nodes.stored));
}

#[test]
fn code_deployed_by_an_earlier_block_is_taken_from_the_flat_state() {
    let first = deployment(address(1), &code(500, 3));
    let mut world = World::with(&first);
    let account = first.accounts[&address(1)];
    world.block(&accounts([(address(2), account)]));

    let mut both = first;
    both.accounts.insert(address(2), account);
    assert_eq!(world.root, World::with(&both).root);
}

#[test]
fn a_balance_beyond_128_bits_counts_in_full() {
    let rich = |high: u64| Account {
        balance: (U256::from(high) << 128) + U256::from(5),
        ..Account::default()
    };
    let roots = [0, 1, 2].map(|high| World::with(&accounts([(address(1), Some(rich(high)))])).root);
    assert!(roots[0] != roots[1] && roots[1] != roots[2] && roots[0] != roots[2], "{roots:?}");
}

/// The size of code has three bytes, and what does not fit must not be cut short.
#[test]
fn code_beyond_its_size_field_is_refused() {
    let world = World::default();
    let largest = vec![1; (1 << 24) - 1];
    let applied = |code: &[u8]| {
        let changes = deployment(address(1), code);
        tree::apply(&world.nodes, &world.flat, &changes)
    };
    assert!(applied(&largest).is_ok());
    let error = applied(&[&largest[..], &[1]].concat()).expect_err("it has a byte too many");
    assert!(error.0.contains("16777216 bytes"), "{error}");
}

/// One block of many changes is worked off on all cores; the result must not show it.
#[test]
fn a_large_block_is_the_sum_of_small_ones() {
    let changed: Vec<_> =
        (0..3000).map(|number| (address(number), Some(with_balance(number)))).collect();
    let at_once = World::with(&accounts(changed.clone()));
    let mut step_by_step = World::default();
    for some in changed.chunks(50) {
        step_by_step.block(&accounts(some.iter().copied()));
    }
    assert_eq!(at_once.root, oracle::root(&at_once.flat));
    assert_eq!(step_by_step.root, at_once.root);
    assert_eq!(step_by_step.nodes.stored, at_once.nodes.stored);

    let gone: Vec<(Address, _)> = changed.iter().skip(1).map(|(at, _)| (*at, None)).collect();
    step_by_step.block(&accounts(gone));
    assert_eq!(step_by_step.nodes.stored, World::with(&accounts([changed[0]])).nodes.stored);
}
