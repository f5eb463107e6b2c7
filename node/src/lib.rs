//! A node: everything else, put together.
//!
//! Nothing is decided here. Consensus decides which blocks are final (`mokka`), the runtime what a
//! block does, the pool which transactions wait; this crate gives each a thread or task, and
//! carries messages between them over bounded channels.
//! ```text
//!          RPC ──submit──▶ pool ◀──transactions── network ──packets──▶ engine
//!                           │ ▲                      ▲                 │   ▲
//!                candidates │ │ committed            └──── packets ────┘   │ answers
//!                           ▼ │                                            │
//!                          executor ◀────── build, check, finalize ────────┘
//!                              └──▶ store, heads ──▶ RPC subscriptions
//! ```
//! Threads: `mokka-consensus` owns the engine and waits for fsync, `mokka-executor` runs the EVM,
//! `mokka-pool` owns the pool. When one of them ends, or a task of the network, the RPC or the
//! metrics, the node ends and says which and why.
//!
//! Read in this order: [`Node`], [`NodeSettings`], [`DataDir`], then `executor`, `members`,
//! `acceptance`, `pool`, `gossip`, `door`, `view`, `proofs`.

mod acceptance;
mod assemble;
mod calls;
mod chain;
mod config;
mod data_dir;
mod decisions;
mod door;
mod error;
mod evidence;
mod executor;
mod gossip;
mod members;
mod metrics;
mod node;
mod participation;
mod pool;
mod proofs;
mod setup;
mod submit;
mod supervisor;
mod view;
mod web;

pub use config::{NodeSettings, SettingsError};
pub use data_dir::{Contents, DataDir, DataDirError, Past};
pub use error::{NodeEnded, StartError};
pub use node::{Addresses, Networking, Node, NodeOptions, Place};
pub use view::address_of;
