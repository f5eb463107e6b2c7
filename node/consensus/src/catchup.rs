//! Catching up: ranges of final blocks from one peer at a time (§7).

use std::collections::VecDeque;

use mokka_types::{
    ALIVE_INTERVAL, Alive, BlocksRequest, Certificate, FinalBlock, Height, Monotonic, Packet,
    Phase, PublicKey, Term, View,
};

use crate::{
    at_height::{Checked, Known},
    consensus::{Consensus, Knowledge},
    io::{Action, CheckedBlock, Ignored, Origin, Output, Verdict},
};

/// Blocks of one answer kept while they are executed; the transport bounds their bytes.
const MAX_QUEUED: usize = 1024;

/// What we miss, and whom we asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Catchup {
    /// The highest block that somebody claims.
    target: Height,
    asked: Option<Asked>,
    /// When an observer last asked for whatever there is.
    polled_at: Option<Monotonic>,
    queue: VecDeque<FinalBlock>,
    sender: Option<PublicKey>,
    ahead: Option<Ahead>,
    turn: usize,
}

/// A block of an answer whose certificate is proved, and at which the application looks while it
/// stores the block below.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ahead {
    pub(crate) certificate: Certificate,
    pub(crate) known: Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Asked {
    peer: PublicKey,
    at: Monotonic,
}

impl Consensus {
    /// Somebody shows a block that we miss.
    pub(crate) fn want_blocks(
        &mut self,
        now: Monotonic,
        from: PublicKey,
        height: Height,
        out: &mut Output,
    ) {
        self.catchup.target = self.catchup.target.max(height);
        // Behind by one, with the certificate at hand: its body is all that may be missing.
        if self.next.arriving.as_ref().is_some_and(|at| at.certificate.id.height >= height) {
            return;
        }
        // Who fails to answer does not keep others waiting.
        let fails = |asked: Asked| self.in_vain(&asked.peer) > self.in_vain(&from);
        if self.catchup.asked.is_none_or(fails) && self.catchup.queue.is_empty() {
            self.ask_blocks(now, from, out);
        }
    }

    fn ask_blocks(&mut self, now: Monotonic, peer: PublicKey, out: &mut Output) {
        let Some(from) = self.next_height(out) else { return };
        if peer == self.config.key {
            return;
        }
        self.catchup.asked = Some(Asked { peer, at: now });
        let packet = Packet::BlocksRequest(BlocksRequest { from });
        out.act(Action::Send { to: peer, packet });
    }

    pub(crate) fn on_blocks(
        &mut self,
        now: Monotonic,
        sender: PublicKey,
        blocks: Vec<FinalBlock>,
        out: &mut Output,
    ) {
        let asked = self.catchup.asked.map(|asked| asked.peer);
        if asked != Some(sender) && !self.may_answer_for(asked, &sender, &blocks) {
            return out.ignore(Ignored::Unknown);
        }
        self.catchup.asked = None;
        let ours = self.committed.height;
        if blocks.iter().all(|block| block.id.height <= ours) {
            // It has nothing for us: its claim, if it made one, was wrong.
            self.withdraw_claim(sender);
            return;
        }
        self.catchup.sender = Some(sender);
        self.catchup.queue = blocks.into_iter().take(MAX_QUEUED).collect();
        self.next_of_catchup(now, out);
    }

    /// How often in a row this one did not show what it claims.
    fn in_vain(&self, peer: &PublicKey) -> u32 {
        self.committee.set().index_of(peer).map_or(0, |index| self.peers.in_vain(index))
    }

    /// Who takes no part, and who asks a validator of a set that it does not know yet, asks by way
    /// of those that it is connected to (§7): the next block with its certificate is as good from
    /// any of them. So it is from whoever was asked before: on a slow link an answer takes seconds.
    fn may_answer_for(
        &self,
        asked: Option<PublicKey>,
        from: &PublicKey,
        blocks: &[FinalBlock],
    ) -> bool {
        let observes = self.me.is_none();
        let expected = match asked {
            Some(asked) => {
                let unknown = self.committee.set().index_of(&asked).is_none();
                observes || unknown || self.in_vain(from) > 0
            }
            None => observes && self.catchup.polled_at.is_some() && self.awaits_no_block(),
        };
        let ours = self.committed.height;
        let next = blocks.iter().find(|block| block.id.height > ours);
        expected
            && next.is_some_and(|block| {
                let certificate = &block.certificate;
                Some(block.id.height) == ours.next()
                    && certificate.id == block.id
                    && certificate.phase == Phase::Commit
                    && self.committee.check_certificate(certificate).is_ok()
            })
    }

    fn withdraw_claim(&mut self, peer: PublicKey) {
        let ours = self.committed.height;
        if let Some(index) = self.committee.set().index_of(&peer) {
            let peer = self.peers.of(index);
            peer.committed = peer.committed.map(|claimed| claimed.min(ours));
            peer.in_vain = peer.in_vain.saturating_add(1);
        }
        self.catchup.target = self.peers.highest_told();
        self.catchup.turn = self.catchup.turn.wrapping_add(1);
    }

    /// Takes the next block of the answer, if it is the next of the chain.
    pub(crate) fn next_of_catchup(&mut self, now: Monotonic, out: &mut Output) {
        let Some(sender) = self.catchup.sender else { return };
        let ours = self.committed.height;
        while self.catchup.queue.front().is_some_and(|block| block.id.height <= ours) {
            self.catchup.queue.pop_front();
        }
        let Some(block) = self.catchup.queue.pop_front() else {
            // Others may claim more, but it is not to blame for what it does not claim.
            let index = self.committee.set().index_of(&sender);
            let claimed = index.and_then(|index| self.peers.of(index).committed);
            let has_more = claimed.is_none_or(|claimed| claimed > ours);
            if self.catchup.target > ours && self.catchup.asked.is_none() && has_more {
                self.ask_blocks(now, sender, out);
            }
            return;
        };
        if block.certificate.id != block.id || Some(block.id.height) != ours.next() {
            return self.distrust(sender);
        }
        self.see_commit(now, &block.certificate, sender, out);
        let arrives = self.next.arriving.as_ref().is_some_and(|at| at.certificate.id == block.id);
        if !arrives {
            return self.distrust(sender);
        }
        if let Some(index) = self.committee.set().index_of(&sender) {
            self.peers.of(index).in_vain = 0;
        }
        match self.catchup.ahead.take().filter(|ahead| ahead.certificate.id == block.id) {
            Some(ahead) => {
                self.next.known.entry(block.id).or_insert(ahead.known);
            }
            None => self.inspect(block.id, block.body, Origin::Certified, sender, out),
        }
    }

    /// Lets the application look at the next block of an answer right after it has stored this one,
    /// so that neither waits for the other. Where this one ends the epoch, others prove the next.
    pub(crate) fn look_ahead(&mut self, below: &Certificate, out: &mut Output) {
        let (Some(from), Some(block)) = (self.catchup.sender, self.catchup.queue.front()) else {
            return;
        };
        let FinalBlock { id, body, certificate } = block;
        let proved = Some(id.height) == below.id.height.next()
            && certificate.id == *id
            && certificate.phase == Phase::Commit
            && below.next_set == self.committee.set_digest()
            && self.committee.check_certificate(certificate).is_ok();
        if proved {
            let (id, body, certificate) = (*id, body.clone(), certificate.clone());
            let origin = Origin::Certified;
            let ticket = self.ask_check(id, below.id, body.clone(), origin, out);
            let known = Known { body, origin, from, state: Checked::Asked(ticket) };
            self.catchup.ahead = Some(Ahead { certificate, known });
        }
    }

    /// Whether this certificate was proved when the application was asked to look ahead.
    pub(crate) fn is_proved_ahead(&self, certificate: &Certificate) -> bool {
        self.catchup.ahead.as_ref().is_some_and(|ahead| ahead.certificate == *certificate)
    }

    /// The verdict on a block that does not stand on the committed one yet; says whether it was.
    /// Anything but a valid one is asked for again at its turn, when we can tell who is at fault.
    pub(crate) fn checked_ahead(&mut self, checked: CheckedBlock) -> bool {
        let asked = Checked::Asked(checked.ticket);
        let Some(ahead) = self.catchup.ahead.as_mut().filter(|ahead| ahead.known.state == asked)
        else {
            return false;
        };
        match checked.verdict {
            Verdict::Valid { next_set } => ahead.known.state = Checked::Valid(next_set),
            Verdict::NotThisBlock | Verdict::TooEarly | Verdict::Invalid => {
                self.catchup.ahead = None;
            }
        }
        true
    }

    /// What this node answered was not the chain: what else it claims does not count either.
    pub(crate) fn distrust(&mut self, sender: PublicKey) {
        if self.catchup.sender == Some(sender) {
            self.catchup.sender = None;
            self.catchup.ahead = None;
            self.catchup.queue.clear();
            self.withdraw_claim(sender);
        }
    }

    /// Asks another where one does not answer, or answered wrongly; a listening node asks how far
    /// the others are (§8).
    pub(crate) fn tick_catchup(&mut self, now: Monotonic, out: &mut Output) {
        if self.retry_blocks_at().is_some_and(|at| now >= at)
            && let Some(asked) = self.catchup.asked.take()
        {
            self.withdraw_claim(asked.peer);
        }
        let Catchup { target, turn, .. } = self.catchup;
        if let Some(next) = self.committed.height.next()
            && self.awaits_no_block()
            && target >= next
            && let Some(index) = self.peers.with_height(next, turn)
        {
            let peer = self.key_of(index);
            self.ask_blocks(now, peer, out);
        }
        if self.polls_at().is_some_and(|at| now >= at) {
            self.poll(now, out);
        }
        let Knowledge::Listening { asks_at } = self.knowledge else { return };
        if self.me.is_none() {
            return;
        }
        let heard = self.peers.told_height();
        let level = self.committed.height >= self.peers.believed_height();
        if heard + 1 >= self.quorum().votes() && level {
            self.knowledge = Knowledge::Enough;
            let nothing = View::new(self.epoch(), Term::default());
            let begins = self.leader.is_none() && self.peers.promised_above(nothing) == 0;
            return match begins {
                true => self.stand_in_rank_order(now),
                false => self.restart_leader_timeout(now),
            };
        }
        if now >= asks_at {
            let next = now.after(self.config.settings.heartbeat);
            self.knowledge = Knowledge::Listening { asks_at: next };
            // Whoever takes part answers a promise of nothing, even if we adopted a proof
            // meanwhile.
            let promise = View::new(self.epoch(), Term::default());
            let alive = Alive { promise, committed: self.committed };
            out.act(Action::Broadcast(Packet::Alive(alive)));
        }
    }

    fn awaits_no_block(&self) -> bool {
        let Catchup { asked, queue, .. } = &self.catchup;
        asked.is_none() && queue.is_empty() && self.next.arriving.is_none()
    }

    /// When an observer that got no block for a while asks for whatever there is: all that it hears
    /// may come from a leader that leaves it out, and nobody else tells it anything.
    pub(crate) fn polls_at(&self) -> Option<Monotonic> {
        let polled_at = self.catchup.polled_at.unwrap_or_default();
        let idle_since = self.committed_at.max(polled_at);
        let lacks_blocks = self.catchup.queue.is_empty() && self.next.arriving.is_none();
        let polls = self.me.is_none() && lacks_blocks;
        polls.then(|| idle_since.after(ALIVE_INTERVAL))
    }

    /// Asks one of the validators, drawn by lot. Who has nothing new does not answer.
    fn poll(&mut self, now: Monotonic, out: &mut Output) {
        let Some(from) = self.next_height(out) else { return };
        self.catchup.polled_at = Some(now);
        let drawn = self.jitter.below(self.committee.set().len());
        let to = self.committee.set().keys()[drawn];
        if to != self.config.key {
            let packet = Packet::BlocksRequest(BlocksRequest { from });
            out.act(Action::Send { to, packet });
        }
    }

    /// When an unanswered request is given up.
    pub(crate) fn retry_blocks_at(&self) -> Option<Monotonic> {
        let asked = self.catchup.asked?;
        let times = if self.in_vain(&asked.peer) > 0 { 4 } else { 2 };
        Some(asked.at.after(self.config.settings.election_timeout * times))
    }

    /// Whether blocks that we lack are at hand.
    pub(crate) fn is_syncing(&self) -> bool {
        !self.catchup.queue.is_empty()
    }
}
