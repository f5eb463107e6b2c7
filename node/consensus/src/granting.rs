//! The voter's side of an election (§5.2, §5.3).

use mokka_types::{
    Ballot, CertifiedBase, Monotonic, Packet, Phase, Promise, Refusal, Refused, SafetyRecord, Sign,
    SignedBallot, ValidatorIndex, View, Vote, Voted, VotedAnswer,
};

use crate::{
    consensus::{Consensus, Held},
    eligibility::TERM_BOUND,
    faults::Rule,
    io::{Action, Consent, EndOfTerm, Ignored, Output, PeerFault, SignBallot},
    role::{Candidacy, Followed, Granted, Life, Role, Round},
};

impl Consensus {
    pub(crate) fn on_vote(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        vote: Vote,
        consent: Consent,
        out: &mut Output,
    ) {
        let ballot = vote.ballot;
        let sender = self.key_of(index);
        if ballot.candidate != sender || ballot.base != self.digest_of(&vote.base.base) {
            return out.accuse(sender, PeerFault::Contradiction);
        }
        if Some(index) == self.me {
            return out.ignore(Ignored::Duplicate);
        }
        self.learn(now, index, vote.promise, &vote.base, vote.newest_proof.as_ref(), out);
        if self.takes_part().is_none() {
            return out.ignore(Ignored::Behind);
        }
        if ballot.view > self.promise.view {
            self.rival_at = Some(now);
            if let Some(leader) = self.leader.as_mut().filter(|at| at.index == index) {
                leader.life = leader.life.without_protection();
            }
        }
        if let Some(granted) = self.granted.get(&index) {
            let (known, new) = (granted.ballot, ballot);
            if known.attempt > new.attempt || known.attempt == new.attempt && known != new {
                return out.ignore(Ignored::NotNews);
            }
            if known == new && granted.answered.is_some() {
                return out.ignore(Ignored::Duplicate);
            }
        }
        if consent == Consent::Refused {
            // What the application agreed to before does not count any more.
            self.granted.remove(&index);
            self.held.remove(&index);
        }
        if self.held.get(&index).is_some_and(|held| held.vote.ballot.attempt >= ballot.attempt) {
            return out.ignore(Ignored::Duplicate);
        }
        self.answer(now, index, vote, consent, Waiting::Allowed, out);
    }

    /// Applies the rules and answers, now or when the leader's life is decided.
    fn answer(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        vote: Vote,
        consent: Consent,
        waiting: Waiting,
        out: &mut Output,
    ) {
        let lawful = self
            .rules_of_state(now, &vote.ballot, &vote.base)
            .and_then(|()| self.base_is_proved(&vote.ballot, &vote.base))
            .and(consent.agrees());
        if let Err(reason) = lawful {
            return self.refuse(index, vote.ballot, reason, out);
        }
        if let Some(prepare) = &vote.base.prepare {
            self.notice_certificate(now, prepare, out);
        }
        if self.takes_part().is_none() {
            return out.ignore(Ignored::Behind);
        }
        let handed_over = self.handed_over(index, vote.handover.as_ref());
        match (self.protected_until(now, index, handed_over), waiting) {
            (None, _) => {
                let (ballot, base) = (vote.ballot, vote.base);
                let granted = Granted { ballot, base, handed_over, answered: None };
                self.granted.insert(index, granted);
                out.act(Action::Grant(ballot));
            }
            (Some(Protection::Until(until)), Waiting::Allowed) => {
                self.held.insert(index, Held { vote, until });
            }
            (Some(_), _) => self.refuse(index, vote.ballot, Refusal::LiveLeader, out),
        }
    }

    fn refuse(&self, index: ValidatorIndex, ballot: Ballot, reason: Refusal, out: &mut Output) {
        out.ignore(Ignored::Refused);
        let refused = Refused {
            reason,
            promise: self.promise.view,
            newest_proof: self.newest_proof.clone(),
            base: self.certified_base(),
        };
        let answer = VotedAnswer::Refused(Box::new(refused));
        let packet = Packet::Voted(Voted { ballot, answer });
        out.act(Action::Send { to: self.key_of(index), packet });
    }

    /// Answers votes that waited for the leader's news: its silence grants (§5.2 rule 6).
    pub(crate) fn tick_held(&mut self, now: Monotonic, out: &mut Output) {
        while let Some((index, _)) = self.held.iter().find(|(_, held)| now >= held.until) {
            let index = *index;
            let Some(held) = self.held.remove(&index) else { return };
            self.answer(now, index, held.vote, Consent::Given, Waiting::Over, out);
        }
    }

    /// We lead: nobody has to wait for our silence.
    pub(crate) fn answer_held(&mut self, now: Monotonic, out: &mut Output) {
        for (index, held) in std::mem::take(&mut self.held) {
            self.answer(now, index, held.vote, Consent::Given, Waiting::Over, out);
        }
    }

    /// The leader lives: who waited for its silence is refused.
    pub(crate) fn refuse_held(&mut self, leader: ValidatorIndex, out: &mut Output) {
        for (index, held) in std::mem::take(&mut self.held) {
            match index == leader {
                true => {
                    self.held.insert(index, held);
                }
                false => self.refuse(index, held.vote.ballot, Refusal::LiveLeader, out),
            }
        }
    }

    /// Rules 1 to 3, and the comparison of rule 4: what may change between the two rounds.
    fn rules_of_state(
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
        if self.is_out_of_bounds(ballot.view) {
            return Err(Refusal::TermTooHigh);
        }
        let candidate = self.committee.set().index_of(&ballot.candidate);
        if candidate.is_none_or(|at| !self.is_eligible(now, at) || self.is_in_penalty(now, at)) {
            return Err(Refusal::NotEligible);
        }
        if base.base.rank() < self.base().rank() && !self.lacks(Rule::BaseCompared) {
            return Err(Refusal::LowerBase);
        }
        Ok(())
    }

    /// A term that nobody can have reached (§5.2 rule 2).
    pub(crate) fn is_out_of_bounds(&self, view: View) -> bool {
        view.term.get() > self.reach().get().saturating_add(TERM_BOUND)
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
    /// `handed_over` this term to the candidate protects itself no more (§5.7).
    pub(crate) fn protected_until(
        &self,
        now: Monotonic,
        candidate: ValidatorIndex,
        handed_over: Option<View>,
    ) -> Option<Protection> {
        let steps_aside = |view: View| handed_over == Some(view);
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

    /// Round two: binding (§5.3).
    pub(crate) fn on_sign(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        sign: Sign,
        out: &mut Output,
    ) {
        let sender = self.key_of(index);
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
        let protected = self.protected_until(now, index, granted.handed_over).is_some();
        if !lawful || protected || self.goes_before(&sign.ballot) {
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

    /// Whether we ask for signatures in this very term, and rank before its other candidate: if two
    /// gave way to each other, neither would be elected. No rule of safety: not to sign is no vote.
    fn goes_before(&self, rival: &Ballot) -> bool {
        let Role::Candidate(candidacy) = &self.role else { return false };
        let rank = |key| self.committee.rank(rival.view, key);
        matches!(candidacy.round, Round::Signing(_))
            && candidacy.ballot.view == rival.view
            && rank(&self.config.key) < rank(&rival.candidate)
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
        let lawful = base.base == self.base() && self.rules_of_state(now, &ballot, base).is_ok();
        let handed_over = self.handed_over(me, self.own_handover().as_ref());
        if !lawful || self.protected_until(now, me, handed_over).is_some() {
            return self.fail(now, out);
        }
        self.bind_to(now, ballot, out);
        self.sign_ballot(sign, out);
    }
}

/// Whether an answer may wait for the leader's life to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Allowed,
    Over,
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
