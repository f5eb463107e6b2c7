//! Bodies and their encoding.

use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, U256};
use mokka_runtime::{
    BlockError, ChainSpec, DecodeError, Executed, Fatal, StateError, StateReader, TxError,
    check_block, decode_block, encode_block,
};

use crate::world::{Memory, Person, World, transfer};

fn some_block(world: &World) -> Executed {
    world.build(vec![
        Person(0).sign(transfer(0, Person(1).address(), 1)),
        Person(1).sign(transfer(0, Person(2).address(), 2)),
    ])
}

#[test]
fn the_hash_is_keccak_of_the_header() {
    let block = some_block(&World::new());
    assert_eq!(block.hash, alloy_primitives::keccak256(alloy_rlp::encode(&block.block.header)));
}

#[test]
fn a_block_with_ommers_is_refused() {
    let world = World::new();
    let mut block = some_block(&world).block;
    block.body.ommers.push(Header::default());
    assert!(matches!(world.check(block), Err(BlockError::Ommers { found: 1 })));
}

#[test]
fn withdrawals_are_there_and_empty() {
    let world = World::new();
    let mut block = some_block(&world).block;
    block.body.withdrawals = Some(vec![Withdrawal::default()].into());
    assert!(matches!(world.check(block.clone()), Err(BlockError::Withdrawals)));
    block.body.withdrawals = None;
    assert!(matches!(world.check(block), Err(BlockError::Withdrawals)));
}

#[test]
fn a_block_beyond_max_block_bytes_is_refused() {
    let mut world = World::new();
    let block = some_block(&world).block;
    let size = encode_block(&block).len();
    world.spec.max_block_bytes = size;
    world.check(block.clone()).unwrap();
    world.spec.max_block_bytes = size - 1;
    let error = world.check(block).unwrap_err();
    assert!(matches!(error, BlockError::TooLarge { .. }), "{error}");
}

/// Whoever relays a block may put another body under its header: that says nothing of the block,
/// not even where the other body breaks a rule.
#[test]
fn a_body_of_another_block_is_told_from_a_bad_block() {
    let mut world = World::new();
    let block = some_block(&world).block;
    world.spec.max_block_bytes = encode_block(&block).len();
    let mut others = vec![block.clone(); 4];
    others[0].body.transactions.clear();
    others[1].body.transactions.reverse();
    others[2].body.ommers.push(Header::default());
    let again = block.body.transactions[0].clone();
    others[3].body.transactions.extend(vec![again; 9]);
    for other in others {
        let error = world.check(other).unwrap_err();
        assert!(error.is_of_other_body(), "{error}");
    }
    world.spec.max_block_bytes -= 1;
    assert!(!world.check(block).unwrap_err().is_of_other_body());
}

#[test]
fn a_transaction_that_cannot_be_executed_spoils_the_block() {
    let mut world = World::new();
    let block = some_block(&world);
    world.commit(&block);
    // The same transactions once more, in a block that is otherwise right.
    let empty = world.build(Vec::new());
    let mut repeated = empty.block.clone();
    repeated.body.transactions = block.block.body.transactions.clone();
    repeated.header.transactions_root = block.block.header.transactions_root;
    let error = world.check(repeated).unwrap_err();
    let BlockError::Transaction { index, error, .. } = error else { panic!("{error}") };
    assert_eq!((index, *error), (0, TxError::NonceTooLow { found: 0, expected: 1 }));
}

#[test]
fn a_decoded_block_is_the_encoded_one() {
    let world = World::new();
    let block = some_block(&world).block;
    let bytes = encode_block(&block);
    assert_eq!(decode_block(&world.spec, &bytes), Ok(block));
}

#[test]
fn bytes_that_are_no_canonical_block_are_refused() {
    let world = World::new();
    let bytes = encode_block(&some_block(&world).block).to_vec();
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(decode_block(&world.spec, &longer), Err(DecodeError::NotCanonical));
    let shorter = &bytes[..bytes.len() - 1];
    assert!(matches!(decode_block(&world.spec, shorter), Err(DecodeError::Rlp(_))));
    let spec = ChainSpec { max_block_bytes: bytes.len() - 1, ..world.spec };
    assert!(matches!(decode_block(&spec, &bytes), Err(DecodeError::TooLarge { .. })));
}

/// A store that fails is our own fault: the block is not called invalid.
#[test]
fn a_failing_store_is_fatal_and_blames_nobody() {
    struct Broken(Memory);
    impl StateReader for Broken {
        fn account(&self, _: Address) -> Result<Option<mokka_runtime::Account>, StateError> {
            Err(StateError("disk on fire".into()))
        }
        fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
            self.0.storage(address, slot)
        }
        fn code(&self, hash: B256) -> Result<alloy_primitives::Bytes, StateError> {
            self.0.code(hash)
        }
        fn block_hash(&self, number: u64) -> Result<Option<B256>, StateError> {
            self.0.block_hash(number)
        }
    }
    let world = World::new();
    let block = world.recovered(some_block(&world).block);
    let broken = Broken(world.memory.clone());
    let error = check_block(&world.spec, &world.head, block, &broken, &world.memory).unwrap_err();
    assert!(matches!(error, BlockError::Fatal(Fatal::State(_))), "{error}");
}
