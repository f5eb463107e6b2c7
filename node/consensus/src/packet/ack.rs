//! `Ack`: the heartbeat of a leader (§4).

use mokka_types::{Ack, BlockId, Certificate, Monotonic, ValidatorIndex};

use crate::{
    consensus::Consensus,
    io::{Ignored, Output, PeerFault},
    peers::Novelty,
};

impl Consensus {
    pub(crate) fn on_ack(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        ack: &Ack,
        novelty: Novelty,
        out: &mut Output,
    ) {
        if Some(index) == self.me || !self.see_proof(now, &ack.proof, index, out) {
            return;
        }
        let sender = self.key_of(index);
        if self.committee.set().index_of(&ack.proof.candidate) != Some(index) {
            return out.accuse(sender, PeerFault::Contradiction);
        }
        self.show_commit(now, index, ack.committed, ack.certificate.as_ref(), out);
        if ack.proof.view < self.promise.view {
            self.tell_promise(now, index, out);
            return out.ignore(Ignored::OldTerm);
        }
        self.note_news(now, index, ack.proof.view, novelty, out);
    }

    /// A committed block with its certificate.
    pub(crate) fn show_commit(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        committed: BlockId,
        certificate: Option<&Certificate>,
        out: &mut Output,
    ) {
        let sender = self.key_of(index);
        if let Some(certificate) = certificate.filter(|at| at.id == committed) {
            self.see_commit(now, certificate, sender, out);
        }
        self.show_height(now, index, committed, out);
    }
}
