//! `mokka bench`: how many transfers a network makes final, and how soon.
//!
//! A transfer counts when a node *other* than the one it was sent to shows it in a block, which is
//! final when it is there. Its latency runs from the moment it was due, not from when the client
//! got round to sending it: a network that stalls is not spared the transfers that had to wait.
//! ```text
//! senders (signed before) --> pace: closed loop or open loop --> node A
//!                                                                  :
//!              ledger <-- blocks of all nodes, by subscription <-- node B, C, …
//! ```
//! Read in this order: [`load`] (accounts and signing), [`pace`], [`blocks`], [`ledger`],
//! [`verdict`], [`report`].

mod blocks;
mod ledger;
mod load;
mod pace;
mod report;
mod verdict;

use std::{sync::Arc, time::Duration};

use crate::{
    accounts::{self, TEST_MNEMONIC},
    endpoint::Endpoint,
    error::Failure,
    output::{self, Format},
    transfer::Terms,
};

/// Puts load on a network and tells what became of every transfer.
///
/// Without --rate the loop is closed: so many transfers are under way at any time, until --count
/// are done. With it the loop is open: so many are sent in each second, whatever happens.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// The RPC address of a node. Repeat it for several; a transfer counts when another node than
    /// the one it was sent to shows it.
    #[arg(
        long = "rpc-url",
        value_name = "URL",
        value_delimiter = ',',
        default_values_t = (8545..8549).map(|port| format!("http://127.0.0.1:{port}")),
        help_heading = "Nodes"
    )]
    urls: Vec<String>,
    /// Closed loop: how many transfers are under way at any time.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, conflicts_with = "rate",
          value_parser = clap::value_parser!(u32).range(1..=20_000), help_heading = "Load")]
    in_flight: u32,
    /// Closed loop: how many transfers.
    #[arg(long, value_name = "COUNT", default_value_t = 20_000, conflicts_with = "rate",
          value_parser = clap::value_parser!(u32).range(1..=2_000_000), help_heading = "Load")]
    count: u32,
    /// Open loop: transfers in each second.
    #[arg(long, value_name = "PER_SECOND",
          value_parser = clap::value_parser!(u32).range(1..=20_000), help_heading = "Load")]
    rate: Option<u32>,
    /// Open loop: for how long.
    #[arg(long, value_name = "TIME", default_value = "30s",
          value_parser = humantime::parse_duration, help_heading = "Load")]
    duration: Duration,
    /// How long to wait for a next transfer to become final before the rest counts as lost.
    #[arg(long, value_name = "TIME", default_value = "30s",
          value_parser = humantime::parse_duration, help_heading = "Load")]
    patience: Duration,
    /// How many accounts send; they are made new and get their coins first.
    #[arg(long, value_name = "COUNT", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(2..=5_000), help_heading = "Accounts")]
    accounts: u32,
    /// The mnemonic whose first ten accounts pay for everything.
    #[arg(long, value_name = "WORDS", env = "MOKKA_MNEMONIC", default_value = TEST_MNEMONIC,
          hide_default_value = true, hide_env_values = true, help_heading = "Accounts")]
    mnemonic: String,
    #[command(flatten)]
    format: Format,
}

/// How transfers follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// So many are under way at any time.
    Closed { in_flight: u32 },
    /// So many begin in each second.
    Open { rate: u32 },
}

impl BenchArgs {
    /// Loads the network and prints the report.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        let endpoints: Vec<_> =
            self.urls.iter().map(|url| Endpoint::new(url)).collect::<Result<_, _>>()?;
        let (pace, count) = self.pace()?;
        let terms = same_chain(&endpoints).await?;
        let payers = accounts::derive(&self.mnemonic, 10)?;
        self.say(format_args!("giving coins to {} accounts", self.accounts));
        let each = count.div_ceil(self.accounts);
        let senders = load::fund(&endpoints[0], &terms, &payers, self.accounts, each).await?;
        self.say(format_args!("signing {count} transfers"));
        let load = Arc::new(load::sign(&senders, &terms, count, endpoints.len()));
        self.say(format_args!("sending them to {} nodes", endpoints.len()));
        let run = pace::run(&endpoints, &load, pace, self.patience).await?;
        self.say("comparing all nodes");
        let verdict = verdict::compare(&endpoints, &senders, &load, &run, &terms).await?;
        let report = report::Report::new(&load, pace, self.accounts, &run, verdict);
        match self.format.json {
            true => output::json(&report)?,
            false => report.print()?,
        }
        report.judge()
    }

    fn pace(&self) -> Result<(Pace, u32), Failure> {
        let Some(rate) = self.rate else {
            return Ok((Pace::Closed { in_flight: self.in_flight }, self.count));
        };
        let count = u128::from(rate) * self.duration.as_millis() / 1000;
        match u32::try_from(count) {
            Ok(count @ 1..=2_000_000) => Ok((Pace::Open { rate }, count)),
            Ok(_) | Err(_) => Err(Failure::operator(format!(
                "--rate {rate} for {} is {count} transfers; 1 to 2,000,000 can be measured",
                humantime::format_duration(self.duration)
            ))),
        }
    }

    /// Progress is for people, and not part of the report.
    fn say(&self, text: impl std::fmt::Display) {
        if !self.format.json {
            output::note(text);
        }
    }
}

/// All nodes must be of one chain, or nothing that is compared means anything.
async fn same_chain(endpoints: &[Endpoint]) -> Result<Terms, Failure> {
    let first = endpoints[0].status().await?;
    for endpoint in &endpoints[1..] {
        let other = endpoint.status().await?;
        if other.chain_hash != first.chain_hash {
            return Err(Failure::operator(format!(
                "{} and {} are nodes of different chains; choose nodes of one",
                endpoints[0].url(),
                endpoint.url()
            )));
        }
    }
    Terms::of(&endpoints[0]).await
}
