//! A certified block gets into the store: its body, the verdict, the write (§6.5, §6.8).

use mokka_types::{BlockId, BodyReply, BodyRequest, Monotonic, Packet, PublicKey};

use crate::{
    at_height::{AskedBody, AtHeight, Checked, Storing},
    consensus::Consensus,
    io::{Action, Event, Fatal, FinalizeBlock, FinalizedBlock, Ignored, Origin, Output},
    peers::Novelty,
    role::{Life, Role, Work},
};

impl Consensus {
    /// Brings the certified block into the store: its body, the verdict, the write.
    pub(crate) fn advance_arriving(&mut self, now: Monotonic, out: &mut Output) {
        let Some(arriving) = &self.next.arriving else { return };
        if arriving.storing == Storing::Asked {
            return;
        }
        let certificate = arriving.certificate.clone();
        let id = certificate.id;
        let Some(known) = self.next.known.get(&id) else {
            return self.fetch_body(now, out);
        };
        match known.state {
            Checked::Asked(_) => {}
            Checked::TooEarly | Checked::Invalid => self.recheck_as_certified(id, out),
            Checked::Valid(next_set) if next_set != certificate.next_set => {
                self.halt(Fatal::Diverged(id), out);
            }
            Checked::Valid(_) => {
                let body = known.body.clone();
                if let Some(arriving) = &mut self.next.arriving {
                    arriving.storing = Storing::Asked;
                }
                let block = FinalizeBlock { id, body, certificate: certificate.clone() };
                out.act(Action::Finalize(Box::new(block)));
                self.look_ahead(&certificate, out);
            }
        }
    }

    /// Asks whoever showed the certificate for the body, then its signers in turn (§6.8). A body
    /// that we prepared ourselves is at hand.
    fn fetch_body(&mut self, now: Monotonic, out: &mut Output) {
        let Some(arriving) = &self.next.arriving else { return };
        let id = arriving.certificate.id;
        if let Some(prepared) = self.prepared.as_ref().filter(|prepared| prepared.id == id) {
            let body = prepared.body.clone();
            return self.inspect(id, body, Origin::Certified, self.config.key, out);
        }
        if self.body_due_at().is_some_and(|at| now < at) {
            return;
        }
        let signers: Vec<_> =
            arriving.certificate.signers.iter().filter(|at| Some(*at) != self.me).collect();
        let to = match arriving.asks.checked_sub(1).and_then(|n| n.checked_rem(signers.len())) {
            Some(turn) => self.key_of(signers[turn]),
            None => arriving.from,
        };
        if let Some(arriving) = &mut self.next.arriving {
            arriving.asked_at = Some(now);
            arriving.asks += 1;
        }
        if to != self.config.key {
            self.ask_body(now, to, id, out);
        }
    }

    /// When the body of the arriving block is to be asked for again.
    pub(crate) fn body_due_at(&self) -> Option<Monotonic> {
        let arriving = self.next.arriving.as_ref()?;
        if self.next.known.contains_key(&arriving.certificate.id) {
            return None;
        }
        Some(arriving.asked_at?.after(self.config.settings.heartbeat))
    }

    /// Asks for a body that somebody says again without it, unless the answer may still be on its
    /// way.
    pub(crate) fn ask_body_again(
        &mut self,
        now: Monotonic,
        to: PublicKey,
        id: BlockId,
        out: &mut Output,
    ) {
        let heartbeat = self.config.settings.heartbeat;
        if self.next.asked_for(&to, id).is_none_or(|asked| now >= asked.again_at(heartbeat)) {
            self.ask_body(now, to, id, out);
        }
    }

    /// Asks for a body, and expects it from there.
    pub(crate) fn ask_body(
        &mut self,
        now: Monotonic,
        to: PublicKey,
        id: BlockId,
        out: &mut Output,
    ) {
        let before = self.next.asked_for(&to, id);
        let times = before.map_or(0, |asked| asked.times.saturating_add(1));
        self.next.asked.insert(to, AskedBody { id, at: now, times });
        out.act(Action::Send { to, packet: Packet::BodyRequest(BodyRequest { id }) });
    }

    pub(crate) fn on_body(&mut self, sender: PublicKey, reply: BodyReply, out: &mut Output) {
        let id = reply.id;
        let arriving = self.next.arriving.as_ref().is_some_and(|at| at.certificate.id == id);
        let accepted = self.next.accepted.filter(|accepted| accepted.id == id);
        let wanted = arriving
            || accepted.is_some()
            || self.next.takeover.as_ref().is_some_and(|takeover| takeover.id == id)
            || self.next.prepare.as_ref().is_some_and(|(prepare, _)| prepare.id == id);
        // Who takes no part asks by way of those that it is connected to (§7).
        let by_way_of_another = self.me.is_none() && !self.next.asked.is_empty();
        let asked = by_way_of_another || self.next.asked_for(&sender, id).is_some();
        if !wanted || !asked || Some(id.height) != self.committed.height.next() {
            return out.ignore(Ignored::Unknown);
        }
        let origin = match (arriving, accepted) {
            (true, _) => Origin::Certified,
            (false, Some(accepted)) => accepted.origin,
            (false, None) => Origin::ProposedAgain,
        };
        self.inspect(id, reply.body, origin, sender, out);
    }

    /// The block is in the store: what belonged to its height is over (§6.5).
    pub(crate) fn on_finalized(
        &mut self,
        now: Monotonic,
        finalized: FinalizedBlock,
        out: &mut Output,
    ) {
        let FinalizedBlock { id, next_set, next_settings } = finalized;
        let Some(arriving) = self.next.arriving.take().filter(|at| at.certificate.id == id) else {
            return self.halt(Fatal::UnexpectedFinal(id.hash), out);
        };
        self.next = AtHeight::default();
        self.committed = id;
        self.committed_at = now;
        self.prepared = self.prepared.take().filter(|at| at.id.height > id.height);
        self.patience = 1;
        self.owed_since = None;
        if let Some(leader) = &mut self.leader
            && leader.life == Life::CountedDead
            && leader.proof.view == arriving.certificate.view
            && Some(leader.index) != self.me
        {
            leader.life = Life::Alive;
        }
        let announced = arriving.certificate.next_set;
        self.certificate = Some(arriving.certificate);
        if let Role::Leader(leadership) = &mut self.role {
            leadership.work = Work::Idle;
        }
        out.events.push(Event::Final(id));
        if let Some(settings) = next_settings {
            self.change_settings(settings);
        }
        match next_set {
            Some(set) if mokka_crypto::digest::set(&set) == announced => {
                self.begin_epoch(now, set, out);
            }
            None if announced == self.committee.set_digest() => {}
            Some(_) | None => return self.halt(Fatal::InvalidSet(id), out),
        }
        self.base_rose(now, out);
        if self.stand_from.is_some_and(|height| height <= id.height) {
            self.stand_from = None;
            self.stand_soon(now);
        }
        self.next_of_catchup(now, out);
        if let Some(envelope) = self.stashed.take() {
            self.on_proposal(now, *envelope, Novelty::OldNews, out);
        }
        if let Some((from, certificate)) = self.stashed_prepare.take() {
            self.see_prepare(now, certificate, from, out);
        }
    }
}
