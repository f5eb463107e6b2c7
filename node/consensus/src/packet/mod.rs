//! What others send: a file for each kind of packet of §3, with what a node does about it. Answers
//! that bring blocks are in `catchup`, bodies in `storing`.

mod ack;
mod alive;
mod block_vote;
mod certified;
mod handover;
mod proposal;
mod sign;
mod signed;
mod vote;
mod voted;

use mokka_types::{Envelope, Monotonic, Packet, Phase};

use crate::{
    consensus::Consensus,
    faults::Rule,
    io::{Consent, Ignored, Output},
    peers::Novelty,
};

impl Consensus {
    pub(crate) fn on_packet(
        &mut self,
        now: Monotonic,
        envelope: Envelope,
        consent: Consent,
        out: &mut Output,
    ) {
        let sender = envelope.sender;
        let silent = self.mark.is_some() && !self.lacks(Rule::MarkObeyed);
        if silent && sender.x() == self.config.key.x() {
            return out.ignore(Ignored::NotAValidator);
        }
        if self.is_of_other_epoch(now, sender, &envelope.packet, out) {
            return;
        }
        let Some(index) = self.committee.set().index_of(&sender) else {
            return self.on_stranger(now, envelope, out);
        };
        let novelty = match self.me == Some(index) {
            true => Novelty::News,
            false => self.peers.hear(index, &envelope, now),
        };
        self.notice_restart(index, &envelope);
        match envelope.packet {
            Packet::Vote(vote) => self.on_vote(now, index, *vote, consent, out),
            Packet::Voted(voted) => self.on_voted(now, index, voted, out),
            Packet::Sign(sign) => self.on_sign(now, index, sign, out),
            Packet::Signed(signed) => self.on_signed(now, index, &signed, out),
            Packet::Ack(ack) => self.on_ack(now, index, &ack, novelty, out),
            Packet::Alive(alive) => self.on_alive(now, index, alive, out),
            Packet::Proposal(_) => self.on_proposal(now, envelope, novelty, out),
            Packet::PrepareVote(vote) => self.on_prepare_vote(index, &vote, out),
            Packet::CommitVote(vote) => self.on_commit_vote(now, index, &vote, out),
            Packet::Certified(certificate) => {
                self.on_certified(now, index, *certificate, novelty, out);
            }
            Packet::Handover(handover) => self.on_handover(now, index, *handover, out),
            Packet::Blocks(blocks) => self.on_blocks(now, sender, blocks, out),
            Packet::Body(reply) => self.on_body(sender, reply, out),
            // The driver answers these from the store.
            Packet::BlocksRequest(_) | Packet::BodyRequest(_) => out.ignore(Ignored::Unknown),
        }
    }

    /// Somebody who is no validator can answer what we asked, and nothing else.
    fn on_stranger(&mut self, now: Monotonic, envelope: Envelope, out: &mut Output) {
        match envelope.packet {
            Packet::Blocks(blocks) => self.on_blocks(now, envelope.sender, blocks, out),
            Packet::Body(reply) => self.on_body(envelope.sender, reply, out),
            Packet::Alive(alive) => {
                self.hear_guest(now, &envelope.sender, alive.committed.height);
            }
            // Who led the last epoch may be no validator any more (§9).
            Packet::Certified(certificate) if certificate.phase == Phase::Commit => {
                self.see_commit(now, &certificate, envelope.sender, out);
            }
            Packet::Vote(vote) if vote.ballot.view.epoch < self.epoch() => {
                self.tell_former_validator(now, envelope.sender, out);
            }
            Packet::Vote(_)
            | Packet::Voted(_)
            | Packet::Sign(_)
            | Packet::Signed(_)
            | Packet::Ack(_)
            | Packet::Proposal(_)
            | Packet::PrepareVote(_)
            | Packet::CommitVote(_)
            | Packet::Certified(_)
            | Packet::Handover(_)
            | Packet::BlocksRequest(_)
            | Packet::BodyRequest(_) => out.ignore(Ignored::NotAValidator),
        }
    }
}
