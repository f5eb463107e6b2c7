//! What a liar does with a proof that its engine does not know of.

use mokka_types::{Ack, Height, Packet, Proof, PublicKey};

use super::{To, Tongue, campaign::Campaign, tally::Tally};
use crate::machine;

/// How many moments a liar leads for.
const MOST_MOMENTS: u32 = 20;

/// A term that it leads badly.
pub(super) struct Reign {
    proof: Proof,
    tally: Tally,
    moments: u32,
    proposed: Height,
}

impl Reign {
    pub(super) fn begin(proof: Proof) -> Self {
        Self { proof, tally: Tally::default(), moments: 0, proposed: Height::default() }
    }

    /// Counts for the campaign that is to win a term, or for the term that was won.
    pub(super) fn follow(
        campaign: &mut Option<Campaign>,
        reign: &mut Option<Self>,
        (from, packet): (&PublicKey, &Packet),
        tongue: &mut Tongue,
    ) {
        let running = campaign.as_mut();
        if let Some(proof) = running.and_then(|campaign| campaign.hears(from, packet, tongue)) {
            *campaign = None;
            *reign = Some(Self::begin(proof));
        }
        if let Some(reign) = reign {
            reign.hears(from, packet, tongue);
        }
    }

    /// Leads on, until the term is over.
    pub(super) fn go_on(reign: &mut Option<Self>, tongue: &mut Tongue) {
        if reign.as_mut().is_some_and(|reign| !reign.acts(tongue)) {
            *reign = None;
        }
    }

    /// Shows itself, and proposes: a block to some and another one to the rest, or another block at
    /// a height that is final (A.2). Says whether its term goes on.
    pub(super) fn acts(&mut self, tongue: &mut Tongue) -> bool {
        self.moments += 1;
        if self.moments > MOST_MOMENTS || tongue.promise() > self.proof.view {
            return false;
        }
        let tip = tongue.tip();
        let certificate = tongue.block_at(tip.height).map(|block| block.certificate);
        let ack = Ack { proof: self.proof.clone(), committed: tip, certificate };
        tongue.say(To::All, Packet::Ack(Box::new(ack)));
        match tongue.random().per_mille(300) {
            true => self.rewrite(tongue),
            false => self.propose(tongue),
        }
        true
    }

    /// Another block where one is final.
    fn rewrite(&self, tongue: &mut Tongue) {
        let below = tongue.random().below(2);
        let height = Height::new(tongue.tip().height.get().saturating_sub(below));
        let Some(block) = tongue.block_at(height) else { return };
        let Some((id, body)) = machine::sibling(&block.id, &block.body) else { return };
        if let Some(proposal) = tongue.proposal(&self.proof, id, body) {
            tongue.lie(To::All, Packet::Proposal(Box::new(proposal)));
        }
    }

    fn propose(&mut self, tongue: &mut Tongue) {
        let Some(block) = tongue.build(self.proof.view) else { return };
        if self.proposed == block.id.height && tongue.random().per_mille(500) {
            return;
        }
        self.proposed = block.id.height;
        let other = machine::sibling(&block.id, &block.body);
        let (some, rest) = tongue.halves();
        for (to, block) in [(some, Some((block.id, block.body))), (rest, other)] {
            let Some((id, body)) = block else { continue };
            if let Some(proposal) = tongue.proposal(&self.proof, id, body) {
                tongue.lie(To::These(to), Packet::Proposal(Box::new(proposal)));
            }
        }
    }

    /// Counts votes, and shows the certificates that they make to a part of the others.
    pub(super) fn hears(&mut self, from: &PublicKey, packet: &Packet, tongue: &mut Tongue) {
        if let Some(certificate) = self.tally.count(from, packet, tongue) {
            let (some, rest) = tongue.halves();
            let to = if tongue.random().per_mille(500) { some } else { [some, rest].concat() };
            tongue.say(To::These(to), Packet::Certified(Box::new(certificate)));
        }
    }
}
