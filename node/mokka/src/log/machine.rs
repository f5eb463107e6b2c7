//! The log as the engine sees it: a state machine and a store on one file.

use std::sync::Arc;

use mokka_consensus::{
    BuildRequest, BuiltBlock, CheckRequest, CheckedBlock, EmptyBlock, FinalizeBlock,
    FinalizedBlock, ProposedBlock, Verdict,
};
use mokka_crypto::digest;
use mokka_types::{BlockId, Body, FinalBlock, Height, SafetyRecord, SetDigest, ValidatorSet};
use tracing::error;

use super::{
    Shared,
    entry::{BLOCK_ENTRIES, Entry, LogBlock},
};
use crate::{Handle, RangeLimit, SafetyStore, StateMachine, StoreFailure};

/// Makes entries into blocks. It answers at once, on the engine's own thread.
pub(super) struct LogMachine {
    shared: Arc<Shared>,
    handle: Handle,
    set: SetDigest,
    /// The most bytes of a body.
    limit: usize,
}

impl LogMachine {
    pub(super) fn new(
        shared: Arc<Shared>,
        handle: Handle,
        members: &ValidatorSet,
        limit: usize,
    ) -> Self {
        Self { shared, handle, set: digest::set(members), limit }
    }

    fn next_block(&self, parent: BlockId, empty: EmptyBlock) -> Option<ProposedBlock> {
        let pool = self.shared.pool();
        let entries = pool.next_block(self.limit);
        if entries.is_empty() && empty == EmptyBlock::NotDue {
            pool.show_work();
            return None;
        }
        let (id, body) = LogBlock { parent, entries }.write()?;
        Some(ProposedBlock { id, body, next_set: self.set })
    }

    /// Every member comes to the same verdict, as it depends on the blocks before alone.
    fn verdict(&self, request: &CheckRequest) -> Verdict {
        let CheckRequest { id, parent, body, .. } = request;
        let Some(block) = LogBlock::read(body) else { return Verdict::NotThisBlock };
        let is_it = digest::body(body) == id.hash
            && block.parent == *parent
            && parent.height.next() == Some(id.height);
        if !is_it {
            return Verdict::NotThisBlock;
        }
        let book = self.shared.book();
        if book.tip() != *parent {
            // Blocks are stored before the next is checked, so this is of a time long past.
            return Verdict::TooEarly;
        }
        let is_short = |entry: &Entry| entry.bytes().len() <= self.shared.entry_limit;
        let fits = block.entries.len() <= BLOCK_ENTRIES
            && body.as_bytes().len() <= self.limit
            && block.entries.iter().all(is_short);
        if fits && book.taken().accepts(&block.entries) && self.are_authentic(&block) {
            Verdict::Valid { next_set: self.set }
        } else {
            Verdict::Invalid
        }
    }

    /// What waits here was checked when it came.
    fn are_authentic(&self, block: &LogBlock) -> bool {
        let unknown: Vec<_> = {
            let pool = self.shared.pool();
            block.entries.iter().filter(|entry| !pool.knows(entry)).collect()
        };
        let is_member = |entry: &Entry| self.shared.members.keys().contains(&entry.author());
        unknown.iter().all(|entry| is_member(entry) && entry.is_authentic(&self.shared.chain))
    }

    fn store(&self, block: FinalizeBlock) -> Result<BlockId, String> {
        let FinalizeBlock { id, body, certificate } = block;
        let inside = LogBlock::read(&body).ok_or("a final block cannot be read")?;
        let stored = {
            let mut book = self.shared.book();
            let first = book.commit(FinalBlock { id, body, certificate }, &inside);
            first.map(|first| (first, book.length()))
        };
        let (first, length) = stored.map_err(|error| error.to_string())?;
        self.shared.pool().finalized(&inside.entries, first);
        self.shared.length.send_replace(length);
        Ok(id)
    }
}

impl StateMachine for LogMachine {
    fn build(&mut self, request: BuildRequest) {
        let BuildRequest { view, parent, empty, .. } = request;
        let block = self.next_block(parent, empty);
        self.handle.built(BuiltBlock { view, parent, block });
    }

    fn check(&mut self, request: CheckRequest) {
        let verdict = self.verdict(&request);
        self.handle.checked(CheckedBlock { ticket: request.ticket, verdict });
    }

    /// A block that cannot be stored is not answered for; the store then refuses the next promise,
    /// and the member stops.
    fn finalize(&mut self, block: FinalizeBlock) {
        match self.store(block) {
            Ok(id) => {
                let (next_set, next_settings) = (None, None);
                self.handle.finalized(FinalizedBlock { id, next_set, next_settings });
            }
            Err(reason) => error!(%reason, "a final block could not be stored"),
        }
    }

    fn blocks(&mut self, from: Height, limit: RangeLimit) -> Vec<FinalBlock> {
        self.shared.book().blocks(from, limit).unwrap_or_else(|error| {
            error!(%error, "blocks could not be read");
            Vec::new()
        })
    }

    fn body(&mut self, id: &BlockId) -> Option<Body> {
        let block = self.shared.book().block_of(id).unwrap_or_else(|error| {
            error!(%error, "a block could not be read");
            None
        });
        block.map(|block| block.body)
    }
}

impl Drop for LogMachine {
    /// The engine has ended, and nobody is left to wait for.
    fn drop(&mut self) {
        self.shared.ended.cancel();
        self.shared.book().release();
    }
}

/// Keeps promises in the same file as the blocks (§6.5).
pub(super) struct LogStore(pub(super) Arc<Shared>);

impl SafetyStore for LogStore {
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure> {
        let written = self.0.book().promise(records);
        written.map_err(|error| StoreFailure { reason: error.to_string() })
    }
}
