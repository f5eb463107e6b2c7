//! Packets that were said by whom they name.

use std::ops::Deref;

use mokka_types::{ChainHash, Envelope, PublicKey, SealedEnvelope};

use crate::{digest, key};

/// A value whose signature was checked, or that this node signed itself. Only this crate makes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// The value, which is from here on as good as any other.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Why an envelope says nothing about its sender: the fault of whoever passed it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnvelope {
    /// Nobody can have signed for it.
    #[error("the sender {0} is no point of the curve")]
    SenderNotOnCurve(PublicKey),
    /// Signed by another, for another chain, or changed on the way.
    #[error("the signature is not that of {0} for this chain and content")]
    WrongSignature(PublicKey),
}

/// Checks who sealed an envelope. Whether that sender may speak at all is for others to decide.
///
/// # Errors
/// When the sender's key did not sign exactly this envelope for exactly this chain.
pub fn open(
    chain: &ChainHash,
    sealed: SealedEnvelope,
) -> Result<Verified<Envelope>, InvalidEnvelope> {
    let SealedEnvelope { envelope, signature } = sealed;
    let sender = envelope.sender;
    let key = key::parse(&sender).ok_or(InvalidEnvelope::SenderNotOnCurve(sender))?;
    if key::verify_parsed(&key, &digest::envelope(chain, &envelope), &signature) {
        Ok(Verified::new(envelope))
    } else {
        Err(InvalidEnvelope::WrongSignature(sender))
    }
}
