//! `Voted`: the candidate counts grants, and learns from refusals (§5.3, §5.4).

use mokka_crypto::is_valid_nonce;
use mokka_types::{
    Ballot, Monotonic, Phase, PublicNonce, Refusal, Refused, ValidatorIndex, View, Voted,
    VotedAnswer,
};

use crate::{
    at_height::Takeover,
    consensus::Consensus,
    io::{Ignored, Output, PeerFault},
    role::{Role, Round},
    standing::Choice,
};

impl Consensus {
    pub(crate) fn on_voted(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        voted: Voted,
        out: &mut Output,
    ) {
        match voted.answer {
            VotedAnswer::Granted(nonce) => {
                self.on_granted(now, index, voted.ballot, nonce, out);
            }
            VotedAnswer::Refused(refused) => {
                self.on_refused(now, index, voted.ballot, &refused, out);
            }
        }
    }

    fn on_granted(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        ballot: Ballot,
        nonce: PublicNonce,
        out: &mut Output,
    ) {
        let Role::Candidate(candidacy) = &mut self.role else {
            return out.ignore(Ignored::NotStanding);
        };
        if candidacy.ballot != ballot {
            return out.ignore(Ignored::NotStanding);
        }
        let Round::Granting(grants) = &mut candidacy.round else {
            return out.ignore(Ignored::Duplicate);
        };
        if !is_valid_nonce(&nonce) {
            candidacy.left_out = candidacy.left_out.with(index);
            return out.accuse(self.key_of(index), PeerFault::InvalidSignature);
        }
        grants.entry(index).or_insert(nonce);
        candidacy.refusals.remove(&index);
        self.choose_signers(now, Choice::Reliable, out);
    }

    fn on_refused(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        ballot: Ballot,
        refused: &Refused,
        out: &mut Output,
    ) {
        self.learn(now, index, refused.promise, &refused.base, refused.newest_proof.as_ref(), out);
        let crashes = self.quorum().crashes();
        let Role::Candidate(candidacy) = &mut self.role else {
            return out.ignore(Ignored::NotStanding);
        };
        if candidacy.ballot != ballot {
            return out.ignore(Ignored::NotStanding);
        }
        // Whoever was chosen to sign is asked: what others say only teaches.
        let counts = matches!(candidacy.round, Round::Granting(_));
        if counts {
            candidacy.refusals.insert(index, refused.reason);
        }
        if refused.reason == Refusal::LowerBase {
            self.take_over(now, index, refused, out);
        }
        let Role::Candidate(candidacy) = &self.role else { return };
        if counts && candidacy.refusals.len() > crashes {
            self.fail(now, out);
        }
    }

    /// A refuser's base is above ours: get what it holds, and stand again on it (§5.4).
    fn take_over(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        refused: &Refused,
        out: &mut Output,
    ) {
        let theirs = &refused.base;
        if theirs.base.committed.height > self.committed.height {
            // Its blocks are on their way; what lies above them, the next candidacy will hear.
            self.stand_from = Some(theirs.base.committed.height);
            return;
        }
        let Some(prepared) = theirs.base.prepared else { return };
        let higher = theirs.base.rank() > self.base().rank();
        if !higher || theirs.base.committed != self.committed {
            return;
        }
        let view = View::new(self.epoch(), prepared.term);
        let proved = match (&theirs.prepare, self.is_bft()) {
            (None, false) => true,
            (Some(certificate), true) => {
                certificate.phase == Phase::Prepare
                    && (certificate.view, certificate.id) == (view, prepared.id)
                    && self.committee.check_certificate(certificate).is_ok()
            }
            (Some(_), false) | (None, true) => false,
        };
        let from = self.key_of(index);
        if !proved || Some(prepared.id.height) != self.committed.height.next() {
            return out.accuse(from, PeerFault::InvalidCertificate);
        }
        match &theirs.prepare {
            Some(prepare) => self.notice_certificate(now, prepare, out),
            None if self.is_ahead(now, view) => return,
            None => {}
        }
        if let Some(known) = &self.next.takeover {
            let (same, asked) = (known.id == prepared.id, known.from == from);
            let patience = self.config.settings.election_timeout;
            if now.since(known.asked_at) < patience {
                // Another who holds the same block may have the body that the first withholds.
                if known.view > view || (same && asked) {
                    return;
                }
            } else if let Some(withholds) = self.committee.set().index_of(&known.from) {
                self.silent = self.silent.with(withholds);
            }
        }
        if theirs.prepare.is_some() {
            self.see_view(now, view, out);
        }
        self.next.takeover = Some(Takeover {
            view,
            id: prepared.id,
            certificate: theirs.prepare.clone(),
            from,
            asked_at: now,
        });
        if !self.next.known.contains_key(&prepared.id) {
            self.ask_body(now, from, prepared.id, out);
        }
    }
}
