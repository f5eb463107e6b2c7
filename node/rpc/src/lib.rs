//! The node's front door: Ethereum's JSON-RPC and Mokka's own, HTTP and WebSocket on one port.
//!
//! This crate answers and never decides: what it needs from the node it states as a few small
//! traits ([`seams`]); the node implements them over its storage, pool, EVM and consensus.
//! ```text
//! client --HTTP or WS--> server (limits, host, origin) --> meter (times, counts) --> handlers
//!                                                                                      |
//!           node: ChainReader, TxPool, Evm, ConsensusView, MembersView, HeadStream <---+
//! ```
//! Read in this order: [`api`] (every method, its documentation is the manual), [`seams`],
//! [`error`] (every code), [`config`] (every limit), then the private modules `handlers` and
//! `server`. [`client`] connects the command line and the tests with the generated clients.
//!
//! # What tools rely on
//! * Final is final: `latest`, `safe`, `finalized` and `pending` name the same block. Only a nonce
//!   asked at `pending` differs: it counts the transactions waiting in this node's pool.
//! * A block that this node cannot serve is an error or `null`, never an answer from `latest`.
//! * A revert is error 3, its message ends in the reason, its `data` is what the contract returned.
//! * What blocks or takes long (disk, EVM) runs on blocking threads, a bounded number at a time.
//!
//! # Units
//! Sizes are bytes, prices are wei per gas, lengths of time are [`std::time::Duration`].

pub mod api;
pub mod client;
pub mod config;
pub mod error;
pub mod seams;

mod estimate;
mod handlers;
mod server;
mod shape;

pub use config::{Hosts, Identity, Origins, RpcConfig};
pub use error::{Code, RpcError};
pub use seams::Node;
pub use server::{
    Call, CallObserver, IgnoreCalls, RpcServer, StartError, Transport, method_names, start,
};
