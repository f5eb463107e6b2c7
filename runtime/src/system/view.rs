//! What the node reads of the system contracts.

use alloy_primitives::{Address, TxKind, U256};
use mokka_types::{MAX_NODES, PublicKey, Settings};

use super::{
    CONTRACTS, Governance, MEMBERS, NODES, Role, Switch, TRANSACTIONS,
    abi::IMembers::Status,
    action::Action,
    lists, proposals,
    seats::{self, Member},
    slots::{Read, Stop},
    terms,
};
use crate::state::{StateChanges, StateError, StateReader};

/// Accounts that a refusal looks through for somebody to ask.
const ASKED: u64 = 64;

/// Who is approved to become a validator, and has not accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The proposal that it accepts.
    pub proposal: U256,
    /// Its key.
    pub key: PublicKey,
    /// Where its node is, if the proposal says so.
    pub endpoint: String,
    /// When it is too late, in seconds since 1970.
    pub expires_at: u64,
}

/// Everything that the system contracts say to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemState {
    /// Who validates from the next block on.
    pub validators: Vec<Member>,
    /// Who is about to; those that came too late are still among them.
    pub candidates: Vec<Candidate>,
    /// Timers and limits in force.
    pub settings: Settings,
    /// Gas of the next block.
    pub gas_limit: u64,
    /// The nodes that may observe, by peer id.
    pub nodes: Vec<String>,
}

/// A proposal that is open or waits for an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub id: U256,
    /// Whether it has its votes and waits for an acceptance.
    pub approved: bool,
    /// Who proposed it.
    pub proposer: Address,
    /// In seconds since 1970.
    pub opened_at: u64,
    /// When votes, or the acceptance, come too late, in seconds since 1970.
    pub expires_at: u64,
    /// Who voted for it.
    pub voters: Vec<Address>,
    /// How many votes carry it.
    pub needed: u64,
    /// What it does.
    pub action: Action,
}

/// An allow list and what an account may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The list.
    pub list: Address,
    /// Whether it holds anybody back.
    pub switch: Switch,
    /// The role of the account.
    pub role: Role,
}

/// Why an account may not do something, and whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotListed {
    /// The list that it is not on.
    pub list: Address,
    /// An admin or manager of the list; none: the members, by a proposal.
    pub ask: Option<Address>,
}

/// What an account may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Why it may not send transactions, but those that accept a seat or vote.
    pub sends: Option<NotListed>,
    /// Whether it may call the members contract all the same.
    pub is_member: bool,
    /// Why it may not create contracts.
    pub creates: Option<NotListed>,
}

impl Allowance {
    /// Why a transaction to there is not allowed.
    pub fn refuses(&self, to: TxKind) -> Option<NotListed> {
        let excused = self.is_member && to == TxKind::Call(MEMBERS);
        match self.sends.filter(|_| !excused) {
            None if to.is_create() => self.creates,
            refusal => refusal,
        }
    }
}

fn read<T>(
    state: &dyn StateReader,
    from: impl FnOnce(&mut dyn Read) -> Result<T, Stop>,
) -> Result<T, StateError> {
    let mut state = state;
    from(&mut state).map_err(fault)
}

/// Reading alone costs nothing and breaks no rule: what remains is the store.
pub(crate) fn fault(stop: Stop) -> StateError {
    match stop {
        Stop::State(error) => StateError(error),
        Stop::OutOfGas | Stop::Revert(_) => {
            StateError("the storage of a system contract contradicts itself".to_owned())
        }
    }
}

/// Whether a block changed anything that [`SystemState::read`] shows.
pub fn is_changed_by(changes: &StateChanges) -> bool {
    touch(changes, &[MEMBERS, NODES])
}

/// Whether a block changed who may send or create.
pub fn changes_permissions(changes: &StateChanges) -> bool {
    touch(changes, &[TRANSACTIONS, CONTRACTS, MEMBERS])
}

fn touch(changes: &StateChanges, contracts: &[Address]) -> bool {
    let slots = |of: Address| changes.storage.range((of, U256::ZERO)..=(of, U256::MAX));
    contracts.iter().any(|contract| slots(*contract).next().is_some())
}

impl SystemState {
    /// What the contracts say after a block; `genesis` gives what members cannot change. `None` on
    /// a chain without them.
    pub fn read(state: &dyn StateReader, genesis: &Settings) -> Result<Option<Self>, StateError> {
        read(state, |state| {
            if !seats::exist(state)? {
                return Ok(None);
            }
            let (settings, gas_limit) = terms::settings(state, genesis)?;
            Ok(Some(Self {
                validators: seats::members(state)?,
                candidates: candidates(state)?,
                settings,
                gas_limit,
                nodes: lists::nodes(state, 0, MAX_NODES as u64)?,
            }))
        })
    }
}

fn candidates(state: &mut dyn Read) -> Result<Vec<Candidate>, Stop> {
    let mut candidates = Vec::new();
    for id in proposals::listed(state)? {
        let head = proposals::head(state, id)?;
        if head.status != Status::Approved {
            continue;
        }
        let action = Action::decode(&proposals::action(state, id)?);
        let endpoint = match &action {
            Some(Action::AddValidator { endpoint, .. }) => endpoint.clone(),
            _ => String::new(),
        };
        if let Some(key) = action.as_ref().and_then(Action::candidate) {
            let expires_at = head.expires_at;
            candidates.push(Candidate { proposal: id, key: *key, endpoint, expires_at });
        }
    }
    Ok(candidates)
}

/// The keys of the validators after a block.
pub fn validators(state: &dyn StateReader) -> Result<Vec<Member>, StateError> {
    read(state, seats::members)
}

/// What is open or waits for an acceptance at a time, oldest first.
pub fn pending(state: &dyn StateReader, now: u64) -> Result<Vec<Pending>, StateError> {
    read(state, |state| {
        let shown = super::members::pending(state, now)?;
        let known = shown.into_iter().filter_map(|one| {
            Some(Pending {
                id: one.id,
                approved: one.status == Status::Approved,
                proposer: one.proposer,
                opened_at: one.openedAt,
                expires_at: one.expiresAt,
                voters: one.voters,
                needed: one.needed.saturating_to(),
                action: Action::decode(&one.action)?,
            })
        });
        Ok(known.collect())
    })
}

/// How members decide.
pub fn governance(state: &dyn StateReader) -> Result<Governance, StateError> {
    read(state, terms::governance)
}

/// How many votes carry a proposal.
pub fn votes_needed(state: &dyn StateReader) -> Result<u64, StateError> {
    read(state, terms::needed)
}

/// The nodes that may observe, by peer id.
pub fn nodes(state: &dyn StateReader) -> Result<Vec<String>, StateError> {
    read(state, |state| lists::nodes(state, 0, MAX_NODES as u64))
}

/// At most so many of the accounts that have a role on a list, and how many there are.
pub fn listed(
    state: &dyn StateReader,
    list: Address,
    most: u64,
) -> Result<(Vec<(Address, Role)>, u64), StateError> {
    read(state, |state| lists::listed(state, list, 0, most))
}

/// The lists and the account's roles on them.
pub fn standing(state: &dyn StateReader, account: Address) -> Result<Vec<Standing>, StateError> {
    read(state, |state| {
        let of = |list| {
            let (switch, role) = (lists::switch(state, list)?, lists::role(state, list, account)?);
            Ok(Standing { list, switch, role })
        };
        [TRANSACTIONS, CONTRACTS, NODES].into_iter().map(of).collect()
    })
}

/// What an account may do, after the block of this state.
pub fn allowance(state: &dyn StateReader, account: Address) -> Result<Allowance, StateError> {
    read(state, |state| allowance_of(state, account))
}

pub(crate) fn allowance_of(state: &mut dyn Read, account: Address) -> Result<Allowance, Stop> {
    let sends = not_listed(state, TRANSACTIONS, account)?;
    let creates = not_listed(state, CONTRACTS, account)?;
    let is_member = sends.is_some() && has_voice(state, account)?;
    Ok(Allowance { sends, is_member, creates })
}

/// Whether the account is that of a validator, of a key that is about to become one, or decides
/// alone: such accounts can always call the members contract.
fn has_voice(state: &mut dyn Read, account: Address) -> Result<bool, Stop> {
    if seats::is_member(state, account)? || terms::may_vote(state, account)? {
        return Ok(true);
    }
    let candidates = candidates(state)?;
    Ok(candidates.iter().any(|one| seats::account_of(&one.key) == Some(account)))
}

fn not_listed(
    state: &mut dyn Read,
    list: Address,
    account: Address,
) -> Result<Option<NotListed>, Stop> {
    if lists::switch(state, list)? == Switch::Off
        || lists::role(state, list, account)? != Role::None
    {
        return Ok(None);
    }
    let (listed, _) = lists::listed(state, list, 0, ASKED)?;
    let ask = listed.iter().find(|(_, role)| matches!(role, Role::Admin | Role::Manager));
    Ok(Some(NotListed { list, ask: ask.map(|(account, _)| *account) }))
}

/// The keys of the validators, and the gas limit, in the middle of a block.
pub(crate) fn keys_of(state: &mut dyn Read) -> Result<Vec<PublicKey>, Stop> {
    seats::keys(state)
}

/// The gas limit in force; `None` on a chain without members.
pub(crate) fn gas_limit(state: &dyn StateReader) -> Result<Option<u64>, StateError> {
    let gas_limit = read(state, terms::gas_limit)?;
    Ok((gas_limit != 0).then_some(gas_limit))
}
