//! Who may do something: the lists of accounts, and the list of nodes.
//!
//! ```text
//! slot 0    1: the list holds others back
//! slot 1    mapping(address => role (8 bits), place in slot 2 plus 1 (64))
//! slot 2    address[]   every account with a role
//! slot 3    mapping(keccak256(peer id) => place in slot 4 plus 1)   nodes only
//! slot 4    string[]    the peer ids                                nodes only
//! ```

use alloy_primitives::{Address, U256, keccak256};

use super::{
    CONTRACTS, NODES, Role, Switch, TRANSACTIONS,
    slots::{
        List, Read, Stop, Write, address, key_of, mapped, number, part, read_text, word_of,
        write_bytes,
    },
};

const ROLES: u64 = 1;
const ACCOUNTS: u64 = 2;
const PLACES: u64 = 3;
const PEERS: u64 = 4;

/// Whether this is a list that members may switch.
pub(crate) fn has_switch(list: Address) -> bool {
    list == TRANSACTIONS || list == CONTRACTS
}

/// Whether accounts have roles here.
pub(crate) fn is_list(list: Address) -> bool {
    has_switch(list) || list == NODES
}

impl Role {
    /// The role of a number, if it is one.
    pub fn from_number(number: u64) -> Option<Self> {
        [Self::None, Self::Enabled, Self::Admin, Self::Manager]
            .into_iter()
            .find(|role| *role as u64 == number)
    }

    /// Whether who has it may give `role` to somebody who has `before`.
    pub(crate) fn may_change(self, before: Self, role: Self) -> bool {
        let ordinary = |role| matches!(role, Self::None | Self::Enabled);
        match self {
            Self::Admin => true,
            Self::Manager => ordinary(before) && ordinary(role),
            Self::None | Self::Enabled => false,
        }
    }
}

pub(crate) fn switch(state: &mut dyn Read, list: Address) -> Result<Switch, Stop> {
    Ok(match state.get(list, U256::ZERO)?.is_zero() {
        true => Switch::Off,
        false => Switch::On,
    })
}

pub(crate) fn set_switch(state: &mut dyn Write, list: Address, to: Switch) -> Result<(), Stop> {
    state.set(list, U256::ZERO, U256::from(u8::from(to == Switch::On)))
}

fn accounts(list: Address) -> List {
    List::new(list, ACCOUNTS)
}

pub(crate) fn role(state: &mut dyn Read, list: Address, account: Address) -> Result<Role, Stop> {
    let word = state.get(list, mapped(ROLES, key_of(account)))?;
    Ok(Role::from_number(part(word, 0, 8).saturating_to()).unwrap_or_default())
}

/// Gives a role, and gives back the one before.
pub(crate) fn set_role(
    state: &mut dyn Write,
    list: Address,
    account: Address,
    role: Role,
) -> Result<Role, Stop> {
    let slot = mapped(ROLES, key_of(account));
    let word = state.get(list, slot)?;
    let before = Role::from_number(part(word, 0, 8).saturating_to()).unwrap_or_default();
    let place = match (before, role) {
        (Role::None, Role::None) => 0,
        (Role::None, _) => accounts(list).push(state, word_of(account))? + 1,
        (_, Role::None) => {
            let place = number(word, 8).saturating_sub(1);
            if let Some(moved) = accounts(list).swap_remove(state, place)? {
                let moved = mapped(ROLES, key_of(address(moved, 0)));
                let kept = part(state.get(list, moved)?, 0, 8);
                state.set(list, moved, kept | (U256::from(place + 1) << 8))?;
            }
            0
        }
        (_, _) => number(word, 8),
    };
    state.set(list, slot, U256::from(role as u8) | (U256::from(place) << 8))?;
    Ok(before)
}

/// Some of the accounts with a role, and how many there are.
pub(crate) fn listed(
    state: &mut dyn Read,
    list: Address,
    from: u64,
    most: u64,
) -> Result<(Vec<(Address, Role)>, u64), Stop> {
    let total = accounts(list).len(state)?;
    let mut found = Vec::new();
    for index in from..total.min(from.saturating_add(most)) {
        let account = address(accounts(list).get(state, index)?, 0);
        found.push((account, role(state, list, account)?));
    }
    Ok((found, total))
}

fn peers() -> List {
    List::new(NODES, PEERS)
}

fn place_of(peer: &str) -> U256 {
    mapped(PLACES, keccak256(peer.as_bytes()))
}

pub(crate) fn is_admitted(state: &mut dyn Read, peer: &str) -> Result<bool, Stop> {
    Ok(!state.get(NODES, place_of(peer))?.is_zero())
}

pub(crate) fn count_nodes(state: &mut dyn Read) -> Result<u64, Stop> {
    peers().len(state)
}

/// Some of the nodes on the list.
pub(crate) fn nodes(state: &mut dyn Read, from: u64, most: u64) -> Result<Vec<String>, Stop> {
    let total = peers().len(state)?;
    let places = from..total.min(from.saturating_add(most));
    places.map(|index| read_text(state, NODES, peers().place(index))).collect()
}

/// Puts a node on the list that is not on it.
pub(crate) fn admit(state: &mut dyn Write, peer: &str) -> Result<(), Stop> {
    let index = state.get(NODES, U256::from(PEERS))?.saturating_to::<u64>();
    write_bytes(state, NODES, peers().place(index), peer.as_bytes())?;
    peers().set_len(state, index + 1)?;
    state.set(NODES, place_of(peer), U256::from(index + 1))
}

/// Takes a node off the list that is on it.
pub(crate) fn dismiss(state: &mut dyn Write, peer: &str) -> Result<(), Stop> {
    let index = state.get(NODES, place_of(peer))?.saturating_to::<u64>().saturating_sub(1);
    let last = state.get(NODES, U256::from(PEERS))?.saturating_to::<u64>().saturating_sub(1);
    if index != last {
        let moved = read_text(state, NODES, peers().place(last))?;
        write_bytes(state, NODES, peers().place(index), moved.as_bytes())?;
        state.set(NODES, place_of(&moved), U256::from(index + 1))?;
    }
    write_bytes(state, NODES, peers().place(last), &[])?;
    peers().set_len(state, last)?;
    state.set(NODES, place_of(peer), U256::ZERO)
}
