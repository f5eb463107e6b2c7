//! How members decide, and who may do what: its flags, and its part of the summary.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use alloy_primitives::Address;
use mokka_genesis::{
    AllowListRules, Draft, Genesis as File, Governance, NodeListRules, Role, Switch, Threshold,
};
use mokka_types::is_peer_id;
use serde::Serialize;
use serde_json::Value;

use super::parse_address;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Members")]
pub(super) struct MembersArgs {
    /// Who decides about members and settings: more than half of the validators, two thirds of
    /// them, or one account, as admin:0xf39F… [default: majority].
    #[arg(long, value_name = "majority|two-thirds|admin:ADDRESS")]
    governance: Option<Deciders>,
    /// How long a proposal takes votes [default: 7d].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    voting_period: Option<Duration>,
    /// How long the node of a new validator may take to come up [default: 1d].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    acceptance_period: Option<Duration>,
    /// Let only listed accounts send transactions; this one is listed and lists others. Repeatable.
    #[arg(long = "transactions-admin", value_name = "ADDRESS", value_parser = parse_address)]
    transactions_admins: Vec<Address>,
    /// Let only listed accounts create contracts; this one is listed and lists others. Repeatable.
    #[arg(long = "contracts-admin", value_name = "ADDRESS", value_parser = parse_address)]
    contracts_admins: Vec<Address>,
    /// A node that may connect without a vote, by the peer id that `mokka status` shows of it.
    /// Repeatable.
    #[arg(long = "observer", value_name = "PEERID", value_parser = parse_peer_id)]
    observers: Vec<String>,
}

/// Who decides, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deciders(Threshold);

impl FromStr for Deciders {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("admin:")) {
            ("majority", _) => Ok(Self(Threshold::Majority)),
            ("two-thirds", _) => Ok(Self(Threshold::TwoThirds)),
            (_, Some(account)) => Ok(Self(Threshold::Admin(parse_address(account)?))),
            (_, None) => Err("write majority, two-thirds, or admin:0xf39F…".to_owned()),
        }
    }
}

fn parse_peer_id(text: &str) -> Result<String, String> {
    match is_peer_id(text) {
        true => Ok(text.to_owned()),
        false => Err("is no peer id; write what `mokka status` shows, 12D3KooW…".to_owned()),
    }
}

impl MembersArgs {
    pub(super) fn apply(&self, draft: &mut Draft) {
        let governance = &mut draft.governance;
        governance.threshold = self.governance.map_or(governance.threshold, |given| given.0);
        governance.voting_period = self.voting_period.unwrap_or(governance.voting_period);
        governance.acceptance_period =
            self.acceptance_period.unwrap_or(governance.acceptance_period);
        let permissions = &mut draft.permissions;
        for (list, admins) in [
            (&mut permissions.transactions, &self.transactions_admins),
            (&mut permissions.contracts, &self.contracts_admins),
        ] {
            if !admins.is_empty() {
                list.switch = Switch::On;
                list.roles.extend(admins.iter().map(|admin| (*admin, Role::Admin)));
            }
        }
        permissions.observers.nodes.extend(self.observers.iter().cloned());
    }
}

/// The sections of the file about members, `null` where it is silent.
#[derive(Serialize)]
pub(super) struct Sections {
    governance: Value,
    permissions: Value,
}

impl Sections {
    pub(super) fn of(genesis: &File) -> Self {
        let file: Value = serde_json::from_str(&genesis.to_json()).unwrap_or_default();
        let section = |name: &str| file["config"]["mokka"][name].clone();
        Self { governance: section("governance"), permissions: section("permissions") }
    }
}

/// What differs from the default, a line each.
pub(super) fn lines(genesis: &File) -> Vec<String> {
    let mut lines = Vec::new();
    let governance = genesis.governance();
    if *governance != Governance::default() {
        lines.push(format!("governance   {}", decide(governance)));
    }
    let permissions = genesis.permissions();
    for (label, what, list) in [
        ("transactions", "sent", &permissions.transactions),
        ("contracts   ", "created", &permissions.contracts),
    ] {
        if *list != AllowListRules::default() {
            let by = match list.switch {
                Switch::On => "only by those on the list",
                Switch::Off => "by everybody, the list is off",
            };
            lines.push(format!("{label} {what} {by}: {}", roles(&list.roles)));
        }
    }
    let NodeListRules { roles: accounts, nodes } = &permissions.observers;
    if permissions.observers != NodeListRules::default() {
        let count = nodes.len();
        let nodes = if count == 1 { "node" } else { "nodes" };
        lines.push(format!("observers    {count} {nodes}; list kept by {}", roles(accounts)));
    }
    lines
}

fn decide(governance: &Governance) -> String {
    let who = match governance.threshold {
        Threshold::Majority => "more than half of the validators decide".to_owned(),
        Threshold::TwoThirds => "two thirds of the validators decide".to_owned(),
        Threshold::Admin(account) => format!("{account} decides"),
    };
    format!(
        "{who}; proposals last {}, new nodes have {} to come up",
        humantime::format_duration(governance.voting_period),
        humantime::format_duration(governance.acceptance_period)
    )
}

fn roles(roles: &BTreeMap<Address, Role>) -> String {
    let named = [(Role::Admin, "admin"), (Role::Manager, "manager"), (Role::Enabled, "enabled")];
    let counted = named.into_iter().filter_map(|(wanted, name)| {
        let count = roles.values().filter(|role| **role == wanted).count();
        (count > 0).then(|| format!("{count} {name}"))
    });
    let counted: Vec<_> = counted.collect();
    if counted.is_empty() { "nobody".to_owned() } else { counted.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";

    #[test]
    fn who_decides_is_a_word_or_an_account() {
        let read = |text: &str| text.parse::<Deciders>().map(|deciders| deciders.0);
        assert_eq!(read("majority"), Ok(Threshold::Majority));
        assert_eq!(read("two-thirds"), Ok(Threshold::TwoThirds));
        let admin = Threshold::Admin(ACCOUNT.parse().unwrap());
        assert_eq!(read(&format!("admin:{ACCOUNT}")), Ok(admin));
        assert!(read("admin:0x12").unwrap_err().contains("40 hex digits"));
        assert!(read("half").unwrap_err().contains("two-thirds"));
    }
}
