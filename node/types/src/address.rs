//! Where a node listens, and how it names itself: checked as far as that is possible without the
//! network stack.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Where a node listens, as a multiaddr: `/dns/a.example/tcp/30303`, with `/p2p/…` if its node key
/// must be a certain one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddress(String);

/// Why a text is no address of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotANodeAddress(&'static str);

impl NotANodeAddress {
    /// What the text does or lacks: `does not begin with /`.
    pub const fn reason(self) -> &'static str {
        self.0
    }
}

impl NodeAddress {
    /// The longest that is accepted, in characters: validators keep their addresses on the chain.
    pub const MAX_CHARS: usize = 256;

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
        if text.len() > Self::MAX_CHARS {
            return Err(NotANodeAddress("is longer than 256 characters"));
        }
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

const _: () = assert!(NodeAddress::MAX_CHARS == 256, "the message says 256");

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

/// The most nodes that may be listed as observers: every node reads the whole list.
pub const MAX_NODES: usize = 1_024;

/// Whether this is the text of a libp2p peer id: base58 of an Ed25519 key (`12D3KooW…`), of a
/// secp256k1 key (`16Uiu2HA…`), or of the SHA-256 hash of a longer one (`Qm…`). That the key lies
/// on its curve is for the network stack to find out.
pub fn is_peer_id(text: &str) -> bool {
    /// Those of secp256k1 have 53 digits.
    const LONGEST: usize = 53;
    if text.len() > LONGEST {
        return false;
    }
    match base58(text).as_deref() {
        Some([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ed25519 @ ..]) => ed25519.len() == 32,
        Some([0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02 | 0x03, x @ ..]) => x.len() == 32,
        Some([0x12, 0x20, sha256 @ ..]) => sha256.len() == 32,
        Some(_) | None => false,
    }
}

/// The number that the digits write, most significant byte first, with a zero byte for each `1` in
/// front.
fn base58(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes: Vec<u8> = Vec::new();
    for digit in text.bytes() {
        let mut carry = DIGITS.iter().position(|known| *known == digit)?;
        for byte in &mut bytes {
            carry += usize::from(*byte) * DIGITS.len();
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        // At most 57 is left over, as a byte grows to 58 * 255 + 57 at most.
        if carry > 0 {
            bytes.push(carry.to_le_bytes()[0]);
        }
    }
    let zeros = text.bytes().take_while(|digit| *digit == b'1').count();
    bytes.resize(bytes.len() + zeros, 0);
    bytes.reverse();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_are_hashes_or_short_keys() {
        for text in [
            "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
            "16Uiu2HAm3cuhhRL2msUuLF62KRSfneFDx94RsuouyW25Ho42cFMq",
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
        ] {
            assert!(is_peer_id(text), "{text}");
            assert!(!is_peer_id(&text[1..]) && !is_peer_id(&format!("1{text}")), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_peer_ids() {
        for text in [
            "",
            "me",
            "1111111111111111111111111111111111111111111111111111",
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5S0",
            "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe",
        ] {
            assert!(!is_peer_id(text), "{text}");
        }
        assert!(!is_peer_id(&"z".repeat(1 << 20)));
    }

    #[test]
    fn an_address_has_a_bound() {
        let length = |last: &str| {
            let text = format!("/dns/{}{last}/tcp/1", "ab.".repeat(81));
            let address = text.parse::<NodeAddress>().map_err(NotANodeAddress::reason)?;
            Ok(address.as_str().len())
        };
        assert_eq!(length("cd"), Ok(256));
        assert_eq!(length("cde"), Err("is longer than 256 characters"));
    }
}
