//! What the values of a genesis file must be to each other, however they were read.

use std::{collections::BTreeMap, time::Duration};

use alloy_eips::eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, U256, address};
use mokka_types::MAX_VALIDATORS;

use crate::{
    Draft, Validator,
    defaults::{
        ALIVE_INTERVAL, MAX_BLOCK_BYTES, MAX_CHAIN_ID, MAX_CODE_BYTES, MAX_NAME_CHARS, MAX_TIMER,
        MAX_TIMESTAMP, MIN_BLOCK_BYTES, MIN_GAS_LIMIT, WORST_GAS_PER_SECOND,
    },
    mistake::Problem,
    mokka::TIMERS,
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
    timers(draft, notes);
    relations(draft, notes);
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
    let value = draft.gas_limit;
    bound("gasLimit", value < MIN_GAS_LIMIT, Problem::GasLimitTooSmall { value });
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
            check_name(&path, name, notes);
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

fn check_name(path: &str, name: &str, notes: &mut Notes) {
    let found = name.chars().count();
    if name.trim().is_empty() {
        notes.add(path, Problem::NameEmpty);
    } else if found > MAX_NAME_CHARS {
        notes.add(path, Problem::NameTooLong { found });
    } else if !name.chars().all(|char| char.is_alphanumeric() || "-_. ".contains(char)) {
        notes.add(path, Problem::NameCharacters { value: name.to_owned() });
    }
}

/// Each length of time by itself.
fn timers(draft: &Draft, notes: &mut Notes) {
    let mut settings = draft.settings;
    for (name, timer) in TIMERS {
        let value = *timer(&mut settings);
        // Blocks may follow each other without a pause; every other timer needs time.
        let zero = (name != "blockInterval").then_some(Problem::TimerZero);
        timer_alone(name, value, zero, notes);
    }
    if let Some(value) = settings.empty_block_interval {
        timer_alone("emptyBlockInterval", value, Some(Problem::EmptyIntervalZero), notes);
    }
}

fn timer_alone(name: &str, value: Duration, zero: Option<Problem>, notes: &mut Notes) {
    let path = format!("config.mokka.{name}");
    if notes.touch(&path) {
        return;
    }
    if let Some(zero) = zero.filter(|_| value.is_zero()) {
        notes.add(&path, zero);
    } else if !value.subsec_nanos().is_multiple_of(1_000_000) {
        notes.add(&path, Problem::TimerTooFine { value });
    } else if value > MAX_TIMER {
        notes.add(&path, Problem::TimerTooLong { value });
    }
}

/// A relation between fields of `config.mokka`; the first is the one to change.
struct Relation {
    fields: &'static [&'static str],
    holds: bool,
    problem: Problem,
}

/// §4: the timers must fit together.
fn relations(draft: &Draft, notes: &mut Notes) {
    let broken = |field: &&str| match *field {
        "gasLimit" => notes.touch("gasLimit"),
        field => notes.touch(&format!("config.mokka.{field}")),
    };
    let fails = |relation: &Relation| !relation.holds && !relation.fields.iter().any(broken);
    let failing: Vec<_> = leading(draft).into_iter().chain(ending(draft)).filter(fails).collect();
    for relation in failing {
        notes.add(&format!("config.mokka.{}", relation.fields[0]), relation.problem);
    }
}

/// Between the timers that make leaders.
fn leading(draft: &Draft) -> Vec<Relation> {
    let settings = &draft.settings;
    let (heartbeat, election) = (settings.heartbeat, settings.election_timeout);
    let (proof, handover) = (settings.proof_lifetime, settings.handover_lead);
    let block = settings.block_interval;
    let mut relations = vec![
        Relation {
            fields: &["electionTimeout", "heartbeat"],
            holds: heartbeat < election,
            problem: Problem::ElectionNotAboveHeartbeat { election, heartbeat },
        },
        Relation {
            fields: &["proofLifetime", "electionTimeout"],
            holds: election.saturating_mul(3) < proof,
            problem: Problem::ProofNotAboveElections { proof, election },
        },
        Relation {
            fields: &["handoverLead", "electionTimeout"],
            holds: handover >= election,
            problem: Problem::HandoverBelowElection { handover, election },
        },
        Relation {
            fields: &["handoverLead", "proofLifetime"],
            holds: handover.saturating_mul(2) < proof,
            problem: Problem::HandoverTooLong { handover, proof },
        },
    ];
    relations.extend(settings.empty_block_interval.map(|empty| Relation {
        fields: &["emptyBlockInterval", "blockInterval"],
        holds: empty >= block,
        problem: Problem::EmptyBelowBlockInterval { empty, block },
    }));
    relations
}

/// Between the timers that end leaders.
fn ending(draft: &Draft) -> [Relation; 6] {
    let settings = &draft.settings;
    let (heartbeat, proof) = (settings.heartbeat, settings.proof_lifetime);
    let (progress, isolation) = (settings.progress_timeout, settings.isolation);
    let gas_limit = draft.gas_limit;
    let execution = worst_execution(gas_limit);
    [
        Relation {
            fields: &["progressTimeout", "gasLimit"],
            holds: progress > execution.saturating_mul(4),
            problem: Problem::ProgressNotAboveExecution { progress, gas_limit, execution },
        },
        Relation {
            fields: &["progressTimeout", "heartbeat"],
            holds: progress > heartbeat.saturating_mul(4),
            problem: Problem::ProgressNotAboveHeartbeats { progress, heartbeat },
        },
        Relation {
            fields: &["progressTimeout", "proofLifetime"],
            holds: progress < proof,
            problem: Problem::ProgressNotBelowProof { progress, proof },
        },
        Relation {
            fields: &["isolation"],
            holds: isolation > ALIVE_INTERVAL.saturating_mul(2),
            problem: Problem::IsolationTooShort { isolation, alive: ALIVE_INTERVAL },
        },
        Relation {
            fields: &["isolation", "heartbeat"],
            holds: isolation > heartbeat.saturating_mul(2),
            problem: Problem::IsolationNotAboveHeartbeats { isolation, heartbeat },
        },
        Relation {
            fields: &["isolation", "proofLifetime"],
            holds: isolation < proof,
            problem: Problem::IsolationNotBelowProof { isolation, proof },
        },
    ]
}

/// How long a full block may take at the speed that any machine is assumed to have.
fn worst_execution(gas_limit: u64) -> Duration {
    Duration::from_millis(gas_limit / (WORST_GAS_PER_SECOND / 1_000))
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
