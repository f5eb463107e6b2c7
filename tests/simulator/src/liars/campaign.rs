//! An election on a base and for a term of the liar's choice, without its engine.

use std::collections::BTreeMap;

use mokka_crypto::{NonceBook, ProofSession, aggregate_nonces};
use mokka_types::{
    Ballot, CertifiedBase, HandoverToken, Packet, PartialSignature, Proof, PublicKey, PublicNonce,
    Sign, Signed, Signers, ValidatorIndex, View, Vote, Voted, VotedAnswer,
};

use super::{To, Tongue};

/// One candidacy: who granted, whom it asked to sign, who signed.
pub(super) struct Campaign {
    ballot: Ballot,
    base: CertifiedBase,
    nonces: NonceBook,
    grants: BTreeMap<ValidatorIndex, PublicNonce>,
    asked: Option<Sign>,
    shares: BTreeMap<ValidatorIndex, PartialSignature>,
}

impl Campaign {
    /// Asks these for their votes.
    pub(super) fn begin(
        to: To,
        view: View,
        base: CertifiedBase,
        handover: Option<HandoverToken>,
        tongue: &mut Tongue,
    ) -> Self {
        let ballot = Ballot {
            view,
            candidate: tongue.own(),
            attempt: tongue.attempt(),
            base: tongue.digest_of(&base.base),
        };
        let mut nonces = NonceBook::new();
        let mut random = tongue.random().fork();
        let own = nonces.open(&tongue.key(), tongue.chain(), &ballot, &mut random);
        let grants = tongue.index_of(&tongue.own()).zip(own).into_iter().collect();
        let vote = Vote {
            ballot,
            promise: tongue.promise(),
            base: base.clone(),
            newest_proof: None,
            handover,
        };
        tongue.lie(to, Packet::Vote(Box::new(vote)));
        Self { ballot, base, nonces, grants, asked: None, shares: BTreeMap::new() }
    }

    /// Goes on as if a quorum had granted as soon as one has: who signs cannot tell.
    pub(super) fn binds(&mut self, from: &PublicKey, packet: &Packet, tongue: &mut Tongue) {
        let granted = matches!(packet, Packet::Voted(Voted { ballot, answer })
            if *ballot == self.ballot && matches!(answer, VotedAnswer::Granted(_)));
        let own = tongue.index_of(&tongue.own()).and_then(|own| self.grants.get(&own)).copied();
        if let Some(own) = own.filter(|_| granted) {
            let (set, sender) = (tongue.committee().set().clone(), tongue.index_of(from));
            let missing = set.quorum().votes().saturating_sub(self.grants.len() + 1);
            let silent =
                set.indices().filter(|at| Some(*at) != sender && !self.grants.contains_key(at));
            let made_up: Vec<_> = silent.take(missing).map(|at| (at, own)).collect();
            self.grants.extend(made_up);
        }
        self.hears(from, packet, tongue);
    }

    /// Whether this is its ballot.
    pub(super) fn is_for(&self, ballot: &Ballot) -> bool {
        self.ballot == *ballot
    }

    /// The term that it stands for.
    pub(super) const fn view(&self) -> View {
        self.ballot.view
    }

    /// Goes on where somebody answered; gives the proof that the last share completes.
    pub(super) fn hears(
        &mut self,
        from: &PublicKey,
        packet: &Packet,
        tongue: &mut Tongue,
    ) -> Option<Proof> {
        let index = tongue.index_of(from)?;
        match packet {
            Packet::Voted(Voted { ballot, answer: VotedAnswer::Granted(nonce) })
                if *ballot == self.ballot =>
            {
                self.grants.insert(index, *nonce);
                self.ask(tongue);
                None
            }
            Packet::Signed(Signed { ballot, partial, .. }) if *ballot == self.ballot => {
                self.shares.insert(index, *partial);
                self.aggregate(tongue)
            }
            _ => None,
        }
    }

    /// Asks a quorum to sign, itself among them, once enough have granted.
    fn ask(&mut self, tongue: &mut Tongue) {
        let committee = tongue.committee();
        let quorum = committee.set().quorum().votes();
        let Some(own) = tongue.index_of(&tongue.own()) else { return };
        if self.asked.is_some() || self.grants.len() < quorum || !self.grants.contains_key(&own) {
            return;
        }
        let others = self.grants.keys().filter(|index| **index != own).take(quorum - 1);
        let signers: Signers = others.copied().chain([own]).collect();
        let nonces: Vec<_> =
            signers.iter().filter_map(|at| self.grants.get(&at)).copied().collect();
        let Ok(nonce) = aggregate_nonces(&nonces) else { return };
        let sign = Sign { ballot: self.ballot, signers, nonce };
        self.asked = Some(sign);
        let asked = signers.iter().filter(|at| *at != own);
        let asked = asked.filter_map(|at| committee.set().key(at)).copied().collect();
        tongue.say(To::These(asked), Packet::Sign(sign));
    }

    fn aggregate(&mut self, tongue: &mut Tongue) -> Option<Proof> {
        let Sign { signers, nonce, .. } = self.asked?;
        let committee = tongue.committee();
        let own = tongue.index_of(&tongue.own())?;
        if self.shares.len() + 1 < signers.count() || self.shares.contains_key(&own) {
            return None;
        }
        let share = self.nonces.sign(&tongue.key(), &committee, &self.ballot, signers, &nonce)?;
        self.shares.insert(own, share);
        let session = ProofSession::new(&committee, signers, &self.ballot, nonce).ok()?;
        let shares: Vec<_> = self.shares.values().copied().collect();
        let Ballot { view, candidate, .. } = self.ballot;
        let signature = session.aggregate(&shares);
        let proof = Proof { view, candidate, base: self.base.base, signers, signature };
        committee.check_proof(&proof).is_ok().then_some(proof)
    }
}
