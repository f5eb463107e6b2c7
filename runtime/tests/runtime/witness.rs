//! Validators whose secret keys the test knows, and a chain that they made final.

use alloy_consensus::Header;
use alloy_primitives::B256;
use mokka_crypto::{SecretKey, digest};
use mokka_runtime::proof::{Anchor, EpochEnd, FinalityProof};
use mokka_types::{
    BlockHash, BlockId, Certificate, ChainHash, CrashModel, Epoch, Height, Phase, SetDigest,
    Signers, Term, ValidatorSet, View,
};

pub(crate) const CHAIN: ChainHash = ChainHash::new([7; 32]);

/// The set of the validators with these numbers.
pub(crate) fn set_of(members: &[u8]) -> ValidatorSet {
    let keys = members.iter().map(|number| secret(*number).public_key());
    ValidatorSet::new(CrashModel::Bft, keys).unwrap()
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number + 1; 32]).unwrap()
}

pub(crate) fn id_of(header: &Header) -> BlockId {
    BlockId { height: Height::new(header.number), hash: BlockHash::new(header.hash_slow().0) }
}

/// What a quorum of some validators says of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) chain: ChainHash,
    pub(crate) members: &'a [u8],
    pub(crate) epoch: u64,
    pub(crate) phase: Phase,
    pub(crate) id: BlockId,
    pub(crate) next_set: SetDigest,
}

impl Statement<'_> {
    pub(crate) fn sign(self) -> Certificate {
        let Self { chain, members, epoch, phase, id, next_set } = self;
        let view = View::new(Epoch::new(epoch), Term::new(5));
        let mut secrets: Vec<_> = members.iter().map(|number| secret(*number)).collect();
        secrets.sort_by_key(SecretKey::public_key);
        let set = set_of(members);
        let signers: Signers = set.indices().take(set.quorum().votes()).collect();
        let digest = digest::block_vote(&chain, phase, view, &id, &next_set);
        let signatures = signers.iter().map(|at| secrets[at.get()].sign(&digest)).collect();
        Certificate { phase, view, id, next_set, signers, signatures }
    }
}

/// Some validators and how many blocks they made.
type Reign<'a> = (&'a [u8], u64);

/// A chain whose sets changed: each block with what made it final.
#[derive(Clone, Debug)]
pub(crate) struct History<'a> {
    pub(crate) anchor: Anchor,
    reigns: Vec<Reign<'a>>,
    /// By height; block 0 has no certificate.
    pub(crate) headers: Vec<Header>,
    certificates: Vec<Certificate>,
}

impl<'a> History<'a> {
    pub(crate) fn of(reigns: &[Reign<'a>]) -> Self {
        let genesis = Header::default();
        let validators = set_of(reigns[0].0);
        let anchor = Anchor { chain: CHAIN, genesis: id_of(&genesis), validators };
        let (headers, certificates) = (vec![genesis], Vec::new());
        let mut history = Self { anchor, reigns: reigns.to_vec(), headers, certificates };
        let blocks: u64 = reigns.iter().map(|(_, blocks)| blocks).sum();
        for height in 1..=blocks {
            let parent_hash = history.headers.last().unwrap().hash_slow();
            let header = Header { number: height, parent_hash, ..Header::default() };
            history.certificates.push(history.says(&header).sign());
            history.headers.push(header);
        }
        history
    }

    /// Three sets; the second shares a member with the third.
    pub(crate) fn of_three_epochs() -> History<'static> {
        History::of(&[(&[0], 2), (&[0, 1, 2, 3], 3), (&[3, 4, 5, 6], 2)])
    }

    /// The epoch of a height, and whether its last block is there.
    fn epoch(&self, height: u64) -> (usize, bool) {
        let mut end = 0;
        for (epoch, (_, blocks)) in self.reigns.iter().enumerate() {
            end += blocks;
            if height <= end {
                return (epoch, height == end);
            }
        }
        panic!("no epoch has block {height}");
    }

    /// What the validators of its epoch say of a block at the height of this header.
    pub(crate) fn says(&self, header: &Header) -> Statement<'a> {
        let (epoch, ends) = self.epoch(header.number);
        let next = self.reigns.get(epoch + 1).filter(|_| ends).unwrap_or(&self.reigns[epoch]);
        Statement {
            chain: CHAIN,
            members: self.reigns[epoch].0,
            epoch: epoch as u64,
            phase: Phase::Commit,
            id: id_of(header),
            next_set: digest::set(&set_of(next.0)),
        }
    }

    pub(crate) fn certificate(&self, height: usize) -> &Certificate {
        &self.certificates[height - 1]
    }

    pub(crate) fn height(&self) -> usize {
        self.certificates.len()
    }

    /// The genuine proof of the block at a height.
    pub(crate) fn proof(&self, height: usize) -> FinalityProof {
        let below = self.certificates[..height - 1].iter();
        let ends = below.filter(|certificate| self.epoch(certificate.id.height.get()).1);
        let sets = self.reigns[1..].iter().map(|(members, _)| set_of(members));
        let end = |(certificate, next_set): (&Certificate, _)| {
            let certificate = certificate.clone();
            EpochEnd { certificate, next_set }
        };
        FinalityProof {
            epochs: ends.zip(sets).map(end).collect(),
            certificate: self.certificate(height).clone(),
            header: self.headers[height].clone(),
        }
    }

    /// The proof of a block that replaces the newest one.
    pub(crate) fn proof_of(&self, header: Header) -> FinalityProof {
        let certificate = self.says(&header).sign();
        FinalityProof { certificate, header, ..self.proof(self.height()) }
    }
}

/// A header with other content at the same place.
pub(crate) fn twin(header: &Header) -> Header {
    Header { state_root: B256::repeat_byte(0xee), ..header.clone() }
}
