//! A proof convinces of what is there and what is not, and of nothing else.

use alloy_primitives::{B256, U256};

use super::super::embedding::Key;
use super::super::hash;
use super::super::proof::{Proof, ProofEnd, ProofFault, prove};
use super::super::stem::StemValues;
use super::world::World;
use super::{accounts, address, code, deployment, slots, with_balance};

fn world() -> World {
    let mut world = World::with(&accounts((1..200).map(|n| (address(n), Some(with_balance(n))))));
    world.block(&deployment(address(1), &code(9000, 1)));
    world.block(&slots(address(1), (0..10).map(|n| (U256::from(60 + n), n + 1))));
    world
}

#[test]
fn every_value_is_proved() {
    let world = world();
    let value = |key| {
        let proof = prove(&world.nodes, &key).expect("nothing is damaged");
        proof.value(world.root, &key).expect("the proof is ours")
    };
    for n in 1..200 {
        let account = world.flat.accounts[&address(n)];
        assert_eq!(value(Key::code_hash(address(n))), account.code_hash);
        assert_eq!(value(Key::balance_high(address(n))), B256::ZERO);
        let basics = value(Key::basics(address(n)));
        assert_eq!(U256::from_be_slice(&basics[16..]), account.balance);
    }
    for n in 0..12u64 {
        let expected = if n < 10 { n + 1 } else { 0 };
        let found = value(Key::slot(address(1), U256::from(60 + n)));
        assert_eq!(found, B256::from(U256::from(expected)));
    }
    let chunk = value(Key::code_chunk(address(1), 200));
    assert_eq!(chunk[1..], code(9000, 1)[200 * 31..201 * 31]);
}

#[test]
fn absence_is_proved_in_each_of_its_three_ways() {
    let world = world();
    let (mut empty, mut other, mut own) = (0, 0, 0);
    let absent = (1000..1200).map(|n| Key::code_hash(address(n)));
    let cleared = (100..120).map(|n| Key::slot(address(1), U256::from(n)));
    for key in absent.chain(cleared) {
        let proof = prove(&world.nodes, &key).expect("nothing is damaged");
        assert_eq!(proof.value(world.root, &key), Ok(B256::ZERO));
        match proof.end {
            ProofEnd::Empty => empty += 1,
            ProofEnd::OtherStem { .. } => other += 1,
            ProofEnd::Stem { .. } => own += 1,
        }
    }
    assert!(empty > 0 && other > 0 && own > 0, "{empty} empty, {other} other, {own} own");
}

#[test]
fn a_changed_proof_convinces_nobody() {
    let world = world();
    let key = Key::slot(address(1), U256::from(60));
    let proof = prove(&world.nodes, &key).expect("nothing is damaged");
    let refused = |proof: &Proof, key: &Key| proof.value(world.root, key).is_err();

    for at in 0..proof.siblings.len() {
        let mut changed = proof.clone();
        changed.siblings[at][0] ^= 1;
        assert!(refused(&changed, &key), "sibling {at}");
    }
    let ProofEnd::Stem { siblings, value } = proof.end.clone() else { panic!("{proof:?}") };
    for forged in [B256::ZERO, B256::repeat_byte(1)] {
        let mut changed = proof.clone();
        changed.end = ProofEnd::Stem { siblings: siblings.clone(), value: forged };
        assert!(refused(&changed, &key), "value {forged}");
    }
    for (at, _) in siblings.iter().enumerate() {
        let mut changed = proof.clone();
        let mut siblings = siblings.clone();
        siblings[at][31] ^= 0x80;
        changed.end = ProofEnd::Stem { siblings, value };
        assert!(refused(&changed, &key), "sibling {at} of the value");
    }
    assert!(refused(&proof, &Key::slot(address(2), U256::from(60))));
    assert!(refused(&proof, &Key::slot(address(1), U256::from(61))));
    assert!(proof.value(B256::ZERO, &key).is_err());
}

/// With the draft's stem hash a path could lead through a stem into its values, most of them empty.
#[test]
fn a_stem_does_not_pass_for_a_node_with_two_children() {
    let world = world();
    let mut tried = 0;
    for n in 2..200 {
        let key = Key::code_hash(address(n));
        let proof = prove(&world.nodes, &key).expect("nothing is damaged");
        let depth = proof.siblings.len();
        // Right into the subtree of values, and right again, where nobody without code has any.
        if !key.stem.bit(depth) || !key.stem.bit(depth + 1) {
            continue;
        }
        tried += 1;
        let values = StemValues::read(&world.nodes, &key.stem).expect("nothing is damaged");
        let [low_half, ..] = values.siblings(u8::MAX);
        assert_eq!(hash::pair(&low_half, &B256::ZERO), values.subtree(), "the forged way is right");
        let mut path = B256::ZERO;
        path[..31].copy_from_slice(key.stem.as_bytes());
        let mut forged = proof;
        forged.siblings.extend([path, low_half]);
        forged.end = ProofEnd::Empty;
        assert!(matches!(forged.value(world.root, &key), Err(ProofFault::OtherRoot { .. })));
    }
    assert!(tried > 10, "only {tried} stems were tried");
}

#[test]
fn a_proof_longer_than_any_path_is_refused() {
    let world = world();
    let key = Key::code_hash(address(1));
    let mut proof = prove(&world.nodes, &key).expect("nothing is damaged");
    proof.siblings = vec![B256::ZERO; 249];
    assert_eq!(proof.value(world.root, &key), Err(ProofFault::OffPath));
}
