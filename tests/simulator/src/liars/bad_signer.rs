//! Shares, nonces and signatures that are none (§5.4: a bad one names its signer).

use mokka_types::{
    BlockVote, Packet, PartialSignature, PublicNonce, Signature, Signed, Voted, VotedAnswer,
};

use super::{Behaviour, To, Tongue};

/// How often, in a thousand packets, it does not lie.
const HONEST: u64 = 200;

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
}

impl Behaviour for BadSigner {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        if tongue.random().per_mille(HONEST) {
            tongue.say(to, packet);
            return;
        }
        let spoilt = |vote: BlockVote| BlockVote { signature: Signature::new([1; 64]), ..vote };
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
}
