//! `Vote`: somebody asks to lead, and gets a nonce or a reason (§5.2).

use mokka_types::{
    Ballot, Monotonic, Packet, Refusal, Refused, ValidatorIndex, Vote, Voted, VotedAnswer,
};

use crate::{
    consensus::{Consensus, Held},
    io::{Action, Consent, Ignored, Output, PeerFault},
    role::Granted,
    rules::Protection,
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
        let says_no_more = |held: &Held| {
            held.vote.ballot.attempt >= ballot.attempt
                && (held.vote.handover.is_some() || vote.handover.is_none())
        };
        if self.held.get(&index).is_some_and(says_no_more) {
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
        match (self.protected_until(now, index, vote.ballot.view, handed_over), waiting) {
            (None, _) => {
                let (ballot, base) = (vote.ballot, vote.base);
                let granted = Granted { ballot, base, handed_over, answered: None };
                self.granted.insert(index, granted);
                self.held.remove(&index);
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

    /// Answers votes that waited for the leader's news: its silence grants (§5.2 rule 6), and so
    /// does whatever else ends its protection.
    pub(crate) fn tick_held(&mut self, now: Monotonic, out: &mut Output) {
        let waits = |index: ValidatorIndex, held: &Held| {
            let handed_over = self.handed_over(index, held.vote.handover.as_ref());
            let view = held.vote.ballot.view;
            now < held.until && self.protected_until(now, index, view, handed_over).is_some()
        };
        let over = self.held.iter().filter(|(index, held)| !waits(**index, held));
        for index in over.map(|(index, _)| *index).collect::<Vec<_>>() {
            let Some(held) = self.held.remove(&index) else { continue };
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
}

/// Whether an answer may wait for the leader's life to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Allowed,
    Over,
}
