//! `Certified`: of the first phase to vote on, of the second to be final (§6.3, §6.5).

use mokka_types::{
    Body, Certificate, Monotonic, Phase, PreparedRecord, PublicKey, SafetyRecord, ValidatorIndex,
};

use crate::{
    at_height::{Arriving, Storing, VoteState},
    consensus::Consensus,
    faults::Rule,
    io::{Fatal, Ignored, Output, PeerFault},
    peers::Novelty,
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
    pub(crate) fn see_prepare(
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
            *vote = VoteState::Owed;
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
                let arrives = |arriving: &Arriving| arriving.certificate.id.height == parent;
                if self.next.arriving.as_ref().is_some_and(arrives) {
                    self.stashed_prepare = Some((from, certificate));
                }
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
}
