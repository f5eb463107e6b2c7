//! Hands over what it leads to several, to somebody who is not level, or to itself, and goes on
//! leading; as a follower, claims a handover that its leader never made (§5.2 rule 6, §5.7).

use std::sync::Arc;

use mokka_crypto::{Verified, digest};
use mokka_types::{Envelope, Handover, HandoverToken, Packet, PublicKey, View};

use super::{Behaviour, To, Tongue, campaign::Campaign, reign::Reign};

/// How often, in a thousand moments, it does something of the kind.
const ACTS: u64 = 350;

#[derive(Default)]
pub(super) struct FalseHeir {
    /// The newest term that its engine led.
    led: Option<View>,
    /// The last token that named it.
    heard: Option<HandoverToken>,
    campaign: Option<Campaign>,
    reign: Option<Reign>,
}

impl FalseHeir {
    fn token(view: View, successor: PublicKey, tongue: &Tongue) -> HandoverToken {
        let signature = tongue.sign(&digest::handover(tongue.chain(), view, &successor));
        HandoverToken { view, successor, signature }
    }

    /// Names one or several heirs, and leads on.
    fn hand_over(view: View, tongue: &mut Tongue) {
        let heirs = match tongue.random().below(3) {
            0 => vec![tongue.anybody()],
            1 => vec![tongue.own()],
            _ => {
                let (some, rest) = tongue.halves();
                [some, rest].concat()
            }
        };
        let tip = tongue.tip().height;
        let certificate = tongue.block_at(tip).map(|block| block.certificate);
        for heir in heirs {
            let token = Self::token(view, heir, tongue);
            let handover = Handover { token, certificate: certificate.clone() };
            let to = if heir == tongue.own() { To::All } else { To::These(vec![heir]) };
            tongue.lie(to, Packet::Handover(Box::new(handover)));
        }
    }

    /// Stands with a token that is its own work, or old.
    fn claim(&mut self, tongue: &mut Tongue) {
        let present = tongue.promise();
        let Some(term) = present.term.next() else { return };
        let own = Self::token(present, tongue.own(), tongue);
        let token = self.heard.filter(|_| tongue.random().per_mille(500)).unwrap_or(own);
        let (view, base) = (View::new(present.epoch, term), tongue.base());
        self.campaign = Some(Campaign::begin(To::All, view, base, Some(token), tongue));
    }
}

impl Behaviour for FalseHeir {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match &packet {
            Packet::Ack(ack) if ack.proof.candidate == tongue.own() => {
                self.led = Some(ack.proof.view);
            }
            Packet::Handover(_) if tongue.random().per_mille(500) => {
                return tongue.keep_silent();
            }
            _ => {}
        }
        tongue.say(to, packet);
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        let (from, packet) = (&envelope.sender, &envelope.packet);
        if let Packet::Handover(handover) = packet {
            self.heard = Some(handover.token);
        }
        Reign::follow(&mut self.campaign, &mut self.reign, (from, packet), tongue);
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        Reign::go_on(&mut self.reign, tongue);
        if self.reign.is_some() || !tongue.random().per_mille(ACTS) {
            return;
        }
        match self.led.filter(|view| *view == tongue.promise()) {
            Some(view) => Self::hand_over(view, tongue),
            None => self.claim(tongue),
        }
    }
}
