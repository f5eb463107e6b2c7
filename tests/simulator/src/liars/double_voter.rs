//! Votes for two blocks in one term and height, and signs for two candidates in one term (§5.3,
//! §6.3): for whatever it hears of, and for blocks that nobody proposed.

use std::sync::Arc;

use mokka_crypto::{NonceBook, Verified, digest};
use mokka_types::{
    Ballot, Envelope, Packet, Phase, Proposal, PublicKey, Sign, Signed, View, Voted, VotedAnswer,
};

use super::{Behaviour, To, Tongue};
use crate::machine;

#[derive(Default)]
pub(super) struct DoubleVoter {
    nonces: NonceBook,
    /// The last term in which it signed, and for whom.
    signed: Option<(View, PublicKey)>,
}

impl DoubleVoter {
    /// Both votes at once, before the body is looked at, for this block and for another one.
    fn vote(proposal: &Proposal, to: PublicKey, tongue: &mut Tongue) {
        let Proposal { proof, id, body: Some(body), .. } = proposal else { return };
        let next_set = tongue.next_set_of(body);
        let other = machine::sibling(id, body).map(|(id, _)| id);
        for phase in [Phase::Prepare, Phase::Commit] {
            if let Some(other) = other {
                let vote = tongue.vote(phase, proof.view, other, next_set);
                tongue.lie(To::These(vec![to]), vote);
            }
            let vote = tongue.vote(phase, proof.view, *id, next_set);
            tongue.lie(To::These(vec![to]), vote);
        }
    }

    /// Grants everybody, whatever the rules say.
    fn grant(&mut self, ballot: Ballot, tongue: &mut Tongue) {
        let mut random = tongue.random().fork();
        let nonce = self.nonces.open(&tongue.key(), tongue.chain(), &ballot, &mut random);
        if let Some(nonce) = nonce {
            let answer = VotedAnswer::Granted(nonce);
            let voted = Packet::Voted(Voted { ballot, answer });
            tongue.say(To::These(vec![ballot.candidate]), voted);
        }
    }

    fn sign(&mut self, sign: &Sign, tongue: &mut Tongue) {
        let Sign { ballot, signers, nonce } = sign;
        let committee = tongue.committee();
        let partial = self.nonces.sign(&tongue.key(), &committee, ballot, *signers, nonce);
        let Some(partial) = partial else { return };
        let statement = digest::proof(tongue.chain(), ballot.view, &ballot.candidate, &ballot.base);
        let signed = Signed { ballot: *ballot, partial, signature: tongue.sign(&statement) };
        let to = To::These(vec![ballot.candidate]);
        let before = self.signed.replace((ballot.view, ballot.candidate));
        let twice = before.is_some_and(|(view, candidate)| {
            view > ballot.view || view == ballot.view && candidate != ballot.candidate
        });
        match twice {
            true => tongue.lie(to, Packet::Signed(signed)),
            false => drop(tongue.say(to, Packet::Signed(signed))),
        }
    }
}

impl Behaviour for DoubleVoter {
    /// It answers candidates itself: two nonces for one ballot would only confuse them.
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match packet {
            Packet::Voted(_) | Packet::Signed(_) => {}
            packet => drop(tongue.say(to, packet)),
        }
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        match &envelope.packet {
            Packet::Proposal(proposal) => Self::vote(proposal, envelope.sender, tongue),
            Packet::Certified(at) if at.phase == Phase::Prepare => {
                let vote = tongue.vote(Phase::Commit, at.view, at.id, at.next_set);
                tongue.say(To::These(vec![envelope.sender]), vote);
            }
            Packet::Vote(vote) => self.grant(vote.ballot, tongue),
            Packet::Sign(sign) => self.sign(sign, tongue),
            _ => {}
        }
    }
}
