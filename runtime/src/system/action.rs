//! What a proposal does: checked when it is proposed, and again when it is carried out.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, SolEvent};
use mokka_types::{
    MAX_NODES, MAX_VALIDATORS, NodeAddress, PublicKey, Setting, Settings, check_name, is_peer_id,
};

use super::{
    MEMBERS, NODES, Role, Switch,
    abi::{
        IAllowList,
        IMembers::{self, IMembersCalls as Calls},
        INodeList,
    },
    lists, proposals,
    seats::{self, Member},
    slots::{Read, Stop, Write, refuse},
    terms,
};

/// What members decide about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The interface `IMembers` describes each call with its arguments.
pub enum Action {
    /// `addValidator`
    AddValidator { key: PublicKey, name: String, endpoint: String },
    /// `removeValidator`
    RemoveValidator { key: PublicKey },
    /// `replaceKey`
    ReplaceKey { old: PublicKey, new: PublicKey },
    /// `describeValidator`
    DescribeValidator { key: PublicKey, name: String, endpoint: String },
    /// `changeSettings`
    ChangeSettings { changes: Vec<(Setting, u64)> },
    /// `switchList`
    SwitchList { list: Address, to: Switch },
    /// `setRole`
    SetRole { list: Address, account: Address, role: Role },
    /// `setNode`
    SetNode { peer: String, to: Switch },
}

impl Action {
    /// The action that a call proposes; `None` where it proposes nothing.
    pub(crate) fn of(call: &Calls) -> Result<Option<Self>, Stop> {
        Ok(Some(match call {
            Calls::addValidator(call) => Self::AddValidator {
                key: key_of(&call.publicKey)?,
                name: call.name.clone(),
                endpoint: call.endpoint.clone(),
            },
            Calls::removeValidator(call) => Self::RemoveValidator { key: key_of(&call.publicKey)? },
            Calls::replaceKey(call) => {
                Self::ReplaceKey { old: key_of(&call.oldKey)?, new: key_of(&call.newKey)? }
            }
            Calls::describeValidator(call) => Self::DescribeValidator {
                key: key_of(&call.publicKey)?,
                name: call.name.clone(),
                endpoint: call.endpoint.clone(),
            },
            Calls::changeSettings(call) => {
                Self::ChangeSettings { changes: changes_of(&call.names, &call.values)? }
            }
            Calls::switchList(call) => {
                let to = if call.on { Switch::On } else { Switch::Off };
                Self::SwitchList { list: call.list, to }
            }
            Calls::setRole(call) => {
                let (list, account) = (call.list, call.account);
                match Role::from_number(call.role.saturating_to()) {
                    Some(role) => Self::SetRole { list, account, role },
                    None => return refuse(IMembers::InvalidRole { role: call.role }),
                }
            }
            Calls::setNode(call) => {
                let to = if call.admitted { Switch::On } else { Switch::Off };
                Self::SetNode { peer: call.peerId.clone(), to }
            }
            _ => return Ok(None),
        }))
    }

    /// The action that a proposal keeps.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        use alloy_sol_types::SolInterface;
        Self::of(&Calls::abi_decode(bytes).ok()?).ok().flatten()
    }

    /// The call that proposes it.
    pub fn encode(&self) -> Bytes {
        let encoded = match self.clone() {
            Self::AddValidator { key, name, endpoint } => {
                let public_key = bytes_of(&key);
                IMembers::addValidatorCall { publicKey: public_key, name, endpoint }.abi_encode()
            }
            Self::RemoveValidator { key } => {
                IMembers::removeValidatorCall { publicKey: bytes_of(&key) }.abi_encode()
            }
            Self::ReplaceKey { old, new } => {
                IMembers::replaceKeyCall { oldKey: bytes_of(&old), newKey: bytes_of(&new) }
                    .abi_encode()
            }
            Self::DescribeValidator { key, name, endpoint } => {
                let public_key = bytes_of(&key);
                IMembers::describeValidatorCall { publicKey: public_key, name, endpoint }
                    .abi_encode()
            }
            Self::ChangeSettings { changes } => {
                let names = changes.iter().map(|(setting, _)| setting.name().to_owned()).collect();
                let values = changes.iter().map(|(_, value)| *value).collect();
                IMembers::changeSettingsCall { names, values }.abi_encode()
            }
            Self::SwitchList { list, to } => {
                IMembers::switchListCall { list, on: to == Switch::On }.abi_encode()
            }
            Self::SetRole { list, account, role } => {
                let role = U256::from(role as u8);
                IMembers::setRoleCall { list, account, role }.abi_encode()
            }
            Self::SetNode { peer, to } => {
                IMembers::setNodeCall { peerId: peer, admitted: to == Switch::On }.abi_encode()
            }
        };
        encoded.into()
    }

    /// The key that has to accept before it is carried out.
    pub fn candidate(&self) -> Option<&PublicKey> {
        match self {
            Self::AddValidator { key, .. } => Some(key),
            Self::ReplaceKey { new, .. } => Some(new),
            Self::RemoveValidator { .. }
            | Self::DescribeValidator { .. }
            | Self::ChangeSettings { .. }
            | Self::SwitchList { .. }
            | Self::SetRole { .. }
            | Self::SetNode { .. } => None,
        }
    }

    /// Whether it makes sense as things stand; `own` is the proposal that it belongs to.
    pub(crate) fn check(&self, state: &mut dyn Read, own: U256) -> Result<(), Stop> {
        match self {
            Self::AddValidator { key, name, endpoint } => {
                check_words(name, endpoint)?;
                check_free(state, key, own)?;
                match seats::count(state)? < MAX_VALIDATORS as u64 {
                    true => Ok(()),
                    false => {
                        let most = U256::from(MAX_VALIDATORS);
                        refuse(IMembers::TooManyValidators { most })
                    }
                }
            }
            Self::RemoveValidator { key } => {
                holder(state, key)?;
                match seats::count(state)? > 1 {
                    true => Ok(()),
                    false => refuse(IMembers::LastValidator {}),
                }
            }
            Self::ReplaceKey { old, new } => {
                holder(state, old)?;
                check_free(state, new, own)
            }
            Self::DescribeValidator { key, name, endpoint } => {
                holder(state, key)?;
                check_words(name, endpoint)
            }
            Self::ChangeSettings { changes } => check_settings(state, changes),
            Self::SwitchList { list, to } => {
                if !lists::has_switch(*list) {
                    return refuse(IMembers::NotAList { list: *list });
                }
                check_changes(lists::switch(state, *list)? != *to)
            }
            Self::SetRole { list, account, role } => {
                if !lists::is_list(*list) {
                    return refuse(IMembers::NotAList { list: *list });
                }
                check_changes(lists::role(state, *list, *account)? != *role)
            }
            Self::SetNode { peer, to } => {
                if !is_peer_id(peer) {
                    return refuse(IMembers::InvalidPeerId { peerId: peer.clone() });
                }
                if *to == Switch::On && lists::count_nodes(state)? >= MAX_NODES as u64 {
                    let most = U256::from(MAX_NODES);
                    return refuse(IMembers::TooManyNodes { most });
                }
                check_changes(lists::is_admitted(state, peer)? != (*to == Switch::On))
            }
        }
    }

    /// Does it, in the name of `by`, in this block. It was checked.
    pub(crate) fn perform(
        self,
        state: &mut dyn Write,
        by: Address,
        block: u64,
    ) -> Result<(), Stop> {
        match self {
            Self::AddValidator { key, name, endpoint } => add(state, key, name, endpoint, block),
            Self::RemoveValidator { key } => {
                let account = holder(state, &key)?;
                seats::remove(state, account)?;
                let event = IMembers::ValidatorRemoved { account, publicKey: bytes_of(&key) };
                state.log(MEMBERS, event.encode_log_data())
            }
            Self::ReplaceKey { old, new } => replace(state, &old, new, block),
            Self::DescribeValidator { key, name, endpoint } => {
                let account = holder(state, &key)?;
                describe(state, account, name, endpoint)
            }
            Self::ChangeSettings { changes } => {
                for (setting, value) in &changes {
                    terms::set(state, *setting, *value)?;
                }
                let names = changes.iter().map(|(setting, _)| setting.name().to_owned()).collect();
                let values = changes.iter().map(|(_, value)| *value).collect();
                let event = IMembers::SettingsChanged { names, values };
                state.log(MEMBERS, event.encode_log_data())
            }
            Self::SwitchList { list, to } => {
                lists::set_switch(state, list, to)?;
                let event = IAllowList::ListSwitched { on: to == Switch::On };
                state.log(list, event.encode_log_data())
            }
            Self::SetRole { list, account, role } => give_role(state, list, account, role, by),
            Self::SetNode { peer, to } => set_node(state, peer, to, by),
        }
    }
}

/// Gives a role, and says so.
pub(crate) fn give_role(
    state: &mut dyn Write,
    list: Address,
    account: Address,
    role: Role,
    sender: Address,
) -> Result<(), Stop> {
    let before = lists::set_role(state, list, account, role)?;
    let (role, old_role) = (U256::from(role as u8), U256::from(before as u8));
    let event = IAllowList::RoleSet { role, account, sender, oldRole: old_role };
    state.log(list, event.encode_log_data())
}

/// Puts a node on the list or takes it off, and says so.
pub(crate) fn set_node(
    state: &mut dyn Write,
    peer: String,
    to: Switch,
    sender: Address,
) -> Result<(), Stop> {
    let event = match to {
        Switch::On => {
            lists::admit(state, &peer)?;
            INodeList::NodeAdmitted { peerId: peer, sender }.encode_log_data()
        }
        Switch::Off => {
            lists::dismiss(state, &peer)?;
            INodeList::NodeDismissed { peerId: peer, sender }.encode_log_data()
        }
    };
    state.log(NODES, event)
}

/// Says what people call a validator and where its node is, and tells of it.
pub(crate) fn describe(
    state: &mut dyn Write,
    account: Address,
    name: String,
    endpoint: String,
) -> Result<(), Stop> {
    seats::describe(state, account, &name, &endpoint)?;
    let event = IMembers::ValidatorDescribed { account, name, endpoint };
    state.log(MEMBERS, event.encode_log_data())
}

fn add(
    state: &mut dyn Write,
    key: PublicKey,
    name: String,
    endpoint: String,
    since: u64,
) -> Result<(), Stop> {
    let account = account_of(&key)?;
    let member = Member { key, account, name, endpoint, since };
    seats::add(state, &member)?;
    let Member { name, endpoint, .. } = member;
    let event = IMembers::ValidatorAdded { account, publicKey: bytes_of(&key), name, endpoint };
    state.log(MEMBERS, event.encode_log_data())
}

/// The seat stays: name and endpoint go over to the new key.
fn replace(state: &mut dyn Write, old: &PublicKey, new: PublicKey, since: u64) -> Result<(), Stop> {
    let old_account = holder(state, old)?;
    let before = seats::member(state, old_account)?;
    let new_account = account_of(&new)?;
    seats::remove(state, old_account)?;
    seats::add(state, &Member { key: new, account: new_account, since, ..before })?;
    let event = IMembers::KeyReplaced {
        oldAccount: old_account,
        newAccount: new_account,
        oldKey: bytes_of(&before.key),
        newKey: bytes_of(&new),
    };
    state.log(MEMBERS, event.encode_log_data())
}

/// A key as calls and events carry it.
pub(crate) fn bytes_of(key: &PublicKey) -> Bytes {
    Bytes::copy_from_slice(key.as_bytes())
}

/// A key that is a point of the curve.
fn key_of(bytes: &Bytes) -> Result<PublicKey, Stop> {
    let key = <[u8; 33]>::try_from(bytes.as_ref()).ok().map(PublicKey::new);
    match key.filter(mokka_crypto::is_on_curve) {
        Some(key) => Ok(key),
        None => refuse(IMembers::InvalidKey { publicKey: bytes.clone() }),
    }
}

/// The account of a key; each on the curve has one.
pub(crate) fn account_of(key: &PublicKey) -> Result<Address, Stop> {
    match seats::account_of(key) {
        Some(account) => Ok(account),
        None => refuse(IMembers::InvalidKey { publicKey: bytes_of(key) }),
    }
}

fn holder(state: &mut dyn Read, key: &PublicKey) -> Result<Address, Stop> {
    match seats::holder(state, key)? {
        Some(account) => Ok(account),
        None => refuse(IMembers::NotAValidator { publicKey: bytes_of(key) }),
    }
}

/// Nobody validates with this key, and no other proposal wants to.
fn check_free(state: &mut dyn Read, key: &PublicKey, own: U256) -> Result<(), Stop> {
    let mut is_used = seats::holder(state, key)?.is_some();
    for id in proposals::listed(state)? {
        if is_used || id == own {
            continue;
        }
        let action = Action::decode(&proposals::action(state, id)?);
        let candidate = action.as_ref().and_then(Action::candidate);
        is_used = candidate.is_some_and(|other| other.x() == key.x());
    }
    match is_used {
        false => Ok(()),
        true => refuse(IMembers::KeyInUse { publicKey: bytes_of(key) }),
    }
}

/// What people call a validator and where its node is; either may be left empty.
pub(crate) fn check_words(name: &str, endpoint: &str) -> Result<(), Stop> {
    if !name.is_empty()
        && let Err(problem) = check_name(name)
    {
        let (name, reason) = (shortened(name), problem.to_string());
        return refuse(IMembers::InvalidName { name, reason });
    }
    if !endpoint.is_empty()
        && let Err(problem) = endpoint.parse::<NodeAddress>()
    {
        let (endpoint, reason) = (shortened(endpoint), problem.to_string());
        return refuse(IMembers::InvalidEndpoint { endpoint, reason });
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn check_changes(changes: bool) -> Result<(), Stop> {
    match changes {
        true => Ok(()),
        false => refuse(IMembers::NothingToDo {}),
    }
}

fn changes_of(names: &[String], values: &[u64]) -> Result<Vec<(Setting, u64)>, Stop> {
    let invalid = |name: &str, reason: &str| {
        let (name, reason) = (shortened(name), reason.to_owned());
        refuse(IMembers::InvalidSetting { name, reason })
    };
    if names.len() != values.len() {
        return invalid("", "each name needs one value");
    }
    if names.is_empty() || names.len() > Setting::ALL.len() {
        return invalid("", "name at least one setting, and each once");
    }
    let mut changes: Vec<(Setting, u64)> = Vec::new();
    for (name, value) in names.iter().zip(values) {
        let Some(setting) = Setting::parse(name) else {
            return invalid(name, "there is no such setting, or it cannot be changed");
        };
        if changes.iter().any(|(known, _)| *known == setting) {
            return invalid(name, "it is named twice");
        }
        changes.push((setting, *value));
    }
    Ok(changes)
}

/// The settings must fit together afterwards, as in a genesis file.
fn check_settings(state: &mut dyn Read, changes: &[(Setting, u64)]) -> Result<(), Stop> {
    let (before, gas_before) = terms::settings(state, &Settings::default())?;
    let (mut settings, mut gas_limit) = (before, gas_before);
    for (setting, value) in changes {
        setting.set(&mut settings, &mut gas_limit, *value);
    }
    match settings.broken(gas_limit).first() {
        None => check_changes((settings, gas_limit) != (before, gas_before)),
        Some(rule) => {
            let (name, reason) = (rule.setting().name().to_owned(), rule.to_string());
            refuse(IMembers::InvalidSetting { name, reason })
        }
    }
}
