//! Catching up: ranges of final blocks from one peer at a time (§7).

use std::collections::VecDeque;

use mokka_types::{
    Alive, BlocksRequest, FinalBlock, Height, Monotonic, Packet, Phase, PublicKey, Term, View,
};

use crate::{
    consensus::{Consensus, Knowledge},
    io::{Action, Ignored, Origin, Output},
};

/// Blocks of one answer kept while they are executed; the transport bounds their bytes.
const MAX_QUEUED: usize = 1024;

/// What we miss, and whom we asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Catchup {
    /// The highest block that somebody claims.
    target: Height,
    asked: Option<Asked>,
    queue: VecDeque<FinalBlock>,
    sender: Option<PublicKey>,
    turn: usize,
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
        if self.catchup.asked.is_none() && self.catchup.queue.is_empty() {
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
        let Some(asked) = self.catchup.asked else { return out.ignore(Ignored::Unknown) };
        if asked.peer != sender && !self.may_answer_for(&asked.peer, &blocks) {
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

    /// Who takes no part, and who asks a validator of a set that it does not know yet, asks by way
    /// of those that it is connected to (§7): the next block with its certificate is as good from
    /// any of them.
    fn may_answer_for(&self, asked: &PublicKey, blocks: &[FinalBlock]) -> bool {
        let by_way_of_others = self.me.is_none() || self.committee.set().index_of(asked).is_none();
        let ours = self.committed.height;
        let next = blocks.iter().find(|block| block.id.height > ours);
        by_way_of_others
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
        }
        self.catchup.target = self.peers.committed().1;
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
            if self.catchup.target > ours && self.catchup.asked.is_none() {
                self.ask_blocks(now, sender, out);
            }
            return;
        };
        if block.certificate.id != block.id || Some(block.id.height) != ours.next() {
            return self.distrust(sender);
        }
        self.see_commit(now, &block.certificate, sender, out);
        let arrives = self.next.arriving.as_ref().is_some_and(|at| at.certificate.id == block.id);
        match arrives {
            true => self.inspect(block.id, block.body, Origin::Certified, sender, out),
            false => self.distrust(sender),
        }
    }

    /// What this node answered was not the chain: what else it claims does not count either.
    pub(crate) fn distrust(&mut self, sender: PublicKey) {
        if self.catchup.sender == Some(sender) {
            self.catchup.sender = None;
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
        let Catchup { target, asked, queue, turn, .. } = &self.catchup;
        let idle = asked.is_none() && queue.is_empty() && self.next.arriving.is_none();
        if let Some(next) = self.committed.height.next()
            && idle
            && *target >= next
            && let Some(index) = self.peers.with_height(next, *turn)
        {
            let peer = self.key_of(index);
            self.ask_blocks(now, peer, out);
        }
        let Knowledge::Listening { asks_at } = self.knowledge else { return };
        if self.me.is_none() {
            return;
        }
        let (heard, highest) = self.peers.committed();
        if heard + 1 >= self.quorum().votes() && self.committed.height >= highest {
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

    /// When an unanswered request is given up.
    pub(crate) fn retry_blocks_at(&self) -> Option<Monotonic> {
        let patience = self.config.settings.election_timeout * 2;
        self.catchup.asked.map(|asked| asked.at.after(patience))
    }
}
