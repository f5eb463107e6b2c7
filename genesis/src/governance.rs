//! `config.mokka.governance` and `config.mokka.permissions`: how members decide, and who may do
//! what.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use mokka_runtime::system::{
    AllowListRules, Governance, NodeListRules, Permissions, Role, Switch, Threshold,
};
use mokka_types::is_peer_id;

use crate::{
    alloc,
    json::{Json, shortened},
    mistake::Problem,
    reader::{Field, Notes, Object},
};

/// The lists of accounts in the file, and what being on one means.
const ROLES: [(&str, Role); 3] =
    [("admins", Role::Admin), ("managers", Role::Manager), ("enabled", Role::Enabled)];

pub(crate) fn read_governance(field: Field<'_>, notes: &mut Notes) -> Governance {
    let mut governance = Governance::default();
    let Some(mut section) = field.object(notes) else { return governance };
    if let Some(threshold) = section.take("threshold").and_then(|field| threshold(field, notes)) {
        governance.threshold = threshold;
    }
    for (name, period) in [
        ("votingPeriod", &mut governance.voting_period),
        ("acceptancePeriod", &mut governance.acceptance_period),
    ] {
        if let Some(value) = section.take(name).and_then(|field| field.duration(notes)) {
            *period = value;
        }
    }
    section.finish(notes);
    governance
}

fn threshold(field: Field<'_>, notes: &mut Notes) -> Option<Threshold> {
    const EXPECTED: &str = "\"majority\", \"twoThirds\" or { \"admin\": \"0x…\" }";
    if let Json::Object(_) = field.json {
        let mut object = field.object(notes)?;
        let admin = object.require("admin", "the address of the account that decides", notes);
        let admin = admin.and_then(|field| account(&field, notes));
        object.finish(notes);
        return admin.map(Threshold::Admin);
    }
    match field.text(EXPECTED, notes)? {
        "majority" => Some(Threshold::Majority),
        "twoThirds" => Some(Threshold::TwoThirds),
        other => {
            notes.add(&field.path, Problem::NotAThreshold { value: shortened(other) });
            None
        }
    }
}

pub(crate) fn read_permissions(field: Field<'_>, notes: &mut Notes) -> Permissions {
    let mut permissions = Permissions::default();
    let Some(mut section) = field.object(notes) else { return permissions };
    for (name, list) in
        [("transactions", &mut permissions.transactions), ("contracts", &mut permissions.contracts)]
    {
        let object = section.take(name).and_then(|field| field.object(notes));
        if let Some(object) = object {
            *list = read_list(object, notes);
        }
    }
    let observers = section.take("observers").and_then(|field| field.object(notes));
    if let Some(mut object) = observers {
        let roles = read_roles(&mut object, &ROLES[..2], notes);
        permissions.observers = NodeListRules { roles, nodes: read_nodes(&mut object, notes) };
        object.finish(notes);
    }
    section.finish(notes);
    permissions
}

fn read_list(mut object: Object<'_>, notes: &mut Notes) -> AllowListRules {
    let switch = match object.take("on").and_then(|field| field.boolean(notes)) {
        Some(true) => Switch::On,
        Some(false) | None => Switch::Off,
    };
    let roles = read_roles(&mut object, &ROLES, notes);
    object.finish(notes);
    AllowListRules { switch, roles }
}

fn read_roles(
    object: &mut Object<'_>,
    lists: &[(&'static str, Role)],
    notes: &mut Notes,
) -> BTreeMap<Address, Role> {
    let (mut roles, mut places) = (BTreeMap::new(), BTreeMap::new());
    for (name, role) in lists {
        let list = object.take(name).and_then(|field| field.list(notes)).unwrap_or_default();
        for (at, item) in list.into_iter().enumerate() {
            let Some(account) = account(&item, notes) else { continue };
            let place = format!("{name}[{at}]");
            let first = places.entry(account).or_insert_with(|| place.clone());
            if *first != place {
                notes.add(&item.path, Problem::RoleTwice { account, first: first.clone() });
            }
            roles.insert(account, *role);
        }
    }
    roles
}

fn read_nodes(object: &mut Object<'_>, notes: &mut Notes) -> BTreeSet<String> {
    let mut first_places = BTreeMap::new();
    let list = object.take("nodes").and_then(|field| field.list(notes)).unwrap_or_default();
    for (at, item) in list.into_iter().enumerate() {
        let Some(node) = item.text("a string like \"12D3KooW…\"", notes) else { continue };
        if !is_peer_id(node) {
            notes.add(&item.path, Problem::NotAPeerId { value: shortened(node) });
            continue;
        }
        let first = *first_places.entry(node.to_owned()).or_insert(at);
        if first != at {
            notes.add(&item.path, Problem::NodeTwice { first });
        }
    }
    first_places.into_keys().collect()
}

fn account(field: &Field<'_>, notes: &mut Notes) -> Option<Address> {
    let text = field.text("the address of an account", notes)?;
    alloc::address(text).map_err(|problem| notes.add(&field.path, problem)).ok()
}
