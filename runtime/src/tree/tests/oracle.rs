//! The state tree as EIP-7864 writes it down: rebuilt from everything, whole, slow and plain.
//!
//! It shares nothing with the real tree but blake3: keys, code chunks and nodes are its own.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, U512};

use super::world::FlatState;

type Values = BTreeMap<u8, [u8; 32]>;

fn tree_hash(bytes: &[u8]) -> [u8; 32] {
    if bytes.len() == 64 && bytes.iter().all(|byte| *byte == 0) {
        return [0; 32];
    }
    *blake3::hash(bytes).as_bytes()
}

fn tree_key(address: Address, position: U512) -> ([u8; 31], u8) {
    let mut input = vec![0; 12];
    input.extend_from_slice(address.as_slice());
    let index = position / U512::from(256);
    input.extend_from_slice(&index.to_le_bytes::<64>()[..32]);
    // Nothing is special about zeros here: address 0 has its own stem, too.
    let stem = blake3::hash(&input).as_bytes()[..31].try_into().expect("31 of 32 bytes");
    (stem, (position % U512::from(256)).to::<u8>())
}

/// Version, reserved, code size, nonce, balance: packed in this order.
fn basic_data(nonce: u64, balance: U256, code_size: usize) -> [u8; 32] {
    let low = balance % (U256::from(1) << 128);
    let packed: U256 = (U256::from(code_size) << 192) + (U256::from(nonce) << 128) + low;
    packed.to_be_bytes()
}

pub(super) fn chunkify(code: &[u8]) -> Vec<[u8; 32]> {
    let mut code = code.to_vec();
    while !code.len().is_multiple_of(31) {
        code.push(0);
    }
    let mut bytes_to_exec_data = vec![0usize; code.len() + 32];
    let mut pos = 0;
    while pos < code.len() {
        let pushdata_bytes =
            if (0x60..=0x7f).contains(&code[pos]) { usize::from(code[pos]) - 0x5f } else { 0 };
        pos += 1;
        for x in 0..pushdata_bytes {
            bytes_to_exec_data[pos + x] = pushdata_bytes - x;
        }
        pos += pushdata_bytes;
    }
    let mut chunks = Vec::new();
    for start in (0..code.len()).step_by(31) {
        let mut chunk = [0; 32];
        chunk[0] = u8::try_from(bytes_to_exec_data[start].min(31)).expect("at most 31");
        chunk[1..].copy_from_slice(&code[start..start + 31]);
        chunks.push(chunk);
    }
    chunks
}

/// Every value that is not zero, by stem.
fn contents(state: &FlatState) -> BTreeMap<[u8; 31], Values> {
    let mut stems: BTreeMap<[u8; 31], Values> = BTreeMap::new();
    let mut put = |address, position: U512, value: [u8; 32]| {
        if value != [0; 32] {
            let (stem, sub_index) = tree_key(address, position);
            assert!(stems.entry(stem).or_default().insert(sub_index, value).is_none());
        }
    };
    for (address, account) in &state.accounts {
        let code: &[u8] = if account.code_hash == KECCAK256_EMPTY {
            &[]
        } else {
            &state.code[&account.code_hash]
        };
        let balance = account.balance;
        put(*address, U512::from(0), basic_data(account.nonce, balance, code.len()));
        put(*address, U512::from(1), account.code_hash.0);
        put(*address, U512::from(2), (balance >> 128usize).to_be_bytes());
        for (chunk, value) in chunkify(code).into_iter().enumerate() {
            put(*address, U512::from(128 + chunk), value);
        }
    }
    for ((address, slot), value) in &state.storage {
        let slot = U512::from(*slot);
        let position = if slot < U512::from(64) {
            U512::from(64) + slot
        } else {
            U512::from(256).pow(U512::from(31)) + slot
        };
        put(*address, position, value.to_be_bytes());
    }
    stems
}

/// The one node that is not the draft's.
#[derive(Clone, Copy)]
enum StemHash {
    Draft,
    Ours,
}

fn stem_hash(stem: &[u8; 31], values: &Values, kind: StemHash) -> [u8; 32] {
    let leaf = |place| values.get(&place).map_or([0; 32], |value| tree_hash(value));
    let mut level: Vec<[u8; 32]> = (0..=255).map(leaf).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| tree_hash(&pair.concat())).collect();
    }
    let node = [&stem[..], &[0], &level[0]].concat();
    match kind {
        StemHash::Draft => tree_hash(&node),
        StemHash::Ours => {
            *blake3::keyed_hash(b"mokka state tree, stem of values", &node).as_bytes()
        }
    }
}

/// The root of a part of the tree, given its stems and their hashes.
fn merkelize(stems: &[([u8; 31], [u8; 32])], depth: usize) -> [u8; 32] {
    match stems {
        [] => [0; 32],
        [(_, hash)] => *hash,
        _ => {
            let bit = |stem: &[u8; 31]| stem[depth / 8] >> (7 - depth % 8) & 1;
            let (left, right): (Vec<_>, Vec<_>) = stems.iter().partition(|(s, _)| bit(s) == 0);
            let children = [merkelize(&left, depth + 1), merkelize(&right, depth + 1)];
            tree_hash(&children.concat())
        }
    }
}

/// The root over stems whose hashes are known.
pub(super) fn root_of_stems(stems: &BTreeMap<[u8; 31], [u8; 32]>) -> B256 {
    let stems: Vec<_> = stems.iter().map(|(stem, hash)| (*stem, *hash)).collect();
    merkelize(&stems, 0).into()
}

/// The root over raw keys and values as the draft has it.
pub(super) fn draft_root(values: &BTreeMap<[u8; 32], [u8; 32]>) -> B256 {
    let mut stems: BTreeMap<[u8; 31], Values> = BTreeMap::new();
    for (key, value) in values {
        let stem = key[..31].try_into().expect("31 of 32 bytes");
        stems.entry(stem).or_default().insert(key[31], *value);
    }
    root_of_contents(&stems, StemHash::Draft)
}

fn root_of_contents(stems: &BTreeMap<[u8; 31], Values>, kind: StemHash) -> B256 {
    let hash = |(stem, values): (&[u8; 31], &Values)| (*stem, stem_hash(stem, values, kind));
    root_of_stems(&stems.iter().map(hash).collect())
}

/// The root of a state.
pub(super) fn root(state: &FlatState) -> B256 {
    root_of_contents(&contents(state), StemHash::Ours)
}
