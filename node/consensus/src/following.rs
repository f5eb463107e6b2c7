//! Following a leader: its proof, its news, and its silence (§3, §5.4, §5.6).

use mokka_types::{
    ALIVE_INTERVAL, BlockId, CertifiedBase, Envelope, Monotonic, Packet, Promise, Proof, RunNumber,
    SafetyRecord, ValidatorIndex, View,
};

use crate::{
    consensus::Consensus,
    faults::Rule,
    io::{Action, EndOfTerm, Event, Ignored, Output, PeerFault},
    peers::Novelty,
    role::{Followed, Life, Role},
    standing::MOST_PATIENCE,
};

impl Consensus {
    /// Takes in what a voter or candidate tells beside its vote.
    pub(crate) fn learn(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        promise: View,
        base: &CertifiedBase,
        newest_proof: Option<&Proof>,
        out: &mut Output,
    ) {
        let sender = self.key_of(index);
        self.note_promise(index, promise);
        let ours = !self.is_bft() && promise.epoch == self.epoch();
        if let Some(prepared) = base.base.prepared.filter(|_| ours) {
            self.note_promise(index, View::new(self.epoch(), prepared.term));
        }
        self.show_height(now, index, base.base.committed, out);
        if let Some(certificate) = &base.commit {
            self.see_commit(now, certificate, sender, out);
        }
        if let Some(proof) = newest_proof {
            self.see_proof(now, proof, index, out);
        }
    }

    pub(crate) fn note_promise(&mut self, index: ValidatorIndex, promise: View) {
        if promise.epoch == self.epoch() && Some(index) != self.me {
            let peer = self.peers.of(index);
            peer.promise = peer.promise.max(promise);
        }
    }

    /// Somebody claims a committed block: a bare claim, which only makes us ask (§7).
    pub(crate) fn show_height(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        committed: BlockId,
        out: &mut Output,
    ) {
        if Some(index) == self.me {
            return;
        }
        let level = self.is_level(committed.height);
        let peer = self.peers.of(index);
        peer.committed = peer.committed.max(Some(committed.height));
        if level {
            peer.level_at = Some(now);
        }
        if committed.height > self.committed.height {
            let from = self.key_of(index);
            self.want_blocks(now, from, committed.height, out);
        }
    }

    /// A newer run of the leader ends its protection at once (§3).
    pub(crate) fn notice_restart(&mut self, index: ValidatorIndex, envelope: &Envelope) {
        let ours = Some(index) == self.me;
        let Some(leader) = self.leader.as_mut().filter(|at| at.index == index && !ours) else {
            return;
        };
        // Where others showed us its proof, we have not heard yet in which run it leads.
        if leader.run != RunNumber::default() && envelope.run > leader.run {
            leader.life = leader.life.without_protection();
        }
    }

    /// Verifies a proof and follows it if it is new to us (§5.4). Says whether it is valid.
    pub(crate) fn see_proof(
        &mut self,
        now: Monotonic,
        proof: &Proof,
        from: ValidatorIndex,
        out: &mut Output,
    ) -> bool {
        if proof.view.epoch != self.epoch() {
            out.ignore(Ignored::OtherEpoch);
            return false;
        }
        let known = self.newest_proof.as_ref() == Some(proof)
            || self.leader.as_ref().is_some_and(|leader| leader.proof == *proof);
        let checked = !known && !self.lacks(Rule::ProofChecked);
        if checked && self.committee.check_proof(proof).is_err() {
            out.accuse(self.key_of(from), PeerFault::InvalidProof);
            return false;
        }
        self.notice_proof(now, proof, out);
        self.see_view(now, proof.view, out);
        if self.newest_proof.as_ref().is_none_or(|newest| newest.view < proof.view) {
            // Only a proof that is new shows that its signers have signed since they were silent.
            self.silent = proof.signers.iter().fold(self.silent, |all, one| all.without(one));
            self.newest_proof = Some(proof.clone());
        }
        self.note_leader(proof.view.term, &proof.candidate);
        let followed = self.leader.as_ref().map(|leader| leader.proof.view);
        if proof.view > self.promise.view
            || proof.view == self.promise.view && followed != Some(proof.view)
        {
            self.follow(now, proof, from, out);
        }
        true
    }

    /// A valid proof or certificate of this term exists: a leader of a lower one ends (§5.6).
    pub(crate) fn see_view(&mut self, now: Monotonic, view: View, out: &mut Output) {
        self.highest_seen = self.highest_seen.max(view);
        if let Role::Leader(leadership) = &self.role
            && leadership.view() < view
        {
            self.resign(now, EndOfTerm::HigherTerm, out);
        }
    }

    fn follow(&mut self, now: Monotonic, proof: &Proof, from: ValidatorIndex, out: &mut Output) {
        let Some(index) = self.committee.set().index_of(&proof.candidate) else { return };
        if proof.view > self.promise.view {
            self.promise = Promise { view: proof.view, signed: None };
            out.records.push(SafetyRecord::Promise(self.promise));
        }
        self.become_follower(now, out);
        // A term of our own that we meet again is one that we led before a restart, or gave up.
        let ours = proof.candidate.x() == self.config.key.x();
        if ours && self.lacks(Rule::NoTermAgain) {
            return self.lead(now, proof.clone(), out);
        }
        let heard = from == index && !ours;
        let silent_since = self.config.settings.heartbeat * 2;
        if heard {
            self.conduct.leader_lived_at = now;
        }
        self.leader = Some(Followed {
            proof: proof.clone(),
            index,
            adopted_at: now,
            news_at: match heard {
                true => now,
                false => Monotonic::since_start(now.elapsed().saturating_sub(silent_since)),
            },
            // In which run it leads, only itself can show.
            run: if heard { self.peers.of(index).run } else { RunNumber::default() },
            life: if ours { Life::CountedDead } else { Life::Alive },
        });
        self.enter_term(now, out);
    }

    /// What begins anew with a followed term, ours or another's.
    pub(crate) fn enter_term(&mut self, now: Monotonic, out: &mut Output) {
        let Some(leader) = &self.leader else { return };
        let (view, key) = (leader.proof.view, leader.proof.candidate);
        self.farewell_at = None;
        self.handover = None;
        self.next.accepted = None;
        self.next.prepare = None;
        self.next.asked.values_mut().for_each(|asked| asked.times = 0);
        self.owed_since = None;
        self.alive_at = now;
        out.events.push(Event::Leader { view, leader: key });
    }

    /// The followed leader itself said something new in its term: it lives (§3).
    pub(crate) fn note_news(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        view: View,
        novelty: Novelty,
        out: &mut Output,
    ) {
        let ours = Some(index) == self.me;
        let Some(leader) = &self.leader else { return };
        let lives = leader.index == index
            && leader.proof.view == view
            && novelty == Novelty::News
            && leader.life == Life::Alive
            && self.proof_holds(now, leader);
        if ours || !lives {
            return;
        }
        let run = self.peers.of(index).run;
        if let Some(leader) = &mut self.leader {
            leader.news_at = now;
            leader.run = leader.run.max(run);
        }
        self.conduct.leader_lived_at = now;
        match &self.role {
            // It lives, and wants us to lead.
            Role::Candidate(_) if self.own_handover().is_some() => {}
            Role::Candidate(_) => self.become_follower(now, out),
            Role::Follower => self.restart_leader_timeout(now),
            Role::Leader(_) => {}
        }
        self.refuse_held(index, out);
    }

    /// A follower's timers.
    pub(crate) fn tick_follower(&mut self, now: Monotonic, out: &mut Output) {
        self.watch_progress(now);
        if now >= self.stand_at {
            return self.stand(now, out);
        }
        if self.me.is_none() && !self.is_guest() || now < self.alive_at {
            return;
        }
        self.alive_at = now.after(ALIVE_INTERVAL);
        if let Some(leader) = self.leader.as_ref().filter(|at| Some(at.index) != self.me) {
            let packet = Packet::Alive(self.alive());
            out.act(Action::Send { to: leader.proof.candidate, packet });
        }
    }

    /// Counts a leader dead that owes a block for too long (§5.6).
    fn watch_progress(&mut self, now: Monotonic) {
        let Some(leader) = &self.leader else { return };
        let ended = !self.proof_holds(now, leader);
        if ended || leader.life == Life::CountedDead {
            self.owed_since = None;
            if let Some(leader) = self.leader.as_mut().filter(|_| ended) {
                leader.life = Life::CountedDead;
            }
            return;
        }
        let in_flight = self.next.accepted.is_some_and(|at| at.view == self.promise.view);
        if !in_flight && !self.block_is_due(now) {
            self.owed_since = None;
            return;
        }
        let since = *self.owed_since.get_or_insert(now);
        if now < since.after(self.progress_timeout()) {
            return;
        }
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
        self.owed_since = None;
        if let Some(leader) = &mut self.leader {
            leader.life = Life::CountedDead;
        }
        let half = self.config.settings.heartbeat / 2;
        self.restart_leader_timeout(now);
        let earlier = self.stand_at.elapsed().saturating_sub(half * 3);
        self.stand_at = Monotonic::since_start(earlier).max(now);
    }

    pub(crate) fn progress_timeout(&self) -> std::time::Duration {
        self.config.settings.progress_timeout * self.patience
    }
}
