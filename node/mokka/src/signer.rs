//! The plug that keeps the validator key.

use std::{collections::BTreeMap, sync::Arc};

use mokka_consensus::{CastVote, SignBallot};
use mokka_crypto::{Committee, NonceBook, SecretKey, Verified, digest};
use mokka_types::{
    Ballot, BlockId, ChainHash, Envelope, MAX_VALIDATORS, PublicKey, PublicNonce, SealedEnvelope,
    Signature, Signed, View,
};
use rand::{RngCore, TryRngCore, rngs::OsRng};

/// The signer refused or could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the validator key could not sign: {reason}; check the signer, then start the node again")]
pub struct SignerFailure {
    /// What the signer says.
    pub reason: String,
}

/// Signs for this node. It alone sees the key and the open nonces, which live nowhere else (§5.2).
///
/// It signs what it is asked to: the engine asks only after the promise behind it is durable (§8).
pub trait Signer: Send {
    /// The key for which it signs.
    fn public_key(&self) -> PublicKey;

    /// Signs an envelope; the second value is the same envelope, authenticated.
    ///
    /// # Errors
    /// When it cannot sign.
    fn seal(
        &mut self,
        envelope: Envelope,
    ) -> Result<(SealedEnvelope, Verified<Envelope>), SignerFailure>;

    /// Opens a fresh nonce for a ballot, or finds the one that is open for it; none where another
    /// base was granted under the same attempt, or the nonce is used up (§5.2).
    ///
    /// # Errors
    /// When it cannot sign.
    fn open_nonce(&mut self, ballot: &Ballot) -> Result<Option<PublicNonce>, SignerFailure>;

    /// Consumes the nonce that is open for the ballot; none where none is. An identical repeat gets
    /// the same answer, a different one nothing (§5.3).
    ///
    /// # Errors
    /// When it cannot sign.
    fn sign_ballot(
        &mut self,
        request: &SignBallot,
        committee: &Committee,
    ) -> Result<Option<Signed>, SignerFailure>;

    /// Signs a vote for a block (§6.7).
    ///
    /// # Errors
    /// When it cannot sign.
    fn sign_block_vote(&mut self, vote: &CastVote) -> Result<Signature, SignerFailure>;

    /// Signs a proposal (§6.1).
    ///
    /// # Errors
    /// When it cannot sign.
    fn sign_proposal(&mut self, view: View, id: &BlockId) -> Result<Signature, SignerFailure>;

    /// Signs that another may lead although we do (§5.7).
    ///
    /// # Errors
    /// When it cannot sign.
    fn sign_handover(
        &mut self,
        view: View,
        successor: &PublicKey,
    ) -> Result<Signature, SignerFailure>;
}

/// A signer that holds the key itself.
pub struct LocalSigner {
    chain: ChainHash,
    key: Arc<SecretKey>,
    nonces: NonceBook,
    random: Box<dyn RngCore + Send>,
    /// The last answer to each candidate, for an identical repeat; as many as there are pages in
    /// the book, by the candidate's x coordinate.
    answered: BTreeMap<[u8; 32], (SignBallot, Signed)>,
}

impl LocalSigner {
    /// Signs for a chain with this key; nonces are drawn from the operating system.
    pub fn new(chain: ChainHash, key: Arc<SecretKey>) -> Self {
        Self::with_random(chain, key, Box::new(OsRng.unwrap_err()))
    }

    /// With another source of randomness. It must be as good as the operating system's everywhere
    /// but in a simulated world: two nonces that are alike give the key away.
    pub fn with_random(
        chain: ChainHash,
        key: Arc<SecretKey>,
        random: Box<dyn RngCore + Send>,
    ) -> Self {
        Self { chain, key, nonces: NonceBook::new(), random, answered: BTreeMap::new() }
    }
}

impl Signer for LocalSigner {
    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn seal(
        &mut self,
        envelope: Envelope,
    ) -> Result<(SealedEnvelope, Verified<Envelope>), SignerFailure> {
        Ok(self.key.seal(&self.chain, envelope))
    }

    fn open_nonce(&mut self, ballot: &Ballot) -> Result<Option<PublicNonce>, SignerFailure> {
        Ok(self.nonces.open(&self.key, &self.chain, ballot, &mut self.random))
    }

    fn sign_ballot(
        &mut self,
        request: &SignBallot,
        committee: &Committee,
    ) -> Result<Option<Signed>, SignerFailure> {
        let SignBallot { ballot, signers, nonce } = request;
        let candidate = ballot.candidate.x();
        if let Some((_, answer)) = self.answered.get(&candidate).filter(|(of, _)| of == request) {
            return Ok(Some(*answer));
        }
        let Some(partial) = self.nonces.sign(&self.key, committee, ballot, *signers, nonce) else {
            return Ok(None);
        };
        let digest = digest::proof(&self.chain, ballot.view, &ballot.candidate, &ballot.base);
        let signed = Signed { ballot: *ballot, partial, signature: self.key.sign(&digest) };
        if self.answered.len() >= MAX_VALIDATORS && !self.answered.contains_key(&candidate) {
            let oldest = self.answered.iter().min_by_key(|(_, (of, _))| of.ballot.view);
            if let Some(oldest) = oldest.map(|(candidate, _)| *candidate) {
                self.answered.remove(&oldest);
            }
        }
        self.answered.insert(candidate, (*request, signed));
        Ok(Some(signed))
    }

    fn sign_block_vote(&mut self, vote: &CastVote) -> Result<Signature, SignerFailure> {
        let CastVote { to: _, phase, view, id, next_set } = vote;
        Ok(self.key.sign(&digest::block_vote(&self.chain, *phase, *view, id, next_set)))
    }

    fn sign_proposal(&mut self, view: View, id: &BlockId) -> Result<Signature, SignerFailure> {
        Ok(self.key.sign(&digest::proposal(&self.chain, view, id)))
    }

    fn sign_handover(
        &mut self,
        view: View,
        successor: &PublicKey,
    ) -> Result<Signature, SignerFailure> {
        Ok(self.key.sign(&digest::handover(&self.chain, view, successor)))
    }
}
