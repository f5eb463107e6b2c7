//! Stands again and again, for terms that rise by one, by much, and up to and beyond the bound;
//! tells of promises that nobody made; hides the proofs that it wins (§5.1, §5.2 rule 2, A.10,
//! A.13).

use std::sync::Arc;

use mokka_crypto::Verified;
use mokka_types::{Alive, Envelope, Packet, Refused, Term, View, Voted, VotedAnswer};

use super::{Behaviour, To, Tongue, campaign::Campaign, reign::Reign};

#[derive(Default)]
pub(super) struct TermRacer {
    campaign: Option<Campaign>,
    reign: Option<Reign>,
}

impl TermRacer {
    fn term(tongue: &mut Tongue) -> View {
        let View { epoch, term } = tongue.promise();
        let rises_to = |by: u64| Term::new(term.get().saturating_add(by));
        let term = match tongue.random().below(8) {
            0..=3 => rises_to(1),
            4 => rises_to(1 + tongue.random().below(100)),
            5 => tongue.term_of_the_clock(),
            6 => rises_to(1 << 32),
            _ => rises_to(u64::MAX),
        };
        View::new(epoch, term)
    }
}

impl Behaviour for TermRacer {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match packet {
            // It stands at its own pace.
            Packet::Vote(_) | Packet::Sign(_) => {}
            Packet::Alive(alive) => {
                let promise = Self::term(tongue);
                tongue.lie(to, Packet::Alive(Alive { promise, ..alive }));
            }
            Packet::Voted(Voted { ballot, answer: VotedAnswer::Refused(refused) }) => {
                let promise = Self::term(tongue);
                let refused = Refused { promise, ..*refused };
                let answer = VotedAnswer::Refused(Box::new(refused));
                tongue.lie(to, Packet::Voted(Voted { ballot, answer }));
            }
            packet => drop(tongue.say(to, packet)),
        }
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        let (from, packet) = (&envelope.sender, &envelope.packet);
        let campaign = self.campaign.as_mut();
        if let Some(proof) = campaign.and_then(|campaign| campaign.hears(from, packet, tongue)) {
            self.campaign = None;
            match tongue.random().per_mille(500) {
                true => tongue.keep_silent(),
                false => self.reign = Some(Reign::begin(proof)),
            }
        }
        if let Some(reign) = &mut self.reign {
            reign.hears(from, packet, tongue);
        }
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        if let Some(reign) = &mut self.reign {
            let goes_on = reign.acts(tongue) && !tongue.random().per_mille(200);
            if goes_on {
                return;
            }
            self.reign = None;
        }
        let view = Self::term(tongue);
        let base = tongue.base();
        self.campaign = Some(Campaign::begin(To::All, view, base, None, tongue));
    }
}
