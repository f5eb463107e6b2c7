//! What an action does, in words, and what the chain would be like after it.

use mokka_rpc::api::types::{CrashModelView, ValidatorView};
use mokka_runtime::system::{Action, CONTRACTS, Role, Switch, TRANSACTIONS};
use mokka_types::{CrashModel, PublicKey, Quorum, Setting};

use crate::{
    endpoint::name,
    error::Failure,
    output::{self, Table},
};

/// An action in one line.
pub(crate) fn words(action: &Action, known: &[ValidatorView]) -> String {
    let called = |key: &PublicKey| {
        let view = known.iter().find(|one| one.validator.public_key[1..] == key.as_bytes()[1..]);
        view.map_or_else(|| key.to_string(), |one| format!("{} ({key})", name(&one.validator)))
    };
    match action {
        Action::AddValidator { key, name, endpoint } => {
            let name = if name.is_empty() { String::new() } else { format!(" {name}") };
            let place = if endpoint.is_empty() { "" } else { " at " };
            format!("add validator{name} {key}{place}{endpoint}")
        }
        Action::RemoveValidator { key } => format!("remove validator {}", called(key)),
        Action::ReplaceKey { old, new } => {
            format!("replace the key of {} by {new}", called(old))
        }
        Action::DescribeValidator { key, name, endpoint } => {
            format!("call {} {name:?}, at {endpoint:?}", called(key))
        }
        Action::ChangeSettings { changes } => {
            let shown: Vec<_> = changes.iter().map(|change| setting(*change)).collect();
            format!("set {}", shown.join(", "))
        }
        Action::SwitchList { list, to } => {
            let to = if *to == Switch::On { "on" } else { "off" };
            format!("turn the list of {} {to}", list_name(*list))
        }
        Action::SetRole { list, account, role } => {
            format!("make {account} {} on the list of {}", role_name(*role), list_name(*list))
        }
        Action::SetNode { peer, to } => match to {
            Switch::On => format!("let node {peer} observe"),
            Switch::Off => format!("let node {peer} observe no longer"),
        },
    }
}

fn setting((setting, value): (Setting, u64)) -> String {
    match (setting, value) {
        (Setting::GasLimit, gas) => format!("gasLimit={gas}"),
        (Setting::EmptyBlockInterval, 0) => "emptyBlockInterval=none".to_owned(),
        (setting, ms) => format!("{setting}={ms}ms"),
    }
}

fn list_name(list: alloy_primitives::Address) -> &'static str {
    match list {
        TRANSACTIONS => "transactions",
        CONTRACTS => "contracts",
        _ => "observers",
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::None => "nobody",
        Role::Enabled => "enabled",
        Role::Manager => "a manager",
        Role::Admin => "an admin",
    }
}

/// Who is connected, and the quorums before and after a change of validators.
pub(crate) fn print_quorums(
    action: &Action,
    known: &[ValidatorView],
    model: CrashModelView,
) -> Result<(), Failure> {
    let model = match model {
        CrashModelView::Bft => CrashModel::Bft,
        CrashModelView::Cft => CrashModel::Cft,
    };
    let change = match action {
        Action::AddValidator { .. } => 1,
        Action::RemoveValidator { .. } => -1,
        Action::ReplaceKey { .. } => 0,
        _ => return Ok(()),
    };
    let after = known.len().saturating_add_signed(change);
    let mut table = Table::new(["", "validators", "decide", "may stop", "may lie"]);
    for (when, quorum) in
        [("now", Quorum::new(model, known.len())), ("after", Quorum::new(model, after))]
    {
        table.row([
            when.to_owned(),
            quorum.validators().to_string(),
            quorum.votes().to_string(),
            quorum.crashes().to_string(),
            quorum.byzantine().to_string(),
        ]);
    }
    table.print()?;
    let (there, missing): (Vec<_>, Vec<_>) = known.iter().partition(|one| one.connected);
    let names = |of: &[&ValidatorView]| {
        of.iter().map(|one| name(&one.validator)).collect::<Vec<_>>().join(", ")
    };
    output::line(format_args!(
        "connected: {} of {} ({})",
        there.len(),
        known.len(),
        names(&there)
    ))?;
    if !missing.is_empty() {
        output::line(format_args!("NOT connected: {}", names(&missing)))?;
    }
    let stays = |one: &&&ValidatorView| match action {
        Action::RemoveValidator { key } | Action::ReplaceKey { old: key, .. } => {
            one.validator.public_key[1..] != key.as_bytes()[1..]
        }
        _ => true,
    };
    let staying = there.iter().filter(stays).count();
    let joins = usize::from(!matches!(action, Action::RemoveValidator { .. }));
    let needed = Quorum::new(model, after).votes();
    if staying + joins < needed {
        output::line(format_args!(
            "WARNING: {needed} of the validators after it must be connected and level; until then \
             the change waits, and the chain goes on as it is"
        ))?;
    }
    Ok(())
}
