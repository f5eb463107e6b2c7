//! What the values of a genesis file must be to each other, however they were read.

use std::collections::BTreeMap;

use alloy_eips::eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, U256, address};
use mokka_runtime::system::{
    CONTRACTS, Governance, MEMBERS, NODES, NodeListRules, Role, TRANSACTIONS,
};
use mokka_types::{MAX_NODES, MAX_VALIDATORS, Setting, check_name, is_peer_id};

use crate::{
    Draft, Validator,
    defaults::{
        MAX_BLOCK_BYTES, MAX_CHAIN_ID, MAX_CODE_BYTES, MAX_PERIOD, MAX_TIMESTAMP, MIN_BLOCK_BYTES,
    },
    json::shortened,
    mistake::{Problem, setting_path},
    reader::Notes,
};

/// In whose name a node calls contracts itself, as in EIP-2935.
const SYSTEM_CALLER: Address = address!("fffffffffffffffffffffffffffffffffffffffe");

/// A validator's place in the file, and the validator if it could be read.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) validator: Option<Validator>,
}

impl Listed {
    /// The validators of a draft, under the paths that they will have in the file.
    pub(crate) fn all(draft: &Draft) -> Vec<Self> {
        let listed = |(at, validator): (usize, &Validator)| Self {
            path: format!("config.mokka.validators[{at}]"),
            validator: Some(validator.clone()),
        };
        draft.validators.iter().enumerate().map(listed).collect()
    }
}

/// Notes everything that does not fit. A value that could not be read is not judged again.
pub(crate) fn check(draft: &Draft, listed: &[Listed], notes: &mut Notes) {
    chain(draft, notes);
    validators(listed, notes);
    settings(draft, notes);
    governance(&draft.governance, notes);
    observers(&draft.permissions.observers, notes);
    accounts(&draft.alloc, notes);
}

fn chain(draft: &Draft, notes: &mut Notes) {
    let mut bound = |path: &str, breaks: bool, problem: Problem| {
        if breaks && !notes.touch(path) {
            notes.add(path, problem);
        }
    };
    let value = draft.chain_id;
    bound("config.chainId", value == 0, Problem::ChainIdZero);
    bound("config.chainId", value > MAX_CHAIN_ID, Problem::ChainIdTooLarge { value });
    let value = draft.timestamp;
    bound("timestamp", value > MAX_TIMESTAMP, Problem::TimestampTooLarge { value });
    let value = u64::from(draft.settings.max_block_bytes);
    let path = "config.mokka.maxBlockBytes";
    bound(path, value < MIN_BLOCK_BYTES, Problem::BlockTooSmall { value });
    bound(path, value > MAX_BLOCK_BYTES, Problem::BlockTooLarge { value });
}

fn validators(listed: &[Listed], notes: &mut Notes) {
    let path = "config.mokka.validators";
    if listed.is_empty() && !notes.touch(path) {
        notes.add(path, Problem::NoValidators);
    }
    if listed.len() > MAX_VALIDATORS {
        notes.add(path, Problem::TooManyValidators { count: listed.len() });
    }
    let (mut keys, mut names, mut addresses) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (at, entry) in listed.iter().enumerate() {
        let Some(validator) = &entry.validator else { continue };
        let key = validator.public_key;
        let path = format!("{}.publicKey", entry.path);
        if !mokka_crypto::is_on_curve(&key) {
            notes.add(&path, Problem::KeyNotOnCurve { key });
        } else if let Some(first) = first_use(&mut keys, key.x(), at) {
            notes.add(&path, Problem::KeyTwice { key, first });
        }
        if let Some(name) = &validator.name {
            let path = format!("{}.name", entry.path);
            if let Err(problem) = check_name(name) {
                let value = name.clone();
                notes.add(&path, Problem::Name { value, problem });
            }
            if let Some(first) = first_use(&mut names, name, at) {
                notes.add(&path, Problem::NameTwice { name: name.clone(), first });
            }
        }
        if let Some(address) = &validator.address
            && let Some(first) = first_use(&mut addresses, address, at)
        {
            let path = format!("{}.address", entry.path);
            notes.add(&path, Problem::NodeAddressTwice { address: address.to_string(), first });
        }
    }
}

/// The place where this was seen first, or `None` if that is here.
fn first_use<T: Ord>(seen: &mut BTreeMap<T, usize>, value: T, at: usize) -> Option<usize> {
    let first = *seen.entry(value).or_insert(at);
    (first != at).then_some(first)
}

/// §4: the timers and the gas limit must fit together.
fn settings(draft: &Draft, notes: &mut Notes) {
    let touched = |setting: Setting| notes.touch(&setting_path(setting));
    let mut broken = draft.settings.broken(draft.gas_limit);
    broken.retain(|rule| !touched(rule.setting()) && !rule.other().is_some_and(touched));
    for rule in broken {
        notes.add(&setting_path(rule.setting()), Problem::Setting(rule));
    }
}

fn governance(governance: &Governance, notes: &mut Notes) {
    for (name, value) in [
        ("votingPeriod", governance.voting_period),
        ("acceptancePeriod", governance.acceptance_period),
    ] {
        let path = format!("config.mokka.governance.{name}");
        if notes.touch(&path) {
            continue;
        }
        if value.is_zero() {
            notes.add(&path, Problem::PeriodZero);
        } else if value.subsec_nanos() != 0 {
            notes.add(&path, Problem::PeriodTooFine { value });
        } else if value > MAX_PERIOD {
            notes.add(&path, Problem::PeriodTooLong { value });
        }
    }
}

/// Reading a file leaves out the nodes and roles that only a draft can have.
fn observers(observers: &NodeListRules, notes: &mut Notes) {
    let path = "config.mokka.permissions.observers";
    let count = observers.nodes.len();
    if count > MAX_NODES {
        notes.add(&format!("{path}.nodes"), Problem::TooManyNodes { count });
    }
    for (account, _) in observers.roles.iter().filter(|(_, role)| **role == Role::Enabled) {
        notes.add(path, Problem::EnabledMeansNothing { account: *account });
    }
    for (at, node) in observers.nodes.iter().enumerate().filter(|(_, node)| !is_peer_id(node)) {
        notes.add(&format!("{path}.nodes[{at}]"), Problem::NotAPeerId { value: shortened(node) });
    }
}

fn accounts(alloc: &BTreeMap<Address, GenesisAccount>, notes: &mut Notes) {
    let mut supply = Some(U256::ZERO);
    for (address, account) in alloc {
        let path = format!("alloc.{address}");
        let after = supply.and_then(|supply| supply.checked_add(account.balance));
        if supply.is_some() && after.is_none() {
            notes.add(&format!("{path}.balance"), Problem::SupplyOverflow);
        }
        supply = after;
        one_account(&path, *address, account, notes);
    }
}

fn one_account(path: &str, address: Address, account: &GenesisAccount, notes: &mut Notes) {
    let code = account.code.as_ref().map_or(0, |code| code.len());
    if code > MAX_CODE_BYTES {
        notes.add(&format!("{path}.code"), Problem::CodeTooLong { found: code });
    }
    let has_storage = account.storage.iter().flatten().any(|(_, value)| !value.is_zero());
    let has_nonce = account.nonce.is_some_and(|nonce| nonce != 0);
    match (account.balance.is_zero() && !has_nonce && code == 0, has_storage) {
        (true, true) => notes.add(path, Problem::StorageWithoutAccount),
        (true, false) => notes.add(path, Problem::EmptyAccount),
        (false, _) => {}
    }
    if account.private_key.is_some() {
        notes.add(&format!("{path}.secretKey"), Problem::SecretKey);
    }
    // geth's own files write the contract down; with another code, `BLOCKHASH` would lie.
    if address == HISTORY_STORAGE_ADDRESS && account.code.as_ref() != Some(&HISTORY_STORAGE_CODE) {
        notes.add(path, Problem::HistoryContract);
    }
    if address == SYSTEM_CALLER {
        notes.add(path, Problem::SystemCaller);
    }
    if [MEMBERS, TRANSACTIONS, CONTRACTS, NODES].contains(&address) {
        notes.add(path, Problem::SystemContract);
    }
    if is_precompile(address) {
        let given = [("code", code > 0), ("storage", has_storage), ("nonce", has_nonce)];
        for (what, _) in given.into_iter().filter(|(_, given)| *given) {
            notes.add(path, Problem::Precompile { what });
        }
    }
}

/// Osaka's precompiled contracts: 1 to 17, and secp256r1 at 256.
fn is_precompile(address: Address) -> bool {
    let number = U256::from_be_slice(address.as_slice());
    (U256::from(1)..=U256::from(17)).contains(&number) || number == U256::from(256)
}
