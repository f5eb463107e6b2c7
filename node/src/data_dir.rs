//! The directory of one node: what lies where, and how it begins (`consensus.md` §8).
//!
//! ```text
//! genesis.json     the chain's rules, as `mokka init` was given them
//! validator.json   the validator's encrypted key; an observer has none
//! node.key         names this node to its peers; made at the first start
//! config.toml      the node's settings
//! addresses.json   where the running node listens
//! db/              blocks, state and promises
//! ```

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use mokka_genesis::Genesis;
use mokka_storage::{DiskStore, GenesisCommit, OpenError, Store, StoreError};
use mokka_types::{Mark, MarkReason, PublicKey, SafetyRecord};

use crate::{NodeSettings, config::SettingsError};

/// The directory of a node.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// The directory cannot be created or used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Nothing is there.
    #[error("{0} is no data directory; create it once with `mokka init --data-dir {0} …`")]
    Missing(PathBuf),
    /// Something is there.
    #[error("{0} already holds a node and is left as it is; choose another --data-dir")]
    Exists(PathBuf),
    /// The operating system says no.
    #[error("cannot use {path}: {source}; check permissions and free space")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The genesis file is not valid.
    #[error("{path}: {reason}")]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// All mistakes.
        reason: String,
    },
    /// The settings are not valid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The store cannot be created or opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be written.
    #[error(transparent)]
    Write(#[from] StoreError),
}

/// What a new data directory begins with.
pub struct Contents<'a> {
    /// The text of the genesis file, already checked as [`Genesis`].
    pub genesis: &'a str,
    /// The bytes of the validator's key file; none for an observer.
    pub key_file: Option<&'a [u8]>,
    /// The node's settings.
    pub settings: &'a NodeSettings,
    /// What the validator's key may have signed before.
    pub past: Past,
}

/// What a key may have signed before its data directory was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing: it is new.
    None,
    /// Something that is lost: it is marked, and signs nothing more (`consensus.md` §8).
    Lost(PublicKey),
}

impl DataDir {
    /// Creates a data directory. It is complete or not there: the store comes last.
    ///
    /// # Errors
    /// When something is there already, the genesis is not valid, or the disk says no.
    pub fn create(path: &Path, contents: &Contents<'_>) -> Result<Self, DataDirError> {
        let dir = Self(path.to_path_buf());
        if dir.genesis_file().exists() || dir.database().exists() {
            return Err(DataDirError::Exists(path.to_path_buf()));
        }
        let genesis = parse(&dir.genesis_file(), contents.genesis)?;
        let beginning = genesis.begin().map_err(|error| DataDirError::Genesis {
            path: dir.genesis_file(),
            reason: error.to_string(),
        })?;
        make_private(path)?;
        write_private(&dir.settings_file(), contents.settings.to_toml().as_bytes())?;
        if let Some(key_file) = contents.key_file {
            write_private(&dir.key_file(), key_file)?;
        }
        let validators = genesis.validator_set();
        let (chain, executed) = (beginning.chain_hash, &beginning.block);
        let store = DiskStore::create(
            &dir.database(),
            &GenesisCommit { chain, executed, validators: &validators },
        )?;
        if let Past::Lost(key) = contents.past {
            let mark = Mark { key, reason: MarkReason::Declared };
            store.append_safety(&[SafetyRecord::Mark(Some(mark))])?;
        }
        write_private(&dir.genesis_file(), contents.genesis.as_bytes())?;
        Ok(dir)
    }

    /// Lifts the mark of a key, while its node does not run (`consensus.md` §8). Says what was
    /// lifted; nothing where no key is marked.
    ///
    /// # Errors
    /// When the store cannot be opened or written.
    pub fn unmark(&self) -> Result<Option<Mark>, DataDirError> {
        let genesis = self.genesis()?;
        let beginning = genesis.begin().map_err(|error| DataDirError::Genesis {
            path: self.genesis_file(),
            reason: error.to_string(),
        })?;
        let store = DiskStore::open(&self.database(), beginning.chain_hash)?;
        let mark = store.safety()?.mark;
        if mark.is_some() {
            store.append_safety(&[SafetyRecord::Mark(None)])?;
        }
        Ok(mark)
    }

    /// A directory that was created before.
    ///
    /// # Errors
    /// When it was not.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let dir = Self(path.to_path_buf());
        match dir.genesis_file().is_file() {
            true => Ok(dir),
            false => Err(DataDirError::Missing(path.to_path_buf())),
        }
    }

    /// The chain's rules.
    ///
    /// # Errors
    /// When the file was changed into something else.
    pub fn genesis(&self) -> Result<Genesis, DataDirError> {
        let path = self.genesis_file();
        let text = fs::read_to_string(&path)
            .map_err(|source| DataDirError::Io { path: path.clone(), source })?;
        parse(&path, &text)
    }

    /// The node's settings.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn settings(&self) -> Result<NodeSettings, DataDirError> {
        Ok(NodeSettings::read(&self.settings_file())?)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The chain's rules.
    pub fn genesis_file(&self) -> PathBuf {
        self.0.join("genesis.json")
    }

    /// The validator's encrypted key; not there for an observer.
    pub fn key_file(&self) -> PathBuf {
        self.0.join("validator.json")
    }

    /// The node's own libp2p key.
    pub fn node_key_file(&self) -> PathBuf {
        self.0.join("node.key")
    }

    /// The node's settings.
    pub fn settings_file(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// Where the running node listens.
    pub fn addresses_file(&self) -> PathBuf {
        self.0.join("addresses.json")
    }

    /// Blocks, state and promises.
    pub fn database(&self) -> PathBuf {
        self.0.join("db")
    }
}

fn parse(path: &Path, text: &str) -> Result<Genesis, DataDirError> {
    let path = path.to_path_buf();
    Genesis::parse(text).map_err(|error| DataDirError::Genesis { path, reason: error.to_string() })
}

fn make_private(dir: &Path) -> Result<(), DataDirError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| DataDirError::Io { path: dir.to_path_buf(), source })
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    use std::os::unix::fs::OpenOptionsExt;
    let io = |source| DataDirError::Io { path: path.to_path_buf(), source };
    let parent = path.parent().unwrap_or(Path::new("."));
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
    fs::rename(&draft, path).map_err(io)?;
    fs::File::open(parent).and_then(|dir| dir.sync_all()).map_err(io)
}
