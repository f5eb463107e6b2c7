//! The application of the simulated world: a block is a parent, a term and some pieces of work.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mokka_consensus::{
    BuildRequest, BuiltBlock, CheckRequest, FinalizeBlock, ProposedBlock, Verdict,
};
use mokka_crypto::digest;
use mokka_types::{
    BlockHash, BlockId, Body, Epoch, FinalBlock, Height, PublicKey, SetDigest, ValidatorSet, View,
    codec,
};
use serde::{Deserialize, Serialize};

/// Pieces of work that fit into one block.
const WORK_PER_BLOCK: usize = 8;
/// Lies between the number of a builder and the one that a liar writes into a second block.
const OTHER_BUILDER: u64 = 1000;

/// What a body says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    parent: BlockId,
    built: View,
    builder: u64,
    work: Vec<u64>,
    /// The next epoch begins above this block (§9).
    announces: bool,
}

/// The final blocks of one node, and the work that waits at it.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// The validators of each epoch that there may ever be.
    sets: Arc<Vec<ValidatorSet>>,
    epoch: usize,
    began: BlockId,
    /// The epoch that members want.
    wanted: usize,
    builder: u64,
    genesis: BlockId,
    blocks: BTreeMap<Height, FinalBlock>,
    done: BTreeSet<u64>,
    waiting: BTreeSet<u64>,
}

impl Chain {
    pub(crate) fn new(sets: Arc<Vec<ValidatorSet>>, builder: u64, genesis: BlockId) -> Self {
        let (blocks, done, waiting) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let (epoch, began, wanted) = (0, genesis, 0);
        Self { sets, epoch, began, wanted, builder, genesis, blocks, done, waiting }
    }

    /// The epoch of the next block, its validators, and the block that ended the one before.
    pub(crate) fn epoch(&self) -> (Epoch, ValidatorSet, BlockId) {
        let number = u64::try_from(self.epoch).unwrap_or(u64::MAX);
        (Epoch::new(number), self.sets[self.epoch].clone(), self.began)
    }

    /// Members want this epoch; says whom they approve for the next one.
    pub(crate) fn want_epoch(&mut self, wanted: usize) -> Vec<PublicKey> {
        self.wanted = wanted;
        let present = &self.sets[self.epoch];
        let next = self.sets.get(self.epoch + 1).filter(|_| self.wanted > self.epoch);
        let keys = next.map(|set| set.keys().to_vec()).unwrap_or_default();
        keys.into_iter().filter(|key| present.index_of(key).is_none()).collect()
    }

    /// The set after a block that announces one, or does not.
    fn set_after(&self, announces: bool) -> Option<&ValidatorSet> {
        self.sets.get(self.epoch + usize::from(announces))
    }

    /// The set after a block on the newest final one.
    pub(crate) fn next_set_of(&self, body: &Body) -> Option<SetDigest> {
        let block = codec::decode::<Block>(body.as_bytes()).ok()?;
        self.set_after(block.announces).map(digest::set)
    }

    /// A quorum of the wanted set is level (§9).
    fn may_announce(&self, level: &[PublicKey]) -> bool {
        let next = self.set_after(true).filter(|_| self.wanted > self.epoch);
        next.is_some_and(|set| {
            let there = level.iter().filter(|key| set.index_of(key).is_some()).count();
            set.quorum().is_reached_by(there)
        })
    }

    pub(crate) fn tip(&self) -> BlockId {
        self.blocks.last_key_value().map_or(self.genesis, |(_, block)| block.id)
    }

    pub(crate) fn newest(&self) -> Option<&FinalBlock> {
        self.blocks.last_key_value().map(|(_, block)| block)
    }

    pub(crate) fn from(&self, height: Height) -> Vec<FinalBlock> {
        self.blocks.range(height..).take(16).map(|(_, block)| block.clone()).collect()
    }

    pub(crate) fn body(&self, id: &BlockId) -> Option<Body> {
        let block = self.blocks.get(&id.height).filter(|block| block.id == *id);
        block.map(|block| block.body.clone())
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn has_done(&self, work: u64) -> bool {
        self.done.contains(&work)
    }

    /// New work, unless it is done.
    pub(crate) fn take_in(&mut self, work: u64) {
        if !self.done.contains(&work) {
            self.waiting.insert(work);
        }
    }

    pub(crate) fn build(&self, request: BuildRequest) -> BuiltBlock {
        let BuildRequest { view, parent, level, .. } = request;
        let work: Vec<u64> = self.waiting.iter().copied().take(WORK_PER_BLOCK).collect();
        let announces = self.may_announce(&level);
        let next = parent.height.next().filter(|_| !work.is_empty() && parent == self.tip());
        let block = next.zip(self.set_after(announces)).map(|(height, set)| {
            let block = Block { parent, built: view, builder: self.builder, work, announces };
            let body = Body::new(codec::encode(&block));
            let id = BlockId { height, hash: digest::body(&body) };
            ProposedBlock { id, body, next_set: digest::set(set) }
        });
        BuiltBlock { view, parent, block }
    }

    pub(crate) fn check(&self, request: &CheckRequest) -> Verdict {
        let CheckRequest { id, parent, body, .. } = request;
        let Ok(block) = codec::decode::<Block>(body.as_bytes()) else {
            return Verdict::NotThisBlock;
        };
        let is_it = digest::body(body) == id.hash
            && block.parent == *parent
            && parent.height.next() == Some(id.height);
        if !is_it {
            return Verdict::NotThisBlock;
        }
        let fresh = block.work.iter().all(|work| !self.done.contains(work));
        let good = !block.work.is_empty() && block.work.len() <= WORK_PER_BLOCK;
        match self.set_after(block.announces).filter(|_| fresh && good || *parent != self.tip()) {
            Some(set) => Verdict::Valid { next_set: digest::set(set) },
            None => Verdict::Invalid,
        }
    }

    /// Takes in a final block and says which set it announced; the error says why it cannot be one.
    pub(crate) fn extend(&mut self, block: FinalBlock) -> Result<Option<ValidatorSet>, String> {
        let tip = self.tip();
        let inside = codec::decode::<Block>(block.body.as_bytes()).map_err(|error| {
            format!("the body of final block {} is no block: {error}", block.id.height)
        })?;
        if inside.parent != tip || tip.height.next() != Some(block.id.height) {
            return Err(format!("final block {:?} does not follow {tip:?}", block.id));
        }
        if digest::body(&block.body) != block.id.hash {
            return Err(format!("final block {:?} has another body", block.id));
        }
        for work in inside.work {
            if !self.done.insert(work) {
                return Err(format!("work {work} is done twice, again in {:?}", block.id));
            }
            self.waiting.remove(&work);
        }
        let announced = self.set_after(true).filter(|_| inside.announces).cloned();
        if announced.is_some() {
            self.epoch += 1;
            self.began = block.id;
        }
        self.blocks.insert(block.id.height, block);
        Ok(announced)
    }

    /// Forgets everything but genesis and the work that waits.
    pub(crate) fn rewind(&mut self) {
        self.waiting.append(&mut self.done);
        self.blocks.clear();
        (self.epoch, self.began) = (0, self.genesis);
    }
}

/// Another block on the same parent, as good as this one: what a liar shows beside it.
pub(crate) fn sibling(id: &BlockId, body: &Body) -> Option<(BlockId, Body)> {
    let block = codec::decode::<Block>(body.as_bytes()).ok()?;
    let builder = block.builder.wrapping_add(OTHER_BUILDER);
    let body = Body::new(codec::encode(&Block { builder, ..block }));
    Some((BlockId { height: id.height, hash: digest::body(&body) }, body))
}

impl From<FinalizeBlock> for crate::disk::Entry {
    fn from(block: FinalizeBlock) -> Self {
        let FinalizeBlock { id, body, certificate } = block;
        Self::Commit(FinalBlock { id, body, certificate })
    }
}

/// Block 0 of every simulated chain.
pub(crate) fn genesis() -> BlockId {
    BlockId { height: Height::GENESIS, hash: BlockHash::new([7; 32]) }
}
