//! Block 0 and the chain hash (§3).

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use mokka_genesis::{Draft, Genesis, Switch, Threshold, Validator};
use mokka_types::{ChainHash, CrashModel, Height};

use crate::files::{KEYS, parse, put, right};

fn draft() -> Draft {
    let validator = |at: usize| Validator::new(KEYS[at].parse().unwrap());
    Draft::new(1337, CrashModel::Bft)
        .validator(validator(0))
        .validator(validator(1))
        .fund(Address::repeat_byte(0xaa), U256::from(5))
}

fn chain_hash(draft: Draft) -> ChainHash {
    draft.check().unwrap_or_else(|error| panic!("{error}")).begin().unwrap().chain_hash
}

#[test]
fn block_0_is_what_the_file_says() {
    let mut file = right();
    put(&mut file, "/timestamp", 7);
    put(&mut file, "/config/mokka/baseFee", 3);
    let beginning = parse(&file).begin().unwrap();
    let header = &beginning.block.block.header;
    assert_eq!(beginning.id.height, Height::GENESIS);
    assert_eq!(beginning.id.hash.as_bytes(), &beginning.block.hash.0);
    assert_eq!((header.number, header.timestamp, header.gas_limit), (0, 7, 100_000_000));
    assert_eq!(header.base_fee_per_gas, Some(3));
}

#[test]
fn one_file_gives_one_hash_on_every_machine() {
    let hash = chain_hash(draft());
    assert_eq!(hash, chain_hash(draft()));
    assert_ne!(hash, ChainHash::default());
}

#[test]
fn spelling_order_names_and_addresses_do_not_count() {
    let hash = chain_hash(draft());
    let mut named = draft();
    named.validators[0].name = Some("berlin".to_owned());
    named.validators[1].address = Some("/dns/a.example/tcp/30303".parse().unwrap());
    named.validators.reverse();
    assert_eq!(chain_hash(named), hash);

    let written = draft().check().unwrap().to_json();
    assert_eq!(Genesis::parse(&written).unwrap().begin().unwrap().chain_hash, hash);
    let short = parse(&right()).begin().unwrap().chain_hash;
    let mut spelled_out = right();
    put(&mut spelled_out, "/config/mokka/heartbeat", "0s 200ms");
    put(&mut spelled_out, "/config/mokka/maxBlockBytes", 4 << 20);
    put(&mut spelled_out, "/gasLimit", "0x5f5e100");
    assert_eq!(parse(&spelled_out).begin().unwrap().chain_hash, short, "defaults are filled in");
}

#[test]
fn everything_else_counts() {
    let changes: [fn(&mut Draft); 18] = [
        |draft| draft.chain_id += 1,
        |draft| draft.crash_model = CrashModel::Cft,
        |draft| draft.validators.truncate(1),
        |draft| draft.validators[1] = Validator::new(KEYS[2].parse().unwrap()),
        |draft| draft.settings.heartbeat /= 2,
        |draft| draft.settings.election_timeout *= 2,
        |draft| draft.settings.proof_lifetime *= 2,
        |draft| draft.settings.handover_lead *= 2,
        |draft| draft.settings.progress_timeout *= 2,
        |draft| draft.settings.isolation *= 2,
        |draft| draft.settings.block_interval = draft.settings.heartbeat,
        |draft| draft.settings.empty_block_interval = Some(draft.settings.heartbeat),
        |draft| draft.settings.max_block_bytes *= 2,
        |draft| draft.base_fee += 1,
        |draft| draft.gas_limit -= 1,
        |draft| draft.timestamp += 1,
        |draft| draft.governance.threshold = Threshold::TwoThirds,
        |draft| draft.permissions.contracts.switch = Switch::On,
    ];
    let mut hashes = BTreeSet::from([*chain_hash(draft()).as_bytes()]);
    for change in changes {
        let mut changed = draft();
        change(&mut changed);
        hashes.insert(*chain_hash(changed).as_bytes());
    }
    let richer = draft().fund(Address::repeat_byte(0xaa), U256::from(6));
    hashes.insert(*chain_hash(richer).as_bytes());
    assert_eq!(hashes.len(), changes.len() + 2);
}

#[test]
fn code_that_cannot_run_is_refused() {
    let mut draft = draft();
    let account = draft.alloc.get_mut(&Address::repeat_byte(0xaa)).unwrap();
    account.code = Some([0xef, 0x01, 0x00, 0x01].into());
    let error = draft.check().unwrap().begin().unwrap_err().to_string();
    assert!(error.contains("has code that cannot be executed"), "{error}");
}

#[test]
fn the_networks_that_we_ship_are_right() {
    let example = Genesis::parse(include_str!("../../networks/example.json")).unwrap();
    assert_eq!(example.to_json(), include_str!("../../networks/example.json"));
    assert_eq!(example.validators().len(), 4);
    assert_eq!(example.advice(), Vec::<String>::new());
    example.begin().unwrap();
}
