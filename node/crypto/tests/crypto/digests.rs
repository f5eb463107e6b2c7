//! §3: every signed thing has its own digest.

use std::{collections::BTreeSet, time::Duration};

use mokka_crypto::{Committee, KeyNotOnCurve, digest, is_on_curve, uncompressed};
use mokka_types::{
    BaseDigest, Body, CrashModel, Epoch, Phase, PublicKey, SetDigest, Settings, Term, ValidatorSet,
    View,
};
use sha3::{Digest as _, Keccak256};

use crate::world::{CHAIN, OTHER_CHAIN, World, block, secret, view};

/// §3: two statements never share a digest, not even where their fields are the same.
#[test]
fn digests_of_different_meanings_differ() {
    let world = World::new(CrashModel::Bft, 4);
    let (base, ballot) = world.ballot(0);
    let (id, next) = (block(1, 1), world.committee.set_digest());
    let key = ballot.candidate;
    let digests = [
        *digest::proof(&CHAIN, view(1), &key, &ballot.base).as_bytes(),
        *digest::base(&CHAIN, &base).as_bytes(),
        *digest::block_vote(&CHAIN, Phase::Prepare, view(1), &id, &next).as_bytes(),
        *digest::block_vote(&CHAIN, Phase::Commit, view(1), &id, &next).as_bytes(),
        *digest::proposal(&CHAIN, view(1), &id).as_bytes(),
        *digest::hello(&CHAIN, b"statement").as_bytes(),
        *digest::peer_record(&CHAIN, b"statement").as_bytes(),
        *digest::greeting(&CHAIN, b"statement").as_bytes(),
        *digest::message(&CHAIN, b"statement").as_bytes(),
        *digest::log_entry(&CHAIN, b"statement").as_bytes(),
        *digest::body(&Body::new(*b"statement")).as_bytes(),
        *next.as_bytes(),
        digest::rank(&CHAIN, view(1), &key),
    ];
    assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), digests.len());
}

/// §3: the chain hash is in every digest.
#[test]
fn another_chain_gives_other_digests() {
    let (id, next) = (block(1, 1), SetDigest::default());
    let base = World::new(CrashModel::Cft, 1).ballot(0).0;
    let key = secret(0).public_key();
    let of = |chain| {
        let named = digest::base(chain, &base);
        [
            *named.as_bytes(),
            *digest::proof(chain, view(1), &key, &Default::default()).as_bytes(),
            *digest::block_vote(chain, Phase::Commit, view(1), &id, &next).as_bytes(),
            *digest::proposal(chain, view(1), &id).as_bytes(),
            *digest::hello(chain, b"").as_bytes(),
            *digest::peer_record(chain, b"").as_bytes(),
            *digest::greeting(chain, b"").as_bytes(),
            *digest::message(chain, b"").as_bytes(),
            *digest::log_entry(chain, b"").as_bytes(),
            digest::rank(chain, view(1), &key),
        ]
    };
    for (ours, theirs) in of(&CHAIN).iter().zip(of(&OTHER_CHAIN)) {
        assert_ne!(*ours, theirs);
    }
}

/// §3: the epoch counts, not only the term.
#[test]
fn one_term_of_two_epochs_gives_two_digests() {
    let (id, key) = (block(1, 1), secret(0).public_key());
    let (old, new) =
        (View::new(Epoch::new(1), Term::new(4)), View::new(Epoch::new(2), Term::new(4)));
    assert_ne!(digest::proposal(&CHAIN, old, &id), digest::proposal(&CHAIN, new, &id));
    assert_ne!(digest::rank(&CHAIN, old, &key), digest::rank(&CHAIN, new, &key));
}

/// §3: block 0, chain id, crash model, keys and every setting are part of the chain's name.
#[test]
fn every_rule_of_a_chain_is_in_its_hash() {
    let keys = || (0..4).map(|number| secret(number).public_key());
    let set = ValidatorSet::new(CrashModel::Bft, keys()).unwrap();
    let settings = Settings::default();
    let genesis = block(0, 1).hash;
    let mut hashes = vec![
        digest::chain(&genesis, 1337, &set, &settings),
        digest::chain(&block(0, 2).hash, 1337, &set, &settings),
        digest::chain(&genesis, 1338, &set, &settings),
    ];
    let cft = ValidatorSet::new(CrashModel::Cft, keys()).unwrap();
    let fewer = ValidatorSet::new(CrashModel::Bft, keys().skip(1)).unwrap();
    hashes.extend([cft, fewer].iter().map(|set| digest::chain(&genesis, 1337, set, &settings)));
    let ms = Duration::from_millis(1);
    let changed = [
        Settings { heartbeat: ms, ..settings },
        Settings { election_timeout: ms, ..settings },
        Settings { proof_lifetime: ms, ..settings },
        Settings { handover_lead: ms, ..settings },
        Settings { progress_timeout: ms, ..settings },
        Settings { isolation: ms, ..settings },
        Settings { block_interval: ms, ..settings },
        Settings { empty_block_interval: Some(ms), ..settings },
        Settings { max_block_bytes: 1, ..settings },
    ];
    hashes.extend(changed.iter().map(|settings| digest::chain(&genesis, 1337, &set, settings)));
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), 14);
    let shuffled = ValidatorSet::new(CrashModel::Bft, keys().rev()).unwrap();
    assert_eq!(digest::chain(&genesis, 1337, &shuffled, &settings), hashes[0], "order is no rule");
}

/// A format that changes by accident would part a running chain: these bytes are a promise.
#[test]
fn the_format_of_digests_is_pinned() {
    let key = secret(0).public_key();
    let set = ValidatorSet::new(CrashModel::Bft, [key]).unwrap();
    let vote = digest::block_vote(&CHAIN, Phase::Commit, view(6), &block(1, 2), &digest::set(&set));
    let mut by_hand = blake3::Hasher::new_derive_key("mokka 2026-11 commit vote");
    by_hand.update(&[7; 32]).update(&[3, 6, 1]).update(&[2; 32]);
    by_hand.update(digest::set(&set).as_bytes());
    assert_eq!(vote.as_bytes(), by_hand.finalize().as_bytes());
    let mut by_hand = blake3::Hasher::new_derive_key("mokka 2026-11 validator set");
    by_hand.update(&[1, 1]).update(key.as_bytes());
    assert_eq!(digest::set(&set).as_bytes(), by_hand.finalize().as_bytes());
    let mut by_hand = blake3::Hasher::new_derive_key("mokka 2026-11 proof");
    by_hand.update(&[7; 32]).update(&[3, 6]).update(key.as_bytes()).update(&[5; 32]);
    let proof = digest::proof(&CHAIN, view(6), &key, &BaseDigest::new([5; 32]));
    assert_eq!(proof.as_bytes(), by_hand.finalize().as_bytes());
}

#[test]
fn a_key_off_the_curve_is_found() {
    let good = secret(0).public_key();
    assert!(is_on_curve(&good) && uncompressed(&good).is_some());
    // x = 5 has no y on secp256k1; 4 is no prefix of a compressed key.
    let mut off = [0; 33];
    (off[0], off[32]) = (2, 5);
    let mut prefix = *secret(1).public_key().as_bytes();
    prefix[0] = 4;
    for bad in [PublicKey::new(off), PublicKey::new(prefix)] {
        assert!(!is_on_curve(&bad) && uncompressed(&bad).is_none());
        let set = ValidatorSet::new(CrashModel::Cft, [good, bad]).unwrap();
        let made = Committee::new(CHAIN, Epoch::default(), set);
        assert_eq!(made.unwrap_err(), KeyNotOnCurve(bad));
    }
}

/// The example of EIP-155: key, hash and signature are printed there.
#[test]
fn recoverable_signatures_are_those_of_ethereum() {
    let key = mokka_crypto::SecretKey::from_bytes([0x46; 32]).unwrap();
    let hash = bytes("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    let (signature, odd) = key.sign_recoverable(&hash.try_into().unwrap());
    let r = bytes("28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276");
    let s = bytes("67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83");
    assert_eq!((signature.to_vec(), odd), ([r, s].concat(), false));
    let point = uncompressed(&key.public_key()).unwrap();
    let address = &Keccak256::digest(&point[1..])[12..];
    assert_eq!(address, bytes("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"));
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
