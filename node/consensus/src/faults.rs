//! Deliberate faults: the core without one of its rules.
//!
//! A search that finds nothing proves little, unless it finds the faults that are there. A core of
//! [`Consensus::start_without`] lacks one rule, and the simulator has to notice. A node never
//! starts like this: [`Consensus::start`] keeps them all.

use mokka_crypto::Committee;

use crate::consensus::Consensus;

/// A rule that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// §5.2 rule 2: one candidate in a term.
    OneCandidate,
    /// §5.2 rule 2: one base of that candidate in a term.
    OneBase,
    /// §5.2 rule 4: no base lower than ours.
    BaseCompared,
    /// §5.3: a candidate signs last, if it could still vote for itself.
    CandidateRechecks,
    /// §8: the promise is written down before the signature.
    PromiseRecorded,
    /// §8: the promise is loaded at a start.
    PromiseLoaded,
    /// §2: the last vote of a quorum.
    WholeQuorum,
    /// §5.4: what a refuser has prepared is taken over.
    Takeover,
    /// §5.4: who does not sign is left out of the next attempt.
    SilentLeftOut,
    /// §5.5: without a leader for long enough, anybody may lead.
    Waiver,
    /// §5.6: nobody leads a term again after a restart.
    NoTermAgain,
    /// §5.6: a leader without progress is counted dead.
    Progress,
    /// §6.1: what the base has prepared is proposed again, and nothing else is taken.
    PreparedProposedAgain,
    /// §6.2: no block at or below the committed height of the proof's base.
    AboveBase,
    /// §6.2: the first proposal of a term and height is the only one.
    OneProposal,
    /// §6.3, §8: a vote of the first phase is written down before it leaves.
    PrepareVoteRecorded,
    /// §6.3: a prepare certificate is of exactly the next height.
    PrepareOfNextHeight,
    /// §6.3: no vote to commit in a term below the promise.
    CommitInPromisedTerm,
    /// §6.3, §6.4, §8: a prepared block is written down before the vote to commit it.
    PreparedRecorded,
    /// §6.4: what is prepared never goes to a lower term.
    PreparedRises,
    /// §6.5: a certificate is of the epoch of its height.
    CertificateOfEpoch,
    /// §6.5: a certificate is checked.
    CertificateChecked,
    /// §5.4: a proof is checked.
    ProofChecked,
    /// §6.8: what may be lost is sent again.
    Repetition,
    /// §8: a marked key signs nothing.
    MarkObeyed,
    /// §9: the old leader shows everybody that the epoch has ended.
    Farewell,
    /// §8: records are durable before the actions of their step. Kept by whoever drives the core.
    WriteBeforeAct,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::OneCandidate,
        Self::OneBase,
        Self::BaseCompared,
        Self::CandidateRechecks,
        Self::PromiseRecorded,
        Self::PromiseLoaded,
        Self::WholeQuorum,
        Self::Takeover,
        Self::SilentLeftOut,
        Self::Waiver,
        Self::NoTermAgain,
        Self::Progress,
        Self::PreparedProposedAgain,
        Self::AboveBase,
        Self::OneProposal,
        Self::PrepareVoteRecorded,
        Self::PrepareOfNextHeight,
        Self::CommitInPromisedTerm,
        Self::PreparedRecorded,
        Self::PreparedRises,
        Self::CertificateOfEpoch,
        Self::CertificateChecked,
        Self::ProofChecked,
        Self::Repetition,
        Self::MarkObeyed,
        Self::Farewell,
        Self::WriteBeforeAct,
    ];
}

/// A committee with its quorum, or with less.
pub(crate) fn committee(committee: Committee, without: Option<Rule>) -> Committee {
    match without == Some(Rule::WholeQuorum) {
        true => committee.one_vote_short(),
        false => committee,
    }
}

impl Consensus {
    /// Whether this core lacks a rule on purpose.
    pub(crate) fn lacks(&self, rule: Rule) -> bool {
        self.without == Some(rule)
    }
}
