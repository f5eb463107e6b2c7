//! Who may do what.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, address};
use mokka_genesis::{Draft, Genesis};
use mokka_runtime::system::{AllowListRules, NodeListRules, Permissions, Role, Switch};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::files::{ALICE, mistakes, only, parse, right, with};

const BOB: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
const NODE: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
const OTHER_NODE: &str = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

fn file(permissions: Value) -> Value {
    with("/config/mokka/permissions", permissions)
}

fn alice() -> Address {
    ALICE.parse().unwrap()
}

#[test]
fn every_list_is_off_and_empty_unless_the_file_says_otherwise() {
    assert_eq!(*parse(&right()).permissions(), Permissions::default());
    let empty = json!({ "transactions": {}, "contracts": { "on": false }, "observers": {} });
    assert_eq!(parse(&file(empty)), parse(&right()));
}

#[test]
fn accounts_and_nodes_are_put_on_lists() {
    let genesis = parse(&file(json!({
        "transactions": { "on": true, "admins": [ALICE], "enabled": [BOB.to_string()] },
        "contracts": { "managers": [BOB.to_string()] },
        "observers": { "admins": [ALICE], "nodes": [OTHER_NODE, NODE] },
    })));
    let roles = |roles: &[(Address, Role)]| roles.iter().copied().collect::<BTreeMap<_, _>>();
    let permissions = Permissions {
        transactions: AllowListRules {
            switch: Switch::On,
            roles: roles(&[(alice(), Role::Admin), (BOB, Role::Enabled)]),
        },
        contracts: AllowListRules { switch: Switch::Off, roles: roles(&[(BOB, Role::Manager)]) },
        observers: NodeListRules {
            roles: roles(&[(alice(), Role::Admin)]),
            nodes: BTreeSet::from([NODE.to_owned(), OTHER_NODE.to_owned()]),
        },
    };
    assert_eq!(*genesis.permissions(), permissions);
    assert_eq!(genesis.system_rules().permissions, permissions);
}

#[test]
fn there_are_three_lists_with_fields_of_their_own() {
    let unknown = |path: &str, known: &str| {
        format!(
            "config.mokka.permissions.{path}: is not a field of a Mokka genesis file; remove it, \
             or write one of: {known}"
        )
    };
    only(
        &file(json!({ "readers": {} })),
        &unknown("readers", "contracts, observers, transactions"),
    );
    only(
        &file(json!({ "contracts": { "nodes": [] } })),
        &unknown("contracts.nodes", "admins, enabled, managers, on"),
    );
    only(
        &file(json!({ "observers": { "enabled": [] } })),
        &unknown("observers.enabled", "admins, managers, nodes"),
    );
    only(
        &file(json!({ "transactions": { "on": "yes" } })),
        "config.mokka.permissions.transactions.on: is the string \"yes\", but must be true or \
         false",
    );
    only(
        &file(json!({ "transactions": { "admins": ALICE } })),
        &format!(
            "config.mokka.permissions.transactions.admins: is the string {ALICE:?}, but must be a \
             list"
        ),
    );
}

#[test]
fn accounts_are_addresses() {
    only(
        &file(json!({ "contracts": { "admins": [ALICE, "bob"] } })),
        "config.mokka.permissions.contracts.admins[1]: \"bob\" is no address; write 0x and 40 hex \
         digits",
    );
    only(
        &file(json!({ "contracts": { "enabled": [7] } })),
        "config.mokka.permissions.contracts.enabled[0]: is the number 7, but must be the address \
         of an account",
    );
    only(
        &file(json!({ "observers": { "managers": [ALICE.replace("Fd6e", "fd6e")] } })),
        &format!(
            "config.mokka.permissions.observers.managers[0]: has mixed case, but not that of its \
             EIP-55 checksum, {ALICE}; check every digit"
        ),
    );
}

#[test]
fn an_account_has_one_role_on_a_list() {
    let again = ALICE.to_lowercase();
    only(
        &file(
            json!({ "transactions": { "admins": [ALICE], "enabled": [BOB.to_string(), again] } }),
        ),
        &format!(
            "config.mokka.permissions.transactions.enabled[1]: {ALICE} is also in admins[0]; an \
             account has one role, keep one of them"
        ),
    );
    only(
        &file(json!({ "observers": { "managers": [ALICE, ALICE] } })),
        &format!(
            "config.mokka.permissions.observers.managers[1]: {ALICE} is also in managers[0]; an \
             account has one role, keep one of them"
        ),
    );
    let lists = json!({ "admins": [ALICE] });
    parse(&file(json!({ "transactions": lists, "contracts": lists, "observers": lists })));
}

#[test]
fn nodes_are_peer_ids_and_listed_once() {
    for node in ["me", ALICE, "12D3KooW", &NODE[1..]] {
        only(
            &file(json!({ "observers": { "nodes": [node] } })),
            &format!(
                "config.mokka.permissions.observers.nodes[0]: {node:?} is no peer id; write what \
                 `mokka status` shows of the node, 12D3KooW…"
            ),
        );
    }
    only(
        &file(json!({ "observers": { "nodes": [NODE, OTHER_NODE, NODE] } })),
        "config.mokka.permissions.observers.nodes[2]: is also nodes[0]; keep one",
    );
}

#[test]
fn not_more_nodes_are_listed_than_members_may_list() {
    // Base58 has no digit 0.
    let digits = |at: usize| format!("{at:04o}").replace('0', "9");
    let node = |at: usize| format!("{}{}", &NODE[..NODE.len() - 4], digits(at));
    let nodes = |count: usize| {
        file(json!({ "observers": { "nodes": (0..count).map(node).collect::<Vec<_>>() } }))
    };
    parse(&nodes(1_024));
    only(
        &nodes(1_025),
        "config.mokka.permissions.observers.nodes: names 1025 nodes, but 1024 is the most; remove \
         some",
    );
}

#[test]
fn a_list_that_is_on_with_nobody_on_it_is_advised_against() {
    let advice = |permissions: Value| parse(&file(permissions)).advice();
    assert_eq!(
        advice(json!({ "transactions": { "on": true } })),
        ["permissions.transactions is on with nobody on it: until members vote somebody onto \
             it, nobody can send transactions, except validators that vote"]
    );
    assert_eq!(
        advice(json!({ "contracts": { "on": true } })),
        ["permissions.contracts is on with nobody on it: until members vote somebody onto it, \
             nobody can create contracts"]
    );
    let somebody = json!({ "on": true, "enabled": [ALICE] });
    assert!(advice(json!({ "transactions": somebody, "contracts": somebody })).is_empty());
}

#[test]
fn a_draft_is_held_to_what_a_file_can_say() {
    let mut draft = parse(&right()).into_draft();
    draft.permissions.observers.roles.insert(BOB, Role::Enabled);
    draft.permissions.observers.nodes.insert("me".to_owned());
    let shown = draft.check().unwrap_err().0.iter().map(ToString::to_string).collect::<Vec<_>>();
    let path = "config.mokka.permissions.observers";
    assert_eq!(
        shown,
        [
            format!("{path}: enables {BOB}, which means nothing here; list its node under nodes"),
            format!(
                "{path}.nodes[0]: \"me\" is no peer id; write what `mokka status` shows of the \
                 node, 12D3KooW…"
            ),
        ]
    );
}

#[test]
fn no_role_is_the_same_as_not_being_listed() {
    let mut draft = parse(&right()).into_draft();
    draft.permissions.transactions.roles.insert(BOB, Role::None);
    assert_eq!(draft.check().unwrap(), parse(&right()));
}

fn with_lists(transactions: AllowListRules, contracts: AllowListRules, nodes: &[&str]) -> Draft {
    let mut draft = parse(&right()).into_draft();
    let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
    let roles = contracts.roles.iter().filter(|(_, role)| **role != Role::Enabled);
    let observers =
        NodeListRules { roles: roles.map(|(who, role)| (*who, *role)).collect(), nodes };
    draft.permissions = Permissions { transactions, contracts, observers };
    draft
}

fn any_list() -> impl Strategy<Value = AllowListRules> {
    let role = prop_oneof![Just(Role::Enabled), Just(Role::Admin), Just(Role::Manager)];
    let account = any::<[u8; 20]>().prop_map(Address::new);
    let roles = prop::collection::btree_map(account, role, 0..5);
    (prop_oneof![Just(Switch::Off), Just(Switch::On)], roles)
        .prop_map(|(switch, roles)| AllowListRules { switch, roles })
}

proptest! {
    #[test]
    fn permissions_are_read_as_they_were_written(
        transactions in any_list(),
        contracts in any_list(),
        nodes in prop::sample::subsequence(vec![NODE, OTHER_NODE], 0..=2),
    ) {
        let genesis = with_lists(transactions, contracts, &nodes).check().unwrap();
        let text = genesis.to_json();
        prop_assert_eq!(mistakes(&text), Vec::<String>::new());
        prop_assert_eq!(Genesis::parse(&text).unwrap(), genesis);
    }
}
