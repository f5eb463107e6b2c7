//! Who makes room in a full pool.

use std::sync::Arc;

use mokka_mempool::{DropReason, Limits, Origin, Pool};

use crate::drafts::{
    ALICE, BOB, CAROL, RICH, account, admit, admit_local, at, best, evicted, fill, from, hashes,
    pool_of, rules,
};

#[test]
fn the_cheapest_makes_room_for_a_dearer_one() {
    let mut pool = pool_of(2);
    let (low, high) = (from(ALICE, 0).price(1).build(), from(BOB, 0).price(9).build());
    fill(&mut pool, &[&low, &high]);
    let newcomer = from(CAROL, 0).price(2).build();
    let admitted = admit(&mut pool, &newcomer).unwrap();
    assert_eq!(evicted(&admitted), hashes([&low]));
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
    assert_eq!(evicted(&admit(&mut pool, &newcomer).unwrap()), hashes([&queued]));
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
    assert_eq!(evicted(&admit(&mut pool, &carol[0]).unwrap()), hashes([&alice[1]]));
    assert_eq!(evicted(&admit(&mut pool, &carol[1]).unwrap()), hashes([&alice[0]]));
    let refusal = admit(&mut pool, &carol[2]).unwrap_err();
    assert_eq!(refusal.reason(), "underpriced", "bob pays more, and nobody displaces itself");
    assert_eq!(best(&pool), hashes([&bob, &carol[0], &carol[1]]));
}

#[test]
fn what_came_over_our_own_rpc_stays_while_it_is_ready() {
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
    let evicted = evicted(&admit(&mut pool, &large).unwrap());
    assert_eq!(evicted, hashes([&small[1], &small[0], &small[2]]));
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
    assert_eq!(evicted(&admit(&mut pool, &bob).unwrap()), hashes([&alice]));
    let refusal = admit(&mut pool, &from(CAROL, 1).price(8).build()).unwrap_err();
    assert_eq!(refusal.reason(), "underpriced");
    admit(&mut pool, &from(CAROL, 0).price(1).build()).expect("ready ones have room");
}

#[test]
fn bytes_of_queued_transactions_have_their_own_limit() {
    let alice = from(ALICE, 1).price(5).data(500).build();
    let limits = Limits { queued_bytes: alice.encoded_len(), ..Limits::default() };
    let mut pool = Pool::new(limits, rules());
    fill(&mut pool, &[&alice]);
    let bob = from(BOB, 1).price(5).build();
    assert_eq!(admit(&mut pool, &bob).unwrap_err().reason(), "full");
    let bob = from(BOB, 1).price(9).build();
    assert_eq!(evicted(&admit(&mut pool, &bob).unwrap()), hashes([&alice]));
    // The gap is filled: what was queued is ready, and takes nothing of the share.
    fill(&mut pool, &[&from(BOB, 0).build(), &from(CAROL, 1).data(500).price(6).build()]);
    assert_eq!((pool.status().ready, pool.status().queued), (2, 1));
    let large = from(ALICE, 0).data(5_000).price(1).build();
    admit(&mut pool, &large).expect("ready ones have room");
}

/// Where gas is free, nonces ahead of time cost their sender nothing, not even a coin.
#[test]
fn senders_without_coins_cannot_close_the_pool() {
    let free = |sender, nonce| from(sender, nonce).price(0).data(1_000).build();
    let size = free(ALICE, 1).encoded_len();
    let limits =
        Limits { bytes: 10 * size, queued_bytes: 10 * size, per_sender: 6, ..Limits::default() };
    let mut pool = Pool::new(limits, rules());
    for sender in [ALICE, BOB] {
        for nonce in 1..6 {
            admit_local(&mut pool, &free(sender, nonce)).unwrap();
        }
    }
    assert_eq!(pool.status().bytes, 10 * size, "the pool is full");
    let newcomer = free(CAROL, 0);
    let admitted = admit(&mut pool, &newcomer).expect("a ready one enters");
    assert_eq!(evicted(&admitted), hashes([&free(BOB, 5)]));
    assert_eq!(admitted.dropped[0].origin, Origin::Local, "its owner can be told");
    assert_eq!(best(&pool), hashes([&newcomer]));
    // With the limits of a node they do not even come that far.
    let mut pool = Pool::new(Limits { queued_bytes: 2 * size, ..limits }, rules());
    for nonce in 1..3 {
        admit_local(&mut pool, &free(ALICE, nonce)).unwrap();
    }
    assert_eq!(admit_local(&mut pool, &free(ALICE, 3)).unwrap_err().reason(), "full");
}

#[test]
fn nothing_leaves_without_a_reason() {
    let mut pool = pool_of(2);
    let (cheap, old) = (from(ALICE, 0).price(1).build(), from(BOB, 0).price(10).build());
    fill(&mut pool, &[&cheap, &old]);
    let new = from(BOB, 0).price(20).build();
    let replaced = admit(&mut pool, &new).unwrap().dropped;
    let evicted = admit(&mut pool, &from(CAROL, 0).price(5).build()).unwrap().dropped;
    let told = [(&replaced, &old, DropReason::Replaced), (&evicted, &cheap, DropReason::Evicted)];
    for (dropped, transaction, reason) in told {
        assert_eq!(dropped.len(), 1);
        assert_eq!((&dropped[0].transaction, &dropped[0].reason), (transaction, &reason));
    }
}
