//! Why a node must stop.

use mokka_crypto::KeyNotOnCurve;
use mokka_types::{PublicKey, RunNumber};

use crate::{SignerFailure, StoreFailure};

/// The node cannot go on without risking what it promised.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fatal {
    /// Our own state contradicts itself.
    #[error(transparent)]
    Core(#[from] mokka_consensus::Fatal),
    /// A promise could not be written down.
    #[error(transparent)]
    Store(#[from] StoreFailure),
    /// The key cannot be used.
    #[error(transparent)]
    Signer(#[from] SignerFailure),
    /// Two machines use one key (§8).
    #[error(
        "another machine signs with this node's validator key (run {theirs}, ours is {ours}); \
         stop one of them: two machines with one key can fork the chain"
    )]
    KeyInUse {
        /// The run of this node.
        ours: RunNumber,
        /// The run that the foreign packet names.
        theirs: RunNumber,
    },
    /// The core answered itself without end.
    #[error("one input led to more than {0} steps; this is a bug, please report it")]
    EndlessTurn(usize),
    /// The run number cannot grow.
    #[error("the stored run number is the last possible one; the data directory is damaged")]
    RunsExhausted,
    /// The chain's own validator set cannot be used.
    #[error(transparent)]
    Set(#[from] KeyNotOnCurve),
    /// The set lists our key with the other parity, with which no proof can be signed.
    #[error(
        "the validator set lists this node's key as {listed}, but the key is {ours}; correct it"
    )]
    Parity {
        /// As the set has it.
        listed: PublicKey,
        /// As the signer has it.
        ours: PublicKey,
    },
}
