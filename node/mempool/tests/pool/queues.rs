//! Gaps, replacements and what a sender can pay.

use std::sync::Arc;

use mokka_mempool::{Limits, Origin, Pool, Readiness};

use crate::drafts::{
    ALICE, account, admit, admit_local, at, best, change, evicted, fill, from, hashes, pool, rules,
};

#[test]
fn a_gap_keeps_what_follows_until_it_is_filled() {
    let mut pool = pool();
    let (a0, a1, a2) = (from(ALICE, 0).build(), from(ALICE, 1).build(), from(ALICE, 2).build());
    fill(&mut pool, &[&a0, &a2]);
    assert_eq!(best(&pool), hashes([&a0]));
    assert_eq!((pool.status().ready, pool.status().queued), (1, 1));
    assert_eq!(pool.pending_nonce(&ALICE), Some(1), "what is queued does not count");

    let admitted = admit(&mut pool, &a1).unwrap();
    assert_eq!(hashes(&admitted.promoted), hashes([&a1, &a2]));
    assert_eq!(admitted.readiness, Readiness::Ready { since: at(0) });
    assert_eq!(pool.pending_nonce(&ALICE), Some(3));
}

#[test]
fn only_queued_transactions_leave_the_pending_nonce_to_the_state() {
    let mut pool = pool();
    let admitted = admit(&mut pool, &from(ALICE, 1).build()).unwrap();
    assert_eq!(admitted.readiness, Readiness::Queued { since: at(0) });
    assert_eq!(admitted.promoted, []);
    assert_eq!(pool.pending_nonce(&ALICE), None);
}

#[test]
fn a_replacement_takes_the_place_and_a_new_number() {
    let mut pool = pool();
    let (old, new) = (from(ALICE, 0).price(10).build(), from(ALICE, 0).price(11).build());
    let next = from(ALICE, 1).build();
    fill(&mut pool, &[&old, &next]);
    let admitted = admit(&mut pool, &new).unwrap();
    assert_eq!(admitted.dropped[0].transaction, old);
    assert_eq!(admitted.arrival.get(), 3);
    assert!(!pool.contains(&old.hash()));
    assert_eq!(best(&pool), hashes([&new, &next]));
    assert_eq!(pool.status().bytes, new.encoded_len() + next.encoded_len());
}

#[test]
fn what_the_balance_cannot_cover_together_waits_for_funds() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).build(), from(ALICE, 1).build());
    fill(&mut pool, &[&a0, &a1]);
    // Money left the account: each can be paid, both cannot.
    pool.on_commit([], [change(ALICE, 0, 300_000)], at(1));
    assert_eq!(best(&pool), hashes([&a0]));
    assert_eq!(pool.pending_nonce(&ALICE), Some(1));
    // The first cost less than it could have.
    let changes = pool.on_commit([a0.hash()], [change(ALICE, 1, 250_000)], at(2));
    assert_eq!(changes.included, [a0]);
    assert_eq!(changes.promoted, [Arc::clone(&a1)]);
    assert_eq!(best(&pool), hashes([&a1]));
}

#[test]
fn a_missing_nonce_is_worth_more_than_the_newest_one() {
    let limits = Limits { per_sender: 2, ..Limits::default() };
    let mut pool = Pool::new(limits, rules());
    let (a0, a1, a2) = (from(ALICE, 0).build(), from(ALICE, 1).build(), from(ALICE, 2).build());
    fill(&mut pool, &[&a1, &a2]);
    let admitted = admit(&mut pool, &a0).unwrap();
    assert_eq!(evicted(&admitted), hashes([&a2]));
    assert_eq!(best(&pool), hashes([&a0, &a1]));
}

/// A client that was told that its transaction is in does not lose it to another one of its own.
#[test]
fn a_missing_nonce_does_not_throw_out_what_came_over_our_own_rpc() {
    let limits = Limits { per_sender: 2, ..Limits::default() };
    let mut pool = Pool::new(limits, rules());
    let free = |nonce| from(ALICE, nonce).price(0).build();
    // Of the two that a peer told of, those of our client took the place.
    fill(&mut pool, &[&free(5), &free(6)]);
    let (a4, a3) = (free(4), free(3));
    assert_eq!(evicted(&admit_local(&mut pool, &a4).unwrap()), hashes([&free(6)]));
    assert_eq!(evicted(&admit_local(&mut pool, &a3).unwrap()), hashes([&free(5)]));
    let refusal = admit_local(&mut pool, &free(0)).unwrap_err();
    assert_eq!(refusal.to_string(), "account limit exceeded: pooled 2 txs");
    assert!(pool.contains(&a3.hash()) && pool.contains(&a4.hash()));
}

#[test]
fn what_waits_too_long_is_dropped() {
    let limits = Limits::default();
    let mut pool = pool();
    let (ready, queued) = (from(ALICE, 0).build(), from(ALICE, 2).build());
    fill(&mut pool, &[&ready, &queued]);
    let lifetime = limits.queued_lifetime.as_secs();
    assert_eq!(pool.expire(at(lifetime - 1)).dropped, []);
    let changes = pool.expire(at(lifetime));
    assert_eq!(changes.dropped.len(), 1);
    assert_eq!(changes.dropped[0].transaction, queued);
    assert_eq!(changes.dropped[0].reason.reason(), "expired");
    assert_eq!(best(&pool), hashes([&ready]));
    assert!(!pool.contains(&queued.hash()));
}

#[test]
fn what_loses_its_predecessor_begins_to_wait_then() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).build(), from(ALICE, 1).build());
    fill(&mut pool, &[&a0, &a1]);
    let lifetime = Limits::default().queued_lifetime.as_secs();
    pool.remove(&a0.hash(), at(lifetime)).expect("it was here");
    assert_eq!(best(&pool), hashes([]));
    assert_eq!(pool.expire(at(2 * lifetime - 1)).dropped, []);
    assert_eq!(pool.expire(at(2 * lifetime)).dropped.len(), 1);
    assert_eq!(pool.status().bytes, 0);
}

#[test]
fn what_was_taken_out_can_go_back_to_its_place() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).build(), from(ALICE, 1).build());
    fill(&mut pool, &[&a0, &a1]);
    let entry = pool.remove(&a0.hash(), at(1)).unwrap();
    let first = entry.arrival();
    let admitted = pool.reinsert(entry.clone(), &account(0, 420_000), at(2)).unwrap();
    assert_eq!(admitted.arrival, first);
    assert_eq!(hashes(&admitted.promoted), hashes([&a0, &a1]));
    let again = pool.reinsert(entry, &account(0, 420_000), at(2)).unwrap_err();
    assert_eq!(again.reason(), "already_known");
}

#[test]
fn an_account_that_came_late_is_not_believed() {
    let mut pool = pool();
    let a2 = from(ALICE, 2).build();
    pool.admit(Arc::clone(&a2), Origin::Remote, &account(2, 420_000), at(0)).unwrap();
    pool.on_commit([], [change(ALICE, 1, 0)], at(1));
    assert_eq!(best(&pool), hashes([&a2]), "a nonce never falls on a chain of final blocks");
}
