//! Secret keys at rest: Ethereum's encrypted key files, version 3 ("Web3 Secret Storage").
//!
//! The format is that of geth and every wallet; the writing is ours. Known libraries write such
//! files readable for everybody, derive the key too cheaply, and panic at odd files. Here every
//! field is checked and every cost bounded before anything is computed, and a file appears whole or
//! empty, readable for its owner only, and never in place of another.

mod format;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use mokka_types::PublicKey;
use rand::RngCore;
use zeroize::Zeroizing;

use self::format::{Encrypted, Refusal};
use crate::{NotASecretKey, SecretKey};

/// Nothing that holds one key is larger; what is, is not read.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// What it costs to try one password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KdfCost {
    /// scrypt with N = 2¹⁷, r = 8, p = 1: 128 MiB and about half a second.
    #[default]
    Standard,
    /// scrypt with N = 2¹², r = 8, p = 1: 4 MiB and a few milliseconds. For networks whose keys are
    /// worth nothing, and for tests.
    Light,
}

/// What is wrong with a key file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system does not let us read.
    #[error("cannot read the key file {path}: {source}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not let us write.
    #[error("cannot write the key file {path}: {source}; choose a directory that you may write to")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is one already.
    #[error("{path} exists, and a key is never overwritten; choose another name or move it away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Not what we or Ethereum's tools write.
    #[error(
        "{path} is no usable key file of version 3: {reason}; \
         restore it from a backup, or import the key again"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        reason: String,
    },
    /// Any other password would tell the same.
    #[error(
        "this password does not open {path}; check the password file (a changed key file fails \
             in the same way)"
    )]
    WrongPassword {
        /// The file.
        path: PathBuf,
    },
    /// The file holds another key than it says.
    #[error("{path} names {named} but holds {held}; restore it from a backup")]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// The key in clear.
        named: PublicKey,
        /// The key inside.
        held: PublicKey,
    },
    /// A plain key is 64 hex digits and nothing else.
    #[error("{path} holds no plain key: {source}")]
    InvalidHex {
        /// The file.
        path: PathBuf,
        /// What is wrong with its text.
        source: InvalidHexKey,
    },
}

/// Why a text is no plain key. It does not repeat the text, which may be nearly a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHexKey {
    /// Too short, too long, or other characters.
    #[error("a plain key is 32 bytes as 64 hex digits, with or without 0x")]
    NotHex,
    /// The digits are no key.
    #[error(transparent)]
    NotASecretKey(#[from] NotASecretKey),
}

/// Writes a key to a new file, encrypted, readable for its owner only (mode 0600), synced.
///
/// # Errors
/// When the file exists, or the system does not let us write it. Nothing is left behind then.
pub fn write(
    path: &Path,
    key: &SecretKey,
    password: &str,
    cost: KdfCost,
) -> Result<(), KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Write { path: path.to_owned(), source },
    };
    // Reserves the name, so that the rename below cannot replace what somebody else put there.
    create(path).map_err(failed)?;
    let text = Encrypted::seal(key, password, cost, &mut rand::rng()).to_json();
    replace(path, text.as_bytes()).map_err(|source| {
        // The reservation is empty and ours; if it cannot be removed, the first error says why.
        let _ = fs::remove_file(path);
        KeyFileError::Write { path: path.to_owned(), source }
    })
}

/// Opens a key file.
///
/// # Errors
/// When it cannot be read, is malformed, asks for more work than any honest writer does, or when
/// the password is another one.
pub fn read(path: &Path, password: &str) -> Result<SecretKey, KeyFileError> {
    let encrypted = load(path)?;
    let path = path.to_owned();
    let key = encrypted.open(password).map_err(|refusal| match refusal {
        Refusal::WrongPassword => KeyFileError::WrongPassword { path: path.clone() },
        Refusal::NotASecretKey(error) => {
            KeyFileError::Malformed { path: path.clone(), reason: error.to_string() }
        }
    })?;
    match encrypted.public_key() {
        Some(named) if named != key.public_key() => {
            Err(KeyFileError::WrongKey { path, named, held: key.public_key() })
        }
        Some(_) | None => Ok(key),
    }
}

/// The public key that a key file names in clear; `None` in files that other tools wrote. Nothing
/// proves it but opening the file.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn public_key(path: &Path) -> Result<Option<PublicKey>, KeyFileError> {
    load(path).map(|encrypted| encrypted.public_key())
}

/// The key in a file that holds nothing but 64 hex digits.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_hex(path: &Path) -> Result<SecretKey, KeyFileError> {
    let bytes = read_bounded(path)?;
    let text = str::from_utf8(&bytes).map_err(|_| InvalidHexKey::NotHex);
    text.and_then(parse_hex)
        .map_err(|source| KeyFileError::InvalidHex { path: path.to_owned(), source })
}

/// The key of 64 hex digits, with or without `0x` and white space around them.
///
/// # Errors
/// When the text is anything else.
pub fn parse_hex(text: &str) -> Result<SecretKey, InvalidHexKey> {
    let bytes = Zeroizing::new(format::decode_hex(text.trim()).ok_or(InvalidHexKey::NotHex)?);
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| InvalidHexKey::NotHex)?;
    Ok(SecretKey::from_bytes(bytes)?)
}

fn load(path: &Path) -> Result<Encrypted, KeyFileError> {
    Encrypted::parse(&read_bounded(path)?)
        .map_err(|reason| KeyFileError::Malformed { path: path.to_owned(), reason })
}

fn read_bounded(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|source| KeyFileError::Read { path: path.to_owned(), source })?;
    if read as u64 > MAX_FILE_BYTES {
        let reason = format!("it is larger than {MAX_FILE_BYTES} bytes");
        return Err(KeyFileError::Malformed { path: path.to_owned(), reason });
    }
    Ok(bytes)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes beside the file, syncs, and renames over it: no crash leaves half a key.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let temporary = directory.join(format!(".key-{:016x}.tmp", rand::rng().next_u64()));
    let written = create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.and_then(|()| File::open(directory)?.sync_all())
}
