//! A validator set whose keys the tests hold, and everything that it could sign.

use std::time::Duration;

use mokka_crypto::{Committee, NonceBook, ProofSession, SecretKey, aggregate_nonces, digest};
use mokka_types::{
    Ack, Alive, Attempt, Ballot, Base, BlockHash, BlockId, BlockVote, Body, Certificate,
    CertifiedBase, ChainHash, CrashModel, Epoch, Height, Packet, Phase, Prepared, Proof, Proposal,
    PublicKey, RunNumber, SetDigest, Settings, Signers, Term, ValidatorIndex, ValidatorSet, View,
    Vote,
};
use rand::{SeedableRng, rngs::StdRng};

pub(crate) const CHAIN: ChainHash = ChainHash::new([9; 32]);
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(200);
pub(crate) const ELECTION: Duration = Duration::from_millis(400);

pub(crate) fn genesis() -> BlockId {
    BlockId { height: Height::GENESIS, hash: BlockHash::new([7; 32]) }
}

pub(crate) fn view(term: u64) -> View {
    View::new(Epoch::new(0), Term::new(term))
}

/// A block of this height; `tag` tells it from others there.
pub(crate) fn block(height: u64, tag: u8) -> (BlockId, Body) {
    let body = Body::new(vec![u8::try_from(height).unwrap(), tag]);
    (BlockId { height: Height::new(height), hash: digest::body(&body) }, body)
}

pub(crate) fn id(height: u64, tag: u8) -> BlockId {
    block(height, tag).0
}

/// Committed genesis, nothing prepared.
pub(crate) fn fresh_base() -> Base {
    Base { committed: genesis(), prepared: None }
}

pub(crate) fn prepared(term: u64, id: BlockId) -> Base {
    let committed = match id.height.get() {
        1 => genesis(),
        height => self::id(height - 1, 0),
    };
    Base { committed, prepared: Some(Prepared { term: Term::new(term), id }) }
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).unwrap()
}

pub(crate) struct World {
    /// What the secrets are made of.
    numbers: Vec<u8>,
    pub(crate) secrets: Vec<SecretKey>,
    pub(crate) committee: Committee,
    pub(crate) settings: Settings,
}

impl World {
    pub(crate) fn new(model: CrashModel, validators: usize) -> Self {
        let numbers = (0..validators).map(|at| u8::try_from(at + 1).unwrap());
        Self::of(model, Epoch::new(0), numbers.collect())
    }

    fn of(model: CrashModel, epoch: Epoch, mut numbers: Vec<u8>) -> Self {
        numbers.sort_by_key(|number| secret(*number).public_key());
        let secrets: Vec<_> = numbers.iter().copied().map(secret).collect();
        let set = ValidatorSet::new(model, secrets.iter().map(SecretKey::public_key)).unwrap();
        let committee = Committee::new(CHAIN, epoch, set).unwrap();
        Self { numbers, secrets, committee, settings: Settings::default() }
    }

    /// The next epoch: these stay, and these come (§9).
    pub(crate) fn next_epoch(&self, stay: &[usize], come: &[u8]) -> Self {
        let stay = stay.iter().map(|at| self.numbers[*at]);
        let numbers = stay.chain(come.iter().copied()).collect();
        let epoch = self.committee.epoch().next().unwrap();
        Self::of(self.committee.set().model(), epoch, numbers)
    }

    /// A term of this epoch.
    pub(crate) fn view(&self, term: u64) -> View {
        View::new(self.committee.epoch(), Term::new(term))
    }

    /// The commit certificate of the block that announces the next epoch.
    pub(crate) fn ending(&self, term: u64, id: BlockId, next: &Self) -> Certificate {
        self.naming(Phase::Commit, term, id, next)
    }

    /// A certificate that names this set as the next one.
    pub(crate) fn naming(&self, phase: Phase, term: u64, id: BlockId, next: &Self) -> Certificate {
        let (next_set, places) = (next.set_digest(), self.last_quorum());
        let vote = |at: &usize| self.block_vote_on(*at, phase, term, id, next_set).signature;
        let (signatures, signers) = (places.iter().map(vote).collect(), self.signers(&places));
        Certificate { phase, view: self.view(term), id, next_set, signers, signatures }
    }

    pub(crate) fn bft(validators: usize) -> Self {
        Self::new(CrashModel::Bft, validators)
    }

    pub(crate) fn cft(validators: usize) -> Self {
        Self::new(CrashModel::Cft, validators)
    }

    pub(crate) fn quorum(&self) -> usize {
        self.committee.set().quorum().votes()
    }

    pub(crate) fn is_bft(&self) -> bool {
        self.committee.set().model() == CrashModel::Bft
    }

    pub(crate) fn key(&self, at: usize) -> PublicKey {
        self.secrets[at].public_key()
    }

    pub(crate) fn place(&self, key: &PublicKey) -> usize {
        self.committee.set().index_of(key).unwrap().get()
    }

    pub(crate) fn index(&self, at: usize) -> ValidatorIndex {
        self.committee.set().indices().nth(at).unwrap()
    }

    pub(crate) fn signers(&self, places: &[usize]) -> Signers {
        places.iter().map(|at| self.index(*at)).collect()
    }

    /// A quorum, this one among them; the first of the set, which tests look at, only where it must
    /// be: it would know what it signed (§8).
    pub(crate) fn quorum_with(&self, at: usize) -> Vec<usize> {
        self.quorum_without(0, at)
    }

    /// A quorum with the second of these; the first is in it only where it must be.
    pub(crate) fn quorum_without(&self, spared: usize, at: usize) -> Vec<usize> {
        let others = (0..self.secrets.len()).filter(|other| ![at, spared].contains(other));
        let others = others.chain((spared != at).then_some(spared));
        let mut places: Vec<_> = others.take(self.quorum() - 1).chain([at]).collect();
        places.sort_unstable();
        places
    }

    fn last_quorum(&self) -> Vec<usize> {
        self.quorum_with(self.secrets.len() - 1)
    }

    pub(crate) fn set_digest(&self) -> SetDigest {
        self.committee.set_digest()
    }

    pub(crate) fn ballot(&self, candidate: usize, term: u64, attempt: u64, base: &Base) -> Ballot {
        Ballot {
            view: self.view(term),
            candidate: self.key(candidate),
            attempt: Attempt { run: RunNumber::new(1), counter: attempt },
            base: digest::base(&CHAIN, base),
        }
    }

    /// The proof of this candidate, signed by a quorum with it.
    pub(crate) fn proof(&self, candidate: usize, term: u64, base: Base) -> Proof {
        self.proof_by(candidate, term, base, &self.quorum_with(candidate))
    }

    pub(crate) fn proof_by(
        &self,
        candidate: usize,
        term: u64,
        base: Base,
        places: &[usize],
    ) -> Proof {
        let ballot = self.ballot(candidate, term, 1, &base);
        let mut rng = StdRng::seed_from_u64(term);
        let mut books: Vec<_> = places.iter().map(|_| NonceBook::new()).collect();
        let nonces: Vec<_> = books
            .iter_mut()
            .zip(places)
            .map(|(book, at)| book.open(&self.secrets[*at], &CHAIN, &ballot, &mut rng).unwrap())
            .collect();
        let nonce = aggregate_nonces(&nonces).unwrap();
        let signers = self.signers(places);
        let session = ProofSession::new(&self.committee, signers, &ballot, nonce).unwrap();
        let shares: Vec<_> = books
            .iter_mut()
            .zip(places)
            .map(|(book, at)| {
                let key = &self.secrets[*at];
                book.sign(key, &self.committee, &ballot, signers, &nonce).unwrap()
            })
            .collect();
        let signature = session.aggregate(&shares);
        Proof { view: self.view(term), candidate: self.key(candidate), base, signers, signature }
    }

    pub(crate) fn block_vote(&self, at: usize, phase: Phase, term: u64, id: BlockId) -> BlockVote {
        self.block_vote_on(at, phase, term, id, self.set_digest())
    }

    /// A vote for a block after which this set is active.
    pub(crate) fn block_vote_on(
        &self,
        at: usize,
        phase: Phase,
        term: u64,
        id: BlockId,
        next_set: SetDigest,
    ) -> BlockVote {
        let digest = digest::block_vote(&CHAIN, phase, self.view(term), &id, &next_set);
        BlockVote { view: self.view(term), id, next_set, signature: self.secrets[at].sign(&digest) }
    }

    pub(crate) fn certificate_by(
        &self,
        phase: Phase,
        term: u64,
        id: BlockId,
        places: &[usize],
    ) -> Certificate {
        let signatures =
            places.iter().map(|at| self.block_vote(*at, phase, term, id).signature).collect();
        let (next_set, signers) = (self.set_digest(), self.signers(places));
        Certificate { phase, view: self.view(term), id, next_set, signers, signatures }
    }

    pub(crate) fn certificate(&self, phase: Phase, term: u64, id: BlockId) -> Certificate {
        self.certificate_by(phase, term, id, &self.last_quorum())
    }

    pub(crate) fn commit(&self, term: u64, id: BlockId) -> Certificate {
        self.certificate(Phase::Commit, term, id)
    }

    pub(crate) fn prepare(&self, term: u64, id: BlockId) -> Certificate {
        self.certificate(Phase::Prepare, term, id)
    }

    /// A base with what proves it; its committed block is of term 1.
    pub(crate) fn certified(&self, base: Base) -> CertifiedBase {
        let commit = (base.committed != genesis()).then(|| self.commit(1, base.committed));
        let prepare = base.prepared.filter(|_| self.is_bft());
        let prepare = prepare.map(|block| self.prepare(block.term.get(), block.id));
        CertifiedBase { base, commit, prepare }
    }

    pub(crate) fn vote(&self, candidate: usize, term: u64, attempt: u64, base: Base) -> Vote {
        Vote {
            ballot: self.ballot(candidate, term, attempt, &base),
            promise: self.view(0),
            base: self.certified(base),
            newest_proof: None,
            handover: None,
        }
    }

    /// A leader's proposal of the block of `height` and `tag` on the block of tag 0 below.
    pub(crate) fn proposal(&self, proof: &Proof, height: u64, tag: u8) -> Proposal {
        let (id, body) = block(height, tag);
        let parent = match height {
            1 => genesis(),
            _ => self::id(height - 1, 0),
        };
        let parent_certificate = (height > 1).then(|| self.commit(1, parent));
        let leader = self.place(&proof.candidate);
        let signature = self.secrets[leader].sign(&digest::proposal(&CHAIN, proof.view, &id));
        let (proof, body) = (proof.clone(), Some(body));
        Proposal { proof, id, parent, parent_certificate, body, signature }
    }
}

pub(crate) fn ack(proof: &Proof) -> Packet {
    let (committed, certificate) = (genesis(), None);
    Packet::Ack(Box::new(Ack { proof: proof.clone(), committed, certificate }))
}

pub(crate) fn alive(term: u64, committed: BlockId) -> Packet {
    Packet::Alive(Alive { promise: view(term), committed })
}

pub(crate) fn certified(certificate: &Certificate) -> Packet {
    Packet::Certified(Box::new(certificate.clone()))
}

pub(crate) fn propose(proposal: Proposal) -> Packet {
    Packet::Proposal(Box::new(proposal))
}

pub(crate) fn ask(vote: Vote) -> Packet {
    Packet::Vote(Box::new(vote))
}
