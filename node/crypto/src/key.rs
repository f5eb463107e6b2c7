//! Keys, and signatures of one key.

use std::fmt;

use mokka_types::{ChainHash, Envelope, PublicKey, SealedEnvelope, Signature};
use secp256k1::{Keypair, ecdsa::RecoverableSignature, schnorr};
use zeroize::Zeroizing;

use crate::{Digest, Verified, digest};

/// The bytes are zero, or not below the order of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are no secret key: they must be above 0 and below the order of secp256k1")]
pub struct NotASecretKey;

/// A secret key. Not `Clone`: share it in an `Arc`, so that there is one copy to erase.
pub struct SecretKey {
    pair: Keypair,
    public: PublicKey,
}

impl SecretKey {
    /// A new key, from the random source of the operating system.
    pub fn generate() -> Self {
        Self::from_pair(Keypair::new(&mut rand::rng()))
    }

    /// The key of these bytes.
    ///
    /// # Errors
    /// When the bytes are zero, or not below the order of the curve.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, NotASecretKey> {
        let bytes = Zeroizing::new(bytes);
        Keypair::from_secret_bytes(*bytes).map(Self::from_pair).map_err(|_| NotASecretKey)
    }

    fn from_pair(pair: Keypair) -> Self {
        Self { pair, public: PublicKey::new(pair.public_key().serialize()) }
    }

    /// The bytes, for a key file and nothing else.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.pair.to_secret_bytes())
    }

    /// The public half.
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// A BIP-340 signature; always the same one for a digest.
    pub fn sign(&self, digest: &Digest) -> Signature {
        Signature::new(schnorr::sign_no_aux_rand(digest.as_bytes(), &self.pair).to_byte_array())
    }

    /// A recoverable ECDSA signature `(r ‖ s, y is odd)` of a hash, as Ethereum's transactions need
    /// it: RFC 6979, low `s`.
    pub fn sign_recoverable(&self, hash: &[u8; 32]) -> ([u8; 64], bool) {
        let mut secret = self.pair.secret_key();
        let message = secp256k1::Message::from_digest(*hash);
        let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &secret);
        secret.non_secure_erase();
        let (id, bytes) = signature.serialize_compact();
        (bytes, id.to_u8() & 1 == 1)
    }

    /// Signs an envelope, as its sender: whatever `sender` it named is replaced by this key.
    pub fn seal(
        &self,
        chain: &ChainHash,
        mut envelope: Envelope,
    ) -> (SealedEnvelope, Verified<Envelope>) {
        envelope.sender = self.public;
        let signature = self.sign(&digest::envelope(chain, &envelope));
        let sealed = SealedEnvelope { envelope: envelope.clone(), signature };
        (sealed, Verified::new(envelope))
    }

    pub(crate) const fn pair(&self) -> &Keypair {
        &self.pair
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.pair.non_secure_erase();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public)
    }
}

/// Whether a public key is a point of the curve: without this, nothing can be verified with it.
pub fn is_on_curve(key: &PublicKey) -> bool {
    parse(key).is_some()
}

/// A public key as `04 ‖ x ‖ y`, from which Ethereum makes addresses; `None` off the curve.
pub fn uncompressed(key: &PublicKey) -> Option<[u8; 65]> {
    parse(key).map(|key| key.serialize_uncompressed())
}

/// Whether `key` made this BIP-340 signature. A key off the curve has made none.
pub fn verify(key: &PublicKey, digest: &Digest, signature: &Signature) -> bool {
    parse(key).is_some_and(|key| verify_parsed(&key, digest, signature))
}

pub(crate) fn parse(key: &PublicKey) -> Option<secp256k1::PublicKey> {
    secp256k1::PublicKey::from_byte_array_compressed(*key.as_bytes()).ok()
}

pub(crate) fn verify_parsed(
    key: &secp256k1::PublicKey,
    digest: &Digest,
    signature: &Signature,
) -> bool {
    verify_x(&key.x_only_public_key().0, digest, signature)
}

pub(crate) fn verify_x(
    key: &secp256k1::XOnlyPublicKey,
    digest: &Digest,
    signature: &Signature,
) -> bool {
    let signature = schnorr::Signature::from_byte_array(*signature.as_bytes());
    schnorr::verify(&signature, digest.as_bytes(), key).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The first test vector of BIP-340, whose auxiliary randomness is zero.
    #[test]
    fn signatures_are_those_of_bip_340() {
        let mut bytes = [0; 32];
        bytes[31] = 3;
        let key = SecretKey::from_bytes(bytes).unwrap();
        let x = "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
        assert_eq!(key.public_key(), format!("02{x}").parse().unwrap());
        let signature = schnorr::sign_no_aux_rand(&[0; 32], &key.pair).to_byte_array();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215\
             25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0"
        );
    }

    #[test]
    fn only_scalars_are_secret_keys() {
        assert_eq!(SecretKey::from_bytes([0; 32]).unwrap_err(), NotASecretKey);
        assert_eq!(SecretKey::from_bytes([0xff; 32]).unwrap_err(), NotASecretKey);
        assert_eq!(*SecretKey::from_bytes([1; 32]).unwrap().to_bytes(), [1; 32]);
        assert_ne!(SecretKey::generate().public_key(), SecretKey::generate().public_key());
    }
}
