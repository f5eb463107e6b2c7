//! A directory of its own for each test, and the binary.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The public key of the secret key 1, and its account.
pub(crate) const KEY_1: &str =
    "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
pub(crate) const ADDRESS_1: &str = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";
/// The public key of the secret key 2.
pub(crate) const KEY_2: &str =
    "0x02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

/// A directory in which commands run.
pub(crate) struct World(TempDir);

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        world.write("password", "swordfish\n");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The permissions of a file, as `chmod` takes them.
    pub(crate) fn mode(&self, name: &str) -> u32 {
        mode(&self.path(name))
    }

    /// `mokka` with these words, split at spaces.
    pub(crate) fn mokka(&self, line: &str) -> Done {
        self.mokka_with(line, "")
    }

    /// `mokka` with something on standard input, which is no terminal.
    pub(crate) fn mokka_with(&self, line: &str, input: &str) -> Done {
        self.write("stdin", input);
        let stdin = fs::File::open(self.path("stdin")).unwrap();
        let output = self.command(line).stdin(stdin).output().unwrap();
        Done::of(output)
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mokka"));
        command.current_dir(self.0.path()).args(line.split_whitespace()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MOKKA_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// A key file of a secret key with one digit, password `swordfish`.
    pub(crate) fn key(&self, digit: u8, out: &str) -> Done {
        self.write("plain", &format!("{digit:064x}\n"));
        self.mokka(&format!("keys import plain --kdf light --password-file password --out {out}"))
    }
}

/// The permissions of a file, as `chmod` takes them.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It succeeded, and this is what it printed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// It succeeded and printed JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// It failed with this code, printed nothing, and said all of this.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, says: &[&str]) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        for part in says {
            assert!(self.err.contains(part), "{part:?} is not in {}", self.err);
        }
        self.err
    }
}
