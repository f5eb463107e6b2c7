//! The test vectors of `node/docs/adr-0001-state-tree.md`, and those of the draft's authors.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, address, b256, hex};

use super::super::chunks;
use super::super::embedding::{self, Key};
use super::oracle;
use super::world::World;
use super::{code, deployment};
use crate::{Account, StateChanges};

const ALICE: Address = address!("0x00000000000000000000000000000000000a11ce");
const TOKEN: Address = address!("0x7070707070707070707070707070707070707070");

fn alice() -> StateChanges {
    let account = Account {
        nonce: 5,
        balance: U256::from(1_000_000_000_000_000_000u64),
        code_hash: KECCAK256_EMPTY,
    };
    super::accounts([(ALICE, Some(account))])
}

/// 5,000 bytes of code, in the header and one more stem, and slots in the header, at the border of
/// main storage, and at its very end.
fn token() -> StateChanges {
    let mut changes = deployment(TOKEN, &code(5000, 1));
    let values = [(0, 11), (63, 12), (64, 13), (255, 14), (256, 15)];
    for (slot, value) in values {
        changes.storage.insert((TOKEN, U256::from(slot)), U256::from(value));
    }
    changes.storage.insert((TOKEN, U256::MAX), U256::MAX);
    changes
}

fn root_of(blocks: &[StateChanges]) -> B256 {
    let mut world = World::default();
    for block in blocks {
        world.block(block);
        assert_eq!(world.root, oracle::root(&world.flat));
    }
    world.root
}

#[test]
fn keys_are_those_of_the_adr() {
    let expected = [
        (Key::basics(ALICE), "b50f8b44ea727c54f02a24311923bbc3bb2d007076a73b4dd7de16c0023d36", 0),
        (
            Key::code_hash(ALICE),
            "b50f8b44ea727c54f02a24311923bbc3bb2d007076a73b4dd7de16c0023d36",
            1,
        ),
        (slot(0), "fbb9ddfb76094608aaba929a1bf151093f5c93c23ee5059c71b3e1ff60d292", 64),
        (slot(63), "fbb9ddfb76094608aaba929a1bf151093f5c93c23ee5059c71b3e1ff60d292", 127),
        (slot(64), "d7be08841bc8b5e7729e664cb243e3e29ed5af5bad5e08f56d3a3b601368c2", 64),
        (slot(256), "967c91a6863a1267d66047fe5b02b2f17d35125a2511b505e2f41bb6319d0c", 0),
        (
            Key::slot(TOKEN, U256::MAX),
            "28ab9b077c3f222727beba8c691f3f7d0f25b5bdb3361cf42c99232537a1ea",
            255,
        ),
        (
            Key::code_chunk(TOKEN, 127),
            "fbb9ddfb76094608aaba929a1bf151093f5c93c23ee5059c71b3e1ff60d292",
            255,
        ),
        (
            Key::code_chunk(TOKEN, 128),
            "2863c9659cc461e9eb948f40d4cdaeeb2a887732d143e2433ea4cb9dca09e8",
            0,
        ),
    ];
    for (key, stem, sub_index) in expected {
        assert_eq!((hex::encode(key.stem.as_bytes()).as_str(), key.sub_index), (stem, sub_index));
    }
}

fn slot(number: u64) -> Key {
    Key::slot(TOKEN, U256::from(number))
}

#[test]
fn basics_are_packed_as_in_the_adr() {
    let account = Account {
        nonce: 0x0102_0304_0506_0708,
        balance: U256::from(0x1122_3344u64) + (U256::from(0x99) << 128u32),
        code_hash: KECCAK256_EMPTY,
    };
    assert_eq!(
        embedding::basics(&account, 0x00a1_b2c3),
        b256!("0x0000000000a1b2c3010203040506070800000000000000000000000011223344")
    );
    let high = b256!("0x0000000000000000000000000000000000000000000000000000000000000099");
    assert_eq!(embedding::balance_high(&account), high);
}

/// `PUSH4` in bytes 29 to 33, then `PUSH32` at byte 34 with data up to the end of chunk 2.
#[test]
fn chunks_count_push_data_as_in_the_adr() {
    let mut code = vec![0x5b; 29];
    code.extend([0x63, 1, 2, 3, 4, 0x7f]);
    code.extend([0xaa; 32]);
    code.push(0x00);
    let chunks: Vec<_> = chunks::of_code(&code).collect();
    assert_eq!(chunks, oracle::chunkify(&code).into_iter().map(B256::from).collect::<Vec<_>>());
    assert_eq!(
        chunks,
        [
            b256!("0x005b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b6301"),
            b256!("0x030203047faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            b256!("0x05aaaaaaaaaa0000000000000000000000000000000000000000000000000000"),
        ]
    );
    // A chunk that is data from end to end counts 31 bytes of it, though 32 follow.
    let split = [&[0x5b; 30][..], &[0x7f], &[0xbb; 32]].concat();
    let counts: Vec<_> = chunks::of_code(&split).map(|chunk| chunk[0]).collect();
    assert_eq!(counts, [0, 31, 1]);
}

#[test]
fn roots_are_those_of_the_adr() {
    assert_eq!(root_of(&[]), B256::ZERO);
    let with_alice = b256!("0xf15819e8c1256f1e3e86ff794c1ab39a9eab1904f3e5421b15adcd8ab6e4d243");
    assert_eq!(root_of(&[alice()]), with_alice);
    let with_token = b256!("0xfd9172fc2d3e1cb967b706bffe0845071a441d4eb05a04284ebf9a4cdd921f21");
    assert_eq!(root_of(&[token()]), with_token);
    let with_both = b256!("0xe52131034c57ed6c720c75177ba81cc351edb52ec1db762f61fb78601f22349a");
    assert_eq!(root_of(&[alice(), token()]), with_both);
    assert_eq!(root_of(&[token(), alice()]), with_both);
}

/// Four keys on which implementations of the draft agree, from the tests of its authors: our naive
/// tree is theirs, but for the hash of stems.
#[test]
fn the_naive_tree_gives_the_root_of_the_drafts_implementations() {
    let mut values = BTreeMap::new();
    for (first, value) in [(0x00, 1), (0x80, 2), (0x01, 3), (0x81, 4)] {
        let (mut key, mut little_endian) = ([0; 32], [0; 32]);
        key[0] = first;
        little_endian[0] = value;
        values.insert(key, little_endian);
    }
    assert_eq!(
        oracle::draft_root(&values),
        b256!("0xe93c209026b8b00d76062638102ece415028bd104e1d892d5399375a323f2218")
    );
}
