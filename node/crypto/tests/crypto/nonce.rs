//! §5.2, §5.3: a secret nonce signs once.

use mokka_crypto::{NonceBook, SecretKey, aggregate_nonces};
use mokka_types::{
    AggregatedNonce, Attempt, Ballot, BaseDigest, CrashModel, MAX_VALIDATORS, PublicKey, RunNumber,
    ValidatorSet,
};
use rand::RngCore;

use crate::world::{CHAIN, EPOCH, OTHER_CHAIN, World, attempt, rng, secret, view};

/// Compiles only while the type does not implement the trait.
macro_rules! assert_not_implemented {
    ($type:ty: $bound:path) => {{
        trait Ambiguous<A> {
            fn item() {}
        }
        struct Implemented;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $bound> Ambiguous<Implemented> for T {}
        <$type as Ambiguous<_>>::item();
    }};
}

/// What holds secrets can be neither copied nor shown.
#[test]
fn secrets_are_neither_cloned_nor_shown() {
    assert_not_implemented!(NonceBook: Clone);
    assert_not_implemented!(NonceBook: std::fmt::Debug);
    assert_not_implemented!(SecretKey: Clone);
    assert_not_implemented!(SecretKey: std::fmt::Display);
}

/// One validator, which is every quorum by itself.
fn alone() -> (World, Ballot) {
    let world = World::new(CrashModel::Bft, 1);
    let ballot = world.ballot(0).1;
    (world, ballot)
}

fn sum_of(world: &World, book: &mut NonceBook, ballot: &Ballot) -> AggregatedNonce {
    let nonce = book.open(&world.secrets[0], &CHAIN, ballot, &mut rng()).unwrap();
    aggregate_nonces(&[nonce]).unwrap()
}

/// §5.3: the first valid `Sign` consumes the nonce; it is never offered again.
#[test]
fn a_nonce_signs_once() {
    let (world, ballot) = alone();
    let (key, signers) = (&world.secrets[0], world.signers([0]));
    let mut book = NonceBook::new();
    let sum = sum_of(&world, &mut book, &ballot);
    assert!(book.sign(key, &world.committee, &ballot, signers, &sum).is_some());
    assert!(book.sign(key, &world.committee, &ballot, signers, &sum).is_none());
    assert!(book.open(key, &CHAIN, &ballot, &mut rng()).is_none());
    let again = Ballot { attempt: attempt(2), ..ballot };
    assert!(book.open(key, &CHAIN, &again, &mut rng()).is_some(), "the next attempt is fresh");
    assert!(book.open(key, &CHAIN, &ballot, &mut rng()).is_none(), "the signed one stays signed");
}

/// §5.2: "a repeated `Vote` of one attempt gets the same public nonce".
#[test]
fn a_repeated_ballot_gets_the_same_nonce() {
    let (world, ballot) = alone();
    let (key, mut rng) = (&world.secrets[0], rng());
    let mut book = NonceBook::new();
    let first = book.open(key, &CHAIN, &ballot, &mut rng).unwrap();
    assert_eq!(book.open(key, &CHAIN, &ballot, &mut rng), Some(first));
    let fresh = NonceBook::new().open(key, &CHAIN, &ballot, &mut rng).unwrap();
    assert_ne!(fresh, first, "after a restart nothing is left of it");
}

/// §5.2: "another base under one attempt is ignored".
#[test]
fn another_content_under_one_attempt_is_ignored() {
    let (world, ballot) = alone();
    let (key, signers) = (&world.secrets[0], world.signers([0]));
    let mut book = NonceBook::new();
    let sum = sum_of(&world, &mut book, &ballot);
    let lies = [
        Ballot { base: BaseDigest::new([1; 32]), ..ballot },
        Ballot { view: view(6), ..ballot },
        Ballot { candidate: flipped(&ballot.candidate), ..ballot },
    ];
    for lie in lies {
        assert!(book.open(key, &CHAIN, &lie, &mut rng()).is_none());
        assert!(book.sign(key, &world.committee, &lie, signers, &sum).is_none());
    }
    assert!(book.open(key, &OTHER_CHAIN, &ballot, &mut rng()).is_none());
    assert!(book.sign(key, &world.committee, &ballot, signers, &sum).is_some(), "still open");
}

/// §5.2: "at most one open nonce per candidate; newer replaces older". Attempts tell which is
/// newer: a candidate that forgot a high term may stand for a lower one.
#[test]
fn a_newer_attempt_replaces_an_older_one() {
    let (world, ballot) = alone();
    let (key, signers) = (&world.secrets[0], world.signers([0]));
    let mut book = NonceBook::new();
    let old = sum_of(&world, &mut book, &ballot);
    let restarted = Attempt { run: RunNumber::new(1001), counter: 0 };
    for newer in [
        Ballot { attempt: attempt(2), ..ballot },
        Ballot { attempt: attempt(3), view: view(9), ..ballot },
        Ballot { attempt: restarted, view: view(4), ..ballot },
    ] {
        assert!(book.open(key, &CHAIN, &newer, &mut rng()).is_some());
        assert!(book.open(key, &CHAIN, &ballot, &mut rng()).is_none());
        assert!(book.sign(key, &world.committee, &ballot, signers, &old).is_none());
    }
}

/// §5.2: a node may grant several candidates, each its own nonce.
#[test]
fn candidates_do_not_share_nonces() {
    let world = World::new(CrashModel::Cft, 3);
    let (key, mut book) = (&world.secrets[0], NonceBook::new());
    let first = book.open(key, &CHAIN, &world.ballot(1).1, &mut rng()).unwrap();
    let second = book.open(key, &CHAIN, &world.ballot(2).1, &mut rng()).unwrap();
    assert_ne!(first, second);
    assert_eq!(book.open(key, &CHAIN, &world.ballot(1).1, &mut rng()), Some(first));
}

/// §5.2: secret key, message and the candidacy are inputs, so that even a random source that
/// repeats itself repeats no nonce.
#[test]
fn a_repeating_random_source_repeats_no_nonce() {
    let (world, ballot) = alone();
    let open = |key: &SecretKey, chain, ballot: &Ballot| {
        NonceBook::new().open(key, chain, ballot, &mut rng()).unwrap()
    };
    let key = &world.secrets[0];
    let nonces = [
        open(key, &CHAIN, &ballot),
        open(&secret(9), &CHAIN, &ballot),
        open(key, &OTHER_CHAIN, &ballot),
        open(key, &CHAIN, &Ballot { view: view(6), ..ballot }),
        open(key, &CHAIN, &Ballot { attempt: attempt(2), ..ballot }),
        open(key, &CHAIN, &Ballot { base: BaseDigest::new([1; 32]), ..ballot }),
        open(key, &CHAIN, &Ballot { candidate: secret(8).public_key(), ..ballot }),
    ];
    for (at, nonce) in nonces.iter().enumerate() {
        assert!(!nonces[..at].contains(nonce), "{at}");
    }
    assert_eq!(open(key, &CHAIN, &ballot), nonces[0], "and a simulation can be repeated");
}

/// A dead random source gives no nonce, rather than a weak one or a panic.
#[test]
fn a_random_source_of_zeros_gives_no_nonce() {
    struct Zeros;
    impl RngCore for Zeros {
        fn next_u32(&mut self) -> u32 {
            0
        }
        fn next_u64(&mut self) -> u64 {
            0
        }
        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    let (world, ballot) = alone();
    let opened = NonceBook::new().open(&world.secrets[0], &CHAIN, &ballot, &mut Zeros);
    assert!(opened.is_none());
}

/// §5.3: only a named signer signs, and only for a quorum with the candidate; a refusal
/// costs no nonce.
#[test]
fn a_refused_sign_keeps_the_nonce() {
    let world = World::new(CrashModel::Bft, 4);
    let (ballot, key) = (world.ballot(1).1, &world.secrets[0]);
    let mut book = NonceBook::new();
    let nonce = book.open(key, &CHAIN, &ballot, &mut rng()).unwrap();
    let sum = aggregate_nonces(&[nonce]).unwrap();
    let quorum = world.signers([0, 1, 2]);
    let committee = &world.committee;
    for signers in [vec![1, 2, 3], vec![0, 1], vec![0, 2, 3], vec![0, 1, 2, 3]] {
        let signers = world.signers(signers);
        assert!(book.sign(key, committee, &ballot, signers, &sum).is_none(), "{signers:?}");
    }
    let garbage = AggregatedNonce([1; 66]);
    assert!(book.sign(key, committee, &ballot, quorum, &garbage).is_none());
    assert!(book.sign(&world.secrets[2], committee, &ballot, quorum, &sum).is_none(), "other key");
    assert!(book.sign(&secret(50), committee, &ballot, quorum, &sum).is_none(), "stranger");
    assert!(
        NonceBook::new().sign(key, committee, &ballot, quorum, &sum).is_none(),
        "never granted"
    );
    assert!(book.sign(key, committee, &ballot, quorum, &sum).is_some());
}

/// A set that lists the key with the other parity: no share, and no panic.
#[test]
fn a_key_listed_with_the_other_parity_signs_no_share() {
    let key = secret(0);
    let set = ValidatorSet::new(CrashModel::Cft, [flipped(&key.public_key())]).unwrap();
    let committee = mokka_crypto::Committee::new(CHAIN, EPOCH, set).unwrap();
    let ballot = Ballot { candidate: key.public_key(), ..alone().1 };
    let mut book = NonceBook::new();
    let nonce = book.open(&key, &CHAIN, &ballot, &mut rng()).unwrap();
    let sum = aggregate_nonces(&[nonce]).unwrap();
    let signers = committee.set().indices().collect();
    assert!(book.sign(&key, &committee, &ballot, signers, &sum).is_none());
}

/// §13: nothing grows beyond its bound; the oldest candidacy makes room.
#[test]
fn the_book_is_bounded() {
    let (world, ballot) = alone();
    let key = &world.secrets[0];
    let stranger = |number: u64| {
        let mut bytes = [2; 33];
        bytes[1..9].copy_from_slice(&number.to_be_bytes());
        Ballot { candidate: PublicKey::new(bytes), view: view(100 + number), ..ballot }
    };
    let (mut book, mut rng) = (NonceBook::new(), rng());
    let count = MAX_VALIDATORS as u64 + 5;
    let nonces: Vec<_> = (0..count)
        .map(|number| book.open(key, &CHAIN, &stranger(number), &mut rng).unwrap())
        .collect();
    let last = count - 1;
    let kept = book.open(key, &CHAIN, &stranger(last), &mut rng);
    assert_eq!(kept, Some(nonces[nonces.len() - 1]));
    let forgotten = book.open(key, &CHAIN, &stranger(0), &mut rng);
    assert!(forgotten.is_some_and(|nonce| nonce != nonces[0]), "opened anew, with a fresh nonce");
}

fn flipped(key: &PublicKey) -> PublicKey {
    let mut bytes = *key.as_bytes();
    bytes[0] ^= 1;
    PublicKey::new(bytes)
}
