//! What goes into a block, and what is left out.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Bytes, TxKind};
use mokka_runtime::{
    BlockBuilder, BuildError, ChainSpec, HeaderError, Overlay, Plan, PushError, Stamp, TxError,
    check_transaction, encode_block,
};
use mokka_types::Term;

use crate::world::{PROPOSER, Person, World, transfer};

#[test]
fn a_bad_transaction_does_not_spoil_the_block() {
    let world = World::new();
    let to = Person(1).address();
    let offered = vec![
        Person(0).sign(transfer(0, to, 1)),
        Person(0).sign(transfer(0, to, 2)),
        Person(0).sign(transfer(2, to, 3)),
        Person(0).sign(transfer(1, to, 4)),
        Person(2).sign(transfer(0, to, 5)),
    ];
    let hashes: Vec<_> = offered.iter().map(|tx| *tx.inner().tx_hash()).collect();
    let (block, skipped) = world.offer(offered);
    assert_eq!(block.receipts.len(), 3);
    assert_eq!(skipped.len(), 2);
    assert_eq!(skipped[0].hash, hashes[1]);
    assert_eq!(skipped[0].error, TxError::NonceTooLow { found: 0, expected: 1 });
    assert_eq!(skipped[1].error, TxError::NonceTooHigh { found: 2, expected: 1 });
    assert_eq!(world.check(block.block.clone()).unwrap(), block);
}

#[test]
fn what_asks_for_more_gas_than_is_left_waits_for_the_next_block() {
    let world = World::with(ChainSpec { gas_limit: 100_000, ..ChainSpec::default() });
    let to = Person(1).address();
    let big = Person(2).sign(TxEip1559 { gas_limit: 90_000, ..transfer(0, to, 1) });
    let huge = Person(3).sign(TxEip1559 { gas_limit: 100_001, ..transfer(0, to, 1) });
    let (block, skipped) = world.offer(vec![
        Person(0).sign(transfer(0, to, 1)),
        big,
        huge,
        Person(0).sign(transfer(1, to, 1)),
    ]);
    assert_eq!(block.gas_used(), 42_000);
    let errors: Vec<_> = skipped.into_iter().map(|skipped| skipped.error).collect();
    assert_eq!(errors[0], TxError::NoGasLeft { gas_limit: 90_000, left: 79_000 });
    assert!(errors[0].may_pass_later());
    assert_eq!(
        errors[1],
        TxError::GasLimitOverBlock { gas_limit: 100_001, block_gas_limit: 100_000 }
    );
    world.check(block.block).unwrap();
}

#[test]
fn a_full_block_takes_nothing_more_from_the_pool() {
    let world = World::with(ChainSpec { gas_limit: 50_000, ..ChainSpec::default() });
    let offered: Vec<_> = (0..5).map(|i| Person(0).sign(transfer(i, PROPOSER, 1))).collect();
    let mut source = offered.into_iter();
    let mut builder = world.builder();
    assert_eq!(builder.fill(&mut source, &mut || false).unwrap(), []);
    assert!(builder.is_full());
    assert_eq!((builder.len(), source.len()), (2, 3));
}

#[test]
fn a_block_stays_within_max_block_bytes() {
    let spec = ChainSpec { max_block_bytes: 8_192, ..ChainSpec::default() };
    let world = World::with(spec);
    let with_data = |nonce, length| {
        let input = Bytes::from(vec![1; length]);
        let to = TxKind::Call(PROPOSER);
        Person(0).sign(TxEip1559 { gas_limit: 900_000, to, input, ..transfer(nonce, PROPOSER, 0) })
    };
    let mut builder = world.builder();
    builder.push(with_data(0, 6_900)).unwrap();
    let refused = builder.push(with_data(1, 600)).unwrap_err();
    assert!(matches!(refused, PushError::Refused(TxError::NoBytesLeft { .. })), "{refused}");
    let refused = builder.push(with_data(1, 9_000)).unwrap_err();
    assert!(matches!(refused, PushError::Refused(TxError::TooLarge { .. })), "{refused}");
    let block = builder.finish().unwrap();
    assert!(encode_block(&block.block).len() <= spec.max_block_bytes);
    world.check(block.block).unwrap();
}

/// What `check_transaction` lets pass by its size, an empty block has room for.
#[test]
fn the_longest_transaction_fits_into_a_block() {
    let world = World::with(ChainSpec { max_block_bytes: 8_192, ..ChainSpec::default() });
    let with_data = |length| {
        let input = Bytes::from(vec![1; length]);
        let to = TxKind::Call(PROPOSER);
        Person(0).sign(TxEip1559 { gas_limit: 900_000, to, input, ..transfer(0, PROPOSER, 0) })
    };
    let longest = (6_900..7_300)
        .take_while(|length| check_transaction(&world.spec, with_data(*length).inner()).is_ok())
        .last()
        .unwrap();
    let over = with_data(longest + 1);
    let refused = check_transaction(&world.spec, over.inner()).unwrap_err();
    assert!(matches!(refused, TxError::TooLarge { .. }), "{refused}");
    let block = world.build(vec![with_data(longest)]);
    let (empty, skipped) = world.offer(vec![over]);
    assert_eq!((empty.receipts.len(), &skipped[0].error), (0, &refused));
    world.check(block.block).unwrap();
}

#[test]
fn the_caller_says_when_to_stop() {
    let world = World::new();
    let offered: Vec<_> = (0..5).map(|i| Person(0).sign(transfer(i, PROPOSER, 1))).collect();
    let mut builder = world.builder();
    let mut turns = 0;
    let mut stop = || {
        turns += 1;
        turns > 3
    };
    builder.fill(&mut offered.into_iter(), &mut stop).unwrap();
    assert_eq!(builder.len(), 3);
}

#[test]
fn a_block_cannot_be_older_than_its_parent() {
    let world = World::new();
    let ms = Stamp::of(&world.head).unwrap().ms;
    let plan = Plan { stamp: Stamp { term: Term::new(1), ms }, beneficiary: PROPOSER };
    let error =
        BlockBuilder::new(&world.spec, &world.head, plan, &world.memory, &world.memory).err();
    let expected = HeaderError::MillisecondsDoNotGrow { found: ms, parent: ms };
    assert!(matches!(error, Some(BuildError::Plan(found)) if found == expected));
}

/// §6.6: while a block is in flight the next may be built on top of it.
#[test]
fn a_block_is_built_on_blocks_in_flight() {
    let mut world = World::new();
    let to = Person(1).address();
    let first = world.build(vec![Person(0).sign(transfer(0, to, 1))]);
    let mut ahead = world.clone();
    ahead.head = first.header();
    let in_flight = [&first];
    let overlay = Overlay::new(&world.memory, &world.memory, &in_flight);
    let mut builder =
        BlockBuilder::new(&world.spec, &ahead.head, ahead.plan(), &overlay, &overlay).unwrap();
    builder.push(Person(0).sign(transfer(1, to, 1))).unwrap();
    let second = builder.finish().unwrap();
    let in_flight = [&first, &second];
    let overlay = Overlay::new(&world.memory, &world.memory, &in_flight);
    let mut ahead = ahead.clone();
    ahead.head = second.header();
    let mut builder =
        BlockBuilder::new(&world.spec, &ahead.head, ahead.plan(), &overlay, &overlay).unwrap();
    builder.push(Person(0).sign(transfer(2, to, 1))).unwrap();
    let third = builder.finish().unwrap();

    for block in [first, second, third] {
        assert_eq!(world.check(block.block.clone()).unwrap(), block);
        world.commit(&block);
    }
    assert_eq!(world.nonce(Person(0).address()), 3);
}
