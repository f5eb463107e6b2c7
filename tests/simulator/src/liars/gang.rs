//! Liars of one mind. Each lies in its own way, and all help each other: they grant, sign and vote
//! whatever one of them wants, see both halves of what one of them tells in two ways, and bring out
//! certificates that one of them withholds, when it suits them and to whom it suits them.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

use mokka_crypto::Verified;
use mokka_types::{Certificate, Envelope, Packet, PublicKey};

use super::{
    Behaviour, To, Tongue,
    yes_man::{Word, YesMan},
};

/// Certificates that they remember.
const MEMORY: usize = 16;
/// How often, in a thousand moments, one of them brings out a certificate.
const BRINGS_OUT: u64 = 200;

/// What they share.
#[derive(Debug, Default)]
pub(crate) struct Gang {
    members: Vec<PublicKey>,
    certificates: VecDeque<Certificate>,
}

impl Gang {
    pub(crate) fn of(members: Vec<PublicKey>) -> Self {
        Self { members, certificates: VecDeque::new() }
    }

    pub(crate) fn members(&self) -> &[PublicKey] {
        &self.members
    }

    fn remember(&mut self, certificate: &Certificate) {
        if !self.certificates.contains(certificate) {
            if self.certificates.len() >= MEMORY {
                self.certificates.pop_front();
            }
            self.certificates.push_back(certificate.clone());
        }
    }
}

/// One of them.
pub(super) struct Accomplice {
    /// How it lies by itself.
    own: Box<dyn Behaviour>,
    gang: Rc<RefCell<Gang>>,
    hand: YesMan,
}

impl Accomplice {
    pub(super) fn new(own: Box<dyn Behaviour>, gang: Rc<RefCell<Gang>>) -> Self {
        Self { own, gang, hand: YesMan::default() }
    }

    fn is_friend(&self, key: &PublicKey) -> bool {
        self.gang.borrow().members.contains(key)
    }

    fn helps(&mut self, friend: PublicKey, packet: &Packet, tongue: &mut Tongue) {
        let to = || To::These(vec![friend]);
        match packet {
            Packet::Vote(vote) => {
                if let Some(granted) = self.hand.grant(vote.ballot, tongue) {
                    tongue.conspire(to(), granted);
                }
            }
            Packet::Sign(sign) => match self.hand.sign(sign, tongue) {
                Some(Word::Honest(signed) | Word::False(signed)) => tongue.conspire(to(), signed),
                None => {}
            },
            Packet::Proposal(proposal) => {
                let Some(body) = &proposal.body else { return };
                let next_set = tongue.next_set_of(body);
                for vote in YesMan::votes(proposal.proof.view, proposal.id, next_set, tongue) {
                    tongue.conspire(to(), vote);
                }
            }
            _ => {}
        }
    }
}

impl Behaviour for Accomplice {
    /// Friends get their answers from its hand: two nonces for one ballot would only confuse them.
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        let answers = matches!(packet, Packet::Voted(_) | Packet::Signed(_));
        let to_friend = match &to {
            To::All => false,
            To::These(keys) => keys.iter().any(|key| self.is_friend(key)),
        };
        if answers && to_friend {
            return;
        }
        if let Packet::Certified(certificate) = &packet {
            self.gang.borrow_mut().remember(certificate);
        }
        self.own.says(to, packet, tongue);
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        if let Packet::Certified(certificate) = &envelope.packet {
            self.gang.borrow_mut().remember(certificate);
        }
        if self.is_friend(&envelope.sender) && envelope.sender != tongue.own() {
            self.helps(envelope.sender, &envelope.packet, tongue);
        }
        self.own.hears(envelope, tongue);
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        if tongue.random().per_mille(BRINGS_OUT) {
            let gang = self.gang.borrow();
            let chosen = tongue.random().index(gang.certificates.len());
            if let Some(certificate) = gang.certificates.get(chosen) {
                let (some, _) = tongue.halves();
                tongue.conspire(To::These(some), Packet::Certified(Box::new(certificate.clone())));
            }
        }
        self.own.acts(tongue);
    }
}
