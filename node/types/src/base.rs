//! What a candidate stands on.

use serde::{Deserialize, Serialize};

use crate::{BlockId, Certificate, Term};

/// The block above the committed one to which a node has bound itself, and in which term (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Prepared {
    /// The term in which it was prepared; terms of other epochs cannot appear in a base.
    pub term: Term,
    /// The block, at the height above the committed one.
    pub id: BlockId,
}

/// The newest committed block, and the prepared one above it if any (§3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Base {
    /// The newest committed block.
    pub committed: BlockId,
    /// What may have been committed above it.
    pub prepared: Option<Prepared>,
}

impl Base {
    /// How high it is: bases are compared by `(committed height, prepared term or 0)` (§3).
    pub fn rank(&self) -> (crate::Height, Term) {
        (self.committed.height, self.prepared.map(|prepared| prepared.term).unwrap_or_default())
    }
}

/// A base with what proves it. Bodies travel apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CertifiedBase {
    /// The ids.
    pub base: Base,
    /// Proves the committed block; none for genesis.
    pub commit: Option<Certificate>,
    /// Proves the prepared block; only in BFT.
    pub prepare: Option<Certificate>,
}
