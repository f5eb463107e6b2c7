//! What each validator last signed, so that a second, different statement is noticed (§10).

use std::collections::BTreeMap;

use mokka_types::{
    Ballot, BlockId, BlockVote, Certificate, Evidence, Height, Misdeed, Phase, Proposal, Signature,
    SignedClaim, SignedProposal, ValidatorIndex, View,
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

/// A statement of which there may be one in its place.
trait Statement: Copy {
    type Place: Ord;
    type Content: PartialEq;
    fn place(&self) -> Self::Place;
    fn content(&self) -> Self::Content;
}

impl Statement for SignedProposal {
    type Place = (View, Height);
    type Content = BlockId;

    fn place(&self) -> Self::Place {
        (self.view, self.id.height)
    }

    fn content(&self) -> Self::Content {
        self.id
    }
}

impl Statement for BlockVote {
    type Place = (View, Height);
    type Content = BlockId;

    fn place(&self) -> Self::Place {
        (self.view, self.id.height)
    }

    fn content(&self) -> Self::Content {
        self.id
    }
}

impl Statement for SignedClaim {
    type Place = View;
    type Content = (mokka_types::PublicKey, mokka_types::BaseDigest);

    fn place(&self) -> Self::Place {
        self.view
    }

    fn content(&self) -> Self::Content {
        (self.candidate, self.base)
    }
}

/// Remembers a statement if it is the newest of its kind; the pair, if it contradicts that one.
fn compare<S: Statement>(known: &mut Option<S>, new: S) -> Option<[S; 2]> {
    match known {
        Some(old) if old.place() == new.place() => {
            (old.content() != new.content()).then_some([*old, new])
        }
        Some(old) if old.place() > new.place() => None,
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
        let pair = compare(&mut self.statements(index).proposal, new);
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
        let pair = compare(known, vote);
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
        let pair = compare(&mut self.statements(index).claim, new);
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
