//! Certificates: of the first phase to vote on, of the second to be final (§6.3, §6.5, §6.8).

use mokka_types::{
    BlockId, Body, BodyReply, BodyRequest, Certificate, Monotonic, Packet, Phase, PreparedRecord,
    PublicKey, SafetyRecord, ValidatorIndex,
};

use crate::{
    at_height::{Arriving, AskedBody, AtHeight, Checked, Storing},
    consensus::Consensus,
    faults::Rule,
    io::{Action, Event, Fatal, FinalizeBlock, FinalizedBlock, Ignored, Origin, Output, PeerFault},
    peers::Novelty,
    role::{Life, Role, Work},
};

impl Consensus {
    pub(crate) fn on_certified(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        certificate: Certificate,
        novelty: Novelty,
        out: &mut Output,
    ) {
        let sender = self.key_of(index);
        let view = certificate.view;
        match certificate.phase {
            Phase::Commit => {
                self.show_commit(now, index, certificate.id, Some(&certificate), out);
            }
            Phase::Prepare => self.see_prepare(now, certificate, sender, out),
        }
        self.note_news(now, index, view, novelty, out);
    }

    /// A certificate of the first phase (§6.3).
    fn see_prepare(
        &mut self,
        now: Monotonic,
        certificate: Certificate,
        from: PublicKey,
        out: &mut Output,
    ) {
        let (view, id) = (certificate.view, certificate.id);
        if !self.is_bft() {
            return out.accuse(from, PeerFault::Contradiction);
        }
        if view.epoch != self.epoch() {
            return out.ignore(Ignored::OtherEpoch);
        }
        if let Some((known, vote)) = &mut self.next.prepare
            && *known == certificate
        {
            *vote = crate::at_height::VoteState::Owed;
            if !self.next.known.contains_key(&id) {
                self.ask_body_again(now, from, id, out);
            }
            return;
        }
        if self.committee.check_certificate(&certificate).is_err() {
            return out.accuse(from, PeerFault::InvalidCertificate);
        }
        self.witness_certificate(&certificate, out);
        self.notice_certificate(now, &certificate, out);
        self.see_view(now, view, out);
        if view != self.promise.view {
            return out.ignore(Ignored::OldTerm);
        }
        if Some(id.height) != self.committed.height.next() {
            out.ignore(Ignored::OtherHeight);
            if self.lacks(Rule::PrepareOfNextHeight) {
                self.prepare_of_another_height(certificate, out);
                return;
            }
            if let Some(parent) = id.height.previous().filter(|at| *at > self.committed.height) {
                self.want_blocks(now, from, parent, out);
            }
            return;
        }
        self.take_prepare_certificate(certificate);
        if !self.next.known.contains_key(&id) {
            self.ask_body_again(now, from, id, out);
        }
    }

    /// What A.2 warns of: a late certificate replaces what is prepared.
    fn prepare_of_another_height(&mut self, certificate: Certificate, out: &mut Output) {
        let (view, id, body) = (certificate.view, certificate.id, Body::new(Vec::new()));
        let (record, certificate) = (body.clone(), Some(certificate));
        let record = PreparedRecord { view, id, body: record, certificate: certificate.clone() };
        self.prepared = Some(record);
        out.records.push(SafetyRecord::Prepared { view, id, body, certificate });
    }

    /// A certificate of the second phase is accepted at any time (§6.5).
    pub(crate) fn see_commit(
        &mut self,
        now: Monotonic,
        certificate: &Certificate,
        from: PublicKey,
        out: &mut Output,
    ) {
        let (view, id) = (certificate.view, certificate.id);
        if certificate.phase != Phase::Commit {
            return out.accuse(from, PeerFault::Contradiction);
        }
        if id.height < self.committed.height || id == self.committed {
            return;
        }
        let any_epoch = self.lacks(Rule::CertificateOfEpoch);
        if view.epoch != self.epoch() && !any_epoch {
            return out.ignore(Ignored::OtherEpoch);
        }
        if self.next.arriving.as_ref().is_some_and(|at| at.certificate.id == id) {
            return;
        }
        let proved = self.lacks(Rule::CertificateChecked)
            || any_epoch && view.epoch != self.epoch()
            || self.is_proved_ahead(certificate)
            || self.committee.check_certificate(certificate).is_ok();
        if !proved {
            return out.accuse(from, PeerFault::InvalidCertificate);
        }
        self.witness_certificate(certificate, out);
        self.notice_certificate(now, certificate, out);
        self.see_view(now, view, out);
        let ours = match id.height == self.committed.height {
            true => Some(self.committed.hash),
            false => self
                .next
                .arriving
                .as_ref()
                .map(|at| at.certificate.id)
                .and_then(|other| (other.height == id.height).then_some(other.hash)),
        };
        if let Some(ours) = ours {
            let (height, theirs) = (id.height, id.hash);
            return self.halt(Fatal::Fork { height, ours, theirs }, out);
        }
        let Some(next) = self.next_height(out) else { return };
        if id.height != next {
            return self.want_blocks(now, from, id.height, out);
        }
        self.next.arriving = Some(Arriving {
            certificate: certificate.clone(),
            from,
            asked_at: None,
            asks: 0,
            storing: Storing::NotYet,
        });
    }

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
    }
}
