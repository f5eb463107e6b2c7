//! What a network is made of, and how its files are made.

use std::{net::Ipv4Addr, path::Path};

use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner};

use super::{command::mokka_succeeds, ports::free_ports};

/// The chain id of every network here.
pub(crate) const CHAIN_ID: u64 = 1337;

const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// How many accounts have coins in block 0.
const RICH: u32 = 10;

/// Which failures the chain survives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model {
    Bft,
    Cft,
}

/// How many validators, and what they survive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) model: Model,
    pub(crate) validators: u16,
    /// More words for `mokka genesis new`.
    pub(crate) more: &'static [&'static str],
}

/// An account of the mnemonic that everybody knows.
pub(crate) fn account(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::try_from_phrase_nth(MNEMONIC, index).unwrap()
}

impl Plan {
    pub(crate) const fn bft(validators: u16) -> Self {
        Self { model: Model::Bft, validators, more: &[] }
    }

    pub(crate) const fn cft(validators: u16) -> Self {
        Self { model: Model::Cft, validators, more: &[] }
    }

    /// The same with more words for `mokka genesis new`.
    pub(crate) const fn more(self, more: &'static [&'static str]) -> Self {
        Self { more, ..self }
    }

    /// Makes password, keys, genesis file and data directories: `key-I.json`, `node-I`.
    pub(crate) fn create(self, root: &Path) {
        std::fs::write(root.join("password"), "a good password\n").unwrap();
        let keys: Vec<_> =
            (0..self.validators).map(|at| new_key(root, &format!("key-{at}.json"))).collect();
        let first = free_ports(self.validators);
        let addresses: Vec<_> = (first..first + self.validators).collect();
        let pairs: Vec<_> = keys.into_iter().zip(addresses.iter().copied()).collect();
        self.genesis(root, "genesis.json", &pairs, self.more);
        for (at, port) in addresses.iter().enumerate() {
            let [key, dir] = [format!("key-{at}.json"), format!("node-{at}")];
            init(root, "genesis.json", Some(&key), &dir, *port);
        }
    }

    /// Writes a genesis file for validators by key and port.
    pub(crate) fn genesis(
        self,
        root: &Path,
        out: &str,
        validators: &[(String, u16)],
        more: &[&str],
    ) {
        let model = match self.model {
            Model::Bft => "bft",
            Model::Cft => "cft",
        };
        let chain_id = CHAIN_ID.to_string();
        let mut line: Vec<String> =
            ["genesis", "new", "--chain-id", &chain_id, "--crash-model", model, "--out", out]
                .map(str::to_owned)
                .to_vec();
        for (key, port) in validators {
            line.push("--validator".to_owned());
            line.push(format!("{key}@/ip4/{}/tcp/{port}", Ipv4Addr::LOCALHOST));
        }
        for index in 0..RICH {
            line.push("--alloc".to_owned());
            line.push(format!("{}=10000", account(index).address()));
        }
        let line: Vec<_> = line.iter().map(String::as_str).chain(more.iter().copied()).collect();
        mokka_succeeds(root, &line);
    }
}

/// A new key in an encrypted file; the public half.
pub(crate) fn new_key(root: &Path, out: &str) -> String {
    let line =
        ["keys", "new", "--out", out, "--password-file", "password", "--kdf", "light", "--json"];
    let shown: serde_json::Value = serde_json::from_str(&mokka_succeeds(root, &line)).unwrap();
    shown["publicKey"].as_str().unwrap().to_owned()
}

/// A data directory whose node takes any port for its clients.
pub(crate) fn init(root: &Path, genesis: &str, key: Option<&str>, dir: &str, port: u16) {
    let listen = format!("127.0.0.1:{port}");
    let mut line = vec!["init", "--genesis", genesis, "--data-dir", dir];
    line.extend(["--p2p-listen", &listen]);
    line.extend(["--rpc-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    line.extend(key.map(|key| ["--key", key]).iter().flatten());
    mokka_succeeds(root, &line);
}
