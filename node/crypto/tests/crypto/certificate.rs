//! §3, §6.7: a certificate proves its block to anybody who knows the set.

use mokka_crypto::{CertificateError, Committee, digest, verify};
use mokka_types::{
    BlockVote, Certificate, CrashModel, Epoch, Phase, SetDigest, Signature, Signers, View,
};

use crate::world::{CHAIN, EPOCH, OTHER_CHAIN, World, attempt, block, view};

const NEXT: SetDigest = SetDigest::new([9; 32]);

fn vote(world: &World, voter: usize, phase: Phase) -> BlockVote {
    let (view, id) = (view(5), block(10, 0xbb));
    let digest = digest::block_vote(&CHAIN, phase, view, &id, &NEXT);
    BlockVote { view, id, next_set: NEXT, signature: world.secrets[voter].sign(&digest) }
}

fn certificate(world: &World, signers: Signers) -> Certificate {
    let signatures = signers.iter().map(|at| vote(world, at.get(), Phase::Commit).signature);
    Certificate {
        phase: Phase::Commit,
        view: view(5),
        id: block(10, 0xbb),
        next_set: NEXT,
        signers,
        signatures: signatures.collect(),
    }
}

#[test]
fn a_certificate_of_every_size_verifies() {
    for model in [CrashModel::Cft, CrashModel::Bft] {
        for validators in 1..=7 {
            let world = World::new(model, validators);
            let quorum = world.committee.set().quorum().votes();
            let certificate = certificate(&world, world.signers(0..quorum));
            assert_eq!(world.committee.check_certificate(&certificate), Ok(()));
        }
    }
}

#[test]
fn every_field_of_a_certificate_is_signed() {
    let world = World::new(CrashModel::Bft, 4);
    let genuine = certificate(&world, world.signers([0, 2, 3]));
    type Flip = fn(&World, &mut Certificate);
    let flips: [(Flip, usize); 7] = [
        (|_, found| found.phase = Phase::Prepare, 0),
        (|_, found| found.view = view(6), 0),
        (|_, found| found.id = block(11, 0xbb), 0),
        (|_, found| found.id = block(10, 0xbc), 0),
        (|_, found| found.next_set = SetDigest::new([10; 32]), 0),
        (|world, found| found.signers = world.signers([0, 1, 3]), 1),
        (|_, found| found.signatures.swap(1, 2), 2),
    ];
    for (number, (flip, culprit)) in flips.iter().enumerate() {
        let mut forged = genuine.clone();
        flip(&world, &mut forged);
        let wrong = CertificateError::WrongSignature(world.index(*culprit));
        assert_eq!(world.committee.check_certificate(&forged), Err(wrong), "flip {number}");
    }
    assert_eq!(world.committee.check_certificate(&genuine), Ok(()));
}

#[test]
fn one_wrong_signature_names_its_validator() {
    let world = World::new(CrashModel::Bft, 4);
    let mut forged = certificate(&world, world.signers([0, 2, 3]));
    forged.signatures[2] = Signature::new([0xff; 64]);
    let wrong = CertificateError::WrongSignature(world.index(3));
    assert_eq!(world.committee.check_certificate(&forged), Err(wrong));
}

#[test]
fn a_certificate_is_exactly_a_quorum() {
    let world = World::new(CrashModel::Bft, 4);
    for (signers, found) in [(vec![0, 1], 2), (vec![0, 1, 2, 3], 4), (vec![], 0)] {
        let certificate = certificate(&world, world.signers(signers));
        let wrong = CertificateError::NotAQuorum { expected: 3, found };
        assert_eq!(world.committee.check_certificate(&certificate), Err(wrong));
    }
    let genuine = certificate(&world, world.signers([0, 1, 2]));
    for found in [2, 4] {
        let mut forged = genuine.clone();
        forged.signatures.resize(found, genuine.signatures[0]);
        let wrong = CertificateError::SignatureCount { expected: 3, found };
        assert_eq!(world.committee.check_certificate(&forged), Err(wrong));
    }
    let larger = World::new(CrashModel::Bft, 7);
    let beyond = Certificate { signers: larger.signers([0, 1, 6]), ..genuine };
    let found = world.committee.check_certificate(&beyond);
    assert_eq!(found, Err(CertificateError::UnknownSigner));
}

#[test]
fn a_certificate_of_another_epoch_or_chain_is_refused() {
    let world = World::new(CrashModel::Bft, 4);
    let mut certificate = certificate(&world, world.signers([0, 1, 2]));
    let elsewhere = Committee::new(OTHER_CHAIN, EPOCH, world.committee.set().clone()).unwrap();
    let wrong = CertificateError::WrongSignature(world.index(0));
    assert_eq!(elsewhere.check_certificate(&certificate), Err(wrong));
    let found = Epoch::new(2);
    certificate.view = View::new(found, certificate.view.term);
    let wrong = CertificateError::WrongEpoch { expected: EPOCH, found };
    assert_eq!(world.committee.check_certificate(&certificate), Err(wrong));
}

/// §6.7: both phases' votes cover every field, and count for their voter alone.
#[test]
fn every_field_of_a_vote_is_signed() {
    let world = World::new(CrashModel::Bft, 4);
    let check = |voter, phase, vote: &BlockVote| {
        world.committee.check_block_vote(world.index(voter), phase, vote)
    };
    for (phase, other) in [(Phase::Prepare, Phase::Commit), (Phase::Commit, Phase::Prepare)] {
        let genuine = vote(&world, 2, phase);
        assert!(check(2, phase, &genuine));
        assert!(!check(1, phase, &genuine), "another voter");
        assert!(!check(2, other, &genuine), "another phase");
        assert!(!check(2, phase, &BlockVote { view: view(6), ..genuine }));
        assert!(!check(2, phase, &BlockVote { id: block(11, 0xbb), ..genuine }));
        assert!(!check(2, phase, &BlockVote { id: block(10, 0xbc), ..genuine }));
        assert!(!check(2, phase, &BlockVote { next_set: SetDigest::default(), ..genuine }));
    }
    let larger = World::new(CrashModel::Bft, 7);
    let beyond = larger.index(6);
    let vote = vote(&world, 2, Phase::Commit);
    assert!(!world.committee.check_block_vote(beyond, Phase::Commit, &vote));
}

/// A vote that is properly signed, but for another epoch, is nobody's vote here.
#[test]
fn votes_of_another_epoch_do_not_count() {
    let world = World::new(CrashModel::Bft, 4);
    let view = View::new(Epoch::new(4), view(5).term);
    let (id, key) = (block(10, 1), &world.secrets[0]);
    let digest = digest::block_vote(&CHAIN, Phase::Commit, view, &id, &NEXT);
    let vote = BlockVote { view, id, next_set: NEXT, signature: key.sign(&digest) };
    assert!(verify(&key.public_key(), &digest, &vote.signature));
    assert!(!world.committee.check_block_vote(world.index(0), Phase::Commit, &vote));
    let signature = key.sign(&digest::proposal(&CHAIN, view, &id));
    assert!(!world.committee.check_proposal(&key.public_key(), view, &id, &signature));
    let ballot = mokka_types::Ballot { view, ..world.ballot(0).1 };
    let digest = digest::proof(&CHAIN, view, &ballot.candidate, &ballot.base);
    assert!(!world.committee.check_signed(world.index(0), &ballot, &key.sign(&digest)));
}

/// §5.3: the BIP-340 signature of `Signed` covers (epoch, term, candidate, base), not the attempt.
#[test]
fn every_field_of_a_ballot_is_signed_but_the_attempt() {
    let world = World::new(CrashModel::Bft, 4);
    let (_, ballot) = world.ballot(1);
    let digest = digest::proof(&CHAIN, ballot.view, &ballot.candidate, &ballot.base);
    let signature = world.secrets[3].sign(&digest);
    let check = |signer, ballot: &mokka_types::Ballot| {
        world.committee.check_signed(world.index(signer), ballot, &signature)
    };
    assert!(check(3, &ballot));
    assert!(check(3, &mokka_types::Ballot { attempt: attempt(9), ..ballot }));
    assert!(!check(2, &ballot), "another signer");
    assert!(!check(3, &mokka_types::Ballot { view: view(6), ..ballot }));
    let candidate = world.secrets[0].public_key();
    assert!(!check(3, &mokka_types::Ballot { candidate, ..ballot }));
    assert!(!check(3, &mokka_types::Ballot { base: Default::default(), ..ballot }));
}

/// §6.1: a proposal is its proposer's, for this term and block.
#[test]
fn every_field_of_a_proposal_is_signed() {
    let world = World::new(CrashModel::Bft, 4);
    let (key, id) = (&world.secrets[1], block(10, 0xbb));
    let signature = key.sign(&digest::proposal(&CHAIN, view(5), &id));
    let check = |proposer: usize, view, id| {
        let proposer = world.secrets[proposer].public_key();
        world.committee.check_proposal(&proposer, view, &id, &signature)
    };
    assert!(check(1, view(5), id));
    assert!(!check(0, view(5), id), "another proposer");
    assert!(!check(1, view(6), id));
    assert!(!check(1, view(5), block(11, 0xbb)));
    assert!(!check(1, view(5), block(10, 0xbc)));
    let stranger = crate::world::secret(100);
    let signature = stranger.sign(&digest::proposal(&CHAIN, view(5), &id));
    let found = world.committee.check_proposal(&stranger.public_key(), view(5), &id, &signature);
    assert!(!found, "not a member");
}
