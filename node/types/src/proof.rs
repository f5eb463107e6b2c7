//! What proves a leader, and what proves a block.

use serde::{Deserialize, Serialize};

use crate::{Base, BlockId, PublicKey, SetDigest, Signature, Signers, View};

/// Makes a leader: `q` validators signed, as one Schnorr signature, that this candidate leads this
/// term on this base (§5.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proof {
    /// The epoch and term that it leads.
    pub view: View,
    /// Who leads.
    pub candidate: PublicKey,
    /// What it stood on.
    pub base: Base,
    /// Whose keys are aggregated: exactly a quorum.
    pub signers: Signers,
    /// The aggregated BIP-340 signature.
    pub signature: Signature,
}

/// The two rounds of votes on a block in BFT; CFT has only the second (§6.3, §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Nobody can prepare another block at this height in this term.
    Prepare,
    /// The block is final.
    Commit,
}

/// Votes of a quorum for one block in one phase (§3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Certificate {
    /// Which round of votes.
    pub phase: Phase,
    /// The epoch whose set voted, and the term of the votes.
    pub view: View,
    /// The block.
    pub id: BlockId,
    /// The validator set active after the block (§6.7).
    pub next_set: SetDigest,
    /// Who voted: exactly a quorum.
    pub signers: Signers,
    /// Their BIP-340 signatures, in set order.
    pub signatures: Vec<Signature>,
}
