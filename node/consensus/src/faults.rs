//! Deliberate faults: the core without one of its rules.
//!
//! A search that finds nothing proves little, unless it finds the faults that are there. A core of
//! [`Consensus::start_without`] lacks one rule, and the simulator has to notice. A node never
//! starts like this: [`Consensus::start`] keeps them all.

use std::fmt;

use mokka_crypto::Committee;
use mokka_types::Mark;

use crate::consensus::Consensus;

/// Names rules once: the type, the list of all, and what each says.
macro_rules! rules {
    ($($name:ident: $says:literal,)+) => {
        /// A rule that may be missing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $says] $name,)+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }

        /// The section of the specification, and what it says.
        impl fmt::Display for Rule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $says,)+
                })
            }
        }
    };
}

rules! {
    OneCandidate: "§5.2 rule 2: one candidate in a term",
    OneBase: "§5.2 rule 2: one base of that candidate in a term",
    TermsBounded: "§5.2 rule 2: no term that the clock has not reached",
    BoundRises: "§5.2 rule 2: the bound on terms rises by itself, and not with what was seen",
    TurnsTaken: "decision 8: the newest terms belong to one validator each, in rotation",
    BaseCompared: "§5.2 rule 4: no base lower than ours",
    PromiseRecorded: "§8: the promise is written down before the signature",
    PromiseLoaded: "§8: the promise is loaded at a start",
    WholeQuorum: "§2: the last vote of a quorum",
    LooksAgain: "§5.3: a candidate whose base rose does not sign",
    NoTermAgain: "§5.6: nobody leads a term again after a restart",
    PreparedProposedAgain: "§6.1: what the base has prepared is proposed again, and nothing else \
        is taken",
    OneProposal: "§6.2: the first proposal of a term and height is the only one",
    VoteInPromisedTerm: "§6.3, §6.4: no vote for a block in a term below the promise",
    PrepareVoteRecorded: "§6.3, §8: a vote of the first phase is written down before it leaves",
    PrepareOfNextHeight: "§6.3: a prepare certificate is of exactly the next height",
    PreparedRecorded: "§6.3, §6.4, §8: a prepared block is written down before the vote to \
        commit it",
    CertificateOfEpoch: "§6.5: a certificate is of the epoch of its height",
    CertificateChecked: "§6.5: a certificate is checked",
    ProofChecked: "§5.4: a proof is checked",
    MarkObeyed: "§8: a marked key signs nothing",
    Farewell: "§9: the end of an epoch is shown until the next has a leader",
    WriteBeforeAct: "§8: records are durable before the actions of their step",
}

/// A committee with its quorum, or with less.
pub(crate) fn committee(committee: Committee, without: Option<Rule>) -> Committee {
    match without == Some(Rule::WholeQuorum) {
        true => committee.one_vote_short(),
        false => committee,
    }
}

/// Whether a key signs that may be marked (§8).
pub(crate) fn signs(mark: Option<Mark>, without: Option<Rule>) -> bool {
    mark.is_none() || without == Some(Rule::MarkObeyed)
}

impl Consensus {
    /// Whether this core lacks a rule on purpose.
    pub(crate) fn lacks(&self, rule: Rule) -> bool {
        self.without == Some(rule)
    }
}
