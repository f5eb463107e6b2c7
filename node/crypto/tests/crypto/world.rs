//! A small chain whose secret keys the test knows.

use mokka_crypto::{Committee, NonceBook, ProofSession, SecretKey, aggregate_nonces, digest};
use mokka_types::{
    Attempt, Ballot, Base, BlockHash, BlockId, ChainHash, CrashModel, Epoch, Height,
    PartialSignature, Prepared, Proof, PublicNonce, RunNumber, Signers, Term, ValidatorIndex,
    ValidatorSet, View,
};
use rand::{SeedableRng, rngs::StdRng};

pub(crate) const CHAIN: ChainHash = ChainHash::new([7; 32]);
pub(crate) const OTHER_CHAIN: ChainHash = ChainHash::new([8; 32]);
pub(crate) const EPOCH: Epoch = Epoch::new(3);

/// The secret key with this number.
pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number + 1; 32]).unwrap()
}

pub(crate) fn rng() -> StdRng {
    StdRng::seed_from_u64(5)
}

pub(crate) fn block(height: u64, name: u8) -> BlockId {
    BlockId { height: Height::new(height), hash: BlockHash::new([name; 32]) }
}

pub(crate) fn view(term: u64) -> View {
    View::new(EPOCH, Term::new(term))
}

pub(crate) fn attempt(counter: u64) -> Attempt {
    Attempt { run: RunNumber::new(1000), counter }
}

/// A validator set with its secret keys, in set order.
pub(crate) struct World {
    pub(crate) committee: Committee,
    pub(crate) secrets: Vec<SecretKey>,
}

impl World {
    pub(crate) fn new(model: CrashModel, validators: u8) -> Self {
        let mut secrets: Vec<_> = (0..validators).map(secret).collect();
        secrets.sort_by_key(SecretKey::public_key);
        let set = ValidatorSet::new(model, secrets.iter().map(SecretKey::public_key)).unwrap();
        Self { committee: Committee::new(CHAIN, EPOCH, set).unwrap(), secrets }
    }

    pub(crate) fn index(&self, at: usize) -> ValidatorIndex {
        self.committee.set().indices().nth(at).unwrap()
    }

    pub(crate) fn signers(&self, places: impl IntoIterator<Item = usize>) -> Signers {
        places.into_iter().map(|at| self.index(at)).collect()
    }

    /// A base with a prepared block of term 2, and the ballot of validator `candidate` for term 5.
    pub(crate) fn ballot(&self, candidate: usize) -> (Base, Ballot) {
        let prepared = Prepared { term: Term::new(2), id: block(10, 0xbb) };
        let base = Base { committed: block(9, 0xaa), prepared: Some(prepared) };
        let ballot = Ballot {
            view: view(5),
            candidate: self.secrets[candidate].public_key(),
            attempt: attempt(1),
            base: digest::base(&CHAIN, &base),
        };
        (base, ballot)
    }

    /// Both rounds, everybody honest.
    pub(crate) fn elect(&self, candidate: usize, signers: Signers) -> Proof {
        let (base, ballot) = self.ballot(candidate);
        let round = Round::run(self, &ballot, signers);
        let partials: Vec<_> = round.shares.iter().map(|share| share.partial).collect();
        let signature = round.session.aggregate(&partials);
        Proof { view: ballot.view, candidate: ballot.candidate, base, signers, signature }
    }
}

/// What one signer contributed.
pub(crate) struct Share {
    pub(crate) signer: ValidatorIndex,
    pub(crate) nonce: PublicNonce,
    pub(crate) partial: PartialSignature,
}

/// Both rounds of one ballot among exactly these signers.
pub(crate) struct Round {
    pub(crate) session: ProofSession,
    pub(crate) shares: Vec<Share>,
}

impl Round {
    pub(crate) fn run(world: &World, ballot: &Ballot, signers: Signers) -> Self {
        let mut rng = rng();
        let mut grants = Vec::new();
        for signer in signers.iter() {
            let mut book = NonceBook::new();
            let key = &world.secrets[signer.get()];
            let nonce = book.open(key, &CHAIN, ballot, &mut rng).unwrap();
            grants.push((signer, book, nonce));
        }
        let nonces: Vec<_> = grants.iter().map(|(_, _, nonce)| *nonce).collect();
        let sum = aggregate_nonces(&nonces).unwrap();
        let session = ProofSession::new(&world.committee, signers, ballot, sum).unwrap();
        let share = |(signer, mut book, nonce): (ValidatorIndex, NonceBook, PublicNonce)| {
            let key = &world.secrets[signer.get()];
            let partial = book.sign(key, &world.committee, ballot, signers, &sum).unwrap();
            Share { signer, nonce, partial }
        };
        Self { session, shares: grants.into_iter().map(share).collect() }
    }
}
