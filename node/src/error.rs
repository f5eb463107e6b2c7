//! Why a node does not start, or ends.

use std::{io, net::SocketAddr};

use mokka_storage::{OpenError, StoreError};

use crate::data_dir::DataDirError;

/// Why a node does not start: for the operator, with advice.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Block 0 cannot be made.
    #[error("the genesis file cannot be used: {0}")]
    Genesis(String),
    /// The data directory is not what it should be.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain does not say who its members are.
    #[error(
        "{0}: the database is of another version or damaged; restore a backup, or create the \
         node anew with `mokka init` and let it catch up"
    )]
    Members(String),
    /// The network cannot start.
    #[error(transparent)]
    Network(#[from] mokka_network::StartError),
    /// The node key cannot be used.
    #[error(transparent)]
    NodeKey(#[from] mokka_network::KeyError),
    /// The RPC cannot start.
    #[error(transparent)]
    Rpc(#[from] mokka_rpc::StartError),
    /// The metrics cannot be served.
    #[error(
        "cannot serve metrics on {address}: {source}; stop the program that uses it or choose \
         another --metrics-listen (port 0 takes a free one)"
    )]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A peer in the settings cannot be read.
    #[error("{0:?} is no peer; write PUBLICKEY@MULTIADDR, as 02ab…@/dns/a.example/tcp/30303")]
    Peer(String),
    /// An observer in the settings cannot be read.
    #[error("{0:?} is no peer id; an observer shows its own with `mokka status`")]
    Observer(String),
    /// What the settings announce cannot be dialed by others.
    #[error("p2p-announce: {0}")]
    Announce(#[from] mokka_network::RecordError),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}; check the limits of this user")]
    Thread(#[from] io::Error),
}

/// A part without which the node cannot go on has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} ended: {reason}")]
pub struct NodeEnded {
    /// Which part.
    pub part: &'static str,
    /// Why.
    pub reason: String,
}
