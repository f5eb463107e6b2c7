//! A validator as the genesis file introduces it.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use mokka_types::PublicKey;

/// Who votes from the first block on. Only the key is part of the chain's identity; name and
/// address may differ between the files of two operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// The key that votes.
    pub public_key: PublicKey,
    /// What people call it.
    pub name: Option<String>,
    /// Where its node listens.
    pub address: Option<NodeAddress>,
}

impl Validator {
    /// A validator of whom only the key is known.
    pub const fn new(public_key: PublicKey) -> Self {
        Self { public_key, name: None, address: None }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With the address of its node.
    #[must_use]
    pub fn at(mut self, address: NodeAddress) -> Self {
        self.address = Some(address);
        self
    }
}

/// Where a node listens, as a multiaddr: `/dns/a.example/tcp/30303`, with `/p2p/…` if its node key
/// must be a certain one. Checked as far as that is possible without the network stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddress(String);

/// Why a text is no address of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotANodeAddress(pub(crate) &'static str);

impl NodeAddress {
    /// The multiaddr.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NodeAddress {
    type Err = NotANodeAddress;

    fn from_str(text: &str) -> Result<Self, NotANodeAddress> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(NotANodeAddress("does not begin with /"));
        };
        let parts: Vec<_> = rest.split('/').collect();
        let (host, peer) = match parts.as_slice() {
            [kind, host, "tcp", port] => ((kind, host, port), None),
            [kind, host, "tcp", port, "p2p", peer] => ((kind, host, port), Some(peer)),
            _ => return Err(NotANodeAddress("is no address of a host and a TCP port")),
        };
        let (kind, name, port) = host;
        check_host(kind, name)?;
        match port.parse::<u16>() {
            Ok(0) => return Err(NotANodeAddress("has port 0, to which nobody can connect")),
            Ok(_) if !port.starts_with(['0', '+']) => {}
            Ok(_) | Err(_) => return Err(NotANodeAddress("has no port from 1 to 65535")),
        }
        if peer.is_some_and(|peer| !is_peer_id(peer)) {
            return Err(NotANodeAddress("has no peer id after /p2p/"));
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_host(kind: &str, host: &str) -> Result<(), NotANodeAddress> {
    match kind {
        "ip4" if host.parse::<Ipv4Addr>().is_err() => {
            Err(NotANodeAddress("has no IPv4 address after /ip4/"))
        }
        "ip6" if host.parse::<Ipv6Addr>().is_err() => {
            Err(NotANodeAddress("has no IPv6 address after /ip6/"))
        }
        "dns" | "dns4" | "dns6" if !is_dns_name(host) => {
            Err(NotANodeAddress("has no DNS name after its first part"))
        }
        "ip4" | "ip6" | "dns" | "dns4" | "dns6" => Ok(()),
        _ => Err(NotANodeAddress("begins with none of /ip4, /ip6, /dns, /dns4, /dns6")),
    }
}

fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(is_label)
}

/// Base58 of a multihash: of an Ed25519 key (`12D3…`), a secp256k1 key (`16Uiu2…`) or SHA-256
/// (`Qm…`).
fn is_peer_id(text: &str) -> bool {
    let is_base58 = |byte: u8| byte.is_ascii_alphanumeric() && !b"0OIl".contains(&byte);
    (44..=56).contains(&text.len()) && text.bytes().all(is_base58)
}
