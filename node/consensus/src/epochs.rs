//! The validator set changes with a block (§9).

use std::collections::BTreeMap;

use mokka_crypto::Committee;
use mokka_types::{
    Certificate, Epoch, Height, Monotonic, Packet, Promise, PublicKey, Signers, ValidatorSet, View,
    VotedAnswer,
};

use crate::{
    at_height::AtHeight,
    consensus::Consensus,
    eligibility::Conduct,
    faults::{self, Rule},
    io::{Action, EndOfTerm, Event, Fatal, Ignored, Output},
    role::Role,
};

/// How far behind us a member may be and still count as level.
const LEVEL_WITHIN: u64 = 100;
/// How often the time between two farewells doubles: members who are away must not be waited for
/// with all that everybody can send.
const MOST_DOUBLINGS: u32 = 2;

/// What a member that is approved but not yet active showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Guest {
    /// When it last claimed a height that was level with ours at that moment.
    level_at: Option<Monotonic>,
}

/// Where a packet says that its sender is.
struct Claim<'p> {
    epoch: Epoch,
    committed: Height,
    certificate: Option<&'p Certificate>,
}

impl Consensus {
    /// The block that is final here announces this set: its epoch begins (§9).
    pub(crate) fn begin_epoch(&mut self, now: Monotonic, set: ValidatorSet, out: &mut Output) {
        let Some(epoch) = self.epoch().next() else {
            return self.halt(Fatal::NumbersExhausted, out);
        };
        let Ok(committee) = Committee::new(self.config.chain, epoch, set) else {
            return self.halt(Fatal::InvalidSet(self.committed), out);
        };
        let committee = faults::committee(committee, self.without);
        let (led, was_member) = (self.leads(), self.me.is_some());
        match &self.role {
            Role::Leader(_) => self.resign(now, EndOfTerm::EpochEnded, out),
            Role::Candidate(_) => self.become_follower(now, out),
            Role::Follower => {}
        }
        let old = self.committee.set();
        self.peers.move_to(|index| old.key(index).and_then(|key| committee.set().index_of(key)));
        self.me = self.place_in(committee.set());
        self.committee = committee;
        self.began = self.committed;
        self.promise = Promise { view: View::new(epoch, Default::default()), signed: None };
        self.highest_seen = self.promise.view;
        self.leader = None;
        self.newest_proof = None;
        self.silent = Signers::NONE;
        self.asked_to_sign = None;
        self.granted = BTreeMap::new();
        self.held = BTreeMap::new();
        self.signed_at = None;
        self.handover = None;
        self.rival_at = None;
        self.conduct = Conduct::since(now);
        self.stand_from = None;
        self.stashed = None;
        self.stashed_prepare = None;
        self.next = AtHeight::default();
        self.farewells = 0;
        self.farewell_at = match led {
            true => Some(now),
            false => self.late_farewell(now).filter(|_| was_member || self.me.is_some()),
        };
        self.stand_in_rank_order(now);
        self.guests.retain(|key, _| self.committee.set().index_of(key).is_none());
        out.events.push(Event::Epoch(epoch));
    }

    /// A packet of another epoch is answered by sync, never counted (§9); says whether that was
    /// all.
    pub(crate) fn is_of_other_epoch(
        &mut self,
        now: Monotonic,
        sender: PublicKey,
        packet: &Packet,
        out: &mut Output,
    ) -> bool {
        let Some(Claim { epoch, committed, certificate }) = claim(packet) else { return false };
        if epoch == self.epoch() {
            return false;
        }
        out.ignore(Ignored::OtherEpoch);
        if epoch > self.epoch() {
            if let Some(certificate) = certificate.filter(|at| at.view.epoch == self.epoch()) {
                self.see_commit(now, certificate, sender, out);
            }
            if committed > self.committed.height {
                self.want_blocks(now, sender, committed, out);
            }
        } else if let Some(index) = self.committee.set().index_of(&sender) {
            self.tell_promise(now, index, out);
        }
        // A candidate is told why it gets no vote (§5.2 rule 1).
        !matches!(packet, Packet::Vote(_))
    }

    /// Who is to become a validator soon: they say that they are level before they are (§9).
    pub(crate) fn on_approved(&mut self, keys: Vec<PublicKey>) {
        let mut known = std::mem::take(&mut self.guests);
        self.guests = keys
            .into_iter()
            .filter(|key| self.committee.set().index_of(key).is_none())
            .map(|key| (key, known.remove(&key).unwrap_or_default()))
            .collect();
    }

    pub(crate) fn hear_guest(&mut self, now: Monotonic, key: &PublicKey, committed: Height) {
        let level = self.is_level(committed);
        if let Some(guest) = self.guests.get_mut(key).filter(|_| level) {
            guest.level_at = Some(now);
        }
    }

    /// Are we approved, but not yet active?
    pub(crate) fn is_guest(&self) -> bool {
        self.mark.is_none() && self.guests.contains_key(&self.config.key)
    }

    /// Whether this height is recent now. A claim is weighed when it comes: until the next one the
    /// chain may grow by any number of blocks.
    pub(crate) fn is_level(&self, committed: Height) -> bool {
        committed.get().saturating_add(LEVEL_WITHIN) >= self.committed.height.get()
    }

    /// Everybody who lately showed a recent committed height, ourselves included (§9).
    pub(crate) fn level(&self, now: Monotonic) -> Vec<PublicKey> {
        let members = self.peers.level().map(|(index, at)| (self.key_of(index), at));
        let guests = self.guests.iter().filter_map(|(key, guest)| Some((*key, guest.level_at?)));
        members
            .chain(guests)
            .filter(|(_, at)| now.since(*at) < self.config.settings.isolation)
            .map(|(key, _)| key)
            .chain(self.me.map(|_| self.config.key))
            .collect()
    }

    /// Whoever stands in an epoch that is over may have been removed while it was away, and a
    /// leader that lies need not tell it (§9): it hears how far we are, and asks. One such answer
    /// in each heartbeat, as anybody can make keys.
    pub(crate) fn tell_former_validator(
        &mut self,
        now: Monotonic,
        to: PublicKey,
        out: &mut Output,
    ) {
        out.ignore(Ignored::NotAValidator);
        let heartbeat = self.config.settings.heartbeat;
        let told = self.former_told_at.is_some_and(|at| now < at.after(heartbeat));
        if !told && self.takes_part().is_some() {
            self.former_told_at = Some(now);
            out.act(Action::Send { to, packet: Packet::Alive(self.alive()) });
        }
    }

    /// When whoever did not lead the last block shows its certificate: who did may be gone, and
    /// then nobody else would tell new members, or old ones that a power cut took the block from.
    fn late_farewell(&self, now: Monotonic) -> Option<Monotonic> {
        // Who is marked says nothing (§8).
        self.mark.is_none().then(|| now.after(self.config.settings.election_timeout))
    }

    /// Does the same after a restart, which forgets whether there is a leader, and whether this key
    /// was a validator before.
    pub(crate) fn resume_farewell(&mut self, now: Monotonic) {
        let ended = self.certificate.is_some() && self.began == self.committed;
        self.farewell_at = self.late_farewell(now).filter(|_| ended);
    }

    /// Shows old and new members that the old epoch has ended (§9), until the new one has a leader.
    pub(crate) fn tick_farewell(&mut self, now: Monotonic, out: &mut Output) {
        if self.farewell_at.is_none_or(|at| now < at) {
            return;
        }
        if self.began != self.committed {
            self.farewell_at = None;
            return;
        }
        let pause = self.config.settings.heartbeat * (1 << self.farewells.min(MOST_DOUBLINGS));
        self.farewell_at = Some(now.after(pause));
        self.farewells = self.farewells.saturating_add(1);
        // One alone could claim anything, and silence us.
        let behind = self.peers.credible_height(self.quorum()) > self.committed.height;
        let silent = self.lacks(Rule::Farewell) || behind;
        if let Some(certificate) = self.certificate.as_ref().filter(|_| !silent) {
            out.act(Action::Broadcast(Packet::Certified(Box::new(certificate.clone()))));
        }
    }
}

fn claim(packet: &Packet) -> Option<Claim<'_>> {
    let (view, committed, certificate) = match packet {
        Packet::Vote(vote) => {
            (vote.ballot.view, vote.base.base.committed, vote.base.commit.as_ref())
        }
        Packet::Voted(voted) => match &voted.answer {
            VotedAnswer::Granted(_) => return None,
            VotedAnswer::Refused(refused) => {
                (refused.promise, refused.base.base.committed, refused.base.commit.as_ref())
            }
        },
        Packet::Ack(ack) => (ack.proof.view, ack.committed, ack.certificate.as_ref()),
        Packet::Alive(alive) => (alive.promise, alive.committed, None),
        Packet::Proposal(proposal) => {
            (proposal.proof.view, proposal.parent, proposal.parent_certificate.as_ref())
        }
        // A certificate is of the epoch that it ends, too.
        Packet::Certified(_)
        | Packet::Handover(_)
        | Packet::Sign(_)
        | Packet::Signed(_)
        | Packet::PrepareVote(_)
        | Packet::CommitVote(_)
        | Packet::BlocksRequest(_)
        | Packet::Blocks(_)
        | Packet::BodyRequest(_)
        | Packet::Body(_) => return None,
    };
    Some(Claim { epoch: view.epoch, committed: committed.height, certificate })
}
