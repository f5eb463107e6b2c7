//! What each validator last signed, so that a second, different statement is noticed (§10).

use std::collections::BTreeMap;

use mokka_types::{
    Ballot, BlockVote, Certificate, Evidence, Misdeed, Phase, Proposal, Signature, SignedClaim,
    SignedProposal, ValidatorIndex,
};

use crate::{
    consensus::Consensus,
    io::{Event, Output, PeerFault},
};

/// The newest of each kind; one entry for a validator, so it cannot grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Witnessed(BTreeMap<ValidatorIndex, Statements>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Statements {
    proposal: Option<SignedProposal>,
    prepare_vote: Option<BlockVote>,
    commit_vote: Option<BlockVote>,
    claim: Option<SignedClaim>,
}

/// Remembers a statement if it is the newest of its kind; the pair, if it contradicts that one.
/// `read` tells in which place a statement is made, of which there may be one, and what it says.
fn compare<S: Copy, P: Ord, C: PartialEq>(
    known: &mut Option<S>,
    new: S,
    read: impl Fn(&S) -> (P, C),
) -> Option<[S; 2]> {
    let (place, content) = read(&new);
    match known.as_ref().map(|old| (*old, read(old))) {
        Some((old, (at, said))) if at == place => (said != content).then_some([old, new]),
        Some((_, (at, _))) if at > place => None,
        Some(_) | None => {
            *known = Some(new);
            None
        }
    }
}

impl Consensus {
    /// A leader signed for a block.
    pub(crate) fn witness_proposal(
        &mut self,
        index: ValidatorIndex,
        proposal: &Proposal,
        out: &mut Output,
    ) {
        let Proposal { proof, id, signature, .. } = proposal;
        let new = SignedProposal { view: proof.view, id: *id, signature: *signature };
        let pair = compare(&mut self.statements(index).proposal, new, |it| {
            ((it.view, it.id.height), it.id)
        });
        self.tell(index, pair.map(Misdeed::Proposals), out);
    }

    /// A validator voted for a block.
    pub(crate) fn witness_vote(
        &mut self,
        index: ValidatorIndex,
        phase: Phase,
        vote: BlockVote,
        out: &mut Output,
    ) {
        let statements = self.statements(index);
        let known = match phase {
            Phase::Prepare => &mut statements.prepare_vote,
            Phase::Commit => &mut statements.commit_vote,
        };
        let pair = compare(known, vote, |it| ((it.view, it.id.height), it.id));
        self.tell(index, pair.map(|pair| Misdeed::BlockVotes(phase, pair)), out);
    }

    /// A certificate shows votes.
    pub(crate) fn witness_certificate(&mut self, certificate: &Certificate, out: &mut Output) {
        let Certificate { phase, view, id, next_set, signers, signatures } = certificate;
        for (index, signature) in signers.iter().zip(signatures) {
            let vote =
                BlockVote { view: *view, id: *id, next_set: *next_set, signature: *signature };
            self.witness_vote(index, *phase, vote, out);
        }
    }

    /// A signer bound itself to a ballot.
    pub(crate) fn witness_claim(
        &mut self,
        index: ValidatorIndex,
        ballot: &Ballot,
        signature: Signature,
        out: &mut Output,
    ) {
        let Ballot { view, candidate, base, .. } = *ballot;
        let new = SignedClaim { view, candidate, base, signature };
        let pair = compare(&mut self.statements(index).claim, new, |it| {
            (it.view, (it.candidate, it.base))
        });
        self.tell(index, pair.map(Misdeed::Ballots), out);
    }

    fn statements(&mut self, index: ValidatorIndex) -> &mut Statements {
        self.conduct.witnessed.0.entry(index).or_default()
    }

    fn tell(&self, index: ValidatorIndex, misdeed: Option<Misdeed>, out: &mut Output) {
        let Some(misdeed) = misdeed else { return };
        let culprit = self.key_of(index);
        out.accuse(culprit, PeerFault::Equivocation);
        out.events.push(Event::Evidence(Box::new(Evidence { culprit, misdeed })));
    }
}
