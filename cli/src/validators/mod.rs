//! `mokka validators`: who validates, and how members decide about it and about the chain.
//!
//! Everything here is a call of the members contract, which any other tool can make as well.

mod about;
mod propose;
mod refusal;
mod show;

use std::time::Duration;

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use mokka_runtime::system::{
    Action, CONTRACTS, MEMBERS, NODES, Role, Switch, TRANSACTIONS, abi::IMembers,
};
use mokka_types::{PublicKey, Setting};

use crate::{
    endpoint::UrlArgs, error::Failure, genesis::parse_address, output::Format, sender::SenderArgs,
};

/// Shows who votes, as one node sees it; its subcommands change that.
///
/// A member is a validator, and decides from the account of its validator key. What is proposed
/// holds as soon as enough members voted for it; a new key must also accept, which its node does by
/// itself once it is connected and level.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ValidatorsArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    url: UrlArgs,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show what is proposed, who voted for it, and what waits for an acceptance.
    Proposals(ShowArgs),
    /// Propose a new validator by its public key, and vote for it.
    Add(AddArgs),
    /// Propose to take a validator out, and vote for it.
    Remove(RemoveArgs),
    /// Propose to give a validator's seat to another key (rotation, lost state), and vote for it.
    Replace(ReplaceArgs),
    /// Say where this validator's own node is now, and what people call it. Takes no vote.
    Announce(AnnounceArgs),
    /// Propose other settings of the chain, and vote for them.
    Settings(SettingsArgs),
    /// Propose to turn an allow list on or off, and vote for it.
    List(ListArgs),
    /// Propose a role of an account on a list, and vote for it.
    Role(RoleArgs),
    /// Propose to let a node observe, or no longer, and vote for it.
    Node(NodeArgs),
    /// Vote for a proposal.
    Vote(VoteArgs),
    /// Take a vote back.
    Withdraw(VoteArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    url: UrlArgs,
    #[command(flatten)]
    format: Format,
}

/// Who decides, where, and whether to ask before.
#[derive(Debug, clap::Args)]
pub(crate) struct DecideArgs {
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How long to wait until it is final.
    #[arg(long, value_name = "TIME", default_value = "60s",
          value_parser = humantime::parse_duration)]
    pub(crate) wait: Duration,
    #[command(flatten)]
    pub(crate) sender: SenderArgs,
    #[command(flatten)]
    pub(crate) url: UrlArgs,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// The public key, and where its node is: `02ab…` or `02ab…@/dns/e.example/tcp/30303`.
    #[arg(value_name = "PUBKEY[@MULTIADDR]", value_parser = parse_newcomer)]
    newcomer: (PublicKey, String),
    /// What people call it.
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    #[command(flatten)]
    decide: DecideArgs,
}

#[derive(Debug, clap::Args)]
struct RemoveArgs {
    /// Its public key or its name.
    #[arg(value_name = "VALIDATOR")]
    validator: String,
    #[command(flatten)]
    decide: DecideArgs,
}

#[derive(Debug, clap::Args)]
struct ReplaceArgs {
    /// The public key or the name of the validator whose key is replaced.
    #[arg(value_name = "VALIDATOR")]
    validator: String,
    /// The new public key.
    #[arg(value_name = "NEW-PUBKEY")]
    new: PublicKey,
    #[command(flatten)]
    decide: DecideArgs,
}

#[derive(Debug, clap::Args)]
struct AnnounceArgs {
    /// What people call it [default: as before].
    #[arg(long)]
    name: Option<String>,
    /// Where its node is, such as /dns/a.example/tcp/30303 [default: as before].
    #[arg(long, value_name = "MULTIADDR")]
    endpoint: Option<String>,
    #[command(flatten)]
    decide: DecideArgs,
}

#[derive(Debug, clap::Args)]
struct SettingsArgs {
    /// Names as in the genesis file, and values: `blockInterval=500ms`, `gasLimit=60000000`,
    /// `emptyBlockInterval=none`.
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = parse_setting)]
    changes: Vec<(Setting, u64)>,
    #[command(flatten)]
    decide: DecideArgs,
}

/// A list of the chain.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum List {
    /// Who may send transactions.
    Transactions,
    /// Who may create contracts.
    Contracts,
    /// Who may admit observers.
    Observers,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OnOff {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum RoleName {
    None,
    Enabled,
    Manager,
    Admin,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Whether it holds anybody back.
    to: OnOff,
    /// Which list.
    list: List,
    #[command(flatten)]
    decide: DecideArgs,
}

#[derive(Debug, clap::Args)]
struct RoleArgs {
    /// Which list.
    list: List,
    /// Whose role.
    #[arg(value_parser = parse_address)]
    account: Address,
    /// What it may do: nothing, what the list is about, that and enable others, or everything.
    role: RoleName,
    #[command(flatten)]
    decide: DecideArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AdmitDismiss {
    Admit,
    Dismiss,
}

#[derive(Debug, clap::Args)]
struct NodeArgs {
    /// Whether it may connect.
    what: AdmitDismiss,
    /// Its peer id, which `mokka status` shows.
    peer: String,
    #[command(flatten)]
    decide: DecideArgs,
}

#[derive(Debug, clap::Args)]
struct VoteArgs {
    /// The number of the proposal.
    #[arg(value_name = "ID")]
    id: u64,
    #[command(flatten)]
    decide: DecideArgs,
}

impl ValidatorsArgs {
    /// Does what was asked.
    pub(crate) async fn execute(self) -> Result<(), Failure> {
        let Some(what) = self.what else {
            return show::validators(&self.url.endpoint()?, self.format).await;
        };
        match what {
            What::Proposals(args) => show::proposals(&args.url.endpoint()?, args.format).await,
            What::Announce(args) => args.execute().await,
            What::Vote(args) => {
                let call = IMembers::voteCall { id: U256::from(args.id) };
                propose::about_proposal(args.id, call.abi_encode().into(), &args.decide).await
            }
            What::Withdraw(args) => {
                let call = IMembers::withdrawCall { id: U256::from(args.id) };
                propose::call(MEMBERS, call.abi_encode().into(), &args.decide).await
            }
            proposing => proposing.propose().await,
        }
    }
}

impl What {
    async fn propose(self) -> Result<(), Failure> {
        let (action, decide) = match self {
            Self::Add(AddArgs { newcomer: (key, endpoint), name, decide }) => {
                (Action::AddValidator { key, name, endpoint }, decide)
            }
            Self::Remove(RemoveArgs { validator, decide }) => {
                let key = show::key_of(&decide.url.endpoint()?, &validator).await?;
                (Action::RemoveValidator { key }, decide)
            }
            Self::Replace(ReplaceArgs { validator, new, decide }) => {
                let old = show::key_of(&decide.url.endpoint()?, &validator).await?;
                (Action::ReplaceKey { old, new }, decide)
            }
            Self::Settings(SettingsArgs { changes, decide }) => {
                (Action::ChangeSettings { changes }, decide)
            }
            Self::List(ListArgs { to, list, decide }) => {
                (Action::SwitchList { list: list.address(), to: to.switch() }, decide)
            }
            Self::Role(RoleArgs { list, account, role, decide }) => {
                let (list, role) = (list.address(), role.role());
                (Action::SetRole { list, account, role }, decide)
            }
            Self::Node(NodeArgs { what, peer, decide }) => {
                let to = match what {
                    AdmitDismiss::Admit => Switch::On,
                    AdmitDismiss::Dismiss => Switch::Off,
                };
                (Action::SetNode { peer, to }, decide)
            }
            Self::Proposals(_) | Self::Announce(_) | Self::Vote(_) | Self::Withdraw(_) => {
                return Ok(());
            }
        };
        propose::action(&action, &decide).await
    }
}

impl AnnounceArgs {
    async fn execute(self) -> Result<(), Failure> {
        let endpoint = self.decide.url.endpoint()?;
        let own = self.decide.sender.open()?.account;
        let known = endpoint.validators().await?;
        let before = known.into_iter().find(|one| one.address == own);
        let (name, place) =
            before.map(|one| (one.validator.name, one.endpoint)).unwrap_or_default();
        let call = IMembers::announceCall {
            name: self.name.or(name).unwrap_or_default(),
            endpoint: self.endpoint.or(place).unwrap_or_default(),
        };
        propose::call(MEMBERS, call.abi_encode().into(), &self.decide).await
    }
}

impl List {
    const fn address(self) -> Address {
        match self {
            Self::Transactions => TRANSACTIONS,
            Self::Contracts => CONTRACTS,
            Self::Observers => NODES,
        }
    }
}

impl OnOff {
    const fn switch(self) -> Switch {
        match self {
            Self::On => Switch::On,
            Self::Off => Switch::Off,
        }
    }
}

impl RoleName {
    const fn role(self) -> Role {
        match self {
            Self::None => Role::None,
            Self::Enabled => Role::Enabled,
            Self::Manager => Role::Manager,
            Self::Admin => Role::Admin,
        }
    }
}

fn parse_newcomer(text: &str) -> Result<(PublicKey, String), String> {
    let (key, endpoint) = text.split_once('@').unwrap_or((text, ""));
    let key = key.parse().map_err(|error| format!("`{key}`: {error}"))?;
    Ok((key, endpoint.to_owned()))
}

fn parse_setting(text: &str) -> Result<(Setting, u64), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}`: write it like NAME=VALUE"))?;
    let setting = Setting::parse(name).ok_or_else(|| {
        let known: Vec<_> = Setting::ALL.iter().map(|setting| setting.name()).collect();
        format!("`{name}` is no setting that members may change; those are {}", known.join(", "))
    })?;
    let wrong = || format!("`{value}` is no value of {name}; write it like 500ms, 2s or none");
    let value = match setting {
        Setting::GasLimit => value.replace('_', "").parse().map_err(|_| {
            format!("`{value}` is no number of gas; write digits, such as 60000000")
        })?,
        Setting::EmptyBlockInterval if value == "none" => 0,
        _ => {
            let time = humantime::parse_duration(value).map_err(|_| wrong())?;
            u64::try_from(time.as_millis()).map_err(|_| wrong())?
        }
    };
    Ok((setting, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_as_in_the_genesis_file() {
        assert_eq!(parse_setting("blockInterval=500ms"), Ok((Setting::BlockInterval, 500)));
        assert_eq!(parse_setting("gasLimit=60_000_000"), Ok((Setting::GasLimit, 60_000_000)));
        assert_eq!(parse_setting("emptyBlockInterval=none"), Ok((Setting::EmptyBlockInterval, 0)));
        for wrong in ["blockInterval", "blockInterval=5", "maxBlockBytes=1s", "gasLimit=1s"] {
            parse_setting(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_newcomer_is_a_key_and_perhaps_a_place() {
        let key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        assert_eq!(parse_newcomer(key).unwrap(), (key.parse().unwrap(), String::new()));
        let (_, place) = parse_newcomer(&format!("{key}@/dns/e.example/tcp/30303")).unwrap();
        assert_eq!(place, "/dns/e.example/tcp/30303");
        parse_newcomer("04ab@/dns/e.example/tcp/30303").unwrap_err();
    }
}
