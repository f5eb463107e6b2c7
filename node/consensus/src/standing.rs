//! Standing for election: the candidate's timers and the rounds it opens (§4, §5.1, §5.3).

use std::collections::BTreeMap;

use mokka_types::{
    Attempt, Ballot, BaseDigest, Monotonic, Packet, PublicNonce, Refusal, Sign, Signers,
    ValidatorIndex, View, Vote,
};

use crate::{
    consensus::{Consensus, Operation},
    io::{Action, EndOfTerm, Event, Fatal, Output, RoleName},
    role::{AskedToSign, Candidacy, Followed, Role, Round, SigningRound},
};

/// Whom a candidate takes among those that granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Only who signed when it was last asked.
    Reliable,
    /// Anybody: not enough others answer.
    Anybody,
}

impl Consensus {
    /// How long a follower waits for news of its leader, or for one to appear (§4).
    pub(crate) fn restart_leader_timeout(&mut self, now: Monotonic) {
        if self.quorum().validators() == 1 {
            self.stand_at = now;
            return;
        }
        let half = self.config.settings.heartbeat / 2;
        let spread = half * self.rank(now) + self.jitter.up_to(half);
        let silence = now.after(half * 3);
        let earliest = match self.me.is_some_and(|me| !self.is_eligible(now, me)) {
            true => silence.max(self.anybody_may_lead_at(now)),
            false => silence,
        };
        self.stand_at = earliest.after(spread);
    }

    /// Nobody leads yet, nor did so lately: there is no silence to wait for (§9).
    pub(crate) fn stand_in_rank_order(&mut self, now: Monotonic) {
        if self.is_syncing() {
            return self.restart_leader_timeout(now);
        }
        self.stand_at = now.after(self.config.settings.heartbeat / 2 * self.rank(now));
    }

    /// Our place among the eligible for the next term, so that validators do not stand at once
    /// (§4); who is not eligible stands where everybody is.
    pub(crate) fn rank(&self, now: Monotonic) -> u32 {
        let next = View::new(self.epoch(), self.promise.view.term.next().unwrap_or_default());
        let ours = self.committee.rank(next, &self.config.key);
        let set = self.committee.set();
        let anybody = self.me.is_some_and(|me| !self.is_eligible(now, me));
        let others = set.indices().filter(|index| anybody || self.is_eligible(now, *index));
        let ranks = others.map(|index| self.committee.rank(next, &self.key_of(index)));
        u32::try_from(ranks.filter(|rank| *rank < ours).count()).unwrap_or(u32::MAX)
    }

    /// The leader timeout fired (§5.1).
    pub(crate) fn stand(&mut self, now: Monotonic, out: &mut Output) {
        let me = self.takes_part().filter(|_| self.operation == Operation::Running);
        let Some(me) = me else {
            return self.restart_leader_timeout(now.after(self.config.settings.election_timeout));
        };
        if !self.is_eligible(now, me) && self.own_turn(now).is_none() {
            return self.restart_leader_timeout(now);
        }
        out.events.push(Event::HeartbeatTimeout);
        let Some(view) = self.next_view(now, me) else {
            return self.halt(Fatal::NumbersExhausted, out);
        };
        // Others would sign, and we not.
        if self.is_out_of_bounds(now, me, view) {
            self.last_vote_at = Some(now);
            self.stand_at = now.after(self.config.settings.heartbeat);
            return;
        }
        out.events.push(Event::State(RoleName::Candidate));
        out.events.push(Event::Standing(view));
        let gives_up_at = now.after(self.config.settings.election_timeout);
        self.begin_attempt(now, view, Signers::NONE, gives_up_at, out);
    }

    /// The term to stand for (§5.1).
    fn next_view(&self, now: Monotonic, me: ValidatorIndex) -> Option<View> {
        let base = self.digest_of(&self.base());
        let asked = self.asked_on_other_than(base);
        let told = self.peers.credible_promise(self.quorum());
        let above = told.term.next().map(|term| View { term, ..told });
        let told = match above.is_none_or(|above| self.is_out_of_bounds(now, me, above)) {
            true => View::default(),
            false => told,
        };
        // A block that we took over may be of a term above our promise (§5.4).
        let prepared = self.prepared_here().map(|at| at.view).unwrap_or_default();
        let seen = self.promise.view.max(self.highest_seen).max(prepared);
        let highest = seen.max(told).max(asked);
        let term = match highest.epoch == self.epoch() {
            true => highest.term.next()?,
            false => self.promise.view.term.next()?,
        };
        Some(View::new(self.epoch(), term.max(self.own_turn(now).unwrap_or_default())))
    }

    /// The highest term for which we sent `Sign` on another base (§5.1).
    fn asked_on_other_than(&self, base: BaseDigest) -> View {
        self.asked_to_sign.map_or_else(View::default, |asked| match asked.base == base {
            true => asked.on_lower,
            false => asked.view,
        })
    }

    /// Asks everybody, ourselves included, for a fresh nonce (§5.2).
    pub(crate) fn begin_attempt(
        &mut self,
        now: Monotonic,
        view: View,
        left_out: Signers,
        gives_up_at: Monotonic,
        out: &mut Output,
    ) {
        self.attempts += 1;
        let base = self.certified_base();
        let ballot = Ballot {
            view,
            candidate: self.config.key,
            attempt: Attempt { run: self.run, counter: self.attempts },
            base: self.digest_of(&base.base),
        };
        self.last_vote_at = Some(now);
        self.role = Role::Candidate(Box::new(Candidacy {
            ballot,
            base,
            gives_up_at,
            repeats_at: now.after(self.config.settings.election_timeout / 6),
            left_out,
            refusals: BTreeMap::new(),
            round: Round::Granting(BTreeMap::new()),
        }));
        self.broadcast_vote(out);
        out.act(Action::Grant(ballot));
    }

    fn broadcast_vote(&self, out: &mut Output) {
        let Role::Candidate(candidacy) = &self.role else { return };
        out.act(Action::Broadcast(Packet::Vote(Box::new(Vote {
            ballot: candidacy.ballot,
            promise: self.promise.view,
            base: candidacy.base.clone(),
            newest_proof: self.newest_proof.clone(),
            handover: self.own_handover(),
        }))));
    }

    /// Goes to round two once enough have granted (§5.3).
    pub(crate) fn choose_signers(&mut self, now: Monotonic, choice: Choice, out: &mut Output) {
        let (Some(me), quorum) = (self.me, self.quorum()) else { return };
        let avoided = match choice {
            Choice::Reliable => self.silent.without(me),
            Choice::Anybody => Signers::NONE,
        };
        let Role::Candidate(candidacy) = &mut self.role else { return };
        let Round::Granting(grants) = &candidacy.round else { return };
        let skipped = |index: &ValidatorIndex| {
            avoided.contains(*index) || candidacy.left_out.contains(*index)
        };
        let others = grants.iter().filter(|(index, _)| **index != me && !skipped(index));
        let mut nonces: BTreeMap<ValidatorIndex, PublicNonce> =
            others.take(quorum.votes() - 1).map(|(index, nonce)| (*index, *nonce)).collect();
        let Some(own) = grants.get(&me) else { return };
        nonces.insert(me, *own);
        if !quorum.is_reached_by(nonces.len()) {
            return;
        }
        let list: Vec<_> = nonces.values().copied().collect();
        // Each nonce was checked when it came; only their sum can still be no point.
        let Ok(nonce) = mokka_crypto::aggregate_nonces(&list) else { return };
        let ballot = candidacy.ballot;
        let sign = Sign { ballot, signers: nonces.keys().copied().collect(), nonce };
        candidacy.round = Round::Signing(SigningRound {
            sign,
            nonces,
            shares: BTreeMap::new(),
            patience_ends_at: now.after(self.config.settings.election_timeout / 3),
        });
        let (view, base) = (ballot.view, ballot.base);
        let on_lower = self.asked_on_other_than(base);
        self.asked_to_sign = Some(AskedToSign { view, base, on_lower });
        self.send_sign(out);
        self.sign_last(now, out);
    }

    /// Asks the chosen signers that have not answered.
    fn send_sign(&self, out: &mut Output) {
        let Role::Candidate(candidacy) = &self.role else { return };
        let Round::Signing(round) = &candidacy.round else { return };
        let missing = round.sign.signers.iter().filter(|at| !round.shares.contains_key(at));
        for index in missing.filter(|index| Some(*index) != self.me) {
            out.act(Action::Send { to: self.key_of(index), packet: Packet::Sign(round.sign) });
        }
    }

    /// A candidate's timers.
    pub(crate) fn tick_candidate(&mut self, now: Monotonic, out: &mut Output) {
        let Role::Candidate(candidacy) = &mut self.role else { return };
        if now >= candidacy.gives_up_at {
            return self.fail(now, out);
        }
        if let Round::Signing(round) = &candidacy.round
            && now >= round.patience_ends_at
        {
            let silent = round.sign.signers.iter().filter(|at| !round.shares.contains_key(at));
            let silent = silent.filter(|index| Some(*index) != self.me);
            self.silent = silent.fold(self.silent, Signers::with);
            return self.try_without(now, Signers::NONE, out);
        }
        if now >= candidacy.repeats_at {
            candidacy.repeats_at = now.after(self.config.settings.election_timeout / 6);
            match &candidacy.round {
                Round::Granting(_) => {
                    self.broadcast_vote(out);
                    self.choose_signers(now, Choice::Anybody, out);
                }
                Round::Signing(_) => self.send_sign(out),
            }
        }
    }

    /// Another attempt of the same term without these signers (§5.4).
    pub(crate) fn try_without(&mut self, now: Monotonic, out_of: Signers, out: &mut Output) {
        let Role::Candidate(candidacy) = &self.role else { return };
        let (view, gives_up_at) = (candidacy.ballot.view, candidacy.gives_up_at);
        let left_out = out_of.iter().fold(candidacy.left_out, Signers::with);
        let same_base = candidacy.base.base == self.base();
        self.silent = out_of.iter().fold(self.silent, Signers::with);
        match same_base {
            true => self.begin_attempt(now, view, left_out, gives_up_at, out),
            false => self.fail(now, out),
        }
    }

    /// A candidacy ends without a proof; sets when the next begins (§4).
    pub(crate) fn fail(&mut self, now: Monotonic, out: &mut Output) {
        let Role::Candidate(candidacy) = &self.role else { return };
        let timeout = self.config.settings.election_timeout;
        let leader_lives = candidacy.refusals.values().any(|reason| *reason == Refusal::LiveLeader);
        let recently = |at: Option<Monotonic>| at.is_some_and(|at| now.since(at) < timeout);
        let rival = recently(self.rival_at);
        let recent = Monotonic::since_start(now.elapsed().saturating_sub(timeout));
        let connected = self.peers.heard_since(recent) + 1 >= self.quorum().votes();
        self.become_follower(now, out);
        self.stand_at = match connected && !rival && !leader_lives {
            true => {
                let last = self.last_vote_at.unwrap_or(now);
                now.max(last.after(self.config.settings.heartbeat))
            }
            false => now.after(timeout + self.jitter.up_to(timeout * 2)),
        };
    }

    /// Falls back to follower, whatever it was; a leader must resign instead.
    pub(crate) fn become_follower(&mut self, now: Monotonic, out: &mut Output) {
        if let Role::Candidate(candidacy) = &self.role {
            out.events.push(Event::NotElected(candidacy.ballot.view));
        }
        self.role = Role::Follower;
        out.events.push(Event::State(RoleName::Follower));
        self.restart_leader_timeout(now);
    }

    /// Our base is higher than it was: what rested on the lower one is over (§5.3).
    pub(crate) fn base_rose(&mut self, now: Monotonic, out: &mut Output) {
        let Role::Candidate(candidacy) = &self.role else { return };
        if candidacy.base.base == self.base() {
            return;
        }
        self.become_follower(now, out);
        self.stand_soon(now);
    }

    /// Stands again without backoff, where no leader lives (§5.4); once the blocks that are at hand
    /// are stored, as before that others would refuse.
    pub(crate) fn stand_soon(&mut self, now: Monotonic) {
        if self.is_syncing() {
            self.stand_from = self.stand_from.max(self.committed.height.next());
            return self.restart_leader_timeout(now);
        }
        let lives = self.leader.as_ref().is_some_and(|leader| self.is_live(now, leader));
        if !lives || self.own_handover().is_some() {
            let pause = self.config.settings.heartbeat / 4;
            self.stand_at = self.last_vote_at.map_or(now, |last| now.max(last.after(pause)));
        }
    }

    /// Stops leading, for good in this term (§5.6).
    pub(crate) fn resign(&mut self, now: Monotonic, reason: EndOfTerm, out: &mut Output) {
        let Role::Leader(leadership) = &self.role else { return };
        let view = leadership.view();
        self.report_silent(out);
        self.last_led = self.last_led.max(view);
        self.conduct.leader_lived_at = now;
        out.events.push(Event::Resigned { view, reason });
        self.become_follower(now, out);
        if let Some(leader) = self.leader.as_mut().filter(|at| at.proof.view == view) {
            leader.life = crate::role::Life::CountedDead;
        }
        match reason {
            EndOfTerm::NoProgress => {
                self.patience = (self.patience * 2).min(MOST_PATIENCE);
                // Somebody else shall try first.
                self.stand_at = self.stand_at.after(self.config.settings.election_timeout);
            }
            EndOfTerm::Isolated | EndOfTerm::PromisesAbove => {
                self.stand_at = self.stand_at.after(self.config.settings.heartbeat);
            }
            EndOfTerm::ProofEnded
            | EndOfTerm::HigherTerm
            | EndOfTerm::EpochEnded
            | EndOfTerm::Marked
            | EndOfTerm::Stopped => {}
        }
    }

    /// Whether the proof of this leader still makes it one (§4).
    pub(crate) fn proof_holds(&self, now: Monotonic, leader: &Followed) -> bool {
        leader.proof.view == self.promise.view
            && now < leader.adopted_at.after(self.config.settings.proof_lifetime)
    }
}

/// How far the progress timeout stretches at most (§4).
pub(crate) const MOST_PATIENCE: u32 = 16;
