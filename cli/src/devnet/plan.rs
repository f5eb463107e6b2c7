//! `devnet.json`: what is known of a network.

use std::{
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use mokka_types::CrashModel;
use serde::{Deserialize, Serialize};

use crate::{endpoint::Endpoint, error::Failure, os};

const FILE: &str = "devnet.json";

/// A network: its directory, and what is written there.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The directory.
    pub(crate) dir: PathBuf,
    /// The contents of its file.
    pub(crate) network: Network,
}

/// The contents of `devnet.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Network {
    /// The chain id of transactions.
    pub(crate) chain_id: u64,
    /// Which failures it survives.
    pub(crate) crash_model: CrashModel,
    /// Whether it is meant to run.
    pub(crate) wanted: Wanted,
    /// The validators by their numbers.
    pub(crate) nodes: Vec<Member>,
}

/// What the operator wants of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Wanted {
    /// To run.
    Running,
    /// To stay down.
    Stopped,
}

/// One validator of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Member {
    /// Its name in the genesis file and in the directory.
    pub(crate) name: String,
    /// The key with which it votes.
    pub(crate) public_key: String,
    /// Where JSON-RPC is served.
    pub(crate) rpc: SocketAddr,
    /// Where its peers connect.
    pub(crate) p2p: SocketAddr,
    /// Where metrics are served.
    pub(crate) metrics: SocketAddr,
    /// Its last process, which may have ended.
    pub(crate) pid: Option<u32>,
}

impl Plan {
    /// The network of a directory, `None` if there is none.
    pub(crate) fn find(dir: &Path) -> Result<Option<Self>, Failure> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        };
        let network = serde_json::from_str(&text).map_err(|error| {
            Failure::operator(format!(
                "{} is damaged: {error}; remove the directory, which ends this network",
                path.display()
            ))
        })?;
        Ok(Some(Self { dir: dir.to_path_buf(), network }))
    }

    /// The network of a directory.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        Self::find(dir)?.ok_or_else(|| {
            Failure::operator(format!(
                "{0} holds no devnet; start one with `mokka devnet --dir {0}`, or pass its --dir",
                dir.display()
            ))
        })
    }

    /// Changes what is written, alone among all processes that do so.
    pub(crate) fn update<T>(
        dir: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<(Self, T), Failure> {
        let lock = dir.join("devnet.lock");
        let failed = |error: std::io::Error| Failure::file("lock", &lock, &error);
        let held = match File::options().create(true).append(true).open(&lock) {
            // Without the directory there is no network, and that is the better message.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            opened => Some(opened.map_err(failed)?),
        };
        if let Some(held) = &held {
            held.lock().map_err(failed)?;
        }
        let mut plan = Self::open(dir)?;
        let before = plan.network.clone();
        let result = change(&mut plan);
        // A change that failed half way may still have started processes, which must be known.
        if plan.network != before {
            plan.write()?;
        }
        Ok((plan, result?))
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        // Invariant: the plan has string keys and plain values.
        let text = serde_json::to_string_pretty(&self.network).expect("plain data");
        write_private(&self.dir.join(FILE), &text)
    }

    /// The data directory of a validator.
    pub(crate) fn data_dir(&self, number: usize) -> PathBuf {
        self.dir.join(&self.network.nodes[number].name)
    }

    /// The log of a validator.
    pub(crate) fn log(&self, number: usize) -> PathBuf {
        self.data_dir(number).join("log")
    }

    /// The running process of a validator.
    pub(crate) fn running(&self, number: usize) -> Option<u32> {
        let pid = self.network.nodes[number].pid?;
        (os::is_running(pid) && self.is_ours(pid, number)).then_some(pid)
    }

    /// Numbers are used again by the system: the process must be a node of this directory.
    fn is_ours(&self, pid: u32, number: usize) -> bool {
        let Some(words) = os::command_line(pid) else { return true };
        let dir = self.data_dir(number);
        let name = dir.file_name().unwrap_or_default();
        let mut words = words.iter().map(String::as_str);
        words.any(|word| word == "run") && words.any(|word| Path::new(word).ends_with(name))
    }

    /// All validators over RPC.
    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>, Failure> {
        self.network.nodes.iter().map(Member::endpoint).collect()
    }
}

impl Member {
    /// The validator over RPC.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Failure> {
        Endpoint::new(&format!("http://{}", self.rpc))
    }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let draft = path.with_extension("new");
    let written = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| Failure::file("write", path, &error))
}
