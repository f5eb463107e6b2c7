//! Proposals and their votes.
//!
//! ```text
//! slot 3    how many proposals there ever were
//! slot 4    mapping(id => proposal): +0 status (8 bits), proposer (160), +1 opened at (64),
//!           expires at (64), +2 bytes: the action, +3 address[]: who voted for it
//! slot 5    uint256[]   those that are open or wait for an acceptance, oldest first
//! ```

use alloy_primitives::{Address, B256, U256};

use super::{
    MEMBERS,
    abi::IMembers::Status,
    slots::{
        List, Read, Stop, Write, address, mapped, number, part, read_bytes, word_of, write_bytes,
    },
    terms,
};

/// Proposals that may be open together: all of them are looked through when one is opened.
pub(crate) const MOST_OPEN: u64 = 32;

const COUNT: u64 = 3;
const PROPOSALS: u64 = 4;
const OPEN: u64 = 5;

/// What became of a proposal, as it is stored: expiry is a matter of the time it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) status: Status,
    pub(crate) proposer: Address,
    pub(crate) opened_at: u64,
    pub(crate) expires_at: u64,
}

impl Head {
    /// The status at a time.
    pub(crate) fn status_at(&self, now: u64) -> Status {
        match self.status {
            Status::Open | Status::Approved if now > self.expires_at => Status::Expired,
            status => status,
        }
    }
}

fn slot(id: U256) -> U256 {
    mapped(PROPOSALS, B256::from(id))
}

fn beside(slot: U256, offset: u64) -> U256 {
    slot.wrapping_add(U256::from(offset))
}

fn pending() -> List {
    List::new(MEMBERS, OPEN)
}

fn voters_of(id: U256) -> List {
    List { at: MEMBERS, slot: beside(slot(id), 3) }
}

/// How many there ever were.
pub(crate) fn count(state: &mut dyn Read) -> Result<U256, Stop> {
    state.get(MEMBERS, U256::from(COUNT))
}

/// Those that are open or wait for an acceptance, and those that expired unnoticed.
pub(crate) fn listed(state: &mut dyn Read) -> Result<Vec<U256>, Stop> {
    pending().all(state)
}

/// The proposal of an id that was given out; else one without a status.
pub(crate) fn head(state: &mut dyn Read, id: U256) -> Result<Head, Stop> {
    let word = state.get(MEMBERS, slot(id))?;
    let times = state.get(MEMBERS, beside(slot(id), 1))?;
    let status = Status::try_from(part(word, 0, 8).saturating_to::<u8>()).unwrap_or(Status::None);
    Ok(Head {
        status,
        proposer: address(word, 8),
        opened_at: number(times, 0),
        expires_at: number(times, 64),
    })
}

pub(crate) fn action(state: &mut dyn Read, id: U256) -> Result<Vec<u8>, Stop> {
    read_bytes(state, MEMBERS, beside(slot(id), 2))
}

/// Who voted for it, whether or not they may vote now.
pub(crate) fn voters(state: &mut dyn Read, id: U256) -> Result<Vec<Address>, Stop> {
    let words = voters_of(id).all(state)?;
    Ok(words.into_iter().map(|word| address(word, 0)).collect())
}

/// Who voted for it and may vote now.
pub(crate) fn counted(state: &mut dyn Read, id: U256) -> Result<Vec<Address>, Stop> {
    let mut counted = Vec::new();
    for voter in voters(state, id)? {
        if terms::may_vote(state, voter)? {
            counted.push(voter);
        }
    }
    Ok(counted)
}

/// Opens one; its id.
pub(crate) fn open(
    state: &mut dyn Write,
    proposer: Address,
    opened_at: u64,
    expires_at: u64,
    action: &[u8],
) -> Result<U256, Stop> {
    let id = count(state)? + U256::from(1);
    state.set(MEMBERS, U256::from(COUNT), id)?;
    write_bytes(state, MEMBERS, beside(slot(id), 2), action)?;
    put(state, id, &Head { status: Status::Open, proposer, opened_at, expires_at })?;
    pending().push(state, id)?;
    Ok(id)
}

fn put(state: &mut dyn Write, id: U256, head: &Head) -> Result<(), Stop> {
    let word = U256::from(head.status as u8) | (word_of(head.proposer) << 8);
    let times = U256::from(head.opened_at) | (U256::from(head.expires_at) << 64);
    state.set(MEMBERS, slot(id), word)?;
    state.set(MEMBERS, beside(slot(id), 1), times)
}

/// It has its votes, and waits for an acceptance.
pub(crate) fn approve(state: &mut dyn Write, id: U256, expires_at: u64) -> Result<(), Stop> {
    let head = head(state, id)?;
    put(state, id, &Head { status: Status::Approved, expires_at, ..head })
}

/// It is over.
pub(crate) fn close(state: &mut dyn Write, id: U256, status: Status) -> Result<(), Stop> {
    let head = head(state, id)?;
    put(state, id, &Head { status, ..head })?;
    pending().remove(state, id)?;
    Ok(())
}

pub(crate) fn add_vote(state: &mut dyn Write, id: U256, voter: Address) -> Result<(), Stop> {
    voters_of(id).push(state, word_of(voter))?;
    Ok(())
}

/// Takes a vote back, if there is one.
pub(crate) fn remove_vote(state: &mut dyn Write, id: U256, voter: Address) -> Result<bool, Stop> {
    voters_of(id).remove(state, word_of(voter))
}
