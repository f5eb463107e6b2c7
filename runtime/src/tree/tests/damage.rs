//! Stored bytes are read strictly: damage is an error, never a panic and never another state.

use alloy_primitives::U256;
use proptest::prelude::*;

use super::super::embedding::Stem;
use super::super::page::Page;
use super::super::stem::StemValues;
use super::world::World;
use super::{accounts, address, code, deployment, slots, with_balance};
use crate::{StateChanges, TreeKey, tree};

fn world() -> World {
    let mut world = World::with(&accounts((1..40).map(|n| (address(n), Some(with_balance(n))))));
    world.block(&deployment(address(1), &code(9000, 1)));
    world.block(&slots(address(1), (0..40).map(|n| (U256::from(60 + n), n + 1))));
    world
}

/// A block that visits every node of [`world`].
fn visit_all() -> StateChanges {
    let mut changes = accounts((1..40).map(|n| (address(n), Some(with_balance(n + 100)))));
    changes.storage = slots(address(1), (0..40).map(|n| (U256::from(60 + n), 99))).storage;
    changes
}

#[test]
fn a_missing_page_is_an_error_that_names_it() {
    let mut world = world();
    let pages: Vec<TreeKey> =
        world.nodes.stored.keys().filter(|key| key.starts_with(b"p")).cloned().collect();
    assert!(pages.len() > 3, "{pages:?}");
    for key in &pages[1..] {
        let page = world.nodes.stored.remove(key).expect("it is stored");
        let error =
            tree::apply(&world.nodes, &world.flat, &visit_all()).expect_err("it is missing");
        let name = alloy_primitives::hex::encode_prefixed(key);
        assert!(error.0.contains(&name) && error.0.contains("missing"), "{error}");
        world.nodes.stored.insert(key.clone(), page);
    }
}

#[test]
fn a_node_that_is_cut_or_too_long_is_an_error() {
    let mut world = world();
    for key in world.nodes.stored.keys().cloned().collect::<Vec<_>>() {
        let whole = world.nodes.stored[&key].clone();
        let longer = [&whole[..], &[0]].concat();
        for damaged in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], &[], &longer[..]] {
            world.nodes.stored.insert(key.clone(), damaged.to_vec());
            let result = tree::apply(&world.nodes, &world.flat, &visit_all());
            let error = result.expect_err("the node is damaged").to_string();
            assert!(error.contains("damaged"), "{error}");
        }
        world.nodes.stored.insert(key, whole);
    }
}

/// A flipped bit in a hash cannot be seen in the bytes; every other one is, and none panics.
#[test]
fn a_flipped_bit_never_panics() {
    let mut world = world();
    let mut seen = 0;
    for key in world.nodes.stored.keys().cloned().collect::<Vec<_>>() {
        let whole = world.nodes.stored[&key].clone();
        for at in (0..whole.len()).step_by(if whole.len() > 1000 { 37 } else { 5 }) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            world.nodes.stored.insert(key.clone(), damaged);
            seen += usize::from(tree::apply(&world.nodes, &world.flat, &visit_all()).is_err());
        }
        world.nodes.stored.insert(key, whole);
    }
    assert!(seen > 20, "only {seen} flipped bits were seen");
}

/// The audit recomputes every hash, so it sees what a block would not.
#[test]
fn an_audit_sees_every_flipped_bit() {
    let mut world = world();
    let audit = tree::check(&world.nodes).expect("nothing is damaged");
    assert_eq!(audit.root, world.root);
    assert_eq!(audit.pages + audit.stems, world.nodes.stored.len() as u64);
    // Basics and code hash of 39 accounts, 9,000 bytes of code in 291 chunks, 40 slots.
    assert_eq!(audit.values, 2 * 39 + 291 + 40);

    for key in world.nodes.stored.keys().cloned().collect::<Vec<_>>() {
        let whole = world.nodes.stored[&key].clone();
        for at in (0..whole.len()).step_by(if whole.len() > 1000 { 97 } else { 7 }) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            world.nodes.stored.insert(key.clone(), damaged);
            let seen = match tree::check(&world.nodes) {
                Ok(audit) => audit.root != world.root,
                Err(_) => true,
            };
            assert!(seen, "byte {at} of {key:x?}");
        }
        world.nodes.stored.insert(key, whole);
    }
}

proptest! {
    #[test]
    fn whatever_decodes_is_what_would_be_written(
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..200),
        depth in 0usize..62,
    ) {
        if let Ok(values) = StemValues::decode(&bytes) {
            prop_assert_eq!(values.encode(), bytes.clone());
        }
        let zero = Stem::new([0; 31]);
        if let Ok(page) = Page::decode(&bytes, &zero, depth) {
            prop_assert_eq!(page.encode(), bytes);
        }
    }
}

/// Bytes that nearly fit: one stored form for one content.
#[test]
fn other_spellings_of_a_node_are_refused() {
    let one = [&[0, 5][..], &[7; 32]].concat();
    assert!(StemValues::decode(&one).is_ok());
    let zero_value = [&[0, 5][..], &[0; 32]].concat();
    assert!(StemValues::decode(&zero_value).is_err());
    let descending = [&[1, 6, 5][..], &[7; 64]].concat();
    assert!(StemValues::decode(&descending).is_err());
    let twice = [&[1, 5, 5][..], &[7; 64]].concat();
    assert!(StemValues::decode(&twice).is_err());
    let wrong_bitmap = [&[31][..], &[1; 32], &[7; 33 * 32]].concat();
    assert!(StemValues::decode(&wrong_bitmap).is_err());

    let path = Stem::new([0; 31]);
    let lone_stem = [&[1, 0, 0, 0][..], &[0; 31], &[9; 32]].concat();
    assert!(Page::decode(&lone_stem, &path, 0).is_ok(), "the top page may hold one stem");
    assert!(Page::decode(&lone_stem, &path, 1).is_err(), "other pages hold two");
    let off_path = [&[4, 0, 0, 0][..], &[0; 31], &[9; 32]].concat();
    assert!(Page::decode(&off_path, &path, 0).is_err());
    let subtree_below_a_whole_stem = [&[2, 0, 0, 0][..], &[9; 64]].concat();
    assert!(Page::decode(&subtree_below_a_whole_stem, &path, 60).is_ok());
    assert!(Page::decode(&subtree_below_a_whole_stem, &path, 61).is_err());
    let unknown_kind = [&[3, 0, 0, 0][..], &[9; 64]].concat();
    assert!(Page::decode(&unknown_kind, &path, 0).is_err());
    assert!(Page::decode(&[0; 4], &path, 0).is_err(), "an empty page is not stored");
}
