//! What a committed block and new rules change.

use std::sync::Arc;

use mokka_mempool::{DropReason, Rules};
use mokka_runtime::system::{Allowance, NotListed, TRANSACTIONS};

use crate::drafts::{
    ALICE, BLOCK_GAS, BOB, CHAIN, RICH, admit, at, best, change, fill, from, hashes, pool,
};

#[test]
fn included_transactions_leave_and_those_after_them_stay() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).build(), from(ALICE, 1).build());
    fill(&mut pool, &[&a0, &a1]);
    let changes = pool.on_commit([a0.hash()], [change(ALICE, 1, RICH)], at(1));
    assert_eq!(changes.included, [Arc::clone(&a0)]);
    assert_eq!((changes.dropped, changes.promoted), (vec![], vec![]));
    assert!(!pool.contains(&a0.hash()));
    assert_eq!(best(&pool), hashes([&a1]));
    assert_eq!(pool.pending_nonce(&ALICE), Some(2));
}

#[test]
fn a_nonce_used_by_another_transaction_drops_ours() {
    let mut pool = pool();
    let ours = from(ALICE, 0).build();
    fill(&mut pool, &[&ours]);
    let theirs = from(ALICE, 0).price(99).build();
    let changes = pool.on_commit([theirs.hash()], [change(ALICE, 1, RICH)], at(1));
    assert_eq!(changes.included, []);
    assert_eq!(changes.dropped[0].transaction, ours);
    assert_eq!(changes.dropped[0].reason, DropReason::Superseded);
    assert_eq!(pool.status(), Default::default());
}

#[test]
fn what_its_sender_can_no_longer_pay_is_dropped() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).build(), from(ALICE, 1).value(1_000_000).build());
    fill(&mut pool, &[&a0, &a1]);
    let changes = pool.on_commit([], [change(ALICE, 0, 500_000)], at(1));
    assert_eq!(changes.dropped[0].transaction, a1);
    assert_eq!(changes.dropped[0].reason, DropReason::InsufficientFunds);
    assert_eq!(best(&pool), hashes([&a0]));
}

#[test]
fn a_commit_can_make_queued_transactions_ready() {
    let mut pool = pool();
    let a2 = from(ALICE, 2).build();
    fill(&mut pool, &[&a2]);
    // Nonces 0 and 1 never came to this pool; the block that includes them does.
    let changes = pool.on_commit([], [change(ALICE, 2, RICH)], at(1));
    assert_eq!(changes.promoted, [Arc::clone(&a2)]);
    assert_eq!(best(&pool), hashes([&a2]));
}

#[test]
fn a_commit_that_names_no_account_still_takes_its_transactions() {
    let mut pool = pool();
    let (a0, a1) = (from(ALICE, 0).build(), from(ALICE, 1).build());
    fill(&mut pool, &[&a0, &a1]);
    let changes = pool.on_commit([a0.hash()], [], at(1));
    assert_eq!(changes.included, [a0]);
    assert_eq!(best(&pool), hashes([&a1]));
}

#[test]
fn accounts_without_transactions_here_change_nothing() {
    let mut pool = pool();
    let a0 = from(ALICE, 0).build();
    fill(&mut pool, &[&a0]);
    assert_eq!(pool.on_commit([], [change(BOB, 7, 0)], at(1)), Default::default());
    assert_eq!(best(&pool), hashes([&a0]));
}

#[test]
fn new_rules_drop_what_breaks_them_and_order_the_rest_anew() {
    let mut pool = pool();
    let modest = from(ALICE, 0).price(100).with(|tx| tx.max_priority_fee_per_gas = 60).build();
    let generous = from(BOB, 0).price(80).build();
    let cheap = from(ALICE, 1).price(40).build();
    fill(&mut pool, &[&modest, &generous, &cheap]);
    assert_eq!(best(&pool), hashes([&generous, &modest, &cheap]));

    let changes = pool.set_rules(Rules::new(CHAIN, BLOCK_GAS, 50), at(1));
    assert_eq!(changes.dropped[0].transaction, cheap);
    assert_eq!(changes.dropped[0].reason.reason(), "against_rules");
    let words = "the rules of the chain changed: max fee per gas less than block base fee";
    assert!(changes.dropped[0].reason.to_string().starts_with(words));
    // 100 - 50 leaves a tip of 50, 80 - 50 one of 30.
    assert_eq!(best(&pool), hashes([&modest, &generous]));
    let refusal = admit(&mut pool, &cheap).unwrap_err();
    assert_eq!(refusal.reason(), "fee_cap_below_base_fee");
}

#[test]
fn who_is_taken_off_the_list_loses_what_waits() {
    let mut pool = pool();
    let (a0, a1, b0) = (from(ALICE, 0).build(), from(ALICE, 1).build(), from(BOB, 0).build());
    fill(&mut pool, &[&a0, &a1, &b0]);
    let refusal = Some(NotListed { list: TRANSACTIONS, ask: None });
    let sends = |sender| refusal.filter(|_| sender == ALICE);
    let allowance = |sender| Allowance { sends: sends(sender), ..Allowance::default() };
    let changes = pool.on_allowances(allowance, at(1));
    let gone: Vec<_> = changes.dropped.iter().map(|gone| gone.transaction.clone()).collect();
    assert_eq!(gone, [a0, a1]);
    assert!(changes.dropped.iter().all(|gone| gone.reason.reason() == "against_rules"));
    assert_eq!(best(&pool), hashes([&b0]));
    assert_eq!(pool.on_allowances(allowance, at(2)), Default::default());
}
