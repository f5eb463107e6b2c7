//! Binds one validator alone, again and again, to the last term that this one takes for possible,
//! and shows no proof; for some time it leaves the others alone with that (§5.2 rule 2, A.10).

use std::sync::Arc;

use mokka_crypto::Verified;
use mokka_types::{Envelope, Packet, PublicKey, Term, View};

use super::{Behaviour, To, Tongue, campaign::Campaign};

/// Counted from what was seen, as it must not be: no clock of a world comes near.
const BOUND_OF_ANOTHER_KIND: u64 = 1 << 32;
/// How many moments it is silent for, at most.
const MOST_SILENT: u64 = 50;

#[derive(Default)]
pub(super) struct Leaper {
    victim: Option<PublicKey>,
    campaign: Option<Campaign>,
    silent: u64,
}

impl Behaviour for Leaper {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match packet {
            // Who led lately would be granted nothing (§5.5).
            Packet::Vote(_) => {}
            packet if self.silent == 0 => drop(tongue.say(to, packet)),
            _ => tongue.keep_silent(),
        }
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        let Some(campaign) = &mut self.campaign else { return };
        campaign.binds(&envelope.sender, &envelope.packet, tongue);
        let signed = matches!(&envelope.packet, Packet::Signed(signed)
            if signed.ballot.view == campaign.view());
        if signed && tongue.random().per_mille(300) {
            self.silent = tongue.random().below(MOST_SILENT);
        }
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        if self.silent > 0 {
            self.silent -= 1;
            return;
        }
        let another = tongue.random().per_mille(200);
        let victim = match self.victim.filter(|_| !another) {
            Some(victim) => victim,
            None => *self.victim.insert(tongue.anybody()),
        };
        let View { epoch, term } = tongue.promise();
        let term = match tongue.random().per_mille(300) {
            true => Term::new(term.get().saturating_add(BOUND_OF_ANOTHER_KIND)),
            false => tongue.term_of_the_clock(),
        };
        let view = View::new(epoch, term);
        let (to, base) = (To::These(vec![victim]), tongue.base());
        self.campaign = Some(Campaign::begin(to, view, base, None, tongue));
    }
}
