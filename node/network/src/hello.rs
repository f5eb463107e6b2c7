//! What two nodes tell each other right after connecting.

use libp2p::PeerId;
use mokka_types::{ChainHash, Height, PublicKey, codec};
use serde::{Deserialize, Serialize};

use crate::{Admitted, Binding, limits::MAX_AGENT_CHARS};

/// The version of everything that is said between nodes; nodes of different versions part.
pub(crate) const PROTOCOL_VERSION: u32 = 2;

/// Who a node is and which chain it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol it speaks.
    pub version: u32,
    /// Its chain and rules.
    pub chain: ChainHash,
    /// What it calls itself, for people.
    pub agent: String,
    /// Drawn at random when it started: tells a restart from a second connection.
    pub session: u64,
    /// Its newest committed block; a bare claim.
    pub committed: Height,
    /// The validator it speaks for, if any.
    pub binding: Option<Binding>,
}

/// Why a peer is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// It runs another chain, or the same with other rules.
    #[error(
        "it runs chain {theirs}, this node runs {ours}; both must have been started from the same \
         genesis file"
    )]
    WrongChain {
        /// The chain of the node that refuses.
        ours: ChainHash,
        /// The chain of the refused one.
        theirs: ChainHash,
    },
    /// It speaks another version.
    #[error(
        "it speaks version {theirs} of the protocol, this node speaks {ours}; update the older"
    )]
    WrongVersion {
        /// The version of the node that refuses.
        ours: u32,
        /// The version of the refused one.
        theirs: u32,
    },
    /// Neither a validator nor an observer that was allowed.
    #[error(
        "it is a stranger: neither a validator of this chain nor an observer that this node \
         allows; the members can approve its key or its peer id, or a node can let it in with \
         --observer"
    )]
    Stranger,
    /// The signature that should bind it to its validator is wrong.
    #[error("its validator key did not sign for this node key and chain")]
    BadBinding,
    /// It claims the key of the node that refuses.
    #[error("it uses the validator key of this node; one key must run on one machine only")]
    OwnKey,
    /// Another node speaks for the same validator with a sequence at least as high.
    #[error(
        "another node speaks for the same validator, with sequence {current}; give this one a \
         higher sequence to take over"
    )]
    Superseded {
        /// The sequence of the node that is connected.
        current: u64,
    },
    /// What it said is no hello.
    #[error("its hello cannot be read")]
    Malformed,
    /// It may not connect any more.
    #[error(
        "it is no longer among the validators and observers that may connect; the members can \
         admit its peer id as an observer, or a node can let it in with --observer"
    )]
    NoLongerAdmitted,
    /// It misbehaved.
    #[error("it misbehaved and is kept out for a while")]
    Banned,
    /// It did not say hello in time.
    #[error("it did not say hello in time")]
    Silent,
}

/// The answer to a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// From now on packets are accepted; names the session of the node that answers.
    Welcome { session: u64 },
    /// The connection ends.
    Refused(Reason),
}

/// As whom a peer was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Validator {
        key: PublicKey,
        sequence: u64,
    },
    /// It speaks for a key that is no validator's ([`Admitted::candidates`]).
    Candidate {
        key: PublicKey,
        sequence: u64,
    },
    Observer,
}

impl Role {
    /// The key that it speaks for.
    pub(crate) fn key(&self) -> Option<PublicKey> {
        self.claim().map(|(key, _)| key)
    }

    /// The key that it speaks for, and the sequence of its binding.
    pub(crate) fn claim(&self) -> Option<(PublicKey, u64)> {
        match self {
            Self::Validator { key, sequence } | Self::Candidate { key, sequence } => {
                Some((*key, *sequence))
            }
            Self::Observer => None,
        }
    }

    pub(crate) fn is_validator(&self) -> bool {
        matches!(self, Self::Validator { .. })
    }

    /// In one word, as logs have it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Validator { .. } => "validator",
            Self::Candidate { .. } => "candidate",
            Self::Observer => "observer",
        }
    }
}

/// Reads a hello; nothing longer than it may be is kept.
pub(crate) fn read(bytes: &[u8]) -> Result<Hello, Reason> {
    let hello: Hello = codec::decode(bytes).map_err(|_| Reason::Malformed)?;
    if hello.agent.chars().count() > MAX_AGENT_CHARS { Err(Reason::Malformed) } else { Ok(hello) }
}

/// Decides about a hello, as far as one hello alone can decide it.
pub(crate) fn judge(
    ours: &Hello,
    theirs: &Hello,
    peer: &PeerId,
    admitted: &Admitted,
) -> Result<Role, Reason> {
    if theirs.version != ours.version {
        return Err(Reason::WrongVersion { ours: ours.version, theirs: theirs.version });
    }
    if theirs.chain != ours.chain {
        return Err(Reason::WrongChain { ours: ours.chain, theirs: theirs.chain });
    }
    let Some(binding) = &theirs.binding else {
        return if admitted.observer(peer) { Ok(Role::Observer) } else { Err(Reason::Stranger) };
    };
    if !binding.is_genuine(&ours.chain, peer) {
        return Err(Reason::BadBinding);
    }
    if ours.binding.is_some_and(|own| own.validator.x() == binding.validator.x()) {
        return Err(Reason::OwnKey);
    }
    let Binding { validator: claimed, sequence, .. } = *binding;
    match (admitted.validator(&claimed), admitted.member(&claimed)) {
        (Some(key), _) => Ok(Role::Validator { key, sequence }),
        (None, Some(key)) => Ok(Role::Candidate { key, sequence }),
        (None, None) if admitted.observer(peer) => Ok(Role::Observer),
        (None, None) => Err(Reason::Stranger),
    }
}

#[cfg(test)]
mod tests {
    use mokka_crypto::SecretKey;

    use super::*;

    fn hello() -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            chain: ChainHash::new([1; 32]),
            agent: "test".into(),
            session: 9,
            committed: Height::new(3),
            binding: None,
        }
    }

    fn bound(secret: &SecretKey, peer: &PeerId) -> Hello {
        let digest = Binding::digest(&hello().chain, peer, 1);
        let binding = Binding {
            validator: secret.public_key(),
            sequence: 1,
            signature: secret.sign(&digest),
        };
        Hello { binding: Some(binding), ..hello() }
    }

    #[test]
    fn a_validator_is_let_in_by_its_key_and_an_observer_by_its_peer_id() {
        let (secret, peer) = (SecretKey::generate(), PeerId::random());
        let key = secret.public_key();
        let admitted = Admitted::new([key], [peer]);
        let theirs = bound(&secret, &peer);
        let role = judge(&hello(), &theirs, &peer, &admitted);
        assert_eq!(role, Ok(Role::Validator { key, sequence: 1 }));
        let approved = Admitted::default().candidates([key]);
        let role = judge(&hello(), &theirs, &peer, &approved);
        assert_eq!(role, Ok(Role::Candidate { key, sequence: 1 }));
        let both = admitted.clone().candidates([key]);
        assert!(judge(&hello(), &theirs, &peer, &both).unwrap().is_validator());
        let removed = Admitted::new([], [peer]);
        assert_eq!(judge(&hello(), &theirs, &peer, &removed), Ok(Role::Observer));
        assert_eq!(judge(&hello(), &hello(), &peer, &admitted), Ok(Role::Observer));
        let nobody = Admitted::default();
        assert_eq!(judge(&hello(), &theirs, &peer, &nobody), Err(Reason::Stranger));
        assert_eq!(judge(&hello(), &hello(), &peer, &nobody), Err(Reason::Stranger));
    }

    #[test]
    fn another_chain_version_node_or_our_own_key_is_refused() {
        let (secret, peer) = (SecretKey::generate(), PeerId::random());
        let admitted = Admitted::new([secret.public_key()], []);
        let theirs = bound(&secret, &peer);
        let other = Hello { chain: ChainHash::new([2; 32]), ..theirs.clone() };
        let wrong = Reason::WrongChain { ours: hello().chain, theirs: other.chain };
        assert_eq!(judge(&hello(), &other, &peer, &admitted), Err(wrong));
        let version = PROTOCOL_VERSION + 1;
        let newer = Hello { version, ..theirs.clone() };
        let wrong = Reason::WrongVersion { ours: PROTOCOL_VERSION, theirs: version };
        assert_eq!(judge(&hello(), &newer, &peer, &admitted), Err(wrong));
        let stolen = judge(&hello(), &theirs, &PeerId::random(), &admitted);
        assert_eq!(stolen, Err(Reason::BadBinding));
        let ours = bound(&secret, &PeerId::random());
        assert_eq!(judge(&ours, &theirs, &peer, &admitted), Err(Reason::OwnKey));
    }

    #[test]
    fn a_hello_that_is_no_hello_is_malformed() {
        let bytes = codec::encode(&hello());
        assert_eq!(read(&bytes), Ok(hello()));
        assert_eq!(read(&bytes[1..]), Err(Reason::Malformed));
        assert_eq!(read(&[bytes.as_slice(), &[0]].concat()), Err(Reason::Malformed));
        let long = Hello { agent: "x".repeat(MAX_AGENT_CHARS + 1), ..hello() };
        assert_eq!(read(&codec::encode(&long)), Err(Reason::Malformed));
    }
}
