//! Proposing and voting: first what it means, then the question, then the transaction.

use std::io::{self, BufRead, IsTerminal, Write};

use alloy_primitives::{Address, Bytes, Log};
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_sol_types::SolEventInterface;
use mokka_rpc::{api::EthApiClient, client::Error};
use mokka_runtime::system::{Action, MEMBERS, abi::IMembers::IMembersEvents as Events};

use super::{DecideArgs, about, refusal, show};
use crate::{
    endpoint::Endpoint,
    error::Failure,
    output::{self, Colours},
    sender::Sender,
    units,
};

/// The code of an error whose data a contract returned.
const REVERTED: i32 = 3;

/// Proposes an action, and votes for it.
pub(crate) async fn action(action: &Action, decide: &DecideArgs) -> Result<(), Failure> {
    let endpoint = decide.url.endpoint()?;
    let sender = decide.sender.open()?;
    let input = action.encode();
    foresee(&endpoint, &sender, MEMBERS, &input).await?;
    explain(&endpoint, action, decide).await?;
    send(&endpoint, &sender, MEMBERS, input, decide).await
}

/// Votes for a proposal, after showing what it does.
pub(crate) async fn about_proposal(
    id: u64,
    input: Bytes,
    decide: &DecideArgs,
) -> Result<(), Failure> {
    let endpoint = decide.url.endpoint()?;
    let sender = decide.sender.open()?;
    let proposal = show::proposal(&endpoint, id).await?;
    foresee(&endpoint, &sender, MEMBERS, &input).await?;
    if let Some(action) = Action::decode(&proposal.action) {
        explain(&endpoint, &action, decide).await?;
    }
    send(&endpoint, &sender, MEMBERS, input, decide).await
}

/// Calls a contract without asking.
pub(crate) async fn call(to: Address, input: Bytes, decide: &DecideArgs) -> Result<(), Failure> {
    let endpoint = decide.url.endpoint()?;
    let sender = decide.sender.open()?;
    foresee(&endpoint, &sender, to, &input).await?;
    send(&endpoint, &sender, to, input, decide).await
}

/// What would become of a call: refused, it is not sent.
async fn foresee(
    endpoint: &Endpoint,
    sender: &Sender,
    to: Address,
    input: &Bytes,
) -> Result<(), Failure> {
    let call =
        TransactionRequest::default().from(sender.account).to(to).input(input.clone().into());
    let asked = EthApiClient::call(endpoint.client(), call, None, None, None).await;
    match asked {
        Err(Error::Call(error)) if error.code() == REVERTED => {
            let data = error.data().and_then(|data| serde_json::from_str(data.get()).ok());
            let data: Bytes = data.unwrap_or_default();
            Err(Failure::operator(refusal::words(&data)))
        }
        other => endpoint.ask(std::future::ready(other)).await.map(drop),
    }
}

/// Shows what an action means, and asks.
async fn explain(endpoint: &Endpoint, action: &Action, decide: &DecideArgs) -> Result<(), Failure> {
    if decide.format.json {
        return if decide.yes { Ok(()) } else { Err(nobody_to_ask()) };
    }
    let known = endpoint.validators().await?;
    let model = endpoint.status().await?.crash_model;
    output::line(Colours::of_stdout().bold(about::words(action, &known)))?;
    about::print_quorums(action, &known, model)?;
    if decide.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(nobody_to_ask());
    }
    output::write("Do it? [y/N] ")?;
    let _unwritten = io::stdout().flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        true => Ok(()),
        false => Err(Failure::operator("nothing was done")),
    }
}

fn nobody_to_ask() -> Failure {
    Failure::operator("there is nobody to ask; pass --yes to do it without asking")
}

async fn send(
    endpoint: &Endpoint,
    sender: &Sender,
    to: Address,
    input: Bytes,
    decide: &DecideArgs,
) -> Result<(), Failure> {
    let receipt = sender.call(endpoint, to, input, decide.wait).await?;
    if !receipt.inner.status() {
        return Err(Failure::operator(format!(
            "transaction {} was refused by the chain after all: something else was decided \
             meanwhile; see `mokka validators proposals`",
            receipt.transaction_hash
        )));
    }
    match decide.format.json {
        true => output::json(&receipt),
        false => tell(&receipt),
    }
}

/// What the transaction did, as the contract tells it.
fn tell(receipt: &TransactionReceipt) -> Result<(), Failure> {
    for log in receipt.inner.logs() {
        let inner: &Log = &log.inner;
        let Ok(event) = Events::decode_log(inner) else { continue };
        let words = match event.data {
            Events::ProposalOpened(at) => format!("proposal {} is open", at.id),
            Events::Voted(at) => {
                format!("proposal {} has {} of {} votes", at.id, at.votes, at.needed)
            }
            Events::VoteWithdrawn(at) => {
                format!("proposal {} has {} of {} votes", at.id, at.votes, at.needed)
            }
            Events::ProposalApproved(at) => format!(
                "proposal {} is approved; the node of the new key accepts by itself until {}",
                at.id,
                units::moment(at.acceptBefore.saturating_mul(1000))
            ),
            Events::ProposalEnacted(at) => format!("proposal {} is carried out", at.id),
            Events::ProposalExpired(at) => format!("proposal {} has expired", at.id),
            Events::ProposalDropped(at) => format!("proposal {} is dropped", at.id),
            Events::ValidatorRemoved(at) => format!("{} validates no more", at.publicKey),
            Events::ValidatorDescribed(at) => {
                format!("{} is {:?} at {:?}", at.account, at.name, at.endpoint)
            }
            Events::ValidatorAdded(at) => format!("{} validates", at.publicKey),
            Events::KeyReplaced(at) => format!("{} took the seat of {}", at.newKey, at.oldKey),
            Events::SettingsChanged(at) => format!("settings changed: {}", at.names.join(", ")),
        };
        output::line(words)?;
    }
    let block = receipt.block_number.unwrap_or_default();
    output::line(format_args!("final in block {}", units::number(block)))
}
