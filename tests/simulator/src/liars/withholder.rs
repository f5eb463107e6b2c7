//! Leads, and shows what it has to some, or to nobody: its proof (§5.4, penalty), its certificates
//! (A.2), or the bodies behind them (A.10).

use mokka_types::{Ack, Packet, PublicKey};

use super::{Behaviour, To, Tongue};
use crate::random::Random;

/// What it withholds.
#[derive(Clone, Copy, Debug)]
enum Withheld {
    Proofs,
    Certificates,
    Bodies,
}

pub(super) struct Withholder {
    withheld: Withheld,
    /// Who is shown it all the same.
    friends: Vec<PublicKey>,
    /// Moments until it changes its mind.
    stays: u64,
}

impl Withholder {
    pub(super) fn drawn(random: &mut Random) -> Self {
        let kinds = [Withheld::Proofs, Withheld::Certificates, Withheld::Bodies];
        let withheld = kinds[random.index(kinds.len())];
        Self { withheld, friends: Vec::new(), stays: random.below(20) }
    }

    fn is_withheld(&self, packet: &Packet) -> bool {
        match self.withheld {
            Withheld::Proofs => matches!(packet, Packet::Ack(_) | Packet::Proposal(_)),
            Withheld::Certificates => matches!(packet, Packet::Certified(_) | Packet::Ack(_)),
            Withheld::Bodies => matches!(packet, Packet::Body(_) | Packet::Blocks(_)),
        }
    }

    /// Without the newest certificate: an older one, as good for a sign of life.
    fn older(ack: &Ack, tongue: &Tongue) -> Option<Ack> {
        let below = tongue.tip().height.previous().and_then(|height| tongue.block_at(height))?;
        let certificate = Some(below.certificate);
        Some(Ack { proof: ack.proof.clone(), committed: below.id, certificate })
    }
}

impl Behaviour for Withholder {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        if !self.is_withheld(&packet) {
            tongue.say(to, packet);
            return;
        }
        let (friends, rest) = match to {
            To::All => (self.friends.clone(), true),
            To::These(to) => {
                let rest = to.iter().any(|key| !self.friends.contains(key));
                (to.into_iter().filter(|key| self.friends.contains(key)).collect(), rest)
            }
        };
        if rest {
            tongue.keep_silent();
        }
        let older = match (&packet, self.withheld) {
            (Packet::Ack(ack), Withheld::Certificates) if rest => Self::older(ack, tongue),
            _ => None,
        };
        if let Some(older) = older {
            tongue.lie(To::All, Packet::Ack(Box::new(older)));
        }
        if !friends.is_empty() {
            tongue.say(To::These(friends), packet);
        }
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        self.stays = self.stays.saturating_sub(1);
        if self.stays == 0 {
            *self = Self::drawn(tongue.random());
            if tongue.random().per_mille(600) {
                self.friends = tongue.halves().0;
            }
        }
    }
}
