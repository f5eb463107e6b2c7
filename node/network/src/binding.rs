//! What ties a node key to a validator key.

use libp2p::PeerId;
use mokka_crypto::{Digest, digest, verify};
use mokka_types::{ChainHash, PublicKey, Signature, codec};
use serde::{Deserialize, Serialize};

/// A validator's word that a node speaks for it on one chain.
///
/// The sequence grows whenever the validator moves to another node key; where two nodes claim one
/// validator, the higher sequence wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Whose word it is.
    pub validator: PublicKey,
    /// The how many-th binding of this validator.
    pub sequence: u64,
    /// Over [`Binding::digest`].
    pub signature: Signature,
}

impl Binding {
    /// What the validator key signs.
    pub fn digest(chain: &ChainHash, peer: &PeerId, sequence: u64) -> Digest {
        digest::hello(chain, &codec::encode(&(peer.to_bytes(), sequence)))
    }

    /// Whether the validator really said this about this node and chain.
    pub fn is_genuine(&self, chain: &ChainHash, peer: &PeerId) -> bool {
        verify(&self.validator, &Self::digest(chain, peer, self.sequence), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use mokka_crypto::SecretKey;

    use super::*;

    /// One flipped bit in every signed field.
    #[test]
    fn a_binding_holds_for_one_validator_node_chain_and_sequence_only() {
        let secret = SecretKey::generate();
        let peer = PeerId::random();
        let chain = ChainHash::new([7; 32]);
        let genuine = Binding {
            validator: secret.public_key(),
            sequence: 5,
            signature: secret.sign(&Binding::digest(&chain, &peer, 5)),
        };
        assert!(genuine.is_genuine(&chain, &peer));
        assert!(!genuine.is_genuine(&ChainHash::new([6; 32]), &peer));
        assert!(!genuine.is_genuine(&chain, &PeerId::random()));
        assert!(!Binding { sequence: 4, ..genuine }.is_genuine(&chain, &peer));
        let other = SecretKey::generate().public_key();
        assert!(!Binding { validator: other, ..genuine }.is_genuine(&chain, &peer));
        let mut bytes = *genuine.signature.as_bytes();
        bytes[40] ^= 1;
        let forged = Binding { signature: Signature::new(bytes), ..genuine };
        assert!(!forged.is_genuine(&chain, &peer));
    }
}
