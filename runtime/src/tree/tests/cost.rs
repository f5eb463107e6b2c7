//! A block touches the paths of what it changes, and nothing else.

use alloy_primitives::{Address, U256};

use super::world::World;
use super::{accounts, code, deployment, scattered, slots, with_balance};
use crate::{StateChanges, tree};

const ACCOUNTS: u64 = 20_000;
/// Pages on the way to one of 20,000 stems: four where they are even, one or two more where two
/// stems are close, and the stem itself.
const PATH: usize = 7;

fn account(number: u64) -> Address {
    Address::from_word(scattered(number))
}

fn large() -> World {
    let world = World::with(&accounts((0..ACCOUNTS).map(|n| (account(n), Some(with_balance(n))))));
    world.nodes.take_reads();
    world
}

/// Applies a block and returns how many nodes it read and wrote.
fn cost(world: &mut World, changes: &StateChanges) -> (usize, usize) {
    let writes = world.block(changes).0.len();
    (world.nodes.take_reads(), writes)
}

#[test]
fn opening_a_large_state_reads_one_node() {
    let world = large();
    assert_eq!(tree::root(&world.nodes).expect("nothing is damaged"), world.root);
    assert_eq!(world.nodes.take_reads(), 1);
}

#[test]
fn a_changed_account_reads_and_writes_one_path() {
    let mut world = large();
    for number in [3, 500, 19_999] {
        let (reads, writes) =
            cost(&mut world, &accounts([(account(number), Some(with_balance(1)))]));
        assert!((4..=PATH).contains(&reads), "{reads} reads");
        assert_eq!(writes, reads, "every node on the path has a new hash, and no other");
    }
}

#[test]
fn a_new_account_and_a_gone_one_cost_one_path() {
    let mut world = large();
    let (reads, writes) = cost(&mut world, &accounts([(account(ACCOUNTS), Some(with_balance(1)))]));
    assert!(reads <= PATH && writes <= reads + 2, "{reads} reads, {writes} writes");
    let (reads, writes) = cost(&mut world, &accounts([(account(ACCOUNTS), None)]));
    assert!(reads <= PATH && writes <= reads, "{reads} reads, {writes} writes");
}

#[test]
fn the_paths_of_a_block_are_shared() {
    let mut world = large();
    let block = accounts((0..1000).map(|n| (account(n), Some(with_balance(n + 1)))));
    let (reads, writes) = cost(&mut world, &block);
    // 1000 stems; 1, 16 and up to 256 pages above; each stem's own lowest one or two.
    assert!(reads <= 1000 + 273 + 1500, "{reads} reads");
    assert_eq!(writes, reads);
}

#[test]
fn neighbouring_slots_share_a_stem_and_code_is_left_alone() {
    let mut world = large();
    let contract = account(ACCOUNTS + 1);
    world.block(&deployment(contract, &code(24_576, 1)));
    world.nodes.take_reads();

    let header = slots(contract, (0..64).map(|slot| (U256::from(slot), 1)));
    let (reads, writes) = cost(&mut world, &header);
    assert!(reads <= PATH && writes == reads, "{reads} reads, {writes} writes");
    let array = slots(contract, (256..512).map(|slot| (U256::from(slot), 1)));
    let (reads, writes) = cost(&mut world, &array);
    assert!(reads <= PATH && writes <= reads + 2, "{reads} reads, {writes} writes");
}
