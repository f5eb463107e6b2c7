//! `architecture.md` §3: recovery must run on libsecp256k1; pure Rust would be three times slower,
//! and nothing but these tests would say so.

use std::any::type_name_of_val;

use alloy_consensus::crypto::secp256k1::public_key_to_address;
use mokka_runtime::{RecoveredBlock, check_body, recover_sender, recover_senders};

use crate::world::{Person, World, transfer};

#[test]
fn senders_are_recovered_by_libsecp256k1() {
    let name = type_name_of_val(&public_key_to_address);
    assert!(name.contains("impl_secp256k1"), "{name}");
}

#[test]
fn the_ecrecover_precompile_runs_on_libsecp256k1() {
    let name = type_name_of_val(&revm::precompile::secp256k1::ecrecover);
    assert!(name.contains("bitcoin_secp256k1"), "{name}");
}

#[test]
fn many_senders_come_back_in_their_order() {
    let signed: Vec<_> = (0..40)
        .map(|i| Person(i % 8).sign(transfer(u64::from(i), Person(0).address(), 1)))
        .collect();
    let envelopes: Vec<_> = signed.iter().map(|tx| tx.inner().clone()).collect();
    let senders: Vec<_> = signed.iter().map(|tx| tx.signer()).collect();
    assert_eq!(recover_senders(&envelopes).unwrap(), senders);
}

/// EIP-2: of the two signatures that fit, the one with the high `s` is refused.
#[test]
fn a_signature_with_a_high_s_is_nobodys() {
    let good = Person(0).sign(transfer(0, Person(1).address(), 1)).into_inner();
    let order = alloy_consensus::crypto::SECP256K1N_HALF * alloy_primitives::U256::from(2)
        + alloy_primitives::U256::from(1);
    let signature = *good.signature();
    let high =
        alloy_primitives::Signature::new(signature.r(), order - signature.s(), !signature.v());
    let transaction = transfer(0, Person(1).address(), 1);
    let forged = alloy_consensus::SignableTransaction::into_signed(transaction, high).into();
    assert!(recover_sender(&forged).is_err());
}

#[test]
fn a_known_sender_is_not_recovered_again() {
    let world = World::new();
    let block = world.build(vec![Person(0).sign(transfer(0, Person(1).address(), 1))]);
    let claimed = Person(7).address();
    let whole = check_body(&world.spec, block.block).unwrap();
    let known = RecoveredBlock::recover_with(whole.clone(), &|_| Some(claimed)).unwrap();
    assert_eq!(known.senders(), [claimed]);
    let asked = RecoveredBlock::recover_with(whole, &|_| None).unwrap();
    assert_eq!(asked.senders(), [Person(0).address()]);
}
