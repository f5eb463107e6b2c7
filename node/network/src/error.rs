//! What keeps the network from starting, and what to do about it.

use std::{io, net::SocketAddr, path::PathBuf};

/// The network could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody listens there already.
    #[error("{address} is already used; stop the other process or choose another --p2p-listen")]
    PortInUse {
        /// Where the node should listen.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose an address of this machine and a port that \
         this user may open"
    )]
    Listen {
        /// Where the node should listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Blocks would not fit into a message.
    #[error(
        "maxBlockBytes is {bytes}, but the network carries at most {max}; choose a smaller \
         maxBlockBytes in the genesis file"
    )]
    BlocksTooLarge {
        /// The setting.
        bytes: usize,
        /// The most it can be.
        max: usize,
    },
    /// Encryption or gossip could not be set up; a mistake in this program.
    #[error("cannot set up the network: {0}")]
    Setup(String),
}

/// The node key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Reading or writing failed.
    #[error(
        "cannot {action} the node key {path}: {source}; check that this user may use the folder"
    )]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could read it.
    #[error(
        "{path} can be read by other users (mode {mode:o}); run: chmod 600 {path}",
        path = path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds something else.
    #[error(
        "{path} is no node key: it must hold 64 hex digits; restore it from a backup, or delete it \
         and bind the new node key to the validator again",
        path = path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}
