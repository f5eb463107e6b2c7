//! Claims a base that it does not have: higher, lower, or with genuine but old certificates (A.2,
//! A.3); stands on it, and leads on it where others let it (§5.2 rule 4, §6.2).

use std::{collections::VecDeque, sync::Arc};

use mokka_crypto::Verified;
use mokka_types::{
    Ack, Alive, Base, Certificate, CertifiedBase, Envelope, Height, Packet, Phase, Prepared,
    Refused, Term, Voted, VotedAnswer,
};

use super::{Behaviour, To, Tongue, campaign::Campaign, reign::Reign};

/// Certificates that it remembers.
const MEMORY: usize = 24;
/// How often, in a thousand repetitions, it stands on another base in the same term.
const SECOND_BASE: u64 = 200;

#[derive(Default)]
pub(super) struct BaseLiar {
    seen: VecDeque<Certificate>,
    campaign: Option<Campaign>,
    reign: Option<Reign>,
}

impl BaseLiar {
    fn remember(&mut self, certificate: &Certificate) {
        if self.seen.back() != Some(certificate) {
            if self.seen.len() >= MEMORY {
                self.seen.pop_front();
            }
            self.seen.push_back(certificate.clone());
        }
    }

    fn any(&self, phase: Phase, tongue: &mut Tongue) -> Option<Certificate> {
        let of_phase: Vec<_> = self.seen.iter().filter(|at| at.phase == phase).collect();
        of_phase.get(tongue.random().index(of_phase.len())).map(|at| (*at).clone())
    }

    /// A base that it would like to have.
    fn false_base(&self, tongue: &mut Tongue) -> CertifiedBase {
        let truth = tongue.base();
        let height = truth.base.committed.height;
        match tongue.random().below(7) {
            // Nothing prepared.
            0 => Self::on(truth, None),
            // An older block with its genuine certificate, and nothing or something above it.
            1 => self.older(height, None, tongue).unwrap_or(truth),
            2 => {
                let prepare = self.any(Phase::Prepare, tongue);
                self.older(height, prepare, tongue).unwrap_or(truth)
            }
            // A genuine prepare certificate of another height or term (A.3).
            3 => {
                let prepare = self.any(Phase::Prepare, tongue);
                Self::on(truth, prepare)
            }
            // Whatever somebody made final, whether or not others have heard of it (A.2).
            4 => match self.any(Phase::Commit, tongue) {
                Some(commit) => {
                    let base = Base { committed: commit.id, prepared: None };
                    CertifiedBase { base, commit: Some(commit), prepare: None }
                }
                None => truth,
            },
            // A block that nobody made, with a certificate of another one.
            5 => {
                let above = Height::new(height.get().saturating_add(tongue.random().below(9)));
                let committed = tongue.made_up(above);
                let base = Base { committed, prepared: None };
                CertifiedBase { base, commit: truth.commit, prepare: None }
            }
            // A prepared block that nobody voted for.
            _ => {
                let above = height.next().unwrap_or(height);
                let term = Term::new(tongue.promise().term.get());
                let prepared = Some(Prepared { term, id: tongue.made_up(above) });
                let base = Base { prepared, ..truth.base };
                CertifiedBase { base, ..truth }
            }
        }
    }

    fn on(base: CertifiedBase, prepare: Option<Certificate>) -> CertifiedBase {
        let prepared = prepare.as_ref().map(|at| Prepared { term: at.view.term, id: at.id });
        let base = CertifiedBase { base: Base { prepared, ..base.base }, ..base };
        CertifiedBase { prepare, ..base }
    }

    fn older(
        &self,
        height: Height,
        prepare: Option<Certificate>,
        tongue: &mut Tongue,
    ) -> Option<CertifiedBase> {
        let back = 1 + tongue.random().below(3);
        let block = tongue.block_at(Height::new(height.get().checked_sub(back)?))?;
        let base = Base { committed: block.id, prepared: None };
        let base = CertifiedBase { base, commit: Some(block.certificate), prepare: None };
        Some(Self::on(base, prepare))
    }

    /// What it says of itself, changed.
    fn lie_about(&self, packet: Packet, tongue: &mut Tongue) -> Packet {
        let base = self.false_base(tongue);
        match packet {
            Packet::Alive(alive) => {
                Packet::Alive(Alive { committed: base.base.committed, ..alive })
            }
            Packet::Ack(ack) => {
                let (committed, certificate) = (base.base.committed, base.commit);
                Packet::Ack(Box::new(Ack { proof: ack.proof, committed, certificate }))
            }
            Packet::Voted(Voted { ballot, answer: VotedAnswer::Refused(refused) }) => {
                let reason = mokka_types::Refusal::LowerBase;
                let answer = VotedAnswer::Refused(Box::new(Refused { base, reason, ..*refused }));
                Packet::Voted(Voted { ballot, answer })
            }
            packet => packet,
        }
    }
}

impl Behaviour for BaseLiar {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match packet {
            Packet::Vote(vote) => {
                let view = vote.ballot.view;
                let repeats = self.campaign.as_ref().is_some_and(|at| at.view() == view);
                if repeats && !tongue.random().per_mille(SECOND_BASE) {
                    return;
                }
                let base = self.false_base(tongue);
                self.campaign = Some(Campaign::begin(to, view, base, None, tongue));
            }
            // Its engine's candidacies come to nothing.
            Packet::Sign(_) => {}
            packet if tongue.random().per_mille(500) => {
                tongue.say(to, packet);
            }
            packet @ (Packet::Alive(_)
            | Packet::Ack(_)
            | Packet::Voted(Voted { answer: VotedAnswer::Refused(_), .. })) => {
                let packet = self.lie_about(packet, tongue);
                tongue.lie(to, packet);
            }
            packet => drop(tongue.say(to, packet)),
        }
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        let (from, packet) = (&envelope.sender, &envelope.packet);
        if let Packet::Certified(certificate) = packet {
            self.remember(certificate);
        }
        Reign::follow(&mut self.campaign, &mut self.reign, (from, packet), tongue);
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        Reign::go_on(&mut self.reign, tongue);
    }
}
