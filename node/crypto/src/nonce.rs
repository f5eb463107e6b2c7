//! The secret half of making a proof: nonces that sign once (§5.2, §5.3).
//!
//! Two shares made with one secret nonce give away the key. So a secret nonce exists only inside a
//! [`NonceBook`], is moved out of it to sign, and is never copied, shown or written to disk. After
//! a restart the book is empty, and what was granted before can no longer be signed: a lost vote,
//! never a lost key.

use std::collections::BTreeMap;

use mokka_types::{
    AggregatedNonce, Ballot, ChainHash, MAX_VALIDATORS, PartialSignature, PublicNonce, Signers,
};
use rand::RngCore;
use secp256k1::musig::{self, SecretNonce, SessionSecretRand};
use zeroize::Zeroizing;

use crate::{Committee, Digest, ProofSession, SecretKey, digest};

/// What is remembered of the newest ballot of one candidate.
struct Page {
    ballot: Ballot,
    state: State,
}

enum State {
    Open(Box<OpenNonce>),
    /// Signed, or given up: kept so that the ballot is not opened again.
    Consumed,
}

/// A nonce that was granted and has not signed.
struct OpenNonce {
    /// Taken out only to sign; there is none only while it is being dropped.
    secret: Option<SecretNonce>,
    public: PublicNonce,
    /// The key and digest it was made for: with any other, it must not sign.
    key: mokka_types::PublicKey,
    digest: Digest,
}

impl Drop for OpenNonce {
    fn drop(&mut self) {
        if let Some(secret) = &mut self.secret {
            secret.non_secure_erase();
        }
    }
}

/// The nonces that this node granted: at most one for each candidate (§5.2). Neither `Clone` nor
/// `Debug`; it belongs to whoever holds the key, not to the core.
///
/// Attempts order the ballots of a candidate: an attempt never recurs (§3), so a ballot of a lower
/// one is old, and another ballot of the same one is a lie. Terms do not order them, because a
/// candidate that lost its memory of a high term may rightly stand for a lower one later.
#[derive(Default)]
pub struct NonceBook {
    /// By the candidate's x coordinate; at most [`MAX_VALIDATORS`].
    pages: BTreeMap<[u8; 32], Page>,
}

impl NonceBook {
    /// A book without nonces, as after every start.
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants a ballot: the public nonce with which this node would sign it.
    ///
    /// The same ballot gets the same nonce. A newer attempt of a candidate replaces its older one.
    /// `None` where the ballot was signed already, is older than the newest of this candidate, or
    /// shows another content under one attempt.
    pub fn open(
        &mut self,
        key: &SecretKey,
        chain: &ChainHash,
        ballot: &Ballot,
        rng: &mut impl RngCore,
    ) -> Option<PublicNonce> {
        let digest = digest::proof(chain, ballot.view, &ballot.candidate, &ballot.base);
        if let Some(page) = self.pages.get(&ballot.candidate.x()) {
            if page.ballot == *ballot {
                return page.state.granted(key, &digest);
            }
            if ballot.attempt <= page.ballot.attempt {
                return None;
            }
        }
        let open = OpenNonce::generate(key, chain, ballot, digest, rng)?;
        let public = open.public;
        self.write(Page { ballot: *ballot, state: State::Open(Box::new(open)) });
        Some(public)
    }

    /// Signs a granted ballot, once: the nonce is gone afterwards, whatever becomes of the share.
    ///
    /// `None`, with the nonce kept, where this ballot is not open, or these signers are no quorum
    /// with the candidate and this node among them. Also where the set lists this node's key with
    /// the other parity: a node should compare `committee.set().key(index)` with its own public key
    /// when it starts, and say so.
    pub fn sign(
        &mut self,
        key: &SecretKey,
        committee: &Committee,
        ballot: &Ballot,
        signers: Signers,
        nonce: &AggregatedNonce,
    ) -> Option<PartialSignature> {
        let own = committee.set().index_of(&key.public_key())?;
        if !signers.contains(own) || committee.set().key(own) != Some(&key.public_key()) {
            return None;
        }
        let session = ProofSession::new(committee, signers, ballot, *nonce).ok()?;
        let page = self.pages.get_mut(&ballot.candidate.x())?;
        if page.ballot != *ballot {
            return None;
        }
        page.state.granted(key, &committee.ballot_digest(ballot))?;
        let secret = page.state.consume()?;
        Some(session.sign(secret, key.pair()))
    }

    /// Puts a page in; where the book is full, the page of the lowest view makes room. Forgetting
    /// one is safe: its secret is erased, and a ballot opened again would get a fresh nonce.
    fn write(&mut self, page: Page) {
        let candidate = page.ballot.candidate.x();
        if self.pages.len() >= MAX_VALIDATORS && !self.pages.contains_key(&candidate) {
            let oldest = self.pages.iter().min_by_key(|(_, page)| page.ballot.view);
            if let Some(oldest) = oldest.map(|(candidate, _)| *candidate) {
                self.pages.remove(&oldest);
            }
        }
        self.pages.insert(candidate, page);
        debug_assert!(self.pages.len() <= MAX_VALIDATORS, "one page for each validator");
    }
}

impl State {
    /// The public nonce, where it is open and was made with this key for this digest.
    fn granted(&self, key: &SecretKey, digest: &Digest) -> Option<PublicNonce> {
        match self {
            Self::Open(open) if open.key == key.public_key() && open.digest == *digest => {
                Some(open.public)
            }
            Self::Open(_) | Self::Consumed => None,
        }
    }

    fn consume(&mut self) -> Option<SecretNonce> {
        match std::mem::replace(self, Self::Consumed) {
            Self::Open(mut open) => open.secret.take(),
            Self::Consumed => None,
        }
    }
}

impl OpenNonce {
    /// BIP-327 NonceGen with everything that §5.2 demands; `None` where the random source gave only
    /// zeros, which no working one does.
    fn generate(
        key: &SecretKey,
        chain: &ChainHash,
        ballot: &Ballot,
        digest: Digest,
        rng: &mut impl RngCore,
    ) -> Option<Self> {
        let mut random = Zeroizing::new([0; 32]);
        rng.fill_bytes(random.as_mut());
        if *random == [0; 32] {
            return None;
        }
        let (secret, public) = musig::new_nonce_pair(
            SessionSecretRand::assume_uniformly_random(*random),
            None,
            Some(key.pair().secret_key()),
            key.pair().public_key(),
            Some(digest.as_bytes()),
            Some(digest::nonce(chain, ballot)),
        );
        let public = PublicNonce(public.serialize());
        Some(Self { secret: Some(secret), public, key: key.public_key(), digest })
    }
}
