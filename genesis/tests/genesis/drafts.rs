//! Files that are made, not read.

use std::time::Duration;

use alloy_primitives::{Address, U256, address, b256, keccak256};
use mokka_genesis::{Draft, Genesis, NodeAddress, Validator, predeploys};
use mokka_runtime::system::{Governance, Permissions, Threshold};
use mokka_types::{CrashModel, Settings};
use proptest::prelude::*;

use crate::files::{KEYS, parse, put, right};

fn validator(at: usize) -> Validator {
    let address: NodeAddress = format!("/ip4/127.0.0.1/tcp/{}", 30_303 + at).parse().unwrap();
    Validator::new(KEYS[at].parse().unwrap()).named(format!("validator-{at}")).at(address)
}

fn devnet() -> Draft {
    (0..4)
        .map(validator)
        .fold(Draft::new(1337, CrashModel::Bft), Draft::validator)
        .predeployed()
        .fund(Address::repeat_byte(0xaa), U256::from(10).pow(U256::from(22)))
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let genesis = parse(&right());
    assert_eq!((genesis.gas_limit(), genesis.base_fee()), (100_000_000, 0));
    assert_eq!(genesis.timestamp(), 0);
    let settings = Settings {
        heartbeat: Duration::from_millis(200),
        election_timeout: Duration::from_millis(400),
        proof_lifetime: Duration::from_secs(60),
        handover_lead: Duration::from_secs(2),
        progress_timeout: Duration::from_secs(2),
        isolation: Duration::from_secs(3),
        block_interval: Duration::ZERO,
        empty_block_interval: None,
        max_block_bytes: 4 << 20,
    };
    assert_eq!(*genesis.settings(), settings);
    let governance = Governance {
        threshold: Threshold::Majority,
        voting_period: Duration::from_secs(7 * 24 * 60 * 60),
        acceptance_period: Duration::from_secs(24 * 60 * 60),
    };
    assert_eq!(*genesis.governance(), governance);
    assert_eq!(*genesis.permissions(), Permissions::default());
}

#[test]
fn what_is_written_is_read_again() {
    let genesis = devnet().check().unwrap();
    let text = genesis.to_json();
    let read = Genesis::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(read, genesis);
    assert_eq!(read.to_json(), text);
}

#[test]
fn the_file_spells_everything_out() {
    let text = devnet().check().unwrap().to_json();
    for line in [
        "    \"chainId\": 1337,",
        "      \"crashModel\": \"bft\",",
        "          \"name\": \"validator-0\",",
        "          \"address\": \"/ip4/127.0.0.1/tcp/30303\"",
        "      \"heartbeat\": \"200ms\",",
        "      \"proofLifetime\": \"1m\",",
        "      \"blockInterval\": \"0s\",",
        "      \"maxBlockBytes\": \"4MiB\",",
        "  \"gasLimit\": \"0x5f5e100\",",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
    for silent in ["emptyBlockInterval", "governance", "permissions"] {
        assert!(!text.contains(silent));
    }
}

#[test]
fn tools_for_geth_read_the_file() {
    let genesis = devnet().check().unwrap();
    let geth: alloy_genesis::Genesis = serde_json::from_str(&genesis.to_json()).unwrap();
    assert_eq!(geth.config.chain_id, 1337);
    assert_eq!(geth.gas_limit, 100_000_000);
    assert_eq!(&geth.alloc, genesis.alloc());
}

#[test]
fn a_draft_is_checked_like_a_file() {
    let mistakes = Draft::new(0, CrashModel::Cft).check().unwrap_err();
    let shown: Vec<_> = mistakes.0.iter().map(|mistake| mistake.path.as_str()).collect();
    assert_eq!(shown, ["config.chainId", "config.mokka.validators"]);
    let twice = devnet().validator(validator(2)).check().unwrap_err().to_string();
    assert!(twice.contains("config.mokka.validators[4].publicKey: "), "{twice}");
    assert!(twice.contains("is also the key of validators[2]"), "{twice}");
}

#[test]
fn advice_is_given_where_a_chain_is_weaker_than_it_looks() {
    let advice = |model, count| {
        let draft = (0..count).map(validator).fold(Draft::new(7, model), Draft::validator);
        draft.fund(Address::repeat_byte(1), U256::from(1)).check().unwrap().advice()
    };
    assert_eq!(advice(CrashModel::Bft, 4), Vec::<String>::new());
    assert_eq!(advice(CrashModel::Cft, 3), Vec::<String>::new());
    assert_eq!(advice(CrashModel::Bft, 1), Vec::<String>::new());
    let two = "2 validators under cft need all 2 votes: if one stops, the chain stops";
    assert_eq!(advice(CrashModel::Cft, 2), [two]);
    let three = "3 validators under bft tolerate no liar: that takes at least four";
    assert_eq!(advice(CrashModel::Bft, 3), [three]);
    let poor = Draft::new(7, CrashModel::Cft).validator(validator(0)).check().unwrap().advice();
    assert_eq!(poor, ["no account has coins: nobody can pay a fee or send value"]);
}

/// The code is that of Ethereum's mainnet, told by its hash.
#[test]
fn predeployed_contracts_are_the_well_known_ones() {
    let [(deployer, deployer_account), (multicall, multicall_account)] = predeploys::accounts();
    assert_eq!(deployer, address!("4e59b44847b379578588920cA78FbF26c0B4956C"));
    assert_eq!(multicall, address!("cA11bde05977b3631167028862bE2a173976CA11"));
    let hash = |account: alloy_genesis::GenesisAccount| keccak256(account.code.unwrap());
    let expected = b256!("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989");
    assert_eq!(hash(deployer_account), expected);
    let expected = b256!("d5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891");
    assert_eq!(hash(multicall_account), expected);
}

#[test]
fn funding_a_predeployed_contract_keeps_its_code() {
    let draft = devnet().fund(predeploys::MULTICALL3, U256::from(5));
    let account = &draft.alloc[&predeploys::MULTICALL3];
    assert_eq!((account.balance, account.nonce), (U256::from(5), Some(1)));
    assert!(account.code.is_some());
}

proptest! {
    /// Whatever fits together survives being written and read.
    #[test]
    fn every_genesis_is_read_as_it_was_written(
        chain_id in 1..1_u64 << 50,
        heartbeat in 1..400_u64,
        proof in 5_000..100_000_u64,
        empty in proptest::option::of(1..100_000_u64),
        block_kib in 256..32_768_u32,
        odd_byte in 0..2_u32,
        gas_limit in 1_000_000..120_000_000_u64,
        timestamp in 0..10_000_000_000_u64,
        balance in any::<[u8; 32]>(),
        nonce in proptest::option::of(any::<u64>()),
    ) {
        let mut draft = devnet();
        (draft.chain_id, draft.gas_limit, draft.timestamp) = (chain_id, gas_limit, timestamp);
        draft.settings.heartbeat = Duration::from_millis(heartbeat);
        draft.settings.election_timeout = Duration::from_millis(heartbeat + 1);
        draft.settings.proof_lifetime = Duration::from_millis(proof);
        draft.settings.empty_block_interval = empty.map(Duration::from_millis);
        draft.settings.max_block_bytes = (block_kib << 10) - odd_byte * 7;
        draft.settings.max_block_bytes = draft.settings.max_block_bytes.max(256 << 10);
        let mut account = alloy_genesis::GenesisAccount::default();
        (account.balance, account.nonce) = (U256::from_be_bytes(balance) >> 1, nonce);
        draft.alloc.insert(Address::repeat_byte(0xcc), account);
        let Ok(genesis) = draft.check() else { return Ok(()) };
        let read = Genesis::parse(&genesis.to_json());
        let read = read.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read, genesis);
    }

    /// No text brings the reader down, and what it reads it can write.
    #[test]
    fn damaged_files_are_mistakes_and_nothing_worse(
        cuts in prop::collection::vec(any::<(u16, u8)>(), 1..6),
    ) {
        let mut text = devnet().check().unwrap().to_json().into_bytes();
        for (at, byte) in cuts {
            let at = usize::from(at) % text.len();
            text[at] = byte;
        }
        if let Ok(genesis) = Genesis::parse(&String::from_utf8_lossy(&text)) {
            prop_assert_eq!(Genesis::parse(&genesis.to_json()).unwrap(), genesis);
        }
    }
}

#[test]
fn a_file_with_everything_in_it_can_be_changed_as_a_draft() {
    let mut file = right();
    put(&mut file, "/config/mokka/baseFee", 9);
    let draft = parse(&file).into_draft();
    assert_eq!(draft.base_fee, 9);
    assert_eq!(draft.check().unwrap(), parse(&file));
}
