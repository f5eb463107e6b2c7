//! §5.6, §6.6: which transactions make a block due.

use std::collections::BTreeSet;

use mokka_mempool::{Origin, Pool};
use mokka_types::{Epoch, Term, View};

use crate::drafts::{ALICE, BOB, RICH, account, admit, at, best, change, fill, from, hashes, pool};

fn term(number: u64) -> View {
    View::new(Epoch::new(0), Term::new(number))
}

fn leave_out(pool: &mut Pool, leader: u64, tx: &mokka_mempool::Transaction) {
    pool.note_left_out(term(leader), &BTreeSet::from([tx.hash()]), at(0));
}

#[test]
fn ready_transactions_make_a_block_due_and_queued_ones_do_not() {
    let mut pool = pool();
    assert!(!pool.has_executable());
    fill(&mut pool, &[&from(ALICE, 1).build()]);
    assert!(!pool.has_executable());
    fill(&mut pool, &[&from(ALICE, 0).build()]);
    assert_eq!(pool.executable_count(), 2);
}

/// §5.6: a transaction that two leaders in turn left out no longer counts.
#[test]
fn what_two_leaders_left_out_no_longer_counts() {
    let mut pool = pool();
    let poison = from(ALICE, 0).build();
    fill(&mut pool, &[&poison]);
    leave_out(&mut pool, 1, &poison);
    assert!(pool.has_executable(), "one leader may be faulty");
    leave_out(&mut pool, 1, &poison);
    assert!(pool.has_executable(), "the same leader counts once");
    leave_out(&mut pool, 2, &poison);
    assert!(!pool.has_executable());
    assert_eq!(best(&pool), hashes([&poison]), "builders may still try it");
}

#[test]
fn the_same_term_of_another_epoch_is_another_leader() {
    let mut pool = pool();
    let tx = from(ALICE, 0).build();
    fill(&mut pool, &[&tx]);
    leave_out(&mut pool, 1, &tx);
    let later = View::new(Epoch::new(1), Term::new(1));
    pool.note_left_out(later, &BTreeSet::from([tx.hash()]), at(0));
    assert!(!pool.has_executable());
}

#[test]
fn what_follows_a_transaction_that_no_longer_counts_does_not_count_either() {
    let mut pool = pool();
    let (poison, next) = (from(ALICE, 0).build(), from(ALICE, 1).build());
    let other = from(BOB, 0).build();
    fill(&mut pool, &[&poison, &next, &other]);
    leave_out(&mut pool, 1, &poison);
    leave_out(&mut pool, 2, &poison);
    assert_eq!(pool.executable_count(), 1);
    // Once it is out of the way, the next one counts again.
    pool.on_commit([poison.hash()], [change(ALICE, 1, RICH)], at(1));
    assert_eq!(pool.executable_count(), 2);
}

#[test]
fn a_leader_that_made_nothing_left_out_what_was_ready_in_time() {
    let mut pool = pool();
    let rich = account(0, RICH);
    let mut admit = |sender, nonce, when| {
        pool.admit(from(sender, nonce).build(), Origin::Remote, &rich, when).unwrap();
    };
    admit(ALICE, 0, at(0));
    admit(BOB, 1, at(0));
    admit(BOB, 0, at(2));
    pool.note_all_left_out(term(1), at(1), at(3));
    pool.note_all_left_out(term(2), at(1), at(3));
    assert_eq!(pool.executable_count(), 2, "until the gap was filled, nobody could take bob's");
    assert_eq!(pool.best().count(), 3, "builders may still try all");
}

#[test]
fn a_replacement_counts_afresh() {
    let mut pool = pool();
    let old = from(ALICE, 0).build();
    fill(&mut pool, &[&old]);
    leave_out(&mut pool, 1, &old);
    leave_out(&mut pool, 2, &old);
    admit(&mut pool, &from(ALICE, 0).price(20).build()).unwrap();
    assert!(pool.has_executable());
}
