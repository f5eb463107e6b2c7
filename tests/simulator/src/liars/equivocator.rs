//! Two proposals for one term and height, both signed, to different parts of the network (§6.2).

use std::sync::Arc;

use mokka_crypto::{Verified, digest};
use mokka_types::{Envelope, Packet, Proposal, PublicKey};

use super::{Behaviour, To, Tongue, tally::Tally};
use crate::machine;

/// How often, in a thousand blocks, it is honest: a liar who never is does not lead for long.
const HONEST: u64 = 300;
/// How often, in a thousand repetitions, a node is shown the block that it was not shown first.
const BOTH_TO_ONE: u64 = 300;

/// The two blocks in flight, and who was shown the other one.
struct Split {
    honest: Proposal,
    other: Proposal,
    see_other: Vec<PublicKey>,
}

#[derive(Default)]
pub(super) struct Equivocator {
    split: Option<Split>,
    tally: Tally,
}

impl Equivocator {
    /// Another block beside the one that its engine proposes.
    fn split(&mut self, honest: Proposal, tongue: &mut Tongue) {
        self.split = None;
        let body = honest.body.as_ref();
        let sibling = body.and_then(|body| machine::sibling(&honest.id, body));
        let Some((id, body)) = sibling.filter(|_| !tongue.random().per_mille(HONEST)) else {
            tongue.say(To::All, Packet::Proposal(Box::new(honest)));
            return;
        };
        let statement = digest::proposal(tongue.chain(), honest.proof.view, &id);
        let signature = tongue.sign(&statement);
        let other = Proposal { id, body: Some(body), signature, ..honest.clone() };
        let (see_honest, see_other) = tongue.halves();
        tongue.say(To::These(see_honest), Packet::Proposal(Box::new(honest.clone())));
        tongue.lie(To::These(see_other.clone()), Packet::Proposal(Box::new(other.clone())));
        self.split = Some(Split { honest, other, see_other });
    }

    /// A node is asked again (§6.8).
    fn repeat(&self, to: Vec<PublicKey>, honest: Proposal, tongue: &mut Tongue) {
        let split = self.split.as_ref().filter(|split| split.honest.id == honest.id);
        let shown_other =
            split.is_some_and(|split| to.iter().any(|key| split.see_other.contains(key)));
        let switched = tongue.random().per_mille(BOTH_TO_ONE);
        match split.filter(|_| shown_other != switched) {
            Some(split) => {
                tongue.lie(To::These(to), Packet::Proposal(Box::new(split.other.clone())));
            }
            None => drop(tongue.say(To::These(to), Packet::Proposal(Box::new(honest)))),
        }
    }
}

impl Behaviour for Equivocator {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match (to, packet) {
            (To::All, Packet::Proposal(proposal)) => self.split(*proposal, tongue),
            (To::These(to), Packet::Proposal(proposal)) => self.repeat(to, *proposal, tongue),
            (to, packet) => drop(tongue.say(to, packet)),
        }
    }

    /// Its engine counts the votes for one of the blocks; it counts those for the other.
    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        let Some(split) = &self.split else { return };
        let (Packet::PrepareVote(vote) | Packet::CommitVote(vote)) = &envelope.packet else {
            return;
        };
        if vote.id != split.other.id {
            return;
        }
        let complete = self.tally.count(&envelope.sender, &envelope.packet, tongue);
        if let Some(certificate) = complete {
            tongue.say(To::All, Packet::Certified(Box::new(certificate)));
        }
    }
}
