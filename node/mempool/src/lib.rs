//! Transactions that wait for a block.
//!
//! The pool is a data structure and nothing else: it owns no task, lock, clock or database. Its
//! owner hands it decoded transactions whose sender is already recovered, the sender's account on
//! the committed state, and the time; it answers with what changed, so that nothing leaves in
//! silence.
//!
//! ```text
//! RPC, gossip --admit--> Pool --candidates--> builder      on_commit <-- every committed block
//!                         |---arrivals_after--> gossip, subscriptions
//!                         |---has_executable--> "a block is due" (consensus.md §5.6, §6.6)
//! ```
//!
//! A transaction is *ready* when it could be executed on the committed state after those of its
//! sender before it: its nonce follows without a gap, and the balance covers what all of them may
//! cost at most. Otherwise it is *queued*: kept, but shown to no builder.
//!
//! Read in this order: [`Transaction`], [`Rules`] and [`Limits`], [`Refusal`], [`Pool`],
//! [`Candidates`], [`Changes`].
//!
//! # Where we differ from geth, and why
//! * One limit counts ready and queued transactions together; a share of it is left to queued ones.
//! * Who is over the limit loses its newest nonce, never one in the middle, so that eviction makes
//!   no gap that strands the rest.
//! * An account with a delegation (EIP-7702) may have as many transactions as others: blocks are
//!   final, and every commit checks each changed account again.
//! * A fee cap below the base fee is refused, not kept: the base fee is a constant of the chain.
//! * Over RPC a nonce is refused that is further ahead than its sender may have transactions here.
//!
//! # Units
//! Sizes are bytes of the EIP-2718 encoding. Fees are in the smallest unit of the coin, per gas.
//! Instants are [`mokka_types::Monotonic`].

mod best;
mod check;
mod commit;
mod content;
mod entry;
mod evict;
mod gas;
mod index;
mod pool;
mod refusal;
mod rules;
mod sender;
mod transaction;

pub use best::{Best, Budget, Candidates};
pub use commit::{AccountChange, Changes, DropReason, Dropped};
pub use content::{SenderContent, Status};
pub use entry::{Arrival, Entry, Readiness};
pub use gas::{floor_gas, intrinsic_gas};
pub use pool::{Admitted, Pool};
pub use refusal::{Refusal, RefusalKind};
pub use rules::{Limits, Origin, ReplayProtection, Rules, SenderAccount, SenderCode};
pub use transaction::Transaction;
