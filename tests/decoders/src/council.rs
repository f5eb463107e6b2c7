//! Four validators whose secret keys are known, and what they could really say.

use std::sync::LazyLock;

use mokka_crypto::{Committee, NonceBook, ProofSession, SecretKey, aggregate_nonces, digest};
use mokka_types::{
    AggregatedNonce, Attempt, Ballot, Base, BlockHash, BlockId, Body, Certificate, ChainHash,
    CrashModel, Envelope, Epoch, Height, Packet, PartialSignature, Phase, Prepared, Proof,
    PublicNonce, RunNumber, Signers, Term, ValidatorSet, View,
};
use rand::{SeedableRng, rngs::StdRng};

pub(crate) const CHAIN: ChainHash = ChainHash::new([7; 32]);
pub(crate) const EPOCH: Epoch = Epoch::new(0);
const VALIDATORS: u8 = 4;

/// The validators of one epoch.
pub(crate) struct Council {
    pub(crate) committee: Committee,
    /// In set order.
    pub(crate) secrets: Vec<SecretKey>,
}

/// They are always the same.
pub(crate) static COUNCIL: LazyLock<Council> = LazyLock::new(Council::new);

pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number + 1; 32]).expect("a secret key")
}

pub(crate) fn view(term: u64) -> View {
    View::new(EPOCH, Term::new(term))
}

/// A block of these bytes.
pub(crate) fn block(height: u64, bytes: &[u8]) -> (BlockId, Body) {
    let body = Body::new(bytes);
    (BlockId { height: Height::new(height), hash: digest::body(&body) }, body)
}

pub(crate) fn genesis() -> BlockId {
    BlockId { height: Height::GENESIS, hash: BlockHash::new([1; 32]) }
}

/// Both rounds of an election.
pub(crate) struct Election {
    pub(crate) ballot: Ballot,
    pub(crate) signers: Signers,
    pub(crate) nonces: Vec<PublicNonce>,
    pub(crate) sum: AggregatedNonce,
    pub(crate) partials: Vec<PartialSignature>,
    pub(crate) proof: Proof,
}

impl Council {
    fn new() -> Self {
        let mut secrets: Vec<_> = (0..VALIDATORS).map(secret).collect();
        secrets.sort_by_key(SecretKey::public_key);
        let keys = secrets.iter().map(SecretKey::public_key);
        let set = ValidatorSet::new(CrashModel::Bft, keys).expect("four keys");
        let committee = Committee::new(CHAIN, EPOCH, set).expect("points of the curve");
        Self { committee, secrets }
    }

    /// As many as are needed, the first ones.
    pub(crate) fn quorum(&self) -> Signers {
        let set = self.committee.set();
        set.indices().take(set.quorum().votes()).collect()
    }

    pub(crate) fn certificate(&self, phase: Phase, term: u64, id: BlockId) -> Certificate {
        let (signers, next_set) = (self.quorum(), self.committee.set_digest());
        let digest = digest::block_vote(&CHAIN, phase, view(term), &id, &next_set);
        let signatures = signers.iter().map(|at| self.secrets[at.get()].sign(&digest)).collect();
        Certificate { phase, view: view(term), id, next_set, signers, signatures }
    }

    /// What somebody stands on who has prepared a block above another.
    pub(crate) fn base(&self) -> Base {
        let prepared = Prepared { term: Term::new(2), id: block(2, b"two").0 };
        Base { committed: block(1, b"one").0, prepared: Some(prepared) }
    }

    /// The first validator is elected.
    pub(crate) fn elects(&self, term: u64, base: Base) -> Election {
        let ballot = Ballot {
            view: view(term),
            candidate: self.secrets[0].public_key(),
            attempt: Attempt { run: RunNumber::new(9), counter: 1 },
            base: digest::base(&CHAIN, &base),
        };
        let signers = self.quorum();
        let mut rng = StdRng::seed_from_u64(term);
        let mut books = Vec::new();
        for at in signers.iter() {
            let mut book = NonceBook::new();
            let key = &self.secrets[at.get()];
            let nonce = book.open(key, &CHAIN, &ballot, &mut rng).expect("a new ballot");
            books.push((key, book, nonce));
        }
        let nonces: Vec<_> = books.iter().map(|(_, _, nonce)| *nonce).collect();
        let sum = aggregate_nonces(&nonces).expect("nonces");
        let sign = |(key, book, _): &mut (&SecretKey, NonceBook, PublicNonce)| {
            book.sign(key, &self.committee, &ballot, signers, &sum).expect("a nonce is open")
        };
        let partials: Vec<_> = books.iter_mut().map(sign).collect();
        let session = ProofSession::new(&self.committee, signers, &ballot, sum).expect("a quorum");
        let signature = session.aggregate(&partials);
        let candidate = ballot.candidate;
        let proof = Proof { view: view(term), candidate, base, signers, signature };
        Election { ballot, signers, nonces, sum, partials, proof }
    }

    /// What this validator says, signed.
    pub(crate) fn envelope(&self, from: usize, counter: u64, packet: Packet) -> Envelope {
        let sender = self.secrets[from].public_key();
        Envelope { sender, run: RunNumber::new(1), counter, packet }
    }
}
