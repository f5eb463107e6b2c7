//! Ethereum's rules: what a block does to the state, and the roots that prove it.
//!
//! A block here is an Ethereum block at fork Osaka: its types, encodings and hashes are those of
//! `alloy`, its execution is that of `revm`, and nothing of either is copied. This crate owns no
//! file, clock or random source: state comes in through [`StateReader`] and [`TreeReader`], and
//! what a block changes goes out in [`Executed`]. The same input gives the same bytes everywhere.
//! ```text
//! pool ──▶ BlockBuilder ──▶ Executed ──▶ commit            a leader proposes
//! peer ──▶ WholeBlock ──▶ RecoveredBlock ──▶ check_block ──▶ Executed     a follower votes
//! rpc  ──▶ call                                            nothing changes
//! ```
//! Read in this order: [`ChainSpec`], [`Stamp`], [`check_header`], [`check_block`],
//! [`BlockBuilder`], [`call`], [`system`], [`proof`].
//!
//! # Where blocks differ from Ethereum's
//! * The base fee is a constant of genesis; the gas limit is what members decided ([`system`]).
//! * `extraData` carries the [`Stamp`]: the term in which the block was built, and milliseconds.
//! * `prevRandao` is `blake3(parent hash, term)`: known in advance, of no use as a secret.
//! * The state root is the root of [the state tree](tree), not a Patricia trie.
//! * There are no blobs, no withdrawals, no beacon chain; the EIP-2935 history contract is kept.
//!
//! # Units
//! Amounts are in the smallest unit (wei), `timestamp` in seconds, a [`Stamp`] in milliseconds.

mod block;
mod builder;
mod call;
mod creation;
mod evm;
mod executed;
mod execution;
mod genesis;
mod header;
mod overrides;
pub mod proof;
mod receipt;
mod request;
mod sender;
mod spec;
mod stamp;
mod state;
pub mod system;
mod transaction;
pub mod tree;
mod working;

pub use block::{
    BlockError, DecodeError, WholeBlock, check_block, check_body, decode_block, encode_block,
};
pub use builder::{BlockBuilder, BuildError, PushError, Skipped};
pub use call::{CallError, CallInput, CallOutcome, call};
pub use executed::{Block, Executed, Overlay};
pub use execution::Fatal;
pub use genesis::{GenesisError, genesis_block};
pub use header::{HeaderError, check_header};
pub use receipt::{ReceiptDetails, receipt_details};
pub use sender::{RecoverError, RecoveredBlock, recover_sender, recover_senders};
pub use spec::{ChainSpec, MIN_BLOCK_BYTES, TX_GAS_LIMIT_CAP};
pub use stamp::{FreshError, MAX_CLOCK_AHEAD_MS, Plan, Stamp, check_fresh, prev_randao};
pub use state::{Account, StateChanges, StateError, StateReader, TreeChanges, TreeKey, TreeReader};
pub use transaction::{TxError, check_transaction};
