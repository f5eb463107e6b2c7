//! What an operator sets for one node. Nothing here changes what blocks are valid.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use serde::{Deserialize, Serialize};

/// The settings of a node: the contents of `config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct NodeSettings {
    /// Where other nodes reach this one. Port 0 takes a free one.
    pub p2p_listen: SocketAddr,
    /// Where JSON-RPC is served, over HTTP and WebSocket.
    pub rpc_listen: SocketAddr,
    /// Names by which the RPC may be addressed, beside addresses in digits; `*` for any.
    pub rpc_hosts: Vec<String>,
    /// Web pages that may call the RPC, for example `https://dapp.example`; `*` for any.
    pub rpc_origins: Vec<String>,
    /// Where `/metrics`, `/health` and `/ready` are served.
    pub metrics_listen: SocketAddr,
    /// Where others reach this validator, as multiaddrs, if that is not what the genesis file or
    /// the chain says: they are told at once.
    pub p2p_announce: Vec<String>,
    /// Where validators are, as `PUBLICKEY@MULTIADDR`, instead of what the genesis file says.
    pub peers: Vec<String>,
    /// Peer ids of nodes that may connect without being validators.
    pub observers: Vec<String>,
    /// Whether transactions that name no chain (from before EIP-155) are taken over RPC.
    pub allow_unprotected_transactions: bool,
    /// The lowest tip per gas that this node takes into its pool.
    pub min_tip: u64,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            p2p_listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 30303)),
            rpc_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8545)),
            rpc_hosts: vec!["localhost".to_owned()],
            rpc_origins: Vec::new(),
            metrics_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9545)),
            p2p_announce: Vec::new(),
            peers: Vec::new(),
            observers: Vec::new(),
            allow_unprotected_transactions: false,
            min_tip: 0,
        }
    }
}

/// The settings file is no use.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("cannot read {file}: {source}; check that it exists and is readable")]
    Io {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{file} is no settings file: {reason}")]
    Malformed {
        /// Which file.
        file: String,
        /// Where and why.
        reason: String,
    },
}

impl NodeSettings {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown field, or a value of the wrong kind.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Io { file: file.clone(), source })?;
        toml::from_str(&text)
            .map_err(|error| SettingsError::Malformed { file, reason: error.to_string() })
    }

    /// The settings as a file.
    pub fn to_toml(&self) -> String {
        // Invariant: every field is a plain value that TOML has.
        toml::to_string_pretty(self).expect("settings can be written as TOML")
    }
}
