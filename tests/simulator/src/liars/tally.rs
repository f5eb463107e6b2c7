//! Votes that a liar's engine does not count, made into certificates.

use std::collections::BTreeMap;

use mokka_types::{BlockId, BlockVote, Certificate, Phase, PublicKey, SetDigest, Signature, View};
use mokka_types::{Packet, ValidatorIndex};

use super::Tongue;

/// Blocks whose votes are remembered.
const MOST_BLOCKS: usize = 16;

type Question = (View, Phase, BlockId, SetDigest);

/// The votes for each block, in each term and phase.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<Question, BTreeMap<ValidatorIndex, Signature>>);

impl Tally {
    /// Counts a vote that came; gives the certificate that it completes, with the liar's own vote.
    pub(super) fn count(
        &mut self,
        from: &PublicKey,
        packet: &Packet,
        tongue: &Tongue,
    ) -> Option<Certificate> {
        let (phase, vote) = match packet {
            Packet::PrepareVote(vote) => (Phase::Prepare, vote),
            Packet::CommitVote(vote) => (Phase::Commit, vote),
            _ => return None,
        };
        let committee = tongue.committee();
        let index = committee.set().index_of(from)?;
        if !committee.check_block_vote(index, phase, vote) {
            return None;
        }
        let BlockVote { view, id, next_set, signature } = *vote;
        let quorum = committee.set().quorum().votes();
        let own = committee.set().index_of(&tongue.own())?;
        let votes = self.0.entry((view, phase, id, next_set)).or_default();
        let had = votes.len();
        if let Packet::PrepareVote(ours) | Packet::CommitVote(ours) =
            tongue.vote(phase, view, id, next_set)
        {
            votes.insert(own, ours.signature);
        }
        votes.insert(index, signature);
        let complete = had < quorum && votes.len() >= quorum;
        let signers = votes.keys().take(quorum).copied().collect();
        let signatures = votes.values().take(quorum).copied().collect();
        while self.0.len() > MOST_BLOCKS {
            self.0.pop_first();
        }
        complete.then_some(Certificate { phase, view, id, next_set, signers, signatures })
    }
}
