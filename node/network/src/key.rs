//! The libp2p key of a node: what its connections are encrypted and named with.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use libp2p::{
    PeerId,
    identity::{Keypair, ed25519},
};

use crate::KeyError;

/// An ed25519 key of the node alone; it signs no vote.
#[derive(Clone)]
pub struct NodeKey(Keypair);

impl NodeKey {
    /// A new random key, kept nowhere.
    pub fn generate() -> Self {
        Self(Keypair::generate_ed25519())
    }

    /// The key in this file, which is created, readable by this user only, if it is missing.
    ///
    /// # Errors
    /// When the file cannot be read or written, is readable by others, or holds no key.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match fs::read(path) {
            Ok(text) => {
                refuse_readable(path)?;
                let key = parse(&text);
                key.ok_or_else(|| KeyError::Malformed { path: path.to_path_buf() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate();
                key.create(path).map_err(|source| failed("create", path, source))?;
                Ok(key)
            }
            Err(source) => Err(failed("read", path, source)),
        }
    }

    /// The name under which other nodes know this one.
    pub fn peer_id(&self) -> PeerId {
        self.0.public().to_peer_id()
    }

    pub(crate) fn keypair(&self) -> &Keypair {
        &self.0
    }

    /// Complete or not there at all: written aside, synced, then renamed.
    fn create(&self, path: &Path) -> io::Result<()> {
        let Ok(pair) = self.0.clone().try_into_ed25519() else {
            return Err(io::Error::other("only ed25519 keys are kept"));
        };
        let mut text: String =
            pair.secret().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        text.push('\n');
        let aside = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => fs::File::open(dir)?.sync_all(),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.peer_id())
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> KeyError {
    KeyError::Io { action, path: path.to_path_buf(), source }
}

fn refuse_readable(path: &Path) -> Result<(), KeyError> {
    let metadata = fs::metadata(path).map_err(|source| failed("read", path, source))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(KeyError::Readable { path: path.to_path_buf(), mode })
    }
}

fn parse(text: &[u8]) -> Option<NodeKey> {
    let digits = text.strip_suffix(b"\n").unwrap_or(text);
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let secret = ed25519::SecretKey::try_from_bytes(bytes).ok()?;
    Some(NodeKey(ed25519::Keypair::from(secret).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_created_once_readable_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node-key");
        let created = NodeKey::load_or_create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let loaded = NodeKey::load_or_create(&path).unwrap();
        assert_eq!(created.peer_id(), loaded.peer_id());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left aside");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node-key");
        NodeKey::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = NodeKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("mode 644"), "{error}");
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("empty", ""), ("short", "abcd\n"), ("no-hex", &"z".repeat(64))] {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = NodeKey::load_or_create(&path).unwrap_err();
            assert!(matches!(error, KeyError::Malformed { .. }), "{name}: {error}");
        }
        let missing = dir.path().join("no-such-folder").join("node-key");
        let error = NodeKey::load_or_create(&missing).unwrap_err();
        assert!(matches!(error, KeyError::Io { action: "create", .. }), "{error}");
    }
}
