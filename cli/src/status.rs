//! `mokka status`: what nodes say of themselves.

use std::time::Duration;

use mokka_rpc::api::types::{NodeStatus, RoleView};
use serde::Serialize;

use crate::{
    endpoint::{DEFAULT_URL, Endpoint, name},
    error::Failure,
    output::{self, Colours, Format, Table},
    units,
};

/// Shows what nodes do: one in full, several as one row each.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The RPC address of a node. Repeat it to compare several.
    #[arg(
        long = "rpc-url",
        value_name = "URL",
        default_value = DEFAULT_URL,
        env = "MOKKA_RPC_URL",
        value_delimiter = ',',
        help_heading = "Node"
    )]
    urls: Vec<String>,
    #[command(flatten)]
    format: Format,
}

/// A node and its answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<NodeStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl StatusArgs {
    /// Asks and prints.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        if let [url] = self.urls.as_slice() {
            let status = Endpoint::new(url)?.status().await?;
            return match self.format.json {
                true => output::json(&status),
                false => print(&status),
            };
        }
        let endpoints: Result<Vec<_>, _> = self.urls.iter().map(|url| Endpoint::new(url)).collect();
        let asking: Vec<_> = endpoints?
            .into_iter()
            .map(|endpoint| {
                tokio::spawn(async move { (endpoint.url().to_owned(), endpoint.status().await) })
            })
            .collect();
        let mut asked = Vec::new();
        for task in asking {
            let Ok((url, answer)) = task.await else { continue };
            let (status, error) = match answer {
                Ok(status) => (Some(status), None),
                Err(failure) => (None, Some(failure.to_string())),
            };
            asked.push(Asked { url, status, error });
        }
        match self.format.json {
            true => output::json(&asked)?,
            false => rows(&asked)?,
        }
        match asked.iter().filter(|one| one.error.is_some()).count() {
            0 => Ok(()),
            silent => Err(Failure::rpc(format!(
                "{silent} of {} nodes did not answer; start them or check --rpc-url",
                asked.len()
            ))),
        }
    }
}

/// A role in one word.
pub(crate) const fn role(role: RoleView) -> &'static str {
    match role {
        RoleView::Follower => "follower",
        RoleView::Candidate => "candidate",
        RoleView::Leader => "leader",
        RoleView::Observer => "observer",
    }
}

/// Whom a node follows, by name.
pub(crate) fn leader(status: &NodeStatus) -> String {
    status.leader.as_ref().map_or_else(|| "none".to_owned(), |leader| name(&leader.validator))
}

fn rows(asked: &[Asked]) -> Result<(), Failure> {
    let mut table =
        Table::new(["node", "rpc", "role", "height", "head", "term", "leader", "peers", "pool"]);
    for Asked { url, status, error } in asked {
        let none = || "-".to_owned();
        table.row(match status {
            Some(status) => [
                status.validator.as_ref().map_or_else(none, name),
                url.clone(),
                role(status.role).to_owned(),
                units::number(status.head.number),
                units::short(&status.head.hash),
                status.term.to_string(),
                leader(status),
                status.peers.to_string(),
                units::number(status.pending_transactions),
            ],
            None => {
                let error = error.clone().unwrap_or_default();
                let empty = String::new;
                [none(), url.clone(), error, empty(), empty(), empty(), empty(), empty(), empty()]
            }
        });
    }
    table.print()
}

fn print(status: &NodeStatus) -> Result<(), Failure> {
    let colours = Colours::of_stdout();
    let row = |title: &str, text: String| {
        output::line(format_args!("{}  {text}", colours.dim(format_args!("{title:<11}"))))
    };
    row("node", status.validator.as_ref().map_or_else(|| "observer".to_owned(), name))?;
    row("version", status.client_version.clone())?;
    row("chain id", status.chain_id.to_string())?;
    row("chain hash", status.chain_hash.to_string())?;
    if let Some(validator) = &status.validator {
        row("public key", validator.public_key.to_string())?;
    }
    if let Some(peer_id) = &status.peer_id {
        row("peer id", peer_id.clone())?;
    }
    row("role", colours.bold(role(status.role)))?;
    let leader = match (&status.leader, leader(status)) {
        (Some(_), leader) => colours.green(leader),
        (None, none) => colours.yellow(none),
    };
    row("leader", format!("{leader} in term {} of epoch {}", status.term, status.epoch))?;
    let age = now_ms().saturating_sub(status.head_timestamp_ms);
    row(
        "head",
        match status.head.number {
            0 => format!("0  {}", status.head.hash),
            number => format!(
                "{}  {}  {} ago",
                units::number(number),
                status.head.hash,
                units::span(Duration::from_millis(age))
            ),
        },
    )?;
    row(
        "validators",
        format!("{}, {} decide ({:?})", status.validators, status.quorum, status.crash_model),
    )?;
    row("peers", status.peers.to_string())?;
    row("pool", units::counted(status.pending_transactions, "transaction"))?;
    if let Some(sync) = &status.sync {
        let (current, highest) = (units::number(sync.current), units::number(sync.highest));
        row("catching up", format!("at {current} of {highest}"))?;
    }
    row("running for", units::span(Duration::from_secs(status.uptime_seconds)))?;
    status.warnings.iter().try_for_each(|warning| row("warning", colours.yellow(warning)))
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
