//! What a node reads from its own disk: records, keys, nodes of the state tree.

use std::{cell::OnceCell, collections::BTreeMap, fs};

use alloy_primitives::{Address, B256, U256};
use mokka_crypto::keyfile::{self, KdfCost};
use mokka_runtime::{StateChanges, StateError, TreeReader, tree};
use mokka_types::{
    Mark, MarkReason, Phase, Promise, RunNumber, SafetyRecord, SafetyState, SignedBallot, codec,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Target,
    chain::Memory,
    council::{CHAIN, COUNCIL, block, secret, view},
    packets::canonical,
};

pub(crate) const SAFETY_RECORD: Target =
    Target { name: "safety_record", check: safety_record, seeds: records };
pub(crate) const KEY_FILE: Target = Target { name: "key_file", check: key_file, seeds: key_files };
pub(crate) const STATE_TREE: Target =
    Target { name: "state_tree", check: state_tree, seeds: trees };

/// A record says the same after it was read, and replaces what it is about.
fn safety_record(bytes: &[u8]) -> Option<()> {
    let record: SafetyRecord = canonical(bytes)?;
    let mut state = SafetyState::default();
    state.apply(record.clone());
    let once = state.clone();
    state.apply(record);
    assert_eq!(state, once, "a record that is there twice says nothing more");
    let _shown = state.mark_of(&secret(0).public_key()).map(|mark| mark.reason.to_string());
    Some(())
}

fn records() -> Vec<Vec<u8>> {
    let (id, body) = block(2, b"two");
    let key = secret(0).public_key();
    let base = mokka_crypto::digest::base(&CHAIN, &COUNCIL.base());
    let reason = MarkReason::SignedAbove { signed: view(7), promise: view(3) };
    let records = [
        SafetyRecord::Run(RunNumber::new(1_700_000_000)),
        SafetyRecord::Promise(Promise {
            view: view(3),
            signed: Some(SignedBallot { candidate: key, base }),
        }),
        SafetyRecord::PrepareVote { view: view(3), id },
        SafetyRecord::Prepared {
            view: view(3),
            id,
            body,
            certificate: Some(COUNCIL.certificate(Phase::Prepare, 3, id)),
        },
        SafetyRecord::Mark(Some(Mark { key, reason })),
        SafetyRecord::Mark(None),
    ];
    records.iter().map(codec::encode).collect()
}

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// A key file is refused, or names the key that it holds; and what may be tried costs little.
fn key_file(bytes: &[u8]) -> Option<()> {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("key");
        fs::write(&path, bytes).expect("writable");
        if let Ok(key) = keyfile::read_hex(&path) {
            let secret = key.to_bytes();
            let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let again = keyfile::parse_hex(&digits);
            assert_eq!(again.map(|key| key.public_key()), Ok(key.public_key()));
            return Some(());
        }
        let named = keyfile::public_key(&path).ok()?;
        if is_cheap(bytes)
            && let Ok(key) = keyfile::read(&path, "password")
        {
            assert!(named.is_none_or(|named| named == key.public_key()));
        }
        Some(())
    })
}

/// Whether a password can be tried in no time.
fn is_cheap(bytes: &[u8]) -> bool {
    let Ok(file) = serde_json::from_slice::<Value>(bytes) else { return false };
    let params = &file["crypto"]["kdfparams"];
    let number = |name: &str| params[name].as_u64();
    match (number("n"), number("r"), number("p"), number("c")) {
        (Some(n), Some(r), Some(p), _) => n.saturating_mul(r).saturating_mul(p) <= 64,
        (_, _, _, Some(rounds)) => rounds <= 16,
        _ => false,
    }
}

fn key_files() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    keyfile::write(&path, &secret(0), "password", KdfCost::Light).expect("a new file");
    let scrypt = fs::read(&path).expect("readable");
    let mut file: Value = serde_json::from_slice(&scrypt).expect("JSON");
    let mut with = |kdf: &str, params: Value| {
        file["crypto"]["kdf"] = kdf.into();
        file["crypto"]["kdfparams"] = params;
        file.to_string().into_bytes()
    };
    let salt = "22".repeat(32);
    let cheap = serde_json::json!({ "dklen": 32, "n": 2, "r": 1, "p": 1, "salt": salt });
    let rounds = serde_json::json!({ "dklen": 32, "c": 1, "prf": "hmac-sha256", "salt": salt });
    let (cheap, rounds) = (with("scrypt", cheap), with("pbkdf2", rounds));
    vec![scrypt, cheap, rounds, "01".repeat(32).into_bytes()]
}

/// Stored nodes: a key and a node, one after another.
type Stored = Vec<(Vec<u8>, Vec<u8>)>;

struct Nodes(BTreeMap<Vec<u8>, Vec<u8>>);

impl TreeReader for Nodes {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.get(key).cloned())
    }
}

/// A damaged tree is an error or a tree, and a whole one proves what lies in it.
fn state_tree(bytes: &[u8]) -> Option<()> {
    let stored: Stored = codec::decode(bytes).ok()?;
    let nodes = Nodes(stored.into_iter().collect());
    let root = tree::root(&nodes).ok()?;
    let whole = tree::check(&nodes).ok();
    for address in [Address::repeat_byte(1), Address::repeat_byte(2)] {
        for key in [tree::Key::basics(address), tree::Key::slot(address, U256::from(7))] {
            let Ok(proof) = tree::prove(&nodes, &key) else { continue };
            let shown = proof.value(root, &key);
            assert!(whole.is_none() || shown.is_ok(), "a whole tree proves what it holds");
        }
    }
    let mut changes = StateChanges::default();
    changes.storage.insert((Address::repeat_byte(1), U256::from(7)), U256::from(8));
    // Where the root does not lead, there may be damage that only a change meets.
    if let Ok((changed, _)) = tree::apply(&nodes, &Memory::default(), &changes) {
        assert_ne!(changed, B256::ZERO, "there is at least this value");
    }
    Some(())
}

fn trees() -> Vec<Vec<u8>> {
    let (mut memory, mut trees) = (Memory::default(), vec![codec::encode(&Stored::default())]);
    for (number, slots) in [(1, 1), (2, 3), (3, 40)] {
        let mut changes = StateChanges::default();
        let address = Address::repeat_byte(number);
        let account = mokka_runtime::Account { nonce: 1, ..Default::default() };
        changes.accounts.insert(address, Some(account));
        for slot in 0..slots {
            changes.storage.insert((address, U256::from(slot * 9)), U256::from(slot + 1));
        }
        let applied = tree::apply(&memory, &memory, &changes);
        memory.take(&changes, &applied.expect("a whole tree").1);
        let stored: Stored = memory.nodes.clone().into_iter().collect();
        trees.push(codec::encode(&stored));
    }
    trees
}
