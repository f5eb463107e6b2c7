//! From genesis to a proved block by every block between.

use alloy_consensus::Header;
use alloy_primitives::B256;
use mokka_crypto::digest;
use mokka_runtime::proof::{FinalityError, Flaw, ProvedBlock, Walk};
use mokka_types::{BlockHash, Height};

use crate::witness::{History, Statement, id_of, set_of, twin};

fn proved(history: &History<'_>) -> ProvedBlock {
    history.proof(history.height()).verify(&history.anchor).unwrap()
}

/// Goes up to a block, which comes next.
fn up_to<'a>(history: &History<'_>, block: &'a ProvedBlock, height: usize) -> Walk<'a> {
    let mut walk = block.walk();
    for at in 1..height {
        walk.step(&history.headers[at], history.certificate(at)).unwrap();
    }
    assert_eq!(walk.next_height(), Some(Height::new(height as u64)));
    walk
}

/// Replaces a block by another that its validators made final too.
fn step(history: &History<'_>, walk: &mut Walk<'_>, header: &Header) -> Result<(), FinalityError> {
    walk.step(header, &history.says(header).sign())
}

#[test]
fn a_walk_over_every_block_arrives() {
    let history = History::of_three_epochs();
    let block = proved(&history);
    let mut walk = up_to(&history, &block, 7);
    walk.step(&history.headers[7], history.certificate(7)).unwrap();
    assert_eq!(walk.next_height(), None);
}

#[test]
fn a_block_left_out_is_noticed_and_the_walk_stays() {
    let history = History::of_three_epochs();
    let block = proved(&history);
    let mut walk = up_to(&history, &block, 3);
    let error = walk.step(&history.headers[4], history.certificate(4)).unwrap_err();
    assert_eq!((error.height.get(), error.flaw), (3, Flaw::Number { found: 4 }));
    assert_eq!(walk.next_height(), Some(Height::new(3)));
    walk.step(&history.headers[3], history.certificate(3)).unwrap();
}

#[test]
fn every_block_stands_on_the_one_below() {
    let history = History::of_three_epochs();
    let block = proved(&history);
    for height in [1, 3, 7] {
        let mut walk = up_to(&history, &block, height);
        let parent_hash = B256::repeat_byte(0xdd);
        let header = Header { parent_hash, ..history.headers[height].clone() };
        let error = step(&history, &mut walk, &header).unwrap_err();
        let below = id_of(&history.headers[height - 1]).hash;
        let found = BlockHash::new([0xdd; 32]);
        assert_eq!(error.flaw, Flaw::Parent { below, found }, "block {height}");
    }
}

#[test]
fn every_block_has_the_certificate_of_its_epoch() {
    let history = History::of_three_epochs();
    let block = proved(&history);
    let mut walk = up_to(&history, &block, 6);
    let header = &history.headers[6];
    let says = history.says(header);
    let old = Statement { members: &[0, 1, 2, 3], epoch: 1, ..says }.sign();
    let error = walk.step(header, &old).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Certificate(_)), "{error}");
    let error = walk.step(&twin(header), &says.sign()).unwrap_err();
    assert!(matches!(error.flaw, Flaw::OtherHeader { .. }), "{error}");
}

#[test]
fn two_blocks_at_one_height_are_told_where_the_proof_names_one() {
    let history = History::of_three_epochs();
    let block = proved(&history);
    for height in [2, 5, 7] {
        let mut walk = up_to(&history, &block, height);
        let header = twin(&history.headers[height]);
        let error = step(&history, &mut walk, &header).unwrap_err();
        let (one, other) = (id_of(&history.headers[height]).hash, id_of(&header).hash);
        assert_eq!(error.flaw, Flaw::Fork { one, other }, "block {height}");
    }
    // Elsewhere the next block does not stand on it.
    let mut walk = up_to(&history, &block, 3);
    step(&history, &mut walk, &twin(&history.headers[3])).unwrap();
    let error = walk.step(&history.headers[4], history.certificate(4)).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Parent { .. }), "{error}");
}

#[test]
fn the_set_changes_where_the_proof_says_and_nowhere_else() {
    let history = History::of_three_epochs();
    let block = proved(&history);
    let [present, next] =
        [set_of(&[0, 1, 2, 3]), set_of(&[3, 4, 5, 6])].map(|set| digest::set(&set));
    for (height, announced, found) in [(4, next, present), (5, present, next)] {
        let mut walk = up_to(&history, &block, height);
        let header = &history.headers[height];
        let certificate = Statement { next_set: announced, ..history.says(header) }.sign();
        let error = walk.step(header, &certificate).unwrap_err();
        assert_eq!(error.flaw, Flaw::OtherSet { announced, found }, "block {height}");
    }
}
