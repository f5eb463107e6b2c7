//! What is signed: one context per meaning, over canonical bytes, the chain hash first (§3).
//!
//! A signature over one kind of digest can never be shown as a signature over another, because
//! blake3's `derive_key` mode separates the contexts; nor on another chain, because its hash comes
//! first. The date in a context names this version of the format: a new one gets new contexts.

use std::fmt;

use mokka_types::{
    Base, BaseDigest, BlockHash, BlockId, Body, ChainHash, Envelope, Phase, PublicKey, SetDigest,
    Settings, ValidatorSet, View, codec,
};
use serde::Serialize;

/// 32 bytes that can be signed. Made only by the functions of this module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "digest:{:02x}{:02x}{:02x}{:02x}", self.0[0], self.0[1], self.0[2], self.0[3])
    }
}

/// What a proof signs, and the BIP-340 signature of `Signed`: (epoch, term, candidate, base
/// digest). No attempt and no bitmap, so that all attempts of a term are one statement (§3).
pub fn proof(chain: &ChainHash, view: View, candidate: &PublicKey, base: &BaseDigest) -> Digest {
    Digest(hash("mokka 2026-11 proof", &(chain, view, candidate, base)))
}

/// Names a base: exactly its ids (§3).
pub fn base(chain: &ChainHash, base: &Base) -> BaseDigest {
    BaseDigest::new(hash("mokka 2026-11 base", &(chain, base)))
}

/// What a vote for a block signs, and thereby a certificate (§6.7).
pub fn block_vote(
    chain: &ChainHash,
    phase: Phase,
    view: View,
    id: &BlockId,
    next_set: &SetDigest,
) -> Digest {
    let context = match phase {
        Phase::Prepare => "mokka 2026-11 prepare vote",
        Phase::Commit => "mokka 2026-11 commit vote",
    };
    Digest(hash(context, &(chain, view, id, next_set)))
}

/// What a proposer signs: (epoch, term, id) (§3).
pub fn proposal(chain: &ChainHash, view: View, id: &BlockId) -> Digest {
    Digest(hash("mokka 2026-11 proposal", &(chain, view, id)))
}

/// What a leader signs that hands over: (epoch, term, successor) (§3).
pub fn handover(chain: &ChainHash, view: View, successor: &PublicKey) -> Digest {
    Digest(hash("mokka 2026-11 handover", &(chain, view, successor)))
}

/// What the sender of a packet signs: everything that travels, but the signature.
pub fn envelope(chain: &ChainHash, envelope: &Envelope) -> Digest {
    Digest(hash("mokka 2026-11 envelope", &(chain, envelope)))
}

/// What binds a node key to a validator key: the statement of the network's hello, already encoded.
pub fn hello(chain: &ChainHash, statement: &[u8]) -> Digest {
    Digest(hash("mokka 2026-11 hello", &(chain, statement)))
}

/// What a validator signs of where it is reached: the statement of the network, already encoded.
pub fn peer_record(chain: &ChainHash, statement: &[u8]) -> Digest {
    Digest(hash("mokka 2026-11 peer record", &(chain, statement)))
}

/// What a member signs to show that a connection is its own: the statement of the library's
/// transport, already encoded.
pub fn greeting(chain: &ChainHash, statement: &[u8]) -> Digest {
    Digest(hash("mokka 2026-11 greeting", &(chain, statement)))
}

/// What the sender of a message of the library's users signs, already encoded.
pub fn message(chain: &ChainHash, statement: &[u8]) -> Digest {
    Digest(hash("mokka 2026-11 message", &(chain, statement)))
}

/// What the author of an entry of the library's log signs, already encoded.
pub fn log_entry(chain: &ChainHash, statement: &[u8]) -> Digest {
    Digest(hash("mokka 2026-11 log entry", &(chain, statement)))
}

/// Names a validator set: its crash model and its keys in order.
pub fn set(set: &ValidatorSet) -> SetDigest {
    SetDigest::new(hash("mokka 2026-11 validator set", set))
}

/// Names a block by its body alone, for applications whose blocks have no hash of their own.
pub fn body(body: &Body) -> BlockHash {
    let mut hasher = blake3::Hasher::new_derive_key("mokka 2026-11 body");
    BlockHash::new(*hasher.update(body.as_bytes()).finalize().as_bytes())
}

/// Where a validator stands in the order of candidates of a term: smaller is earlier (§4).
pub fn rank(chain: &ChainHash, view: View, key: &PublicKey) -> [u8; 32] {
    hash("mokka 2026-11 rank", &(chain, view, key))
}

/// Names a chain and its rules (§3). Names and addresses of validators are not part of it.
pub fn chain(
    block0: &BlockHash,
    chain_id: u64,
    set: &ValidatorSet,
    settings: &Settings,
) -> ChainHash {
    ChainHash::new(hash("mokka 2026-11 chain", &(block0, chain_id, set, settings)))
}

/// The extra input of a nonce (§5.2), so that a random source that repeats itself is not enough to
/// repeat a nonce.
pub(crate) fn nonce(chain: &ChainHash, ballot: &mokka_types::Ballot) -> [u8; 32] {
    hash("mokka 2026-11 nonce", &(chain, ballot))
}

fn hash<T: Serialize>(context: &str, fields: &T) -> [u8; 32] {
    *blake3::Hasher::new_derive_key(context).update(&codec::encode(fields)).finalize().as_bytes()
}
