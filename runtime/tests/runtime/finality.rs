//! §6.7, §9: a chain of certificates proves a block to who has only the genesis file.

use alloy_consensus::Header;
use mokka_crypto::{CertificateError, KeyNotOnCurve, digest};
use mokka_runtime::proof::{
    Anchor, EpochEnd, FinalityProof, Flaw, MAX_PROOF_BYTES, UnreadableProof,
};
use mokka_types::{
    BlockHash, BlockId, ChainHash, CrashModel, Epoch, Height, Phase, PublicKey, ValidatorSet,
    codec::DecodeError,
};

use crate::witness::{History, Statement, id_of, set_of, twin};

/// The block and the rule at which a proof fails.
fn refused(history: &History<'_>, proof: &FinalityProof) -> (u64, Flaw) {
    let error = proof.verify(&history.anchor).unwrap_err();
    (error.height.get(), error.flaw)
}

fn wrong_epoch(expected: u64, found: u64) -> Flaw {
    let (expected, found) = (Epoch::new(expected), Epoch::new(found));
    Flaw::Certificate(CertificateError::WrongEpoch { expected, found })
}

#[test]
fn every_block_of_a_chain_whose_sets_change_is_proved_by_the_genesis_file_alone() {
    let history = History::of_three_epochs();
    for height in 1..=history.height() {
        let proof = FinalityProof::decode(&history.proof(height).encode()).unwrap();
        let block = proof.verify(&history.anchor).unwrap();
        assert_eq!(block.id(), id_of(&history.headers[height]));
        assert_eq!(block.header(), &history.headers[height]);
        let eras: Vec<_> = block
            .eras()
            .iter()
            .map(|era| (era.epoch().get(), era.committee.set().len(), era.after.height.get()))
            .collect();
        let all = [(0, 1, 0), (1, 4, 2), (2, 4, 5)];
        let epochs = if height > 5 { 3 } else { 1 + usize::from(height > 2) };
        assert_eq!(eras, all[..epochs], "at block {height}");
    }
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let history = History::of_three_epochs();
    let genuine = history.proof(history.height()).encode();
    for at in 0..genuine.len() {
        for bit in [0, 3, 7] {
            let mut changed = genuine.clone();
            changed[at] ^= 1 << bit;
            let read = FinalityProof::decode(&changed).ok();
            let proved = read.and_then(|proof| proof.verify(&history.anchor).ok());
            assert_eq!(proved, None, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn epochs_are_shown_in_order_and_none_is_left_out_added_or_shown_twice() {
    let history = History::of_three_epochs();
    let genuine = history.proof(history.height());
    let with = |places: &[usize]| FinalityProof {
        epochs: places.iter().map(|at| genuine.epochs[*at].clone()).collect(),
        ..genuine.clone()
    };
    assert_eq!(with(&[0, 1]), genuine);
    assert_eq!(refused(&history, &with(&[])), (7, wrong_epoch(0, 2)));
    assert_eq!(refused(&history, &with(&[0])), (7, wrong_epoch(1, 2)));
    assert_eq!(refused(&history, &with(&[1])), (5, wrong_epoch(0, 1)));
    assert_eq!(refused(&history, &with(&[1, 0])), (5, wrong_epoch(0, 1)));
    let again = Flaw::BeforeEpoch { epoch: Epoch::new(1), after: Height::new(2) };
    assert_eq!(refused(&history, &with(&[0, 0, 1])), (2, again));
    let early = FinalityProof { epochs: genuine.epochs.clone(), ..history.proof(4) };
    let again = Flaw::BeforeEpoch { epoch: Epoch::new(2), after: Height::new(5) };
    assert_eq!(refused(&history, &early), (4, again));
}

#[test]
fn a_set_that_was_replaced_cannot_sign_a_later_block() {
    let history = History::of_three_epochs();
    let last = history.headers.last().unwrap();
    let genuine = history.says(last);
    let by = |members, epoch| {
        let certificate = Statement { members, epoch, ..genuine }.sign();
        FinalityProof { certificate, ..history.proof(history.height()) }
    };
    assert!(by(&[3, 4, 5, 6], 2).verify(&history.anchor).is_ok());
    assert_eq!(refused(&history, &by(&[0, 1, 2, 3], 1)), (7, wrong_epoch(2, 1)));
    let flaw = refused(&history, &by(&[0, 1, 2, 3], 2));
    let is_wrong =
        |flaw: &Flaw| matches!(flaw, Flaw::Certificate(CertificateError::WrongSignature(_)));
    assert!(flaw.0 == 7 && is_wrong(&flaw.1), "{flaw:?}");
    let (expected, found) = (3, 1);
    let too_few = Flaw::Certificate(CertificateError::NotAQuorum { expected, found });
    assert_eq!(refused(&history, &by(&[0], 2)), (7, too_few));
}

/// Who is in two sets may still sign above the end of the one it came from; a set may not.
#[test]
fn a_new_set_cannot_sign_a_block_of_the_epoch_before() {
    let history = History::of_three_epochs();
    let header = twin(&history.headers[5]);
    let certificate =
        Statement { members: &[3, 4, 5, 6], epoch: 2, ..history.says(&header) }.sign();
    let proof = FinalityProof { certificate, header, ..history.proof(7) };
    let before = Flaw::BeforeEpoch { epoch: Epoch::new(2), after: Height::new(5) };
    assert_eq!(refused(&history, &proof), (5, before));
}

#[test]
fn a_prepared_block_is_not_final() {
    let history = History::of_three_epochs();
    let mut proof = history.proof(7);
    let statement = history.says(&history.headers[7]);
    proof.certificate = Statement { phase: Phase::Prepare, ..statement }.sign();
    assert_eq!(refused(&history, &proof), (7, Flaw::Prepared));
    let mut proof = history.proof(7);
    let statement = history.says(&history.headers[5]);
    proof.epochs[1].certificate = Statement { phase: Phase::Prepare, ..statement }.sign();
    assert_eq!(refused(&history, &proof), (5, Flaw::Prepared));
}

#[test]
fn only_the_announced_set_follows() {
    let history = History::of_three_epochs();
    let mut proof = history.proof(7);
    let (announced, found) = (digest::set(&set_of(&[3, 4, 5, 6])), set_of(&[6, 7, 8, 9]));
    proof.epochs[1].next_set = found.clone();
    let other = Flaw::OtherSet { announced, found: digest::set(&found) };
    assert_eq!(refused(&history, &proof), (5, other));

    // The same keys that survive other failures are another set.
    let mut proof = history.proof(7);
    let keys = set_of(&[3, 4, 5, 6]).keys().to_vec();
    proof.epochs[1].next_set = ValidatorSet::new(CrashModel::Cft, keys).unwrap();
    let flaw = refused(&history, &proof);
    assert!(matches!(flaw, (5, Flaw::OtherSet { .. })), "{flaw:?}");
}

#[test]
fn a_block_that_announces_its_own_set_ends_no_epoch() {
    let history = History::of_three_epochs();
    let certificate = history.certificate(4).clone();
    let next_set = set_of(&[0, 1, 2, 3]);
    let mut proof = history.proof(4);
    proof.epochs.push(EpochEnd { certificate, next_set });
    assert_eq!(refused(&history, &proof), (4, Flaw::EpochGoesOn { epoch: Epoch::new(1) }));
}

#[test]
fn a_set_with_a_key_that_is_no_point_is_refused_even_if_announced() {
    let mut x = [0xff; 33];
    x[0] = 2;
    let key = PublicKey::new(x);
    let next_set = ValidatorSet::new(CrashModel::Bft, [key]).unwrap();
    let history = History::of_three_epochs();
    let mut proof = history.proof(7);
    let says = history.says(&history.headers[5]);
    let certificate = Statement { next_set: digest::set(&next_set), ..says }.sign();
    proof.epochs[1] = EpochEnd { certificate, next_set: next_set.clone() };
    assert_eq!(refused(&history, &proof), (5, Flaw::Key(KeyNotOnCurve(key))));
    let anchor = Anchor { validators: next_set, ..history.anchor.clone() };
    let error = history.proof(1).verify(&anchor).unwrap_err();
    assert_eq!((error.height.get(), error.flaw), (0, Flaw::Key(KeyNotOnCurve(key))));
}

#[test]
fn a_header_is_that_of_the_certified_block() {
    let history = History::of_three_epochs();
    let header = twin(&history.headers[7]);
    let proof = FinalityProof { header: header.clone(), ..history.proof(7) };
    let certified = id_of(&history.headers[7]).hash;
    let other = Flaw::OtherHeader { certified, found: id_of(&header).hash };
    assert_eq!(refused(&history, &proof), (7, other));

    let header = Header { number: 6, ..history.headers[7].clone() };
    let id = BlockId { height: Height::new(7), ..id_of(&header) };
    let certificate = Statement { id, ..history.says(&history.headers[7]) }.sign();
    let proof = FinalityProof { certificate, header, ..history.proof(7) };
    assert_eq!(refused(&history, &proof), (7, Flaw::Number { found: 6 }));
}

#[test]
fn a_proof_of_another_chain_proves_nothing() {
    let history = History::of_three_epochs();
    let proof = history.proof(7);
    let anchor = Anchor { chain: ChainHash::new([8; 32]), ..history.anchor.clone() };
    let error = proof.verify(&anchor).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Certificate(CertificateError::WrongSignature(_))));
    let anchor = Anchor { validators: set_of(&[1]), ..history.anchor.clone() };
    let error = proof.verify(&anchor).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Certificate(CertificateError::WrongSignature(_))));
    assert!(error.to_string().starts_with("block 2: the signature of validator 0 "), "{error}");
}

#[test]
fn genesis_has_no_certificate_and_cannot_be_given_one() {
    let history = History::of_three_epochs();
    let header = history.headers[0].clone();
    let id = BlockId { height: Height::GENESIS, hash: BlockHash::new(header.hash_slow().0) };
    let certificate = Statement { id, ..history.says(&history.headers[1]) }.sign();
    let proof = FinalityProof { epochs: Vec::new(), certificate, header };
    let before = Flaw::BeforeEpoch { epoch: Epoch::new(0), after: Height::GENESIS };
    assert_eq!(refused(&history, &proof), (0, before));
}

#[test]
fn a_proof_has_one_encoding_and_a_bounded_one() {
    let bytes = History::of_three_epochs().proof(7).encode();
    let longer = [bytes.as_slice(), &[0]].concat();
    let not_canonical = UnreadableProof::Undecodable(DecodeError::NotCanonical);
    assert_eq!(FinalityProof::decode(&longer), Err(not_canonical));
    for length in 0..bytes.len() {
        let cut = FinalityProof::decode(&bytes[..length]);
        assert!(matches!(cut, Err(UnreadableProof::Undecodable(_))), "{length} bytes: {cut:?}");
    }
    let endless = vec![0xff; MAX_PROOF_BYTES + 1];
    let too_long = UnreadableProof::TooLong(MAX_PROOF_BYTES + 1);
    assert_eq!(FinalityProof::decode(&endless), Err(too_long));
    assert!(FinalityProof::decode(&endless[1..]).is_err());
}
