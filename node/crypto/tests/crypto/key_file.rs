//! Key files: what we write others read, what others write we read, and odd files do no harm.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use mokka_crypto::{
    SecretKey,
    keyfile::{self, InvalidHexKey, KdfCost, KeyFileError},
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{digests::bytes, world::secret};

/// The two examples of the Web3 Secret Storage Definition, and what is in the first. The second
/// has n = 262144 there, which RFC 7914 forbids for r = 1; with a legal n, it is only well-formed.
const PASSWORD: &str = "testpassword";
const SECRET: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const PBKDF2: &str = r#"{
  "crypto": {
    "cipher": "aes-128-ctr",
    "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
    "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
    "kdf": "pbkdf2",
    "kdfparams": {
      "c": 262144, "dklen": 32, "prf": "hmac-sha256",
      "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
    },
    "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
  },
  "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  "version": 3
}"#;
const SCRYPT: &str = r#"{
  "crypto": {
    "cipher": "aes-128-ctr",
    "cipherparams": { "iv": "83dbcc02d8ccb40e466191a123791e0e" },
    "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
    "kdf": "scrypt",
    "kdfparams": {
      "dklen": 32, "n": 32768, "p": 8, "r": 1,
      "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"
    },
    "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"
  },
  "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  "version": 3
}"#;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn holding(&self, text: &str) -> PathBuf {
        let path = self.path("key.json");
        fs::write(&path, text).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn written(folder: &Folder) -> PathBuf {
    let path = folder.path("key.json");
    keyfile::write(&path, &secret(0), "secret", KdfCost::Light).unwrap();
    path
}

fn malformed(path: &Path, password: &str) -> String {
    match keyfile::read(path, password) {
        Err(KeyFileError::Malformed { reason, .. }) => reason,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("the file was accepted"),
    }
}

#[test]
fn a_written_key_comes_back() {
    let folder = Folder::new();
    let path = written(&folder);
    assert_eq!(*keyfile::read(&path, "secret").unwrap().to_bytes(), *secret(0).to_bytes());
    assert_eq!(keyfile::public_key(&path).unwrap(), Some(secret(0).public_key()));
    assert_eq!(folder.names(), ["key.json"], "no temporary file is left");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only the owner may read it");
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&"01".repeat(32)), "the secret is not in clear");
}

#[test]
fn a_key_is_never_overwritten() {
    let folder = Folder::new();
    let path = written(&folder);
    let before = fs::read(&path).unwrap();
    let error = keyfile::write(&path, &secret(1), "secret", KdfCost::Light).unwrap_err();
    assert!(matches!(&error, KeyFileError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(folder.names(), ["key.json"]);
}

#[test]
fn a_directory_that_does_not_exist_is_an_error() {
    let path = Folder::new().path("missing/key.json");
    let error = keyfile::write(&path, &secret(0), "secret", KdfCost::Light).unwrap_err();
    assert!(matches!(&error, KeyFileError::Write { .. }), "{error}");
    let error = keyfile::read(&path, "secret").unwrap_err();
    assert!(matches!(&error, KeyFileError::Read { .. }), "{error}");
}

#[test]
fn a_wrong_password_is_its_own_error() {
    let folder = Folder::new();
    let path = written(&folder);
    for password in ["Secret", "", "secret "] {
        let error = keyfile::read(&path, password).unwrap_err();
        assert!(matches!(&error, KeyFileError::WrongPassword { .. }), "{error}");
        assert!(error.to_string().contains("key.json"), "{error}");
    }
}

#[test]
fn the_example_of_the_definition_opens() {
    let folder = Folder::new();
    let path = folder.holding(PBKDF2);
    assert_eq!(keyfile::public_key(&path).unwrap(), None);
    assert_eq!(keyfile::read(&path, PASSWORD).unwrap().to_bytes().to_vec(), bytes(SECRET));
}

#[test]
fn eth_keystore_reads_what_we_write() {
    let folder = Folder::new();
    let secret_bytes = eth_keystore::decrypt_key(written(&folder), "secret").unwrap();
    assert_eq!(secret_bytes, secret(0).to_bytes().to_vec());
}

#[test]
fn a_file_that_names_another_key_is_refused() {
    let folder = Folder::new();
    let path = written(&folder);
    let text = fs::read_to_string(&path).unwrap();
    let (own, other) = (secret(0).public_key().to_string(), secret(1).public_key().to_string());
    fs::write(&path, text.replace(&own, &other)).unwrap();
    let error = keyfile::read(&path, "secret").unwrap_err();
    assert!(matches!(&error, KeyFileError::WrongKey { .. }), "{error}");
}

/// Each would make a naive reader panic, hang or allocate without bound.
#[test]
fn odd_files_are_refused_before_anything_is_computed() {
    let salt = r#""salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19""#;
    let cases = [
        (SCRYPT, "\"version\": 3", "\"version\": 4", "version is 4"),
        (SCRYPT, "aes-128-ctr", "aes-256-gcm", "cipher"),
        (SCRYPT, "83dbcc02d8ccb40e466191a123791e0e", "83db", "iv has 2 bytes"),
        (SCRYPT, "d172bf74", "d172bf", "ciphertext has 31 bytes"),
        (SCRYPT, "2103ac29", "", "mac has 28 bytes"),
        (SCRYPT, "2103ac29", "2103ac2", "hex"),
        (SCRYPT, "2103ac29", "zz03ac29", "hex"),
        (SCRYPT, "\"dklen\": 32", "\"dklen\": 16", "dklen is 16"),
        (SCRYPT, "\"n\": 32768", "\"n\": 262143", "no power of two"),
        (SCRYPT, "\"n\": 32768", "\"n\": 0", "no power of two"),
        (SCRYPT, "\"n\": 32768", "\"n\": 1", "no power of two"),
        (SCRYPT, "\"n\": 32768", "\"n\": 9223372036854775808", "more than is allowed"),
        (SCRYPT, "\"n\": 32768", "\"n\": 33554432", "more than is allowed"),
        (SCRYPT, "\"n\": 32768", "\"n\": 262144", "RFC 7914"),
        (SCRYPT, "\"r\": 1", "\"r\": 4294967295", "more than is allowed"),
        (SCRYPT, "\"p\": 8", "\"p\": 4294967295", "more than is allowed"),
        (SCRYPT, "\"r\": 1", "\"r\": 0", "above 0"),
        (SCRYPT, "\"p\": 8", "\"p\": -8", "kdfparams"),
        (SCRYPT, salt, "\"pepper\": 1", "salt"),
        (SCRYPT, "\"scrypt\"", "\"argon2\"", "argon2"),
        (SCRYPT, "\"scrypt\"", "\"pbkdf2\"", "kdfparams"),
        (PBKDF2, "hmac-sha256", "hmac-sha1", "prf"),
        (PBKDF2, "\"c\": 262144", "\"c\": 0", "0 rounds"),
        (PBKDF2, "\"c\": 262144", "\"c\": 4294967295", "4294967295 rounds"),
        (PBKDF2, "{", "[", "expected"),
    ];
    for (example, field, odd, expected) in cases {
        assert!(example.contains(field), "{field}");
        let folder = Folder::new();
        let path = folder.holding(&example.replacen(field, odd, 1));
        let reason = malformed(&path, PASSWORD);
        assert!(reason.contains(expected), "{field} -> {odd}: {reason}");
    }
    let folder = Folder::new();
    assert!(malformed(&folder.holding(""), "").contains("EOF"));
    assert!(malformed(&folder.holding(&" ".repeat(70_000)), "").contains("larger"));
    let long = SCRYPT.replace("ab0c7876", &"ab".repeat(300));
    assert!(malformed(&folder.holding(&long), "").contains("salt is longer"));
}

#[test]
fn a_plain_key_is_64_hex_digits() {
    let digits = "01".repeat(32);
    for text in [digits.clone(), format!("0x{digits}"), format!(" {}\n", digits.to_uppercase())] {
        assert_eq!(keyfile::parse_hex(&text).unwrap().public_key(), secret(0).public_key());
    }
    for text in ["", "0x", &digits[1..], &digits[2..], &format!("{digits}01"), &"g".repeat(64)] {
        assert_eq!(keyfile::parse_hex(text).unwrap_err(), InvalidHexKey::NotHex, "{text}");
    }
    let zero = keyfile::parse_hex(&"0".repeat(64)).unwrap_err();
    assert!(matches!(zero, InvalidHexKey::NotASecretKey(_)));
    let folder = Folder::new();
    let key: SecretKey = keyfile::read_hex(&folder.holding(&digits)).unwrap();
    assert_eq!(key.public_key(), secret(0).public_key());
    let error = keyfile::read_hex(&folder.holding(SCRYPT)).unwrap_err();
    assert!(matches!(&error, KeyFileError::InvalidHex { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// No text makes the reader panic.
    #[test]
    fn garbled_files_do_not_panic(at in 0..400usize, length in 1..40usize, with in "[\\PC]{0,8}") {
        let folder = Folder::new();
        let end = (at + length).min(PBKDF2.len());
        let garbled = [&PBKDF2[..at.min(end)], &with, &PBKDF2[end..]].concat();
        let path = folder.holding(&garbled);
        let found = keyfile::public_key(&path);
        let refused = matches!(found, Ok(None) | Err(KeyFileError::Malformed { .. }));
        prop_assert!(refused);
    }
}
