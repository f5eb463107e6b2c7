//! Who makes room in a full pool.

use std::sync::Arc;

use mokka_mempool::{Limits, Origin, Pool};

use crate::drafts::{
    ALICE, BOB, CAROL, RICH, account, admit, at, best, fill, from, hashes, pool_of, rules,
};

#[test]
fn the_cheapest_makes_room_for_a_dearer_one() {
    let mut pool = pool_of(2);
    let (low, high) = (from(ALICE, 0).price(1).build(), from(BOB, 0).price(9).build());
    fill(&mut pool, &[&low, &high]);
    let newcomer = from(CAROL, 0).price(2).build();
    let admitted = admit(&mut pool, &newcomer).unwrap();
    assert_eq!(admitted.evicted, [low]);
    assert_eq!(best(&pool), hashes([&high, &newcomer]));
}

#[test]
fn a_cheaper_one_is_told_so() {
    let mut pool = pool_of(1);
    fill(&mut pool, &[&from(ALICE, 0).price(5).build()]);
    let refusal = admit(&mut pool, &from(BOB, 0).price(4).build()).unwrap_err();
    assert_eq!(refusal.to_string(), "transaction underpriced: tip 4, the lowest here is 5");
    assert_eq!(refusal.reason(), "underpriced");
}

#[test]
fn at_equal_price_who_was_here_first_stays() {
    let mut pool = pool_of(1);
    let first = from(ALICE, 0).build();
    fill(&mut pool, &[&first]);
    let refusal = admit(&mut pool, &from(BOB, 0).build()).unwrap_err();
    let bytes = first.encoded_len();
    let words = format!("txpool is full: 1 transactions, {bytes} bytes; send it again later");
    assert_eq!(refusal.to_string(), words);
    assert_eq!(refusal.reason(), "full");
}

#[test]
fn queued_transactions_go_before_ready_ones() {
    let mut pool = pool_of(2);
    let (ready, queued) = (from(ALICE, 0).price(1).build(), from(BOB, 5).price(99).build());
    fill(&mut pool, &[&ready, &queued]);
    let newcomer = from(CAROL, 0).price(1).build();
    assert_eq!(admit(&mut pool, &newcomer).unwrap().evicted, [queued]);
    assert_eq!(best(&pool), hashes([&ready, &newcomer]));
}

#[test]
fn a_queued_newcomer_never_displaces_a_ready_one() {
    let mut pool = pool_of(1);
    fill(&mut pool, &[&from(ALICE, 0).price(1).build()]);
    let refusal = admit(&mut pool, &from(BOB, 1).price(99).build()).unwrap_err();
    assert_eq!(refusal.reason(), "full");
}

#[test]
fn a_sender_loses_its_newest_nonces_first() {
    let mut pool = pool_of(3);
    let alice = [0, 1].map(|nonce| from(ALICE, nonce).price(1).build());
    let bob = from(BOB, 0).price(5).build();
    fill(&mut pool, &[&alice[0], &alice[1], &bob]);
    let carol = [0, 1, 2].map(|nonce| from(CAROL, nonce).price(3).build());
    assert_eq!(admit(&mut pool, &carol[0]).unwrap().evicted, [alice[1].clone()]);
    assert_eq!(admit(&mut pool, &carol[1]).unwrap().evicted, [alice[0].clone()]);
    let refusal = admit(&mut pool, &carol[2]).unwrap_err();
    assert_eq!(refusal.reason(), "underpriced", "bob pays more, and nobody displaces itself");
    assert_eq!(best(&pool), hashes([&bob, &carol[0], &carol[1]]));
}

#[test]
fn what_came_over_our_own_rpc_stays() {
    let mut pool = pool_of(1);
    let local = from(ALICE, 0).price(1).build();
    pool.admit(Arc::clone(&local), Origin::Local, &account(0, RICH), at(0)).unwrap();
    let refusal = admit(&mut pool, &from(BOB, 0).price(99).build()).unwrap_err();
    assert_eq!(refusal.reason(), "full");
    assert_eq!(best(&pool), hashes([&local]));
}

#[test]
fn several_small_ones_make_room_for_a_large_one() {
    let small = [
        from(ALICE, 0).price(1).build(),
        from(ALICE, 1).price(1).build(),
        from(BOB, 0).price(2).build(),
        from(CAROL, 0).price(50).build(),
    ];
    let bytes = small.iter().map(|tx| tx.encoded_len()).sum();
    let mut pool = Pool::new(Limits { bytes, ..Limits::default() }, rules());
    fill(&mut pool, &small.iter().collect::<Vec<_>>());
    let large = from(crate::drafts::address(9), 0).data(110).price(9).build();
    assert!(large.encoded_len() > 2 * small[0].encoded_len());
    let evicted = admit(&mut pool, &large).unwrap().evicted;
    assert_eq!(hashes(&evicted), hashes([&small[1], &small[0], &small[2]]));
    assert_eq!(best(&pool), hashes([&small[3], &large]));
    assert_eq!(pool.status().bytes, small[3].encoded_len() + large.encoded_len());
}

#[test]
fn nobody_goes_when_room_for_all_cannot_be_made() {
    let small = [from(ALICE, 0).price(1).build(), from(BOB, 0).price(50).build()];
    let bytes = small.iter().map(|tx| tx.encoded_len()).sum();
    let mut pool = Pool::new(Limits { bytes, ..Limits::default() }, rules());
    fill(&mut pool, &[&small[0], &small[1]]);
    let large = from(CAROL, 0).data(120).price(9).build();
    assert_eq!(admit(&mut pool, &large).unwrap_err().reason(), "underpriced");
    assert_eq!(best(&pool), hashes([&small[1], &small[0]]));
}

#[test]
fn queued_transactions_have_their_own_limit() {
    let limits = Limits { queued: 1, ..Limits::default() };
    let mut pool = Pool::new(limits, rules());
    let (alice, bob) = (from(ALICE, 1).price(5).build(), from(BOB, 1).price(9).build());
    fill(&mut pool, &[&alice]);
    assert_eq!(admit(&mut pool, &bob).unwrap().evicted, [alice]);
    let refusal = admit(&mut pool, &from(CAROL, 1).price(8).build()).unwrap_err();
    assert_eq!(refusal.reason(), "underpriced");
    admit(&mut pool, &from(CAROL, 0).price(1).build()).expect("ready ones have room");
}
