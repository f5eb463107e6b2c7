//! The rules by which a validator votes, and a candidate looks at itself (§5.2).

use mokka_types::{
    Ballot, CertifiedBase, Monotonic, Phase, Refusal, SignedBallot, ValidatorIndex, View,
};

use crate::{
    consensus::Consensus,
    faults::Rule,
    role::{Followed, Life, Role},
};

impl Consensus {
    /// Rules 1 to 3, and the comparison of rule 4: what may change between the two rounds.
    pub(crate) fn rules_of_state(
        &self,
        now: Monotonic,
        ballot: &Ballot,
        base: &CertifiedBase,
    ) -> Result<(), Refusal> {
        let own = self.promise;
        if ballot.view.epoch != self.epoch() {
            return Err(Refusal::Epoch);
        }
        let signed_for_it = own.view == ballot.view
            && own.signed == Some(SignedBallot { candidate: ballot.candidate, base: ballot.base })
            && self.newest_proof.as_ref().is_none_or(|proof| proof.view < ballot.view);
        let signed_for_it = signed_for_it
            || self.lacks(Rule::OneCandidate) && own.view == ballot.view
            || self.lacks(Rule::OneBase)
                && own.view == ballot.view
                && own.signed.is_some_and(|signed| signed.candidate == ballot.candidate);
        if ballot.view <= own.view && !signed_for_it {
            return Err(Refusal::Term);
        }
        let Some(candidate) = self.committee.set().index_of(&ballot.candidate) else {
            return Err(Refusal::NotEligible);
        };
        if ballot.view > own.view && self.is_out_of_bounds(now, candidate, ballot.view) {
            return Err(Refusal::TermTooHigh);
        }
        let has_turn = self.has_turn(now, candidate, ballot.view);
        // Who leads, and began its term anew, would owe nothing again.
        let leads = self.leader.as_ref().is_some_and(|leader| leader.index == candidate);
        if !self.is_eligible(now, candidate) && (leads || !has_turn)
            || self.is_in_penalty(now, candidate) && !has_turn
        {
            return Err(Refusal::NotEligible);
        }
        if base.base.rank() < self.base().rank() && !self.lacks(Rule::BaseCompared) {
            return Err(Refusal::LowerBase);
        }
        Ok(())
    }

    /// Rule 4: the base is proved by its certificates.
    pub(crate) fn base_is_proved(
        &self,
        ballot: &Ballot,
        base: &CertifiedBase,
    ) -> Result<(), Refusal> {
        let CertifiedBase { base, commit, prepare } = base;
        let committed = match commit {
            None => base.committed == self.config.genesis,
            // Checked when it came; most have the same block.
            Some(certificate) if self.certificate.as_ref() == Some(certificate) => {
                base.committed == self.committed
            }
            // What ended the epoch before is final here; its validators prove nothing any more.
            Some(certificate) if certificate.view.epoch != self.epoch() => {
                base.committed == self.began && certificate.id == self.began
            }
            Some(certificate) => {
                certificate.phase == Phase::Commit
                    && certificate.id == base.committed
                    && self.committee.check_certificate(certificate).is_ok()
            }
        };
        let prepared = match (base.prepared, prepare) {
            (None, prepare) => prepare.is_none(),
            (Some(block), prepare) => {
                Some(block.id.height) == base.committed.height.next()
                    && block.term < ballot.view.term
                    && match (self.is_bft(), prepare) {
                        (false, prepare) => prepare.is_none(),
                        (true, None) => false,
                        (true, Some(certificate)) => {
                            certificate.phase == Phase::Prepare
                                && certificate.view.epoch == self.epoch()
                                && certificate.view.term == block.term
                                && certificate.id == block.id
                                && self.committee.check_certificate(certificate).is_ok()
                        }
                    }
            }
        };
        if committed && prepared { Ok(()) } else { Err(Refusal::InvalidBase) }
    }

    /// Rule 6: who else is alive, and until when we wait to see it. The leader that has
    /// `handed_over` this term to the candidate protects itself no more (§5.7), and a candidate
    /// that has its turn waits for no other one, nor for a leader that owes a block (decision 8).
    pub(crate) fn protected_until(
        &self,
        now: Monotonic,
        candidate: ValidatorIndex,
        view: View,
        handed_over: Option<View>,
    ) -> Option<Protection> {
        let has_turn = self.has_turn(now, candidate, view);
        let overdue = has_turn && self.block_is_overdue(now);
        let steps_aside = |view: View| overdue || handed_over == Some(view);
        if let Role::Leader(leadership) = &self.role
            && Some(candidate) != self.me
            && !steps_aside(leadership.view())
        {
            return Some(Protection::Certain);
        }
        let span = self.config.settings.heartbeat * 3 / 2;
        let leader = self.leader.as_ref().filter(|at| {
            at.index != candidate
                && at.life == Life::Alive
                && self.proof_holds(now, at)
                && !steps_aside(at.proof.view)
        });
        let by_news = leader.map(|leader| leader.news_at.after(span));
        let other_signed = self.promise.signed.is_some_and(|signed| {
            self.committee.set().index_of(&signed.candidate) != Some(candidate)
                && !steps_aside(self.promise.view)
                && !has_turn
        });
        let by_signature = self.signed_at.filter(|_| other_signed).map(|at| at.after(span));
        let until = by_news.max(by_signature)?;
        (now < until).then_some(Protection::Until(until))
    }

    pub(crate) fn is_live(&self, now: Monotonic, leader: &Followed) -> bool {
        leader.life == Life::Alive
            && self.proof_holds(now, leader)
            && now < leader.news_at.after(self.config.settings.heartbeat * 3 / 2)
    }
}

/// Why we may not vote for somebody now (§5.2 rule 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// We lead ourselves.
    Certain,
    /// The leader counts as alive until then, unless it sends news.
    Until(Monotonic),
}

impl Life {
    pub(crate) const fn without_protection(self) -> Self {
        match self {
            Self::Alive | Self::Unprotected => Self::Unprotected,
            Self::CountedDead => Self::CountedDead,
        }
    }
}
