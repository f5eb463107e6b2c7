//! `Signed`: shares become the proof (§5.4).

use mokka_crypto::ProofSession;
use mokka_types::{Monotonic, PartialSignature, Proof, Signed, Signers, ValidatorIndex};

use crate::{
    consensus::Consensus,
    io::{Ignored, Output, PeerFault},
    role::{Candidacy, Role, Round},
};

impl Consensus {
    /// A share of the proof (§5.4): a bad one names its signer.
    pub(crate) fn on_signed(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        signed: &Signed,
        out: &mut Output,
    ) {
        // Whatever became of our candidacy: it may contradict another one. A term of which nobody
        // has heard would only take the place of what is worth remembering.
        let asked = self.asked_to_sign.map(|asked| asked.view).unwrap_or_default();
        let heard_of = self.promise.view.max(self.highest_seen).max(asked);
        if signed.ballot.view <= heard_of
            && self.committee.check_signed(index, &signed.ballot, &signed.signature)
        {
            self.witness_claim(index, &signed.ballot, signed.signature, out);
        }
        let Role::Candidate(candidacy) = &mut self.role else {
            return out.ignore(Ignored::NotStanding);
        };
        let Candidacy { ballot, round: Round::Signing(round), .. } = &mut **candidacy else {
            return out.ignore(Ignored::NotStanding);
        };
        if *ballot != signed.ballot {
            return out.ignore(Ignored::NotStanding);
        }
        let Some(nonce) = round.nonces.get(&index) else { return out.ignore(Ignored::Unknown) };
        if round.shares.contains_key(&index) {
            return out.ignore(Ignored::Duplicate);
        }
        let session =
            ProofSession::new(&self.committee, round.sign.signers, ballot, round.sign.nonce);
        let genuine = session.is_ok_and(|session| {
            session.check_partial(index, nonce, &signed.partial)
                && self.committee.check_signed(index, ballot, &signed.signature)
        });
        if !genuine {
            out.accuse(self.key_of(index), PeerFault::InvalidSignature);
            return self.try_without(now, Signers::NONE.with(index), out);
        }
        round.shares.insert(index, signed.partial);
        self.silent = self.silent.without(index);
        match Some(index) == self.me {
            true => self.aggregate(now, out),
            false => self.sign_last(now, out),
        }
    }

    /// All have signed, we last: the proof is made (§5.4).
    fn aggregate(&mut self, now: Monotonic, out: &mut Output) {
        let Role::Candidate(candidacy) = &self.role else { return };
        let Candidacy { ballot, base, round: Round::Signing(round), .. } = &**candidacy else {
            return;
        };
        let Ok(session) =
            ProofSession::new(&self.committee, round.sign.signers, ballot, round.sign.nonce)
        else {
            return self.fail(now, out);
        };
        let shares: Vec<PartialSignature> = round.shares.values().copied().collect();
        let proof = Proof {
            view: ballot.view,
            candidate: ballot.candidate,
            base: base.base,
            signers: round.sign.signers,
            signature: session.aggregate(&shares),
        };
        match self.committee.check_proof(&proof) {
            Ok(()) => self.lead(now, proof, out),
            Err(_) => self.fail(now, out),
        }
    }
}
