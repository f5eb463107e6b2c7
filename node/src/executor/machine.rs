//! The state machine that consensus sees: it asks the executor, and reads the store for others.

use std::sync::{Arc, mpsc::SyncSender};

use mokka::{RangeLimit, StateMachine};
use mokka_consensus::{BuildRequest, CheckRequest, FinalizeBlock};
use mokka_runtime::encode_block;
use mokka_storage::Store;
use mokka_types::{BlockId, Body, Evidence, FinalBlock, Height, Proof};
use tracing::error;

/// What the executor is asked for, one after the other.
pub(super) enum Job {
    Build(BuildRequest),
    Check(Box<CheckRequest>),
    Finalize(Box<FinalizeBlock>),
    Keep(Keepsake),
}

/// What consensus saw and is worth keeping beside the chain.
pub(crate) enum Keepsake {
    Proof(Box<Proof>),
    Evidence(Box<Evidence>),
}

/// Hands requests to the executor, and reads the store for other nodes.
pub(crate) struct Machine {
    pub(super) jobs: SyncSender<Job>,
    pub(super) store: Arc<dyn Store>,
}

impl Machine {
    fn ask(&self, job: Job) {
        // The executor ends only with the node.
        let _ended = self.jobs.send(job);
    }

    /// Keeps what made a leader, and what proves a misdeed, off the engine's thread.
    pub(crate) fn keeper(&self) -> impl Fn(Keepsake) + Send + Sync + use<> {
        let jobs = self.jobs.clone();
        move |keepsake| {
            // What finds no room is kept when it is seen again.
            let _full = jobs.try_send(Job::Keep(keepsake));
        }
    }
}

impl StateMachine for Machine {
    fn build(&mut self, request: BuildRequest) {
        self.ask(Job::Build(request));
    }

    fn check(&mut self, request: CheckRequest) {
        self.ask(Job::Check(Box::new(request)));
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        self.ask(Job::Finalize(Box::new(block)));
    }

    fn blocks(&mut self, from: Height, limit: RangeLimit) -> Vec<FinalBlock> {
        let found = self.store.final_blocks(from, limit.blocks, limit.bytes.bytes());
        found.unwrap_or_else(|error| {
            error!(%error, %from, "cannot read blocks for a peer");
            Vec::new()
        })
    }

    fn body(&mut self, id: &BlockId) -> Option<Body> {
        let found = self.store.block(id.height);
        let block = found.unwrap_or_else(|error| {
            error!(%error, height = %id.height, "cannot read a body for a peer");
            None
        })?;
        (block.hash.0 == *id.hash.as_bytes())
            .then(|| Body::new(encode_block(&block.block).to_vec()))
    }
}
