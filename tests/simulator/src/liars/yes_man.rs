//! Grants, signs and votes whatever it is asked to, without a look at the rules: the hand with
//! which several liars lie.

use mokka_crypto::{NonceBook, digest};
use mokka_types::{
    Ballot, BlockId, Packet, Phase, PublicKey, SetDigest, Sign, Signed, View, Voted, VotedAnswer,
};

use super::Tongue;

#[derive(Default)]
pub(super) struct YesMan {
    nonces: NonceBook,
    /// The last term in which it signed, and for whom.
    signed: Option<(View, PublicKey)>,
}

/// Whether an honest validator could have said it, too.
pub(super) enum Word {
    Honest(Packet),
    False(Packet),
}

impl YesMan {
    /// What grants everybody.
    pub(super) fn grant(&mut self, ballot: Ballot, tongue: &mut Tongue) -> Option<Packet> {
        let mut random = tongue.random().fork();
        let nonce = self.nonces.open(&tongue.key(), tongue.chain(), &ballot, &mut random)?;
        Some(Packet::Voted(Voted { ballot, answer: VotedAnswer::Granted(nonce) }))
    }

    /// What signs for everybody, for two in one term as well.
    pub(super) fn sign(&mut self, sign: &Sign, tongue: &Tongue) -> Option<Word> {
        let Sign { ballot, signers, nonce } = sign;
        let committee = tongue.committee();
        let partial = self.nonces.sign(&tongue.key(), &committee, ballot, *signers, nonce)?;
        let statement = digest::proof(tongue.chain(), ballot.view, &ballot.candidate, &ballot.base);
        let signed = Signed { ballot: *ballot, partial, signature: tongue.sign(&statement) };
        let before = self.signed.replace((ballot.view, ballot.candidate));
        let twice = before.is_some_and(|(view, candidate)| {
            view > ballot.view || view == ballot.view && candidate != ballot.candidate
        });
        let packet = Packet::Signed(signed);
        Some(if twice { Word::False(packet) } else { Word::Honest(packet) })
    }

    /// Both votes at once, before the body is looked at.
    pub(super) fn votes(
        view: View,
        id: BlockId,
        next_set: SetDigest,
        tongue: &Tongue,
    ) -> [Packet; 2] {
        [Phase::Prepare, Phase::Commit].map(|phase| tongue.vote(phase, view, id, next_set))
    }
}
