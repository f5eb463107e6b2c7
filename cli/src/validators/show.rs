//! What is: validators and proposals.

use alloy_primitives::{Address, Bytes};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::SolCall;
use mokka_rpc::api::{EthApiClient, types::ValidatorView};
use mokka_runtime::system::{
    Action, MEMBERS,
    abi::IMembers::{self, Proposal, Status},
};
use mokka_types::PublicKey;
use serde::Serialize;

use super::{about, refusal};
use crate::{
    endpoint::{Endpoint, name},
    error::Failure,
    output::{self, Format, Table},
    units,
};

/// Shows who validates.
pub(crate) async fn validators(endpoint: &Endpoint, format: Format) -> Result<(), Failure> {
    let validators = endpoint.validators().await?;
    if format.json {
        return output::json(&validators);
    }
    let mut table =
        Table::new(["validator", "public key", "account", "height", "connected", "endpoint"]);
    for one in validators {
        let leads = if one.leader { " (leader)" } else { "" };
        table.row([
            format!("{}{leads}", name(&one.validator)),
            one.validator.public_key.to_string(),
            one.address.to_string(),
            one.height.map_or_else(|| "-".to_owned(), units::number),
            if one.connected { "yes" } else { "no" }.to_owned(),
            one.endpoint.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.print()
}

/// The key of a validator by its name, or a key as it is.
pub(crate) async fn key_of(endpoint: &Endpoint, text: &str) -> Result<PublicKey, Failure> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let known = endpoint.validators().await?;
    let named = known.iter().find(|one| one.validator.name.as_deref() == Some(text));
    let key = named.and_then(|one| <[u8; 33]>::try_from(one.validator.public_key.as_ref()).ok());
    key.map(PublicKey::new).ok_or_else(|| {
        Failure::operator(format!(
            "no validator is called {text:?}, and it is no public key; see `mokka validators`"
        ))
    })
}

/// Asks the members contract.
pub(crate) async fn ask<C: SolCall>(endpoint: &Endpoint, call: &C) -> Result<C::Return, Failure> {
    let input = Bytes::from(call.abi_encode());
    let request = TransactionRequest::default().to(MEMBERS).input(input.into());
    let asked = EthApiClient::call(endpoint.client(), request, None, None, None);
    let answer = endpoint.ask(asked).await?;
    C::abi_decode_returns(&answer).map_err(|error| {
        Failure::rpc(format!("{} answers {} with nonsense: {error}", endpoint.url(), C::SIGNATURE))
    })
}

/// One proposal.
pub(crate) async fn proposal(endpoint: &Endpoint, id: u64) -> Result<Proposal, Failure> {
    let id = alloy_primitives::U256::from(id);
    let found = ask(endpoint, &IMembers::proposalCall { id }).await?;
    match found.status {
        Status::None => Err(Failure::operator(format!(
            "there is no proposal {id}; see `mokka validators proposals`"
        ))),
        _ => Ok(found),
    }
}

/// A proposal for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: u64,
    status: &'static str,
    what: String,
    proposer: Address,
    voters: Vec<Address>,
    votes: usize,
    needed: u64,
    opened_at: u64,
    expires_at: u64,
    call: Bytes,
}

/// Shows what is open or waits for an acceptance.
pub(crate) async fn proposals(endpoint: &Endpoint, format: Format) -> Result<(), Failure> {
    let known = endpoint.validators().await?;
    let pending = ask(endpoint, &IMembers::proposalsCall {}).await?;
    let shown: Vec<_> = pending.iter().map(|one| Shown::of(one, &known)).collect();
    if format.json {
        return output::json(&shown);
    }
    if shown.is_empty() {
        return output::line("nothing is proposed");
    }
    let mut table = Table::new(["id", "status", "votes", "until", "voted", "what"]);
    for one in shown {
        let voted: Vec<_> = one.voters.iter().map(|voter| called(voter, &known)).collect();
        table.row([
            one.id.to_string(),
            one.status.to_owned(),
            format!("{} of {}", one.votes, one.needed),
            units::moment(one.expires_at.saturating_mul(1000)),
            voted.join(", "),
            one.what,
        ]);
    }
    table.print()
}

impl Shown {
    fn of(proposal: &Proposal, known: &[ValidatorView]) -> Self {
        let action = Action::decode(&proposal.action);
        Self {
            id: proposal.id.saturating_to(),
            status: refusal::status(proposal.status),
            what: action.map_or_else(|| proposal.action.to_string(), |it| about::words(&it, known)),
            proposer: proposal.proposer,
            voters: proposal.voters.clone(),
            votes: proposal.voters.len(),
            needed: proposal.needed.saturating_to(),
            opened_at: proposal.openedAt,
            expires_at: proposal.expiresAt,
            call: proposal.action.clone(),
        }
    }
}

/// A member by its name.
pub(crate) fn called(account: &Address, known: &[ValidatorView]) -> String {
    let view = known.iter().find(|one| one.address == *account);
    view.map_or_else(|| account.to_string(), |one| name(&one.validator))
}
