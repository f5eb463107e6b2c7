//! §5.4: anybody verifies a proof alone.

use mokka_crypto::{Committee, ProofError, digest};
use mokka_types::{CrashModel, Epoch, Prepared, Proof, PublicKey, Signature, Signers, Term, View};
use proptest::prelude::*;
use secp256k1::{Scalar, schnorr};
use sha2::{Digest as _, Sha256};

use crate::world::{CHAIN, EPOCH, OTHER_CHAIN, World, block, view};

/// A BFT set of 4: the quorum is 3.
fn four() -> (World, Proof) {
    let world = World::new(CrashModel::Bft, 4);
    let proof = world.elect(1, world.signers([0, 1, 3]));
    (world, proof)
}

#[test]
fn a_proof_of_every_size_verifies() {
    for model in [CrashModel::Cft, CrashModel::Bft] {
        for validators in 1..=7 {
            let world = World::new(model, validators);
            let quorum = world.committee.set().quorum().votes();
            let first = world.elect(0, world.signers(0..quorum));
            assert_eq!(world.committee.check_proof(&first), Ok(()));
            let last = usize::from(validators) - 1;
            let others = world.signers(last + 1 - quorum..=last);
            assert_eq!(world.committee.check_proof(&world.elect(last, others)), Ok(()));
        }
    }
}

#[test]
fn every_field_of_a_proof_is_checked() {
    let (world, proof) = four();
    let flips: [fn(&World, &mut Proof); 8] = [
        |_, proof| proof.view = view(6),
        |world, proof| proof.candidate = world.secrets[0].public_key(),
        |_, proof| {
            let mut other = *proof.candidate.as_bytes();
            other[0] ^= 1;
            proof.candidate = PublicKey::new(other);
        },
        |_, proof| proof.base.committed = block(9, 0xff),
        |_, proof| proof.base.prepared = None,
        |_, proof| {
            proof.base.prepared = Some(Prepared { term: Term::new(3), id: block(10, 0xbb) });
        },
        |world, proof| proof.signers = world.signers([0, 1, 2]),
        |_, proof| {
            let mut bytes = *proof.signature.as_bytes();
            bytes[63] ^= 1;
            proof.signature = Signature::new(bytes);
        },
    ];
    for (number, flip) in flips.iter().enumerate() {
        let mut forged = proof.clone();
        flip(&world, &mut forged);
        let found = world.committee.check_proof(&forged);
        assert_eq!(found, Err(ProofError::WrongSignature), "flip {number}");
    }
    assert_eq!(world.committee.check_proof(&proof), Ok(()));
}

#[test]
fn a_proof_of_another_epoch_chain_or_set_is_refused() {
    let (world, mut proof) = four();
    let set = world.committee.set().clone();
    let elsewhere = Committee::new(OTHER_CHAIN, EPOCH, set).unwrap();
    assert_eq!(elsewhere.check_proof(&proof), Err(ProofError::WrongSignature));
    let smaller = World::new(CrashModel::Bft, 5);
    assert!(smaller.committee.check_proof(&proof).is_err());
    let found = Epoch::new(4);
    proof.view = View::new(found, proof.view.term);
    let wrong = ProofError::WrongEpoch { expected: EPOCH, found };
    assert_eq!(world.committee.check_proof(&proof), Err(wrong));
}

/// §5.4: popcount = q, no bit beyond n, the candidate among them.
#[test]
fn the_signers_of_a_proof_are_exactly_a_quorum_with_the_candidate() {
    let (world, proof) = four();
    let with = |signers: Signers| Proof { signers, ..proof.clone() };
    for (signers, found) in [(vec![0, 1], 2), (vec![0, 1, 2, 3], 4), (vec![], 0)] {
        let found = Err(ProofError::NotAQuorum { expected: 3, found });
        assert_eq!(world.committee.check_proof(&with(world.signers(signers))), found);
    }
    let larger = World::new(CrashModel::Bft, 7);
    let beyond = with(larger.signers([0, 1, 6]));
    assert_eq!(world.committee.check_proof(&beyond), Err(ProofError::UnknownSigner));
    let without = with(world.signers([0, 2, 3]));
    assert_eq!(world.committee.check_proof(&without), Err(ProofError::CandidateNotASigner));
}

/// §5.2 rule 4: what is prepared lies just above what is committed, and is of an earlier term.
#[test]
fn an_impossible_base_is_refused() {
    let (world, proof) = four();
    let cases = [(5, 10), (6, 10), (2, 9), (2, 11), (2, u64::MAX)];
    for (term, height) in cases {
        let mut forged = proof.clone();
        forged.base.prepared = Some(Prepared { term: Term::new(term), id: block(height, 0xbb) });
        let found = world.committee.check_proof(&forged);
        assert_eq!(found, Err(ProofError::ImpossibleBase), "term {term} height {height}");
    }
    let mut last = proof;
    last.base.committed = block(u64::MAX, 1);
    assert_eq!(world.committee.check_proof(&last), Err(ProofError::ImpossibleBase));
}

/// BIP-327 KeyAgg from its definition, with plain point arithmetic.
fn aggregate_by_hand(keys: &[PublicKey]) -> secp256k1::XOnlyPublicKey {
    let tagged = |tag: &str, parts: &[&[u8]]| -> [u8; 32] {
        let tag = Sha256::digest(tag);
        let start = Sha256::new().chain_update(tag).chain_update(tag);
        parts.iter().fold(start, |hash, part| hash.chain_update(part)).finalize().into()
    };
    let all: Vec<u8> = keys.iter().flat_map(|key| *key.as_bytes()).collect();
    let list = tagged("KeyAgg list", &[&all]);
    let second = keys.iter().find(|key| **key != keys[0]);
    let term = |key: &PublicKey| {
        let point = secp256k1::PublicKey::from_byte_array_compressed(*key.as_bytes()).unwrap();
        if second == Some(key) {
            return point;
        }
        let factor = tagged("KeyAgg coefficient", &[&list, key.as_bytes()]);
        point.mul_tweak(&Scalar::from_be_bytes(factor).unwrap()).unwrap()
    };
    let terms: Vec<_> = keys.iter().map(term).collect();
    let references: Vec<_> = terms.iter().collect();
    secp256k1::PublicKey::combine_keys(&references).unwrap().x_only_public_key().0
}

/// §5.4: a proof is an ordinary BIP-340 signature under the BIP-327 key of its signers in set
/// order, so that anybody can check it with any library.
#[test]
fn a_proof_verifies_without_this_crate() {
    for (validators, signers) in [(1, vec![0]), (3, vec![0, 1]), (3, vec![1, 2])] {
        let world = World::new(CrashModel::Cft, validators);
        let signers = world.signers(signers);
        let candidate = signers.iter().next().unwrap().get();
        let proof = world.elect(candidate, signers);
        let key = aggregate_by_hand(&world.committee.set().select(signers).unwrap());
        let base = digest::base(&CHAIN, &proof.base);
        let digest = digest::proof(&CHAIN, proof.view, &proof.candidate, &base);
        let signature = schnorr::Signature::from_byte_array(*proof.signature.as_bytes());
        assert!(schnorr::verify(&signature, digest.as_bytes(), &key).is_ok());
    }
}

#[test]
fn committees_are_equal_by_chain_epoch_and_set() {
    let world = World::new(CrashModel::Bft, 4);
    let set = world.committee.set().clone();
    let again = Committee::new(CHAIN, EPOCH, set.clone()).unwrap();
    assert_eq!(again, world.committee);
    assert_eq!(again.set_digest(), digest::set(&set));
    assert_eq!(again.rank(view(1), &set.keys()[0]), digest::rank(&CHAIN, view(1), &set.keys()[0]));
    for (chain, epoch) in [(OTHER_CHAIN, EPOCH), (CHAIN, Epoch::new(4))] {
        assert_ne!(Committee::new(chain, epoch, set.clone()).unwrap(), world.committee);
    }
    assert_ne!(World::new(CrashModel::Cft, 4).committee, world.committee);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whoever stands and whoever signs: a proof is valid iff it names exactly its signers.
    #[test]
    fn a_proof_is_valid_for_its_signers_only(
        n in 1..=7u8, start in 0..7usize, chosen in 0..7usize, seen in 0u8..128,
    ) {
        let world = World::new(CrashModel::Cft, n);
        let (size, quorum) = (usize::from(n), world.committee.set().quorum().votes());
        let places: Vec<_> = (0..quorum).map(|at| (start + at) % size).collect();
        let signers = world.signers(places.iter().copied());
        let mut proof = world.elect(places[chosen % quorum], signers);
        prop_assert_eq!(world.committee.check_proof(&proof), Ok(()));
        let other = World::new(CrashModel::Cft, 7);
        proof.signers = other.signers((0..7).filter(|bit| seen >> bit & 1 == 1));
        prop_assert_eq!(world.committee.check_proof(&proof).is_ok(), proof.signers == signers);
    }
}
