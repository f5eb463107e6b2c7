//! The file as it is written: geth's fields where geth has them, every setting spelled out.
//! `governance` and `permissions` are written where they differ from the default.

use std::{collections::BTreeMap, time::Duration};

use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, U64, U256};
use humantime::format_duration;
use mokka_runtime::system::{
    AllowListRules, Governance, NodeListRules, Permissions, Role, Switch, Threshold,
};
use mokka_types::{CrashModel, Settings};
use serde::{Serialize, Serializer};

use crate::{Genesis, Validator};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    config: Config<'a>,
    timestamp: U64,
    gas_limit: U64,
    /// geth's own readers insist on it.
    difficulty: U256,
    alloc: &'a BTreeMap<Address, GenesisAccount>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    chain_id: u64,
    mokka: Section<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Section<'a> {
    crash_model: CrashModel,
    validators: Vec<Entry<'a>>,
    #[serde(flatten)]
    timers: Timers,
    max_block_bytes: Size,
    base_fee: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    governance: Option<Deciding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Lists>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timers {
    heartbeat: Words,
    election_timeout: Words,
    proof_lifetime: Words,
    handover_lead: Words,
    progress_timeout: Words,
    isolation: Words,
    block_interval: Words,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_block_interval: Option<Words>,
}

impl Timers {
    fn of(settings: &Settings) -> Self {
        Self {
            heartbeat: Words(settings.heartbeat),
            election_timeout: Words(settings.election_timeout),
            proof_lifetime: Words(settings.proof_lifetime),
            handover_lead: Words(settings.handover_lead),
            progress_timeout: Words(settings.progress_timeout),
            isolation: Words(settings.isolation),
            block_interval: Words(settings.block_interval),
            empty_block_interval: settings.empty_block_interval.map(Words),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(validator: &'a Validator) -> Self {
        Self {
            name: validator.name.as_deref(),
            public_key: validator.public_key.to_string(),
            address: validator.address.as_ref().map(|address| address.as_str()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deciding {
    threshold: Deciders,
    voting_period: Words,
    acceptance_period: Words,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Deciders {
    Majority,
    TwoThirds,
    Admin(String),
}

impl Deciding {
    /// Nothing where the file can be silent.
    fn of(governance: &Governance) -> Option<Self> {
        let threshold = match governance.threshold {
            Threshold::Majority => Deciders::Majority,
            Threshold::TwoThirds => Deciders::TwoThirds,
            Threshold::Admin(account) => Deciders::Admin(account.to_string()),
        };
        let written = Self {
            threshold,
            voting_period: Words(governance.voting_period),
            acceptance_period: Words(governance.acceptance_period),
        };
        (*governance != Governance::default()).then_some(written)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions: Option<List>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contracts: Option<List>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observers: Option<List>,
}

impl Lists {
    /// Nothing where the file can be silent.
    fn of(permissions: &Permissions) -> Option<Self> {
        let Permissions { transactions, contracts, observers } = permissions;
        let allow = |rules: &AllowListRules| {
            let on = Some(rules.switch == Switch::On);
            let list = List { on, ..List::of(&rules.roles) };
            (*rules != AllowListRules::default()).then_some(list)
        };
        let nodes = observers.nodes.iter().cloned().collect();
        let nodes = List { nodes, ..List::of(&observers.roles) };
        let written = Self {
            transactions: allow(transactions),
            contracts: allow(contracts),
            observers: (*observers != NodeListRules::default()).then_some(nodes),
        };
        (*permissions != Permissions::default()).then_some(written)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    admins: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    managers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    enabled: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<String>,
}

impl List {
    fn of(roles: &BTreeMap<Address, Role>) -> Self {
        let those = |wanted: Role| {
            let has_it = roles.iter().filter(move |(_, role)| **role == wanted);
            has_it.map(|(account, _)| account.to_string()).collect()
        };
        let (admins, managers) = (those(Role::Admin), those(Role::Manager));
        Self { on: None, admins, managers, enabled: those(Role::Enabled), nodes: Vec::new() }
    }
}

/// A length of time as people write it.
struct Words(Duration);

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_duration(self.0))
    }
}

/// A number of bytes, in the largest unit that divides it.
struct Size(u32);

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            bytes if bytes % (1 << 20) == 0 => {
                serializer.collect_str(&format_args!("{}MiB", bytes >> 20))
            }
            bytes if bytes % (1 << 10) == 0 => {
                serializer.collect_str(&format_args!("{}KiB", bytes >> 10))
            }
            bytes => serializer.serialize_u32(bytes),
        }
    }
}

impl Genesis {
    /// The file. [`Genesis::parse`] reads an equal genesis from it.
    pub fn to_json(&self) -> String {
        let settings = self.settings();
        let file = File {
            config: Config {
                chain_id: self.chain_id(),
                mokka: Section {
                    crash_model: self.crash_model(),
                    validators: self.validators().iter().map(Entry::of).collect(),
                    timers: Timers::of(settings),
                    max_block_bytes: Size(settings.max_block_bytes),
                    base_fee: self.base_fee(),
                    governance: Deciding::of(self.governance()),
                    permissions: Lists::of(self.permissions()),
                },
            },
            timestamp: U64::from(self.timestamp()),
            gas_limit: U64::from(self.gas_limit()),
            difficulty: U256::ZERO,
            alloc: self.alloc(),
        };
        // Invariant: every key is a string and writing to memory cannot fail.
        let mut text = serde_json::to_string_pretty(&file).expect("a genesis can be written");
        text.push('\n');
        text
    }
}
