//! The order in which builders see transactions.

use std::collections::HashSet;

use mokka_mempool::{Budget, Limits, Pool, Rules};

use crate::drafts::{ALICE, BLOCK_GAS, BOB, CAROL, CHAIN, best, fill, from, hashes, pool};

const ALL: Budget = Budget { transactions: usize::MAX, bytes: usize::MAX };

#[test]
fn higher_tips_come_first_and_equal_ones_in_order_of_arrival() {
    let mut pool = pool();
    let (low, high) = (from(ALICE, 0).price(1).build(), from(BOB, 0).price(2).build());
    let late = from(CAROL, 0).price(2).build();
    fill(&mut pool, &[&low, &high, &late]);
    assert_eq!(best(&pool), hashes([&high, &late, &low]));
}

#[test]
fn the_nonces_of_a_sender_stay_in_order_whatever_they_pay() {
    let mut pool = pool();
    let cheap = from(ALICE, 0).price(1).build();
    let dear = from(ALICE, 1).price(100).build();
    let other = from(BOB, 0).price(2).build();
    fill(&mut pool, &[&dear, &cheap, &other]);
    assert_eq!(best(&pool), hashes([&other, &cheap, &dear]));
}

#[test]
fn a_successor_competes_with_its_own_tip() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).price(9).build(), from(ALICE, 1).price(1).build());
    let (b0, b1) = (from(BOB, 0).price(5).build(), from(BOB, 1).price(8).build());
    fill(&mut pool, &[&a0, &a1, &b0, &b1]);
    assert_eq!(best(&pool), hashes([&a0, &b0, &b1, &a1]));
}

#[test]
fn what_counts_is_the_tip_above_the_base_fee() {
    let mut pool = Pool::new(Limits::default(), Rules::new(CHAIN, BLOCK_GAS, 90));
    let generous = from(ALICE, 0).price(100).with(|tx| tx.max_priority_fee_per_gas = 20).build();
    let modest = from(BOB, 0).price(200).with(|tx| tx.max_priority_fee_per_gas = 15).build();
    // The first offers 20, but its fee cap leaves room for 10 only.
    fill(&mut pool, &[&generous, &modest]);
    assert_eq!(best(&pool), hashes([&modest, &generous]));
}

#[test]
fn a_skipped_sender_shows_nothing_more() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).price(9).build(), from(ALICE, 1).price(9).build());
    let b0 = from(BOB, 0).price(1).build();
    fill(&mut pool, &[&a0, &a1, &b0]);

    let mut best = pool.best();
    assert_eq!(best.next().map(|entry| entry.transaction().hash()), Some(a0.hash()));
    best.skip_sender(ALICE);
    assert_eq!(best.next().map(|entry| entry.transaction().hash()), Some(b0.hash()));
    assert!(best.next().is_none());

    let mut candidates = pool.candidates(ALL, &HashSet::new());
    assert_eq!(candidates.next(), Some(a0));
    candidates.skip_sender(ALICE);
    assert_eq!(candidates.next(), Some(b0));
    assert!(candidates.next().is_none());
}

#[test]
fn candidates_end_where_the_block_is_full() {
    let mut pool = pool();
    let (a0, b0) = (from(ALICE, 0).price(2).build(), from(BOB, 0).data(500).price(1).build());
    fill(&mut pool, &[&a0, &b0]);
    let both = a0.encoded_len() + b0.encoded_len();
    let candidates = |transactions, bytes| {
        pool.candidates(Budget { transactions, bytes }, &HashSet::new()).collect::<Vec<_>>()
    };
    assert_eq!(candidates(2, both), [a0.clone(), b0.clone()]);
    assert_eq!(candidates(2, both - 1), std::slice::from_ref(&a0));
    assert_eq!(candidates(1, both), [a0]);
}

/// §6.6: while a block is in flight the next may be built on top of it.
#[test]
fn what_follows_a_block_in_flight_can_be_built() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).build(), from(ALICE, 1).build());
    fill(&mut pool, &[&a0, &a1]);
    let in_flight = HashSet::from([a0.hash()]);
    assert_eq!(pool.candidates(ALL, &in_flight).collect::<Vec<_>>(), [a1]);
}
