//! The plug that knows what a block means.

use mokka_consensus::{BuildRequest, CheckRequest, FinalizeBlock};
use mokka_types::{BlockId, Body, FinalBlock, Height, Vote};

/// How many bytes an answer may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteLimit(usize);

impl ByteLimit {
    /// At most so many bytes.
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// The bound as a number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

/// How much an answer with blocks may hold: whichever is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLimit {
    /// At most so many blocks.
    pub blocks: usize,
    /// About so many bytes.
    pub bytes: ByteLimit,
}

/// Builds, checks and keeps blocks.
///
/// The first three methods only start work and return at once; the answer comes back as an input,
/// through [`crate::Handle`]: `Built`, `Checked` or `Finalized`. Every request is answered exactly
/// once, in any order. The last two read what is stored, to answer other nodes.
pub trait StateMachine: Send {
    /// Builds a block; answered by `Built`.
    fn build(&mut self, request: BuildRequest);

    /// Checks a block; answered by `Checked`.
    fn check(&mut self, request: CheckRequest);

    /// Stores a block that was found valid, with its certificate, in one atomic write (§6.5);
    /// answered by `Finalized`.
    fn finalize(&mut self, block: FinalizeBlock);

    /// Final blocks from a height on, in order, as many as fit into `limit`. The engine cuts what
    /// is too much, but reading it would be in vain.
    fn blocks(&mut self, from: Height, limit: RangeLimit) -> Vec<FinalBlock>;

    /// Whether this candidate may lead, as far as the application is concerned (§5.2 rule 5); its
    /// other rules are the protocol's. Asked for every `Vote` of another member that comes, of
    /// which only the sender is proved then, between two inputs of the engine: it must not block.
    /// Where too few members agree, there is no leader.
    fn agrees(&self, _vote: &Vote) -> bool {
        true
    }

    /// The body of a final block.
    fn body(&mut self, id: &BlockId) -> Option<Body>;
}
