//! Leads nothing and elects nobody. It has a grant of each of the others at hand, and whenever one
//! of them stands it binds another whose signature that one needs, to a higher term and for nothing
//! (§5.3, §5.4).

use std::{collections::BTreeMap, sync::Arc};

use mokka_crypto::Verified;
use mokka_types::{Envelope, Packet, PublicKey, Term, View, Voted, VotedAnswer};

use super::{Behaviour, To, Tongue, campaign::Campaign};

/// By how much the terms are higher that it binds others to, at most.
const MOST_ABOVE: u64 = 100;

#[derive(Default)]
pub(super) struct Spoiler {
    candidacies: BTreeMap<PublicKey, Candidacy>,
    /// The highest term that it heard of.
    heard: View,
}

struct Candidacy {
    campaign: Campaign,
    granted: Option<Packet>,
}

impl Spoiler {
    /// Binds somebody who granted it a term above this one.
    fn spoils(&mut self, view: View, candidate: &PublicKey, tongue: &mut Tongue) {
        let ready = |(victim, candidacy): &(&PublicKey, &Candidacy)| {
            *victim != candidate && candidacy.granted.is_some() && candidacy.campaign.view() > view
        };
        let able: Vec<_> = self.candidacies.iter().filter(ready).map(|(key, _)| *key).collect();
        if able.is_empty() {
            return;
        }
        let victim = able[tongue.random().index(able.len())];
        if let Some(Candidacy { mut campaign, granted: Some(granted) }) =
            self.candidacies.remove(&victim)
        {
            campaign.binds(&victim, &granted, tongue);
        }
    }
}

impl Behaviour for Spoiler {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match packet {
            Packet::Vote(_) | Packet::Sign(_) => {}
            Packet::Signed(_) => tongue.keep_silent(),
            // Whom it grants and does not sign for loses time with it.
            Packet::Voted(voted) if voted.ballot.view.term.get() % 4 > 0 => tongue.keep_silent(),
            packet => drop(tongue.say(to, packet)),
        }
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        match &envelope.packet {
            Packet::Vote(vote) if !tongue.friends.contains(&envelope.sender) => {
                self.heard = self.heard.max(vote.ballot.view);
                self.spoils(vote.ballot.view, &envelope.sender, tongue);
            }
            Packet::Voted(Voted { ballot, answer }) => {
                let Some(candidacy) = self.candidacies.get_mut(&envelope.sender) else { return };
                if !candidacy.campaign.is_for(ballot) {
                    return;
                }
                match answer {
                    VotedAnswer::Granted(_) => candidacy.granted = Some(envelope.packet.clone()),
                    VotedAnswer::Refused(refused) => {
                        self.heard = self.heard.max(refused.promise);
                        self.candidacies.remove(&envelope.sender);
                    }
                }
            }
            _ => {}
        }
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        let promise = tongue.promise();
        let heard = Some(self.heard).filter(|view| view.epoch == promise.epoch);
        let View { epoch, term } = promise.max(heard.unwrap_or_default());
        let committee = tongue.committee();
        let others: Vec<_> =
            committee.set().keys().iter().filter(|key| **key != tongue.own()).copied().collect();
        for other in others {
            let known = self.candidacies.get(&other).map(|at| at.campaign.view());
            let stale = known.is_none_or(|view| view <= View::new(epoch, term));
            if stale || tongue.random().per_mille(100) {
                let term = match tongue.random().below(4) {
                    0 => tongue.term_of_the_clock(),
                    1 => {
                        Term::new(term.get().saturating_add(1 + tongue.random().below(MOST_ABOVE)))
                    }
                    _ => Term::new(term.get().saturating_add(1 + tongue.random().below(4))),
                };
                let view = View::new(epoch, term);
                let (to, base) = (To::These(vec![other]), tongue.base());
                let campaign = Campaign::begin(to, view, base, None, tongue);
                self.candidacies.insert(other, Candidacy { campaign, granted: None });
            }
        }
    }
}
