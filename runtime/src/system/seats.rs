//! Who validates: the seats of the members contract.
//!
//! ```text
//! slot 0            version of this layout; 0: the chain has no members
//! slot 1            address[]   the account of each validator
//! slot 2            mapping(address => seat): +0 x coordinate of the key,
//!                   +1 parity (8 bits), since (64), place in slot 1 plus 1 (64),
//!                   +2 name, +3 endpoint
//! ```

use alloy_primitives::{Address, U256};
use mokka_types::PublicKey;

use super::{
    MEMBERS,
    slots::{
        List, Read, Stop, Write, address, key_of, mapped, number, part, read_text, word_of,
        write_bytes,
    },
};

/// The version of the layout of all system contracts.
const LAYOUT: u64 = 1;
const ACCOUNTS: u64 = 1;
const SEATS: u64 = 2;

/// A validator as the chain knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key that votes on blocks.
    pub key: PublicKey,
    /// The account of that key: votes on proposals.
    pub account: Address,
    /// What people call it; empty where only the genesis file says it.
    pub name: String,
    /// Where its node is; empty where only the genesis file says it.
    pub endpoint: String,
    /// The block that made it a validator; 0 for those of the genesis file.
    pub since: u64,
}

/// The account of a key.
pub(crate) fn account_of(key: &PublicKey) -> Option<Address> {
    let point = mokka_crypto::uncompressed(key)?;
    Some(Address::from_raw_public_key(&point[1..]))
}

fn accounts() -> List {
    List::new(MEMBERS, ACCOUNTS)
}

fn seat(account: Address) -> U256 {
    mapped(SEATS, key_of(account))
}

fn beside(slot: U256, offset: u64) -> U256 {
    slot.wrapping_add(U256::from(offset))
}

/// Whether the chain has members at all.
pub(crate) fn exist(state: &mut dyn Read) -> Result<bool, Stop> {
    Ok(!state.get(MEMBERS, U256::ZERO)?.is_zero())
}

/// Marks the layout, in block 0.
pub(crate) fn found(state: &mut dyn Write) -> Result<(), Stop> {
    state.set(MEMBERS, U256::ZERO, U256::from(LAYOUT))
}

pub(crate) fn count(state: &mut dyn Read) -> Result<u64, Stop> {
    accounts().len(state)
}

/// Whether an account is that of a validator.
pub(crate) fn is_member(state: &mut dyn Read, account: Address) -> Result<bool, Stop> {
    Ok(!state.get(MEMBERS, beside(seat(account), 1))?.is_zero())
}

fn key_at(state: &mut dyn Read, account: Address) -> Result<(PublicKey, U256), Stop> {
    let slot = seat(account);
    let x = state.get(MEMBERS, slot)?.to_be_bytes::<32>();
    let word = state.get(MEMBERS, beside(slot, 1))?;
    let mut bytes = [0; 33];
    bytes[0] = part(word, 0, 8).saturating_to();
    bytes[1..].copy_from_slice(&x);
    Ok((PublicKey::new(bytes), word))
}

/// The keys of all validators.
pub(crate) fn keys(state: &mut dyn Read) -> Result<Vec<PublicKey>, Stop> {
    let all = accounts().all(state)?;
    all.into_iter().map(|account| Ok(key_at(state, address(account, 0))?.0)).collect()
}

/// All validators.
pub(crate) fn members(state: &mut dyn Read) -> Result<Vec<Member>, Stop> {
    let all = accounts().all(state)?;
    all.into_iter().map(|account| member(state, address(account, 0))).collect()
}

/// The validator of an account that has a seat.
pub(crate) fn member(state: &mut dyn Read, account: Address) -> Result<Member, Stop> {
    let (key, word) = key_at(state, account)?;
    let slot = seat(account);
    Ok(Member {
        key,
        account,
        name: read_text(state, MEMBERS, beside(slot, 2))?,
        endpoint: read_text(state, MEMBERS, beside(slot, 3))?,
        since: number(word, 8),
    })
}

/// The account of the validator with this x coordinate (§3: keys are compared by it).
pub(crate) fn holder(state: &mut dyn Read, key: &PublicKey) -> Result<Option<Address>, Stop> {
    let x = U256::from_be_bytes(key.x());
    for account in accounts().all(state)? {
        let account = address(account, 0);
        if state.get(MEMBERS, seat(account))? == x {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// Gives somebody a seat.
pub(crate) fn add(state: &mut dyn Write, member: &Member) -> Result<(), Stop> {
    let place = accounts().push(state, word_of(member.account))?;
    let slot = seat(member.account);
    let parity = member.key.as_bytes()[0];
    let word = U256::from(parity)
        | (U256::from(member.since) << 8)
        | (U256::from(place.saturating_add(1)) << 72);
    state.set(MEMBERS, slot, U256::from_be_bytes(member.key.x()))?;
    state.set(MEMBERS, beside(slot, 1), word)?;
    describe(state, member.account, &member.name, &member.endpoint)
}

/// Takes the seat of an account that has one.
pub(crate) fn remove(state: &mut dyn Write, account: Address) -> Result<(), Stop> {
    describe(state, account, "", "")?;
    let slot = seat(account);
    let word = state.get(MEMBERS, beside(slot, 1))?;
    let place = number(word, 72).saturating_sub(1);
    if let Some(moved) = accounts().swap_remove(state, place)? {
        let moved = beside(seat(address(moved, 0)), 1);
        let kept = part(state.get(MEMBERS, moved)?, 0, 72);
        state.set(MEMBERS, moved, kept | (U256::from(place + 1) << 72))?;
    }
    state.set(MEMBERS, slot, U256::ZERO)?;
    state.set(MEMBERS, beside(slot, 1), U256::ZERO)
}

/// Says what people call a validator, and where its node is.
pub(crate) fn describe(
    state: &mut dyn Write,
    account: Address,
    name: &str,
    endpoint: &str,
) -> Result<(), Stop> {
    let slot = seat(account);
    write_bytes(state, MEMBERS, beside(slot, 2), name.as_bytes())?;
    write_bytes(state, MEMBERS, beside(slot, 3), endpoint.as_bytes())
}
