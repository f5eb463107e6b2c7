//! One certificate for each epoch, and one for the block.

use alloy_consensus::Header;
use mokka_crypto::{CertificateError, Committee, KeyNotOnCurve, digest};
use mokka_types::{
    BlockHash, BlockId, Certificate, ChainHash, Epoch, Height, Phase, SetDigest, ValidatorSet,
    codec,
};
use serde::{Deserialize, Serialize};

/// The longest encoding that is looked at: over a thousand epochs of the largest sets. Every byte
/// of it comes from somebody who may lie.
pub const MAX_PROOF_BYTES: usize = 16 << 20;

/// What a verifier begins with. All of it follows from the genesis file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// What every signature of the chain covers.
    pub chain: ChainHash,
    /// Block 0.
    pub genesis: BlockId,
    /// The set of epoch 0.
    pub validators: ValidatorSet,
}

/// A block that ended an epoch, and the set that follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochEnd {
    /// Made by the set of the epoch that ends; announces the next one (§6.7).
    pub certificate: Certificate,
    /// The set whose digest it announces.
    pub next_set: ValidatorSet,
}

/// Shows that a block is final. Worth nothing before [`FinalityProof::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalityProof {
    /// The ends of all epochs before that of the block, from epoch 0 on.
    pub epochs: Vec<EpochEnd>,
    /// Makes the block final.
    pub certificate: Certificate,
    /// The header that it names.
    #[serde(with = "rlp")]
    pub header: Header,
}

/// Bytes that are no proof: the fault of whoever sent them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableProof {
    /// Longer than any proof that is looked at.
    #[error("the proof has {0} bytes; {MAX_PROOF_BYTES} are the most that is looked at")]
    TooLong(usize),
    /// Another sequence of bytes than the one of a proof.
    #[error("the proof cannot be read: {0}")]
    Undecodable(#[from] codec::DecodeError),
}

/// Why a block is not proved: which block, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("block {height}: {flaw}")]
pub struct FinalityError {
    /// The block.
    pub height: Height,
    /// The rule that it breaks.
    pub flaw: Flaw,
}

/// A rule of proofs that is broken. All are the fault of whoever made the proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum Flaw {
    /// The set that begins with it cannot check anything.
    #[error(transparent)]
    Key(#[from] KeyNotOnCurve),
    /// Only the first of two phases.
    #[error("its certificate shows that it was prepared, not that it is final")]
    Prepared,
    /// An epoch begins above the block that ended the one before.
    #[error("it cannot be of epoch {epoch}, which begins above block {after}")]
    BeforeEpoch { epoch: Epoch, after: Height },
    /// A signature, a quorum or an epoch is wrong.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The epoch ends iff another set is announced (§9).
    #[error("it does not end epoch {epoch}: its certificate announces the set that signed it")]
    EpochGoesOn { epoch: Epoch },
    /// The announced set is another one.
    #[error("its certificate announces the set {announced}, and the set shown is {found}")]
    OtherSet { announced: SetDigest, found: SetDigest },
    /// Header or certificate are those of another height.
    #[error("what is shown for it is of block {found}")]
    Number { found: u64 },
    /// The header is that of another block.
    #[error("its certificate is for {certified}, and its header has the hash {found}")]
    OtherHeader { certified: BlockHash, found: BlockHash },
    /// The chain is broken.
    #[error("its parent is {found}, and the block below it is {below}")]
    Parent { below: BlockHash, found: BlockHash },
    /// Two blocks at one height: more validators lied than the set tolerates, or their keys did.
    #[error("two blocks are certified at this height, {one} and {other}; keep this as evidence")]
    Fork { one: BlockHash, other: BlockHash },
}

/// One validator set, and the block after which it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Era {
    /// The validators, ready to check what they signed.
    pub committee: Committee,
    /// The block that ended the epoch before: genesis for epoch 0.
    pub after: BlockId,
}

/// A final block, with all the sets that led to it. Only [`FinalityProof::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedBlock {
    id: BlockId,
    header: Header,
    eras: Vec<Era>,
}

impl FinalityProof {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// The proof whose canonical bytes these are.
    ///
    /// # Errors
    /// When they are too long, or not what [`FinalityProof::encode`] gives.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableProof> {
        match bytes.len() {
            found if found > MAX_PROOF_BYTES => Err(UnreadableProof::TooLong(found)),
            _ => Ok(codec::decode(bytes)?),
        }
    }

    /// Checks every certificate, from the genesis file to the block.
    ///
    /// # Errors
    /// When a rule is broken: the proof then proves nothing at all.
    pub fn verify(&self, anchor: &Anchor) -> Result<ProvedBlock, FinalityError> {
        let mut era = Era::first(anchor)?;
        let mut eras = Vec::new();
        for end in &self.epochs {
            let next = era.ended_by(end)?;
            eras.push(std::mem::replace(&mut era, next));
        }
        era.check(&self.certificate)?;
        check_header(&self.certificate.id, &self.header)?;
        eras.push(era);
        Ok(ProvedBlock { id: self.certificate.id, header: self.header.clone(), eras })
    }
}

impl ProvedBlock {
    /// The block.
    pub const fn id(&self) -> BlockId {
        self.id
    }

    /// Its header: the roots in it prove transactions, receipts and state.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The validator sets from genesis to the block, its own the last; never empty.
    pub fn eras(&self) -> &[Era] {
        &self.eras
    }

    /// The set that made it final.
    pub fn era(&self) -> &Era {
        // Invariant: a proof has one more era than ends of epochs.
        self.eras.last().expect("there is epoch 0")
    }
}

impl Era {
    fn first(anchor: &Anchor) -> Result<Self, FinalityError> {
        let Anchor { chain, genesis, validators } = anchor;
        let committee = Committee::new(*chain, Epoch::default(), validators.clone());
        let committee = committee.map_err(|error| broken(genesis.height, error))?;
        Ok(Self { committee, after: *genesis })
    }

    /// The epoch of the set.
    pub fn epoch(&self) -> Epoch {
        self.committee.epoch()
    }

    /// The set that a certificate of this one names as the next.
    fn ended_by(&self, end: &EpochEnd) -> Result<Self, FinalityError> {
        let EpochEnd { certificate, next_set } = end;
        self.check(certificate)?;
        let height = certificate.id.height;
        let (announced, found) = (certificate.next_set, digest::set(next_set));
        if announced == self.committee.set_digest() {
            return Err(broken(height, Flaw::EpochGoesOn { epoch: self.epoch() }));
        }
        if announced != found {
            return Err(broken(height, Flaw::OtherSet { announced, found }));
        }
        // After 2^64 epochs there is none left, and no proof as long as that is looked at.
        let epoch = self.epoch().next().unwrap_or_default();
        let committee = Committee::new(*self.committee.chain(), epoch, next_set.clone());
        let committee = committee.map_err(|error| broken(height, error))?;
        Ok(Self { committee, after: certificate.id })
    }

    /// Whether this set made a block of its epoch final.
    pub(crate) fn check(&self, certificate: &Certificate) -> Result<(), FinalityError> {
        let height = certificate.id.height;
        if certificate.phase != Phase::Commit {
            return Err(broken(height, Flaw::Prepared));
        }
        if height <= self.after.height {
            let (epoch, after) = (self.epoch(), self.after.height);
            return Err(broken(height, Flaw::BeforeEpoch { epoch, after }));
        }
        self.committee.check_certificate(certificate).map_err(|error| broken(height, error))
    }
}

/// Whether a header is the one that an id names.
pub(crate) fn check_header(id: &BlockId, header: &Header) -> Result<(), FinalityError> {
    let found = BlockHash::new(header.hash_slow().0);
    if found != id.hash {
        return Err(broken(id.height, Flaw::OtherHeader { certified: id.hash, found }));
    }
    match header.number == id.height.get() {
        true => Ok(()),
        false => Err(broken(id.height, Flaw::Number { found: header.number })),
    }
}

pub(crate) fn broken(height: Height, flaw: impl Into<Flaw>) -> FinalityError {
    FinalityError { height, flaw: flaw.into() }
}

/// A header as Ethereum encodes it.
mod rlp {
    use alloy_consensus::Header;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        header: &Header,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        alloy_rlp::encode(header).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Header, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        alloy_rlp::decode_exact(&bytes).map_err(D::Error::custom)
    }
}
