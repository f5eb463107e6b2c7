//! What a member thinks of candidates: the original's `customVoteRule`.

use std::{fmt, sync::Arc};

use mokka_consensus::{BuildRequest, CheckRequest, FinalizeBlock};
use mokka_types::{BlockId, Body, FinalBlock, Height, Vote};

use crate::{RangeLimit, StateMachine};

/// Whether a candidate may lead.
#[derive(Clone)]
pub(crate) struct VoteRule(Arc<dyn Fn(&Vote) -> bool + Send + Sync>);

impl VoteRule {
    pub(crate) fn new(ask: impl Fn(&Vote) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

impl fmt::Debug for VoteRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoteRule")
    }
}

/// A state machine with a rule of its member; where the machine has its own, both must agree.
pub(crate) struct Ruled {
    pub(crate) rule: VoteRule,
    pub(crate) machine: Box<dyn StateMachine>,
}

impl StateMachine for Ruled {
    fn build(&mut self, request: BuildRequest) {
        self.machine.build(request);
    }

    fn check(&mut self, request: CheckRequest) {
        self.machine.check(request);
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        self.machine.finalize(block);
    }

    fn blocks(&mut self, from: Height, limit: RangeLimit) -> Vec<FinalBlock> {
        self.machine.blocks(from, limit)
    }

    fn agrees(&self, vote: &Vote) -> bool {
        (self.rule.0)(vote) && self.machine.agrees(vote)
    }

    fn body(&mut self, id: &BlockId) -> Option<Body> {
        self.machine.body(id)
    }
}
