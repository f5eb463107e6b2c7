//! Two statements of which an honest validator makes one (§10).

use serde::{Deserialize, Serialize};

use crate::{BaseDigest, BlockId, BlockVote, Phase, PublicKey, Signature, View};

/// Proves to anybody who knows the set of the epoch that a validator broke the protocol. The two
/// statements are of one epoch and term, those about blocks of one height, and both are signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// Who signed both.
    pub culprit: PublicKey,
    /// What.
    pub misdeed: Misdeed,
}

/// What was signed twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Misdeed {
    /// Two blocks were proposed.
    Proposals([SignedProposal; 2]),
    /// Two blocks were voted for in one phase.
    BlockVotes(Phase, [BlockVote; 2]),
    /// Two candidates or bases were signed for (§5.3).
    Ballots([SignedClaim; 2]),
}

/// A leader's signature for a block (§6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedProposal {
    /// Its term.
    pub view: View,
    /// The block.
    pub id: BlockId,
    /// Over both.
    pub signature: Signature,
}

/// A signer's word for a candidate: the BIP-340 signature of `Signed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedClaim {
    /// The term.
    pub view: View,
    /// Who is to lead it.
    pub candidate: PublicKey,
    /// On what.
    pub base: BaseDigest,
    /// Over all three.
    pub signature: Signature,
}

impl Evidence {
    /// The term in which it happened.
    pub const fn view(&self) -> View {
        match &self.misdeed {
            Misdeed::Proposals([first, _]) => first.view,
            Misdeed::BlockVotes(_, [first, _]) => first.view,
            Misdeed::Ballots([first, _]) => first.view,
        }
    }
}

impl Misdeed {
    /// What it is called: for people, logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Proposals(_) => "two proposals",
            Self::BlockVotes(Phase::Prepare, _) => "two prepare votes",
            Self::BlockVotes(Phase::Commit, _) => "two commit votes",
            Self::Ballots(_) => "two signatures for candidates",
        }
    }
}
