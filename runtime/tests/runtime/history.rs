//! What code sees of the chain.

use alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
use alloy_primitives::{B256, Bytes, TxKind, U256};
use alloy_rpc_types_eth::TransactionRequest;
use mokka_runtime::{CallInput, CallOutcome, Fatal, PushError, call};

use crate::{
    contracts::{BLOCK_VIEW, BLOCKHASH, init_code},
    world::{PROPOSER, Person, World, legacy},
};

fn ask(world: &World, to: alloy_primitives::Address, input: &[u8]) -> Vec<u8> {
    let request = TransactionRequest::default().to(to).input(Bytes::copy_from_slice(input).into());
    let input = CallInput {
        request: &request,
        state_overrides: None,
        block_overrides: None,
        gas_cap: 1_000_000,
    };
    match call(&world.spec, &world.head, &world.memory, input).unwrap() {
        CallOutcome::Success { output, .. } => output.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// A gap in our own history must stop the block: a zero would be another result than elsewhere.
#[test]
fn a_missing_hash_is_fatal_for_a_block_and_zero_for_a_call() {
    let mut world = World::new();
    let owner = Person(0);
    let contract = owner.address().create(0);
    let deploy = owner.sign(legacy(0, TxKind::Create, 100_000, &init_code(BLOCKHASH)));
    world.advance(vec![deploy]);
    world.memory.hashes.remove(&0);
    let mut builder = world.builder();
    let ask_for_0 = owner.sign(legacy(1, TxKind::Call(contract), 100_000, &[0; 32]));
    let error = builder.push(ask_for_0).unwrap_err();
    assert!(matches!(error, PushError::Fatal(Fatal::State(_))), "{error}");
    assert_eq!(ask(&world, contract, &[0; 32]), B256::ZERO.as_slice());
}

/// EIP-2935: the contract knows the hash of every earlier block in its window.
#[test]
fn the_history_contract_returns_the_parents_hash() {
    let mut world = World::new();
    let mut hashes = vec![world.head.hash()];
    for _ in 0..4 {
        hashes.push(world.advance(Vec::new()).hash);
    }
    for (number, hash) in hashes.iter().enumerate().take(4) {
        let answer = ask(&world, HISTORY_STORAGE_ADDRESS, &B256::from(U256::from(number)).0);
        assert_eq!(answer, hash.as_slice());
    }
}

#[test]
fn blockhash_answers_for_earlier_blocks_alone() {
    let mut world = World::new();
    let genesis = world.head.hash();
    let owner = Person(0);
    let contract = owner.address().create(0);
    let deploy = owner.sign(legacy(0, TxKind::Create, 100_000, &init_code(BLOCKHASH)));
    let first = world.advance(vec![deploy]).hash;
    world.advance(Vec::new());
    let word = |number: u64| B256::from(U256::from(number)).0;
    assert_eq!(ask(&world, contract, &word(0)), genesis.as_slice());
    assert_eq!(ask(&world, contract, &word(1)), first.as_slice());
    assert_eq!(ask(&world, contract, &word(2)), B256::ZERO.as_slice());
}

#[test]
fn code_sees_the_header_it_runs_in() {
    let mut world = World::new();
    let owner = Person(0);
    let contract = owner.address().create(0);
    let deploy = owner.sign(legacy(0, TxKind::Create, 100_000, &init_code(BLOCK_VIEW)));
    let header = world.advance(vec![deploy]).block.header;
    let words = ask(&world, contract, &[]);
    let word = |i: usize| B256::from_slice(&words[32 * i..32 * (i + 1)]);
    assert_eq!(word(0), header.mix_hash);
    assert_eq!(word(1), B256::from(U256::from(header.timestamp)));
    assert_eq!(word(2), B256::from(U256::from(1)));
    assert_eq!(word(3), B256::ZERO);
    assert_eq!(word(4), PROPOSER.into_word());
}
