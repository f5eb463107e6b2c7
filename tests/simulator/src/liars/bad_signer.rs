//! Shares, nonces and signatures that are none (§5.4: a bad one names its signer), and proofs and
//! certificates that nobody signed.

use std::sync::Arc;

use mokka_crypto::Verified;
use mokka_types::{
    Ack, BlockVote, Certificate, Envelope, Packet, PartialSignature, Phase, Proof, Proposal,
    PublicNonce, Signature, Signed, Signers, View, Voted, VotedAnswer,
};

use super::{Behaviour, To, Tongue};

/// How often, in a thousand packets, it does not lie.
const HONEST: u64 = 200;
/// How often, in a thousand proposals that it hears, it forges their certificate.
const FORGES: u64 = 100;
/// Under what nobody signed.
const FORGED: Signature = Signature::new([1; 64]);

pub(super) struct BadSigner;

impl BadSigner {
    /// A share of something else, a signature of something else, or both.
    fn spoil(signed: Signed, tongue: &mut Tongue) -> Signed {
        let partial = PartialSignature([0x5a; 32]);
        let signature = Signature::new([0x5a; 64]);
        match tongue.random().below(3) {
            0 => Signed { partial, ..signed },
            1 => Signed { signature, ..signed },
            _ => Signed { partial, signature, ..signed },
        }
    }

    /// The first quorum of the set, in whose name it forges.
    fn quorum(tongue: &Tongue) -> Signers {
        let committee = tongue.committee();
        let set = committee.set();
        set.indices().take(set.quorum().votes()).collect()
    }

    /// Says that a block is final which was only just proposed, in this epoch or another.
    fn forge_certificate(proposal: &Proposal, tongue: &mut Tongue) {
        let Proposal { proof, id, body: Some(body), .. } = proposal else { return };
        let signers = Self::quorum(tongue);
        let other = proof.view.epoch.next().filter(|_| tongue.random().per_mille(500));
        let view = View::new(other.unwrap_or(proof.view.epoch), proof.view.term);
        let phase = match tongue.random().per_mille(700) {
            true => Phase::Commit,
            false => Phase::Prepare,
        };
        let signatures = vec![FORGED; signers.count()];
        let next_set = tongue.next_set_of(body);
        let forged = Certificate { phase, view, id: *id, next_set, signers, signatures };
        tongue.lie(To::All, Packet::Certified(Box::new(forged)));
    }
}

impl Behaviour for BadSigner {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        if tongue.random().per_mille(HONEST) {
            tongue.say(to, packet);
            return;
        }
        let spoilt = |vote: BlockVote| BlockVote { signature: FORGED, ..vote };
        match packet {
            Packet::Signed(signed) => {
                let signed = Self::spoil(signed, tongue);
                tongue.lie(to, Packet::Signed(signed));
            }
            Packet::Voted(Voted { ballot, answer: VotedAnswer::Granted(_) })
                if tongue.random().per_mille(HONEST) =>
            {
                let answer = VotedAnswer::Granted(PublicNonce([0xff; 66]));
                tongue.lie(to, Packet::Voted(Voted { ballot, answer }));
            }
            Packet::PrepareVote(vote) => tongue.lie(to, Packet::PrepareVote(spoilt(vote))),
            Packet::CommitVote(vote) => tongue.lie(to, Packet::CommitVote(spoilt(vote))),
            packet => drop(tongue.say(to, packet)),
        }
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        if let Packet::Proposal(proposal) = &envelope.packet
            && tongue.random().per_mille(FORGES)
        {
            Self::forge_certificate(proposal, tongue);
        }
    }

    /// Says that it was elected.
    fn acts(&mut self, tongue: &mut Tongue) {
        let promise = tongue.promise();
        let Some(term) = promise.term.next() else { return };
        let base = tongue.base();
        let proof = Proof {
            view: View::new(promise.epoch, term),
            candidate: tongue.own(),
            base: base.base,
            signers: Self::quorum(tongue),
            signature: FORGED,
        };
        let ack = Ack { proof, committed: base.base.committed, certificate: base.commit };
        tongue.lie(To::All, Packet::Ack(Box::new(ack)));
    }
}
