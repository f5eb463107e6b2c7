//! Lookups, listings and cursors.

use mokka_mempool::{Arrival, Origin};

use crate::drafts::{ALICE, BOB, admit, at, fill, from, hashes, pool};

#[test]
fn a_transaction_is_found_by_hash_and_by_nonce() {
    let mut pool = pool();
    let tx = from(ALICE, 0).build();
    fill(&mut pool, &[&tx]);
    let entry = pool.get(&tx.hash()).unwrap();
    assert_eq!((entry.transaction(), entry.origin()), (&tx, Origin::Remote));
    assert_eq!(pool.by_nonce(&ALICE, 0).unwrap().transaction(), &tx);
    assert!(pool.by_nonce(&ALICE, 1).is_none());
    assert!(pool.get(&from(BOB, 0).build().hash()).is_none());
}

#[test]
fn the_content_lists_ready_and_queued_by_sender_and_nonce() {
    let mut pool = pool();
    let (b1, a2, a0) = (from(BOB, 1).build(), from(ALICE, 2).build(), from(ALICE, 0).build());
    fill(&mut pool, &[&b1, &a2, &a0]);
    let listed: Vec<_> = pool
        .content()
        .map(|of| {
            let hash = |entry: &&mokka_mempool::Entry| entry.transaction().hash();
            let ready: Vec<_> = of.ready.iter().map(hash).collect();
            (of.sender, ready, of.queued.iter().map(hash).collect::<Vec<_>>())
        })
        .collect();
    let expected = [(ALICE, hashes([&a0]), hashes([&a2])), (BOB, vec![], hashes([&b1]))];
    assert_eq!(listed, expected);
    assert_eq!(pool.sender_content(&BOB).unwrap().queued.len(), 1);
    assert!(pool.sender_content(&crate::drafts::CAROL).is_none());
}

#[test]
fn a_cursor_shows_what_came_after_it_and_is_still_here() {
    let mut pool = pool();
    let (a0, b0, a1) = (from(ALICE, 0).build(), from(BOB, 0).build(), from(ALICE, 1).build());
    fill(&mut pool, &[&a0, &b0]);
    let after = |pool: &mokka_mempool::Pool, cursor| {
        hashes(pool.arrivals_after(cursor).map(|entry| entry.transaction()))
    };
    assert_eq!(after(&pool, Arrival::default()), hashes([&a0, &b0]));
    let cursor = pool.newest_arrival();
    assert_eq!(after(&pool, cursor), hashes([]));
    fill(&mut pool, &[&a1]);
    pool.remove(&b0.hash(), at(0)).unwrap();
    assert_eq!(after(&pool, cursor), hashes([&a1]));
    assert_eq!(after(&pool, Arrival::default()), hashes([&a0, &a1]));
}

#[test]
fn numbers_are_never_given_twice() {
    let mut pool = pool();
    let first = admit(&mut pool, &from(ALICE, 0).build()).unwrap().arrival;
    pool.remove(&from(ALICE, 0).build().hash(), at(0)).unwrap();
    let second = admit(&mut pool, &from(ALICE, 0).build()).unwrap().arrival;
    assert!(second > first);
}
