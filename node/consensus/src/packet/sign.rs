//! `Sign`: the binding round; who signs promises first (§5.3).

use mokka_types::{Ballot, Monotonic, Promise, SafetyRecord, Sign, SignedBallot, ValidatorIndex};

use crate::{
    consensus::Consensus,
    faults::Rule,
    io::{Action, EndOfTerm, Ignored, Output, PeerFault, SignBallot},
    role::{Candidacy, Role, Round},
};

impl Consensus {
    /// Round two: binding (§5.3).
    pub(crate) fn on_sign(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        sign: Sign,
        out: &mut Output,
    ) {
        let sender = self.key_of(index);
        if sign.ballot.view.epoch != self.epoch() {
            return out.ignore(Ignored::OtherEpoch);
        }
        let Some(me) = self.takes_part() else { return out.ignore(Ignored::Behind) };
        if sign.ballot.candidate != sender
            || !sign.signers.fits(self.quorum().validators())
            || sign.signers.count() != self.quorum().votes()
            || !sign.signers.contains(index)
        {
            return out.accuse(sender, PeerFault::Contradiction);
        }
        let Some(granted) = self.granted.get(&index).filter(|at| at.ballot == sign.ballot) else {
            return out.ignore(Ignored::Unknown);
        };
        match granted.answered {
            Some(answered) if answered == sign => return self.sign_ballot(sign, out),
            Some(_) => return out.ignore(Ignored::Duplicate),
            None => {}
        }
        if !sign.signers.contains(me) {
            return out.ignore(Ignored::Unknown);
        }
        let lawful = self.rules_of_state(now, &sign.ballot, &granted.base).is_ok();
        let (view, handed_over) = (sign.ballot.view, granted.handed_over);
        let protected = self.protected_until(now, index, view, handed_over).is_some();
        if !lawful || protected || self.goes_before(now, &sign.ballot) {
            return out.ignore(Ignored::RulesFail);
        }
        if let Some(granted) = self.granted.get_mut(&index) {
            granted.answered = Some(sign);
        }
        self.bind_to(now, sign.ballot, out);
        match &self.role {
            Role::Leader(_) => self.resign(now, EndOfTerm::HigherTerm, out),
            Role::Candidate(_) => self.become_follower(now, out),
            Role::Follower => {}
        }
        self.restart_leader_timeout(now);
        self.sign_ballot(sign, out);
    }

    /// Whether we ask for signatures in a higher term, or in this very one and rank before its
    /// other candidate: if two gave way to each other, neither would be elected. Who has its turn
    /// gives way to no term below (decision 8). No rule of safety: not to sign is no vote.
    fn goes_before(&self, now: Monotonic, rival: &Ballot) -> bool {
        if self.own_turn(now).is_some_and(|first| rival.view.term < first) {
            return true;
        }
        let Role::Candidate(candidacy) = &self.role else { return false };
        let rank = |key| self.committee.rank(rival.view, key);
        let ours = candidacy.ballot.view;
        matches!(candidacy.round, Round::Signing(_))
            && (ours > rival.view
                || ours == rival.view && rank(&self.config.key) < rank(&rival.candidate))
    }

    fn sign_ballot(&self, sign: Sign, out: &mut Output) {
        let Sign { ballot, signers, nonce } = sign;
        out.act(Action::SignBallot(SignBallot { ballot, signers, nonce }));
    }

    /// Promises the ballot's term, durably before the signature leaves (§5.3, §8).
    fn bind_to(&mut self, now: Monotonic, ballot: Ballot, out: &mut Output) {
        let signed = SignedBallot { candidate: ballot.candidate, base: ballot.base };
        let promise = Promise { view: ballot.view, signed: Some(signed) };
        if self.promise != promise {
            self.promise = promise;
            if !self.lacks(Rule::PromiseRecorded) {
                out.records.push(SafetyRecord::Promise(promise));
            }
        }
        self.signed_at = Some(now);
        if let Some(index) = self.committee.set().index_of(&ballot.candidate)
            && Some(index) != self.me
        {
            let timeout = self.config.settings.election_timeout;
            self.conduct.penalties.signed(index, ballot.view.term, now, timeout);
        }
    }

    /// The candidate signs last, if it could still vote for itself (§5.3).
    pub(crate) fn sign_last(&mut self, now: Monotonic, out: &mut Output) {
        let Some(me) = self.me else { return };
        let Role::Candidate(candidacy) = &self.role else { return };
        let Candidacy { ballot, base, round: Round::Signing(round), .. } = &**candidacy else {
            return;
        };
        if round.shares.len() + 1 < self.quorum().votes() || round.shares.contains_key(&me) {
            return;
        }
        let (ballot, sign) = (*ballot, round.sign);
        let lawful = self.lacks(Rule::LooksAgain)
            || base.base == self.base() && self.rules_of_state(now, &ballot, base).is_ok();
        let handed_over = self.handed_over(me, self.own_handover().as_ref());
        if !lawful || self.protected_until(now, me, ballot.view, handed_over).is_some() {
            return self.fail(now, out);
        }
        self.bind_to(now, ballot, out);
        self.sign_ballot(sign, out);
    }
}
