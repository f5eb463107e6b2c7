//! The members contract: proposals, votes, and what is.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolEvent, SolInterface};
use mokka_types::Setting;

use super::{
    MEMBERS, Threshold,
    abi::IMembers::{self, IMembersCalls as Calls, Status},
    action::{self, Action},
    contract::{Call, unknown},
    proposals,
    seats::{self, Member},
    slots::{Read, Stop, Write, refuse},
    terms,
};

/// Answers a call.
pub(crate) fn answer(call: &mut Call<'_>) -> Result<Vec<u8>, Stop> {
    let asked = match Calls::abi_decode(&call.data()) {
        Ok(asked) => asked,
        Err(error) => return unknown(&error),
    };
    if let Some(action) = Action::of(&asked)? {
        let id = propose(call, &action)?;
        // All functions that propose answer alike: one number.
        return Ok(IMembers::removeValidatorCall::abi_encode_returns(&id));
    }
    match asked {
        Calls::vote(asked) => vote(call, asked.id).map(nothing),
        Calls::withdraw(asked) => withdraw(call, asked.id).map(nothing),
        Calls::enact(asked) => enact(call, asked.id).map(nothing),
        Calls::accept(asked) => accept(call, asked.id).map(nothing),
        Calls::announce(asked) => announce(call, asked.name, asked.endpoint).map(nothing),
        asked => {
            let now = call.now();
            show(call, now, &asked)
        }
    }
}

fn nothing((): ()) -> Vec<u8> {
    Vec::new()
}

/// Answers what changes nothing.
fn show(state: &mut dyn Read, now: u64, asked: &Calls) -> Result<Vec<u8>, Stop> {
    Ok(match asked {
        Calls::validators(_) => {
            let members = seats::members(state)?.into_iter().map(shown).collect();
            IMembers::validatorsCall::abi_encode_returns(&members)
        }
        Calls::isMember(asked) => {
            let is_member = seats::is_member(state, asked.account)?;
            IMembers::isMemberCall::abi_encode_returns(&is_member)
        }
        Calls::proposals(_) => {
            let shown = pending(state, now)?;
            IMembers::proposalsCall::abi_encode_returns(&shown)
        }
        Calls::proposal(asked) => {
            let proposal = shown_proposal(state, asked.id, now)?;
            IMembers::proposalCall::abi_encode_returns(&proposal)
        }
        Calls::proposalCount(_) => {
            IMembers::proposalCountCall::abi_encode_returns(&proposals::count(state)?)
        }
        Calls::votesNeeded(_) => {
            let needed = U256::from(terms::needed(state)?);
            IMembers::votesNeededCall::abi_encode_returns(&needed)
        }
        Calls::governance(_) => {
            let rules = terms::governance(state)?;
            let (rule, admin) = match rules.threshold {
                Threshold::Majority => (0, Address::ZERO),
                Threshold::TwoThirds => (1, Address::ZERO),
                Threshold::Admin(admin) => (2, admin),
            };
            IMembers::governanceCall::abi_encode_returns(&IMembers::governanceReturn {
                rule,
                admin,
                votingPeriod: rules.voting_period.as_secs(),
                acceptancePeriod: rules.acceptance_period.as_secs(),
            })
        }
        // The others propose or change, and were answered before.
        _ => {
            let names = Setting::ALL.iter().map(|setting| setting.name().to_owned()).collect();
            let values = terms::values(state)?;
            IMembers::settingsCall::abi_encode_returns(&IMembers::settingsReturn { names, values })
        }
    })
}

fn shown(member: Member) -> IMembers::Validator {
    let Member { key, account, name, endpoint, since } = member;
    let public_key = action::bytes_of(&key);
    IMembers::Validator { publicKey: public_key, account, name, endpoint, since }
}

/// What is open or waits for an acceptance, oldest first.
pub(crate) fn pending(state: &mut dyn Read, now: u64) -> Result<Vec<IMembers::Proposal>, Stop> {
    let mut pending = Vec::new();
    for id in proposals::listed(state)? {
        let shown = shown_proposal(state, id, now)?;
        if matches!(shown.status, Status::Open | Status::Approved) {
            pending.push(shown);
        }
    }
    Ok(pending)
}

fn shown_proposal(state: &mut dyn Read, id: U256, now: u64) -> Result<IMembers::Proposal, Stop> {
    let head = proposals::head(state, id)?;
    Ok(IMembers::Proposal {
        id,
        status: head.status_at(now),
        proposer: head.proposer,
        openedAt: head.opened_at,
        expiresAt: head.expires_at,
        voters: proposals::counted(state, id)?,
        needed: U256::from(terms::needed(state)?),
        action: proposals::action(state, id)?.into(),
    })
}

/// The caller may vote.
fn check_voter(call: &mut Call<'_>) -> Result<Address, Stop> {
    call.writes()?;
    let caller = call.caller();
    match terms::may_vote(call, caller)? {
        true => Ok(caller),
        false => refuse(IMembers::NotAMember { caller }),
    }
}

fn propose(call: &mut Call<'_>, action: &Action) -> Result<U256, Stop> {
    let proposer = check_voter(call)?;
    sweep(call)?;
    action.check(call, U256::ZERO)?;
    let encoded = action.encode();
    let open = proposals::listed(call)?;
    for id in &open {
        if proposals::action(call, *id)? == *encoded {
            return refuse(IMembers::AlreadyProposed { id: *id });
        }
    }
    if open.len() as u64 >= proposals::MOST_OPEN {
        return refuse(IMembers::TooManyProposals { most: U256::from(proposals::MOST_OPEN) });
    }
    let now = call.now();
    let expires_at = now.saturating_add(terms::governance(call)?.voting_period.as_secs());
    let id = proposals::open(call, proposer, now, expires_at, &encoded)?;
    let event = IMembers::ProposalOpened { id, proposer, action: encoded, expiresAt: expires_at };
    call.log(MEMBERS, event.encode_log_data())?;
    cast(call, id, proposer)?;
    Ok(id)
}

/// Notes what expired: from now on it takes no place.
fn sweep(call: &mut Call<'_>) -> Result<(), Stop> {
    let now = call.now();
    for id in proposals::listed(call)? {
        if proposals::head(call, id)?.status_at(now) == Status::Expired {
            proposals::close(call, id, Status::Expired)?;
            call.log(MEMBERS, IMembers::ProposalExpired { id }.encode_log_data())?;
        }
    }
    Ok(())
}

/// The proposal takes votes.
fn check_open(call: &mut Call<'_>, id: U256) -> Result<(), Stop> {
    let now = call.now();
    match proposals::head(call, id)?.status_at(now) {
        Status::Open => Ok(()),
        Status::None => refuse(IMembers::NoSuchProposal { id }),
        status => refuse(IMembers::NotOpen { id, status }),
    }
}

fn vote(call: &mut Call<'_>, id: U256) -> Result<(), Stop> {
    let voter = check_voter(call)?;
    check_open(call, id)?;
    if proposals::voters(call, id)?.contains(&voter) {
        return refuse(IMembers::AlreadyVoted { id, voter });
    }
    cast(call, id, voter)
}

fn cast(call: &mut Call<'_>, id: U256, voter: Address) -> Result<(), Stop> {
    proposals::add_vote(call, id, voter)?;
    let (votes, needed) = tally(call, id)?;
    let event = IMembers::Voted { id, voter, votes, needed };
    call.log(MEMBERS, event.encode_log_data())?;
    if votes >= needed { carry_out(call, id) } else { Ok(()) }
}

fn tally(call: &mut Call<'_>, id: U256) -> Result<(U256, U256), Stop> {
    let votes = U256::from(proposals::counted(call, id)?.len());
    Ok((votes, U256::from(terms::needed(call)?)))
}

fn withdraw(call: &mut Call<'_>, id: U256) -> Result<(), Stop> {
    call.writes()?;
    let voter = call.caller();
    check_open(call, id)?;
    if !proposals::remove_vote(call, id, voter)? {
        return refuse(IMembers::NotVoted { id, voter });
    }
    let (votes, needed) = tally(call, id)?;
    let event = IMembers::VoteWithdrawn { id, voter, votes, needed };
    call.log(MEMBERS, event.encode_log_data())?;
    if votes.is_zero() {
        proposals::close(call, id, Status::Dropped)?;
        call.log(MEMBERS, IMembers::ProposalDropped { id }.encode_log_data())?;
    }
    Ok(())
}

fn enact(call: &mut Call<'_>, id: U256) -> Result<(), Stop> {
    call.writes()?;
    check_open(call, id)?;
    let (votes, needed) = tally(call, id)?;
    if votes < needed {
        return refuse(IMembers::TooFewVotes { id, votes, needed });
    }
    carry_out(call, id)
}

fn action_of(call: &mut Call<'_>, id: U256) -> Result<Action, Stop> {
    let encoded = proposals::action(call, id)?;
    let action = Action::decode(&encoded);
    // What is stored was encoded by this very code.
    action.ok_or_else(|| Stop::State(format!("proposal {id} has no action that can be read")))
}

/// It has its votes. What needs a new node waits for it; all else is done at once.
fn carry_out(call: &mut Call<'_>, id: U256) -> Result<(), Stop> {
    let action = action_of(call, id)?;
    action.check(call, id)?;
    if action.candidate().is_some() {
        let period = terms::governance(call)?.acceptance_period.as_secs();
        let accept_before = call.now().saturating_add(period);
        proposals::approve(call, id, accept_before)?;
        let event = IMembers::ProposalApproved { id, acceptBefore: accept_before };
        return call.log(MEMBERS, event.encode_log_data());
    }
    perform(call, id, action)
}

fn perform(call: &mut Call<'_>, id: U256, action: Action) -> Result<(), Stop> {
    let (by, block) = (call.caller(), call.block());
    proposals::close(call, id, Status::Enacted)?;
    action.perform(call, by, block)?;
    call.log(MEMBERS, IMembers::ProposalEnacted { id }.encode_log_data())
}

/// The new key says itself that its node is there.
fn accept(call: &mut Call<'_>, id: U256) -> Result<(), Stop> {
    call.writes()?;
    let (caller, now) = (call.caller(), call.now());
    match proposals::head(call, id)?.status_at(now) {
        Status::Approved => {}
        Status::None => return refuse(IMembers::NoSuchProposal { id }),
        status => return refuse(IMembers::NotApproved { id, status }),
    }
    let action = action_of(call, id)?;
    let Some(key) = action.candidate() else {
        return refuse(IMembers::NotApproved { id, status: Status::Approved });
    };
    let candidate = action::account_of(key)?;
    if caller != candidate {
        return refuse(IMembers::NotTheCandidate { id, caller, candidate });
    }
    action.check(call, id)?;
    perform(call, id, action)
}

fn announce(call: &mut Call<'_>, name: String, endpoint: String) -> Result<(), Stop> {
    call.writes()?;
    let caller = call.caller();
    if !seats::is_member(call, caller)? {
        return refuse(IMembers::NotAMember { caller });
    }
    action::check_words(&name, &endpoint)?;
    action::describe(call, caller, name, endpoint)
}
