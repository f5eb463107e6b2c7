//! Where a validator says that it is reached.
//!
//! A validator that has moved announces its address by a transaction, which takes a while, and
//! needs a connection. Meanwhile its node shows a record that the validator key has signed; whoever
//! holds one passes it on, and dials what it says beside what the chain says.

use libp2p::Multiaddr;
use mokka_crypto::{Digest, digest, verify};
use mokka_types::{ChainHash, NodeAddress, PublicKey, Signature, codec};
use serde::{Deserialize, Serialize};

use crate::{
    Fault,
    limits::{MAX_ADDRESSES, MAX_RECORDS_BYTES, RECORDS_TOGETHER},
};

/// A validator's word about its addresses on one chain; of two, the one with the higher sequence
/// counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRecord {
    /// Whose word it is.
    pub validator: PublicKey,
    /// The how many-th record of this validator.
    pub sequence: u64,
    /// Where others reach it, as text; see [`PeerRecord::check`].
    pub addresses: Vec<String>,
    /// Over [`PeerRecord::digest`].
    pub signature: Signature,
}

/// What is wrong with the addresses of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// None, or more than are allowed.
    #[error("a node announces 1 to {MAX_ADDRESSES} addresses, not {0}")]
    Number(usize),
    /// Nobody could dial it.
    #[error("{text:?} {reason}; write for example /dns/a.example/tcp/30303")]
    Address {
        /// As it was given, or its beginning.
        text: String,
        /// What it does or lacks.
        reason: &'static str,
    },
}

impl PeerRecord {
    /// What the validator key signs.
    pub fn digest(chain: &ChainHash, addresses: &[String], sequence: u64) -> Digest {
        digest::peer_record(chain, &codec::encode(&(addresses, sequence)))
    }

    /// The addresses, if others can dial them and they are not too many or too long.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(addresses: &[String]) -> Result<Vec<Multiaddr>, RecordError> {
        if addresses.is_empty() || addresses.len() > MAX_ADDRESSES {
            return Err(RecordError::Number(addresses.len()));
        }
        let dialable = |text: &String| {
            let checked = text.parse::<NodeAddress>().map_err(|error| error.reason());
            let checked = checked.and_then(|address| {
                // What the rule of addresses allows is a multiaddr.
                address.as_str().parse().map_err(|_| "is no multiaddr")
            });
            checked.map_err(|reason| {
                let text = text.chars().take(NodeAddress::MAX_CHARS).collect();
                RecordError::Address { text, reason }
            })
        };
        addresses.iter().map(dialable).collect()
    }

    /// Whether the validator really said this on this chain.
    pub(crate) fn is_genuine(&self, chain: &ChainHash) -> bool {
        let digest = Self::digest(chain, &self.addresses, self.sequence);
        verify(&self.validator, &digest, &self.signature)
    }
}

/// What a peer tells: records, each with its addresses; or the fault of who says such a thing.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<(PeerRecord, Vec<Multiaddr>)>, Fault> {
    let records: Vec<PeerRecord> = codec::decode(bytes).map_err(|_| Fault::Malformed)?;
    if records.len() > RECORDS_TOGETHER {
        return Err(Fault::OutOfBounds);
    }
    let checked = records.into_iter().map(|record| {
        let addresses = PeerRecord::check(&record.addresses).map_err(|_| Fault::OutOfBounds)?;
        Ok((record, addresses))
    });
    checked.collect()
}

/// The records as messages that [`read`] takes.
pub(crate) fn write(records: &[PeerRecord]) -> impl Iterator<Item = Vec<u8>> {
    records.chunks(RECORDS_TOGETHER).map(|some| codec::encode(&some))
}

/// A record with everything beside its addresses.
const FIXED: usize = 33 + 10 + 64 + 8;

const _: () = assert!(
    RECORDS_TOGETHER * (FIXED + MAX_ADDRESSES * (NodeAddress::MAX_CHARS + 2)) + 8
        <= MAX_RECORDS_BYTES,
    "what we say together is not too long"
);

#[cfg(test)]
mod tests {
    use mokka_crypto::SecretKey;

    use super::*;

    const CHAIN: ChainHash = ChainHash::new([7; 32]);

    fn record(secret: &SecretKey, addresses: &[&str], sequence: u64) -> PeerRecord {
        let addresses: Vec<_> = addresses.iter().map(|text| (*text).to_owned()).collect();
        let signature = secret.sign(&PeerRecord::digest(&CHAIN, &addresses, sequence));
        PeerRecord { validator: secret.public_key(), sequence, addresses, signature }
    }

    /// One change in every signed field.
    #[test]
    fn a_record_holds_for_one_validator_chain_sequence_and_list_only() {
        let genuine = record(&SecretKey::generate(), &["/dns/a.example/tcp/1"], 5);
        assert!(genuine.is_genuine(&CHAIN));
        assert!(!genuine.is_genuine(&ChainHash::new([6; 32])));
        let validator = SecretKey::generate().public_key();
        assert!(!PeerRecord { validator, ..genuine.clone() }.is_genuine(&CHAIN));
        assert!(!PeerRecord { sequence: 6, ..genuine.clone() }.is_genuine(&CHAIN));
        let addresses = vec!["/dns/b.example/tcp/1".to_owned()];
        assert!(!PeerRecord { addresses, ..genuine.clone() }.is_genuine(&CHAIN));
    }

    #[test]
    fn what_is_written_is_read() {
        let secret = SecretKey::generate();
        let long = format!("/dns/{}/tcp/65535", "x.".repeat(120));
        let one = record(&secret, &[long.as_str(); MAX_ADDRESSES], u64::MAX);
        let all = vec![one; 2 * RECORDS_TOGETHER + 1];
        let messages: Vec<_> = write(&all).collect();
        assert_eq!(messages.len(), 3);
        assert!(messages.iter().all(|bytes| bytes.len() <= MAX_RECORDS_BYTES));
        let read: Vec<_> = messages.iter().flat_map(|bytes| read(bytes).unwrap()).collect();
        assert!(read.iter().map(|(record, _)| record).eq(&all));
    }

    #[test]
    fn addresses_that_nobody_can_dial_and_too_many_are_refused() {
        let secret = SecretKey::generate();
        let long = format!("/dns/{}/tcp/1", "x.".repeat(NodeAddress::MAX_CHARS / 2));
        let good = "/ip6/::1/tcp/1";
        for bad in [
            &[][..],
            &[good; MAX_ADDRESSES + 1],
            &[good, &long],
            &["nonsense"],
            &["/ip4/127.0.0.1"],
            &["/ip4/127.0.0.1/udp/1"],
            &["/ip4/127.0.0.1/tcp/0"],
            &["/ip4/127.0.0.1/tcp/1/ws"],
            &["/dnsaddr/a.example/tcp/1"],
        ] {
            let said = codec::encode(&vec![record(&secret, bad, 1)]);
            assert_eq!(read(&said), Err(Fault::OutOfBounds), "{bad:?}");
        }
        let many = vec![record(&secret, &[good], 1); RECORDS_TOGETHER + 1];
        assert_eq!(read(&codec::encode(&many)), Err(Fault::OutOfBounds));
        assert_eq!(read(&[1, 2, 3]), Err(Fault::Malformed));
    }
}
