//! The validators of one epoch, ready to check what they signed.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use mokka_types::{
    Ballot, Base, BlockId, BlockVote, Certificate, ChainHash, Epoch, Evidence, HandoverToken,
    Misdeed, Phase, Proof, PublicKey, Quorum, SetDigest, Signature, SignedClaim, SignedProposal,
    Signers, ValidatorIndex, ValidatorSet, View,
};
use secp256k1::musig::KeyAggCache;

use crate::{Digest, digest, key};

/// A validator set names a key with which nothing can be verified: the fault of who wrote the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("validator {0} is no point of secp256k1; correct its public key")]
pub struct KeyNotOnCurve(pub PublicKey);

/// Why a proof makes nobody a leader (§5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Another set must check it.
    #[error("the proof is of epoch {found}, not {expected}")]
    WrongEpoch {
        /// The epoch of this committee.
        expected: Epoch,
        /// The epoch that the proof names.
        found: Epoch,
    },
    /// Too few signed, or more than may.
    #[error("{found} validators signed the proof; a quorum is exactly {expected}")]
    NotAQuorum {
        /// The quorum.
        expected: usize,
        /// How many bits are set.
        found: usize,
    },
    /// A bit names nobody.
    #[error("the proof names a signer beyond the validator set")]
    UnknownSigner,
    /// It leads without having signed.
    #[error("the candidate is not among the signers of its proof")]
    CandidateNotASigner,
    /// What it stood on cannot be a base of its term.
    #[error("the prepared block of the proof's base is not above its committed one, or not older")]
    ImpossibleBase,
    /// Not what these keys signed.
    #[error("the signature of the proof is not that of its signers")]
    WrongSignature,
}

/// Why a certificate proves nothing about its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Another set must check it.
    #[error("the certificate is of epoch {found}, not {expected}")]
    WrongEpoch {
        /// The epoch of this committee.
        expected: Epoch,
        /// The epoch that the certificate names.
        found: Epoch,
    },
    /// Too few voted, or more than may.
    #[error("{found} validators signed the certificate; a quorum is exactly {expected}")]
    NotAQuorum {
        /// The quorum.
        expected: usize,
        /// How many bits are set.
        found: usize,
    },
    /// A bit names nobody.
    #[error("the certificate names a signer beyond the validator set")]
    UnknownSigner,
    /// Signers and signatures do not pair.
    #[error("the certificate has {found} signatures of {expected} signers")]
    SignatureCount {
        /// How many bits are set.
        expected: usize,
        /// How many signatures there are.
        found: usize,
    },
    /// Not what this validator signed.
    #[error("the signature of validator {} in the certificate is wrong", .0.get())]
    WrongSignature(ValidatorIndex),
}

/// The validator set of one epoch of one chain, its keys parsed once. Cheap to clone.
#[derive(Clone)]
pub struct Committee(Arc<Inner>);

struct Inner {
    chain: ChainHash,
    epoch: Epoch,
    set: ValidatorSet,
    quorum: Quorum,
    digest: SetDigest,
    keys: Vec<secp256k1::PublicKey>,
}

impl Committee {
    /// The committee of an epoch.
    ///
    /// # Errors
    /// When a key of the set is no point of the curve.
    pub fn new(chain: ChainHash, epoch: Epoch, set: ValidatorSet) -> Result<Self, KeyNotOnCurve> {
        let keys = set.keys().iter().map(|key| key::parse(key).ok_or(KeyNotOnCurve(*key)));
        let keys = keys.collect::<Result<_, _>>()?;
        let digest = digest::set(&set);
        let quorum = set.quorum();
        Ok(Self(Arc::new(Inner { chain, epoch, set, quorum, digest, keys })))
    }

    /// The same, where one vote less decides: for tests that others can tell.
    #[doc(hidden)]
    #[must_use]
    pub fn one_vote_short(self) -> Self {
        let Inner { chain, epoch, set, quorum, digest, keys } = &*self.0;
        let (set, keys, quorum) = (set.clone(), keys.clone(), quorum.one_vote_short());
        Self(Arc::new(Inner { chain: *chain, epoch: *epoch, set, quorum, digest: *digest, keys }))
    }

    /// How many of them decide (§2).
    pub fn quorum(&self) -> Quorum {
        self.0.quorum
    }

    /// The epoch.
    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// The set.
    pub fn set(&self) -> &ValidatorSet {
        &self.0.set
    }

    /// What names the set in votes (§6.7).
    pub fn set_digest(&self) -> SetDigest {
        self.0.digest
    }

    /// The chain.
    pub fn chain(&self) -> &ChainHash {
        &self.0.chain
    }

    /// Where a validator stands in the order of candidates of a term: smaller is earlier (§4).
    pub fn rank(&self, view: View, key: &PublicKey) -> [u8; 32] {
        digest::rank(&self.0.chain, view, key)
    }

    /// Whether this proof makes its candidate the leader of its term (§5.4).
    ///
    /// # Errors
    /// When it does not; the cheap reasons are looked for first.
    pub fn check_proof(&self, proof: &Proof) -> Result<(), ProofError> {
        if proof.view.epoch != self.0.epoch {
            let (expected, found) = (self.0.epoch, proof.view.epoch);
            return Err(ProofError::WrongEpoch { expected, found });
        }
        let (expected, found) = (self.0.quorum.votes(), proof.signers.count());
        if found != expected {
            return Err(ProofError::NotAQuorum { expected, found });
        }
        if !proof.signers.fits(self.0.set.len()) {
            return Err(ProofError::UnknownSigner);
        }
        if !self.is_among(&proof.candidate, proof.signers) {
            return Err(ProofError::CandidateNotASigner);
        }
        if !is_possible(&proof.base, proof.view) {
            return Err(ProofError::ImpossibleBase);
        }
        let cache = self.aggregate(proof.signers).ok_or(ProofError::UnknownSigner)?;
        let base = digest::base(&self.0.chain, &proof.base);
        let digest = digest::proof(&self.0.chain, proof.view, &proof.candidate, &base);
        if key::verify_x(&cache.agg_pk(), &digest, &proof.signature) {
            Ok(())
        } else {
            Err(ProofError::WrongSignature)
        }
    }

    /// Whether a quorum voted for this block in this phase (§3).
    ///
    /// # Errors
    /// When it did not; the cheap reasons are looked for first.
    pub fn check_certificate(&self, certificate: &Certificate) -> Result<(), CertificateError> {
        let Certificate { phase, view, id, next_set, signers, signatures } = certificate;
        if view.epoch != self.0.epoch {
            let (expected, found) = (self.0.epoch, view.epoch);
            return Err(CertificateError::WrongEpoch { expected, found });
        }
        let (expected, found) = (self.0.quorum.votes(), signers.count());
        if found != expected {
            return Err(CertificateError::NotAQuorum { expected, found });
        }
        if !signers.fits(self.0.set.len()) {
            return Err(CertificateError::UnknownSigner);
        }
        if signatures.len() != expected {
            let found = signatures.len();
            return Err(CertificateError::SignatureCount { expected, found });
        }
        let digest = digest::block_vote(&self.0.chain, *phase, *view, id, next_set);
        match signers.iter().zip(signatures).find(|(at, sig)| !self.verify(*at, &digest, sig)) {
            Some((index, _)) => Err(CertificateError::WrongSignature(index)),
            None => Ok(()),
        }
    }

    /// Whether this validator cast this vote. A vote of another epoch is nobody's here.
    pub fn check_block_vote(&self, voter: ValidatorIndex, phase: Phase, vote: &BlockVote) -> bool {
        let BlockVote { view, id, next_set, signature } = vote;
        let digest = digest::block_vote(&self.0.chain, phase, *view, id, next_set);
        view.epoch == self.0.epoch && self.verify(voter, &digest, signature)
    }

    /// Whether this validator bound itself to this ballot: the own signature of `Signed` (§5.3).
    pub fn check_signed(
        &self,
        signer: ValidatorIndex,
        ballot: &Ballot,
        signature: &Signature,
    ) -> bool {
        let digest = self.ballot_digest(ballot);
        ballot.view.epoch == self.0.epoch && self.verify(signer, &digest, signature)
    }

    /// Whether this candidate, as leader of this term, proposed this block (§6.1).
    pub fn check_proposal(
        &self,
        candidate: &PublicKey,
        view: View,
        id: &BlockId,
        signature: &Signature,
    ) -> bool {
        let digest = digest::proposal(&self.0.chain, view, id);
        view.epoch == self.0.epoch
            && self
                .0
                .set
                .index_of(candidate)
                .is_some_and(|index| self.verify(index, &digest, signature))
    }

    /// Whether this leader handed its term over to the successor that the token names (§5.7).
    pub fn check_handover(&self, leader: &PublicKey, token: &HandoverToken) -> bool {
        let HandoverToken { view, successor, signature } = token;
        let digest = digest::handover(&self.0.chain, *view, successor);
        let leader = self.0.set.index_of(leader);
        view.epoch == self.0.epoch
            && leader.is_some_and(|index| self.verify(index, &digest, signature))
    }

    /// Whether the culprit really signed two statements that contradict each other (§10).
    pub fn check_evidence(&self, evidence: &Evidence) -> bool {
        let Some(culprit) = self.0.set.index_of(&evidence.culprit) else { return false };
        match &evidence.misdeed {
            Misdeed::Proposals([first, second]) => {
                let signed = |it: &SignedProposal| {
                    self.check_proposal(&evidence.culprit, it.view, &it.id, &it.signature)
                };
                let place = |it: &SignedProposal| (it.view, it.id.height);
                place(first) == place(second)
                    && first.id != second.id
                    && [first, second].into_iter().all(signed)
            }
            Misdeed::BlockVotes(phase, [first, second]) => {
                let signed = |it: &BlockVote| self.check_block_vote(culprit, *phase, it);
                let place = |it: &BlockVote| (it.view, it.id.height);
                place(first) == place(second)
                    && first.id != second.id
                    && [first, second].into_iter().all(signed)
            }
            Misdeed::Ballots([first, second]) => {
                let signed = |it: &SignedClaim| {
                    let SignedClaim { view, candidate, base, signature } = it;
                    let digest = digest::proof(&self.0.chain, *view, candidate, base);
                    view.epoch == self.0.epoch && self.verify(culprit, &digest, signature)
                };
                let claim = |it: &SignedClaim| (it.candidate, it.base);
                first.view == second.view
                    && claim(first) != claim(second)
                    && [first, second].into_iter().all(signed)
            }
        }
    }

    /// What the signers of a ballot sign.
    pub(crate) fn ballot_digest(&self, ballot: &Ballot) -> Digest {
        digest::proof(&self.0.chain, ballot.view, &ballot.candidate, &ballot.base)
    }

    pub(crate) fn is_among(&self, key: &PublicKey, signers: Signers) -> bool {
        self.0.set.index_of(key).is_some_and(|index| signers.contains(index))
    }

    pub(crate) fn key(&self, index: ValidatorIndex) -> Option<&secp256k1::PublicKey> {
        self.0.keys.get(index.get())
    }

    /// The aggregated key of these signers, in set order; `None` for nobody or an unknown signer.
    pub(crate) fn aggregate(&self, signers: Signers) -> Option<KeyAggCache> {
        let keys = signers.iter().map(|index| self.key(index)).collect::<Option<Vec<_>>>()?;
        // The library panics at an empty list.
        (!keys.is_empty()).then(|| KeyAggCache::new(&keys))
    }

    fn verify(&self, index: ValidatorIndex, digest: &Digest, signature: &Signature) -> bool {
        self.key(index).is_some_and(|key| key::verify_parsed(key, digest, signature))
    }
}

/// Whether a base could be one of this term: what is prepared lies above what is committed, and was
/// prepared in an earlier term (§5.2, rule 4).
fn is_possible(base: &Base, view: View) -> bool {
    base.prepared.is_none_or(|prepared| {
        prepared.term < view.term && base.committed.height.next() == Some(prepared.id.height)
    })
}

impl PartialEq for Committee {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.chain == other.0.chain
                && self.0.epoch == other.0.epoch
                && self.0.set == other.0.set)
    }
}

impl Eq for Committee {}

impl Hash for Committee {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.chain, self.0.epoch, self.0.digest).hash(state);
    }
}

impl fmt::Debug for Committee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committee")
            .field("chain", &self.0.chain)
            .field("epoch", &self.0.epoch)
            .field("set", &self.0.set)
            .finish_non_exhaustive()
    }
}
