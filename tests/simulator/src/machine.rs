//! The application of the simulated world: a block is a parent, a term and some pieces of work.

use std::collections::{BTreeMap, BTreeSet};

use mokka_consensus::{
    BuildRequest, BuiltBlock, CheckRequest, FinalizeBlock, ProposedBlock, Verdict,
};
use mokka_crypto::digest;
use mokka_types::{BlockHash, BlockId, Body, FinalBlock, Height, SetDigest, View, codec};
use serde::{Deserialize, Serialize};

/// Pieces of work that fit into one block.
const WORK_PER_BLOCK: usize = 8;

/// What a body says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    parent: BlockId,
    built: View,
    builder: u64,
    work: Vec<u64>,
}

/// The final blocks of one node, and the work that waits at it.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    set: SetDigest,
    builder: u64,
    genesis: BlockId,
    blocks: BTreeMap<Height, FinalBlock>,
    done: BTreeSet<u64>,
    waiting: BTreeSet<u64>,
}

impl Chain {
    pub(crate) fn new(set: SetDigest, builder: u64, genesis: BlockId) -> Self {
        let (blocks, done, waiting) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { set, builder, genesis, blocks, done, waiting }
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
        let BuildRequest { view, parent, .. } = request;
        let work: Vec<u64> = self.waiting.iter().copied().take(WORK_PER_BLOCK).collect();
        let next = parent.height.next().filter(|_| !work.is_empty() && parent == self.tip());
        let block = next.map(|height| {
            let block = Block { parent, built: view, builder: self.builder, work };
            let body = Body::new(codec::encode(&block));
            let id = BlockId { height, hash: digest::body(&body) };
            ProposedBlock { id, body, next_set: self.set }
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
        match fresh && good || *parent != self.tip() {
            true => Verdict::Valid { next_set: self.set },
            false => Verdict::Invalid,
        }
    }

    /// Takes in a final block; the error says why it cannot be one.
    pub(crate) fn extend(&mut self, block: FinalBlock) -> Result<(), String> {
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
        self.blocks.insert(block.id.height, block);
        Ok(())
    }

    /// Forgets everything but genesis and the work that waits.
    pub(crate) fn rewind(&mut self) {
        self.waiting.append(&mut self.done);
        self.blocks.clear();
    }
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
