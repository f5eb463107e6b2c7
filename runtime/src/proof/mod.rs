//! What proves a block, or a transaction in it, to somebody who has nothing but the genesis file.
//!
//! A block is final because a quorum of its epoch signed it; the set of an epoch is known because
//! the set before it signed its digest with the block that ended the epoch before (§6.7, §9). So a
//! chain of certificates, one for each epoch, leads from the genesis file to any block: nobody's
//! word is needed, and blocks between need not be seen. Roots in the header then prove the rest.
//! ```text
//! genesis file ─▶ set 0 ─▶ end of epoch 0 ─▶ set 1 ─▶ … ─▶ certificate ─▶ header ─▶ transaction
//! ```
//! Read in this order: [`Anchor`], [`FinalityProof`], [`ProvedBlock`], [`Walk`],
//! [`TransactionProof`].
//!
//! # What it does not prove
//! That a block is the newest: whoever shows an older one does not lie. And where more validators
//! of one epoch than its set tolerates gave their keys away, even after they left the set, those
//! keys can sign another history: who has walked the chain before notices, a newcomer does not.

mod finality;
mod inclusion;
mod transaction;
mod walk;

pub use finality::{
    Anchor, EpochEnd, Era, FinalityError, FinalityProof, Flaw, MAX_PROOF_BYTES, ProvedBlock,
    UnreadableProof,
};
pub use transaction::{Part, ProvedTransaction, TransactionProof, TransactionProofError};
pub use walk::Walk;
