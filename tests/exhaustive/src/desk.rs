//! Signs each thing once, and verifies each thing once, however often it is asked to.
//!
//! Real signatures take most of the time of a search, and the same few are made again and again.

use mokka_crypto::{Digest, SecretKey, Verified, digest};
use mokka_types::{Ballot, Certificate, Envelope, PublicNonce, RunNumber, Signature, Signed};

use mokka_consensus::SignBallot;

use crate::{
    law::{Law, Place},
    memo::Answers,
    signer,
};

/// What was signed and verified so far.
pub(crate) struct Desk {
    sealed: Answers<Envelope, Verified<Envelope>>,
    signatures: Answers<(Place, Digest), Signature>,
    nonces: Answers<(Place, RunNumber, Ballot), Option<PublicNonce>>,
    shares: Answers<(Place, RunNumber, SignBallot), Option<Signed>>,
    proved: Answers<Certificate, bool>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            sealed: Answers::new(),
            signatures: Answers::new(),
            nonces: Answers::new(),
            shares: Answers::new(),
            proved: Answers::new(),
        }
    }
}

impl Law {
    fn key(&self, at: Place) -> &SecretKey {
        &self.keys[usize::from(at)]
    }

    pub(crate) fn seal(&self, at: Place, envelope: Envelope) -> Verified<Envelope> {
        let seal = |envelope: &Envelope| self.key(at).seal(self.chain(), envelope.clone()).1;
        self.desk.sealed.of(envelope, seal)
    }

    pub(crate) fn sign(&self, at: Place, statement: Digest) -> Signature {
        self.desk.signatures.of((at, statement), |(_, statement)| self.key(at).sign(statement))
    }

    /// The nonce with which this node would sign this ballot.
    pub(crate) fn nonce(&self, at: Place, run: RunNumber, ballot: &Ballot) -> Option<PublicNonce> {
        self.desk.nonces.of((at, run, *ballot), |_| signer::nonce(self, self.key(at), run, ballot))
    }

    /// The share of this node in a proof, whatever it signed before.
    pub(crate) fn share(&self, at: Place, run: RunNumber, request: &SignBallot) -> Option<Signed> {
        let sign = |_: &_| signer::sign(self, self.key(at), run, request);
        self.desk.shares.of((at, run, *request), sign)
    }

    /// A certificate is the signatures of a quorum over one statement; counted by hand.
    pub(crate) fn proves(&self, certificate: &Certificate) -> bool {
        self.desk.proved.of(certificate.clone(), |certificate| {
            let Certificate { phase, view, id, next_set, signers, signatures } = certificate;
            let statement = digest::block_vote(self.chain(), *phase, *view, id, next_set);
            let keys = self.committee.set().keys();
            let votes = signers.iter().zip(signatures);
            let good = votes
                .filter(|(at, vote)| mokka_crypto::verify(&keys[at.get()], &statement, vote))
                .count();
            let byzantine = usize::from(self.liar().is_some());
            2 * good > keys.len() + byzantine && good == signers.count()
        })
    }
}
