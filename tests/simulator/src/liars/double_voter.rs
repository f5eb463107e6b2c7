//! Votes for two blocks in one term and height, and signs for two candidates in one term (§5.3,
//! §6.3): for whatever it hears of, and for blocks that nobody proposed.

use std::sync::Arc;

use mokka_crypto::Verified;
use mokka_types::{Envelope, Packet, Phase, Proposal, PublicKey};

use super::{
    Behaviour, To, Tongue,
    yes_man::{Word, YesMan},
};
use crate::machine;

#[derive(Default)]
pub(super) struct DoubleVoter(YesMan);

impl DoubleVoter {
    /// Both votes at once, before the body is looked at, for this block and for another one.
    fn vote(proposal: &Proposal, to: PublicKey, tongue: &mut Tongue) {
        let Proposal { proof, id, body: Some(body), .. } = proposal else { return };
        let next_set = tongue.next_set_of(body);
        let other = machine::sibling(id, body).map(|(id, _)| id);
        for id in other.into_iter().chain([*id]) {
            for vote in YesMan::votes(proof.view, id, next_set, tongue) {
                tongue.lie(To::These(vec![to]), vote);
            }
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
        let to = || To::These(vec![envelope.sender]);
        match &envelope.packet {
            Packet::Proposal(proposal) => Self::vote(proposal, envelope.sender, tongue),
            Packet::Certified(at) if at.phase == Phase::Prepare => {
                let vote = tongue.vote(Phase::Commit, at.view, at.id, at.next_set);
                tongue.say(to(), vote);
            }
            Packet::Vote(vote) => {
                if let Some(granted) = self.0.grant(vote.ballot, tongue) {
                    tongue.say(to(), granted);
                }
            }
            Packet::Sign(sign) => match self.0.sign(sign, tongue) {
                Some(Word::Honest(signed)) => drop(tongue.say(to(), signed)),
                Some(Word::False(signed)) => tongue.lie(to(), signed),
                None => {}
            },
            _ => {}
        }
    }
}
