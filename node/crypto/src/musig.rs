//! The public half of making a proof: what a candidate does with nonces and shares (§5.2–5.4).

use mokka_types::{
    AggregatedNonce, Ballot, Epoch, PartialSignature, PublicNonce, Signature, Signers,
    ValidatorIndex,
};
use secp256k1::musig;

use crate::Committee;

/// The bytes are no MuSig2 nonce, or there are none to add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nonce {0} of the list is no pair of points of the curve, or the list is empty")]
pub struct InvalidNonce(pub usize);

/// Whether these bytes can be a signer's nonce. An answer with any other is worth nothing.
pub fn is_valid_nonce(nonce: &PublicNonce) -> bool {
    musig::PublicNonce::from_byte_array(&nonce.0).is_ok()
}

/// The sum of the chosen signers' nonces, in any order.
///
/// # Errors
/// With the position of the first one that is not valid; 0 for an empty list.
pub fn aggregate_nonces(nonces: &[PublicNonce]) -> Result<AggregatedNonce, InvalidNonce> {
    let parsed = nonces.iter().enumerate().map(|(at, nonce)| {
        musig::PublicNonce::from_byte_array(&nonce.0).map_err(|_| InvalidNonce(at))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    if parsed.is_empty() {
        return Err(InvalidNonce(0));
    }
    let references = parsed.iter().collect::<Vec<_>>();
    Ok(AggregatedNonce(musig::AggregatedNonce::new(&references).serialize()))
}

/// Why these signers cannot sign this ballot together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Another set votes on it.
    #[error("the ballot is of epoch {found}, not {expected}")]
    WrongEpoch {
        /// The epoch of the committee.
        expected: Epoch,
        /// The epoch that the ballot names.
        found: Epoch,
    },
    /// Too few chosen, or more than may be.
    #[error("{found} signers were chosen; a quorum is exactly {expected}")]
    NotAQuorum {
        /// The quorum.
        expected: usize,
        /// How many bits are set.
        found: usize,
    },
    /// A bit names nobody.
    #[error("a signer beyond the validator set was chosen")]
    UnknownSigner,
    /// It would lead without having signed.
    #[error("the candidate is not among the chosen signers")]
    CandidateNotASigner,
    /// The sum of the nonces is no such sum.
    #[error("the aggregated nonce is no pair of points of the curve")]
    InvalidNonce,
}

/// One round two (§5.3): a ballot, its chosen signers and the sum of their nonces. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProofSession {
    committee: Committee,
    signers: Signers,
    cache: musig::KeyAggCache,
    session: musig::Session,
}

impl ProofSession {
    /// The session of exactly these signers.
    ///
    /// # Errors
    /// When they are no quorum with the candidate among them, or the nonce is malformed.
    pub fn new(
        committee: &Committee,
        signers: Signers,
        ballot: &Ballot,
        nonce: AggregatedNonce,
    ) -> Result<Self, SessionError> {
        if ballot.view.epoch != committee.epoch() {
            let (expected, found) = (committee.epoch(), ballot.view.epoch);
            return Err(SessionError::WrongEpoch { expected, found });
        }
        let (expected, found) = (committee.quorum().votes(), signers.count());
        if found != expected {
            return Err(SessionError::NotAQuorum { expected, found });
        }
        let cache = committee.aggregate(signers).ok_or(SessionError::UnknownSigner)?;
        if !committee.is_among(&ballot.candidate, signers) {
            return Err(SessionError::CandidateNotASigner);
        }
        let nonce = musig::AggregatedNonce::from_byte_array(&nonce.0)
            .map_err(|_| SessionError::InvalidNonce)?;
        let digest = committee.ballot_digest(ballot);
        let session = musig::Session::new(&cache, nonce, digest.as_bytes());
        Ok(Self { committee: committee.clone(), signers, cache, session })
    }

    /// Whether this is the share of this signer, made with this nonce: a wrong one names its maker.
    pub fn check_partial(
        &self,
        signer: ValidatorIndex,
        nonce: &PublicNonce,
        partial: &PartialSignature,
    ) -> bool {
        let Some(key) = self.committee.key(signer).filter(|_| self.signers.contains(signer)) else {
            return false;
        };
        let (Ok(nonce), Ok(partial)) = (
            musig::PublicNonce::from_byte_array(&nonce.0),
            musig::PartialSignature::from_byte_array(&partial.0),
        ) else {
            return false;
        };
        self.session.partial_verify(&self.cache, &partial, &nonce, *key)
    }

    /// The signature of the proof, from one share of each signer, in any order.
    ///
    /// It is not verified here. It verifies when every share passed [`Self::check_partial`]; when
    /// one did not, or one is missing, it is 64 bytes that [`Committee::check_proof`] refuses.
    pub fn aggregate(&self, partials: &[PartialSignature]) -> Signature {
        let parsed =
            partials.iter().map(|partial| musig::PartialSignature::from_byte_array(&partial.0));
        match parsed.collect::<Result<Vec<_>, _>>() {
            Ok(parsed) if !parsed.is_empty() => {
                let references = parsed.iter().collect::<Vec<_>>();
                let signature = self.session.partial_sig_agg(&references);
                Signature::new(signature.assume_valid().to_byte_array())
            }
            Ok(_) | Err(_) => Signature::new([0; 64]),
        }
    }

    pub(crate) fn sign(
        &self,
        nonce: musig::SecretNonce,
        pair: &secp256k1::Keypair,
    ) -> PartialSignature {
        PartialSignature(self.session.partial_sign(nonce, pair, &self.cache).serialize())
    }
}
