//! §5.3, §5.4: how shares become a proof, and how a bad one is found.

use mokka_crypto::{
    Committee, InvalidNonce, ProofError, ProofSession, SessionError, aggregate_nonces,
    is_valid_nonce,
};
use mokka_types::{
    AggregatedNonce, Ballot, CrashModel, Epoch, PartialSignature, Proof, PublicNonce, Signers, View,
};

use crate::{
    digests::bytes,
    world::{EPOCH, OTHER_CHAIN, Round, World, view},
};

fn nonce(hex: &str) -> PublicNonce {
    PublicNonce(bytes(hex).try_into().unwrap())
}

/// The valid and invalid cases of BIP-327's `nonce_agg_vectors.json`.
#[test]
fn nonces_add_up_as_bip_327_says() {
    let g = "79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798";
    let first = "020151C80F435648DF67A22B749CD798CE54E0321D034B92B709B567D60A42E666";
    let second = "03FF406FFD8ADB9CD29877E4985014F66A59F6CD01C0E88CAA8E5F3166B1F676A6";
    let sum = "035FE1873B4F2967F52FEA4A06AD5A8ECCBE9D0FD73068012C894E2E87CCB5804B";
    let left = nonce(
        &[first, "03BA47FBC1834437B3212E89A84D8425E7BF12E0245D98262268EBDCB385D50641"].concat(),
    );
    let right = nonce(
        &[second, "0248C264CDD57D3C24D79990B0F865674EB62A0F9018277A95011B41BFC193B833"].concat(),
    );
    let both = "024725377345BDE0E9C33AF3C43C0A29A9249F2F2956FA8CFEB55C8573D0262DC8";
    let expected = bytes(&[sum, both].concat());
    assert_eq!(aggregate_nonces(&[left, right]).unwrap().0, expected[..]);
    // The second halves cancel out: the point at infinity is 33 zero bytes.
    let (plus, minus) = (format!("{first}02{g}"), format!("{second}03{g}"));
    let expected = [bytes(sum), vec![0; 33]].concat();
    assert_eq!(aggregate_nonces(&[nonce(&plus), nonce(&minus)]).unwrap().0, expected[..]);

    let wrong_tag = format!("04{}{}", &second[2..], "02") + g;
    let no_point =
        format!("{second}02{}", "48C264CDD57D3C24D79990B0F865674EB62A0F9018277A95011B41BFC193B831");
    let too_large =
        format!("{second}02{}", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC30");
    for invalid in [wrong_tag, no_point, too_large].map(|hex| nonce(&hex)) {
        assert!(!is_valid_nonce(&invalid));
        assert_eq!(aggregate_nonces(&[left, invalid, right]), Err(InvalidNonce(1)));
    }
    assert!(is_valid_nonce(&left));
    assert_eq!(aggregate_nonces(&[]), Err(InvalidNonce(0)));
}

/// §5.4: "a bad one names its signer".
#[test]
fn a_wrong_share_names_its_signer() {
    let world = World::new(CrashModel::Cft, 7);
    let ballot = world.ballot(0).1;
    let Round { session, mut shares } = Round::run(&world, &ballot, world.signers([0, 2, 3, 6]));
    for share in &shares {
        assert!(session.check_partial(share.signer, &share.nonce, &share.partial));
    }
    shares[2].partial.0[31] ^= 1;
    let bad = shares
        .iter()
        .filter(|share| !session.check_partial(share.signer, &share.nonce, &share.partial));
    assert_eq!(bad.map(|share| share.signer.get()).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_share_counts_for_its_signer_and_nonce_only() {
    let world = World::new(CrashModel::Cft, 5);
    let ballot = world.ballot(0).1;
    let Round { session, shares } = Round::run(&world, &ballot, world.signers([0, 1, 2]));
    let (own, other) = (&shares[0], &shares[1]);
    assert!(!session.check_partial(other.signer, &own.nonce, &own.partial));
    assert!(!session.check_partial(own.signer, &other.nonce, &own.partial));
    assert!(!session.check_partial(world.index(3), &own.nonce, &own.partial), "was not chosen");
    let beyond = World::new(CrashModel::Cft, 7).index(6);
    assert!(!session.check_partial(beyond, &own.nonce, &own.partial), "is no validator");
    assert!(!session.check_partial(own.signer, &PublicNonce([0; 66]), &own.partial));
    assert!(!session.check_partial(own.signer, &own.nonce, &PartialSignature([0xff; 32])));
}

#[test]
fn a_share_of_another_ballot_or_sum_is_wrong() {
    let world = World::new(CrashModel::Cft, 3);
    let ballot = world.ballot(0).1;
    let signers = world.signers([0, 1]);
    let Round { session, shares } = Round::run(&world, &ballot, signers);
    let later = Ballot { view: view(6), ..ballot };
    let elsewhere = Round::run(&world, &later, signers);
    let stale = &elsewhere.shares[1];
    assert!(elsewhere.session.check_partial(stale.signer, &stale.nonce, &stale.partial));
    assert!(!session.check_partial(stale.signer, &stale.nonce, &stale.partial));
    assert_ne!(session, elsewhere.session);
    let sum = aggregate_nonces(&[shares[0].nonce]).unwrap();
    let other_sum = ProofSession::new(&world.committee, signers, &ballot, sum).unwrap();
    let share = &shares[1];
    assert!(!other_sum.check_partial(share.signer, &share.nonce, &share.partial));
}

/// Aggregating what was not checked never panics, and never makes a leader.
#[test]
fn bad_or_missing_shares_make_no_proof() {
    let world = World::new(CrashModel::Cft, 5);
    let (base, ballot) = world.ballot(0);
    let signers = world.signers([0, 1, 2]);
    let Round { session, shares } = Round::run(&world, &ballot, signers);
    let good: Vec<_> = shares.iter().map(|share| share.partial).collect();
    let mut wrong = good.clone();
    wrong[1].0[0] ^= 1;
    let cases =
        [vec![], good[1..].to_vec(), vec![PartialSignature([0xff; 32]); 3], wrong, good.clone()];
    let verdicts = cases.map(|partials| {
        let signature = session.aggregate(&partials);
        let (view, candidate) = (ballot.view, ballot.candidate);
        world.committee.check_proof(&Proof { view, candidate, base, signers, signature })
    });
    let refused = Err(ProofError::WrongSignature);
    assert_eq!(verdicts, [refused, refused, refused, refused, Ok(())]);
}

#[test]
fn a_session_needs_exactly_a_quorum_with_the_candidate() {
    let world = World::new(CrashModel::Bft, 4);
    let ballot = world.ballot(0).1;
    let sum =
        aggregate_nonces(&[Round::run(&world, &ballot, world.signers([0, 1, 2])).shares[0].nonce])
            .unwrap();
    let new = |signers, ballot: &Ballot, sum| {
        ProofSession::new(&world.committee, signers, ballot, sum).err()
    };
    let quorum = world.signers([0, 1, 2]);
    assert_eq!(new(quorum, &ballot, sum), None);
    for (signers, found) in [(Signers::NONE, 0), (world.signers(0..2), 2), (world.signers(0..4), 4)]
    {
        let wrong = SessionError::NotAQuorum { expected: 3, found };
        assert_eq!(new(signers, &ballot, sum), Some(wrong));
    }
    let beyond = World::new(CrashModel::Bft, 7).signers([0, 1, 6]);
    assert_eq!(new(beyond, &ballot, sum), Some(SessionError::UnknownSigner));
    let without = world.signers([1, 2, 3]);
    assert_eq!(new(without, &ballot, sum), Some(SessionError::CandidateNotASigner));
    let garbage = AggregatedNonce([5; 66]);
    assert_eq!(new(quorum, &ballot, garbage), Some(SessionError::InvalidNonce));
    let found = Epoch::new(4);
    let later = Ballot { view: View::new(found, ballot.view.term), ..ballot };
    let wrong = SessionError::WrongEpoch { expected: EPOCH, found };
    assert_eq!(new(quorum, &later, sum), Some(wrong));
}

/// A sum of nonces that cancels out is legal in BIP-327; it must end in a refusal, not in a panic.
#[test]
fn a_sum_at_infinity_is_no_crash() {
    let world = World::new(CrashModel::Cft, 3);
    let ballot = world.ballot(0).1;
    let signers = world.signers([0, 1]);
    let infinity = AggregatedNonce([0; 66]);
    let session = ProofSession::new(&world.committee, signers, &ballot, infinity).unwrap();
    let honest = Round::run(&world, &ballot, signers);
    for share in honest.shares {
        assert!(!session.check_partial(share.signer, &share.nonce, &share.partial));
    }
}

#[test]
fn a_session_of_another_chain_differs() {
    let world = World::new(CrashModel::Cft, 3);
    let ballot = world.ballot(0).1;
    let signers = world.signers([0, 1]);
    let set = world.committee.set().clone();
    let elsewhere = Committee::new(OTHER_CHAIN, EPOCH, set).unwrap();
    let Round { session, shares } = Round::run(&world, &ballot, signers);
    let nonces: Vec<_> = shares.iter().map(|share| share.nonce).collect();
    let sum = aggregate_nonces(&nonces).unwrap();
    let other = ProofSession::new(&elsewhere, signers, &ballot, sum).unwrap();
    let share = &shares[0];
    assert!(session.check_partial(share.signer, &share.nonce, &share.partial));
    assert!(!other.check_partial(share.signer, &share.nonce, &share.partial));
}
