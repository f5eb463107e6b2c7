//! `mokka devnet`: a whole network on this machine, of real processes.
//!
//! Each validator is a child process, `mokka run` of this same executable, with a data directory of
//! its own. What is known of them is in `devnet.json`, so that other commands find them, whoever
//! started them. Nothing is restarted in silence.
//! ```text
//! DIR/devnet.json     who the validators are, where they listen, which processes they are
//! DIR/genesis.json    the chain
//! DIR/node-0/         data directory of validator 0, with its `log` and `password`
//! ```
//! Read in this order: [`plan`] (what is known), [`create`], [`children`], [`foreground`].

mod children;
mod commands;
mod create;
mod foreground;
mod plan;

use std::path::PathBuf;

use crate::{dev::FundArgs, error::Failure, genesis::Model, output::Format};

/// Runs a network of validators on this machine, each a process of its own.
///
/// A second start goes on where the first one stopped. In the foreground Ctrl-C stops all
/// validators in order; with --detach they go on until `mokka devnet stop`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DevnetArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: StartArgs,
}

/// How a network is started, and created if it is not there.
#[derive(Debug, clap::Args)]
struct StartArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Return as soon as there is a leader, and leave the validators running.
    #[arg(long)]
    detach: bool,
    /// How many validators [default: 4].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=100),
          help_heading = "Chain")]
    validators: Option<u16>,
    /// Which failures the chain survives [default: bft].
    #[arg(long, value_enum, help_heading = "Chain")]
    crash_model: Option<Model>,
    /// The chain id of transactions [default: 1337].
    #[arg(long, value_name = "NUMBER", help_heading = "Chain")]
    chain_id: Option<u64>,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    funds: FundArgs,
}

/// Where a network lies.
#[derive(Clone, Debug, clap::Args)]
struct PlaceArgs {
    /// The directory of the network.
    #[arg(long, value_name = "DIR", default_value = "./devnet", env = "MOKKA_DEVNET_DIR")]
    dir: PathBuf,
}

/// Ports of validator 0; validator i has the i-th after it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Ports")]
struct PortArgs {
    /// All ports from here on: RPC at PORT+i, peers at PORT+100+i, metrics at PORT+200+i. 0 takes
    /// free ones once and for all.
    #[arg(long, value_name = "PORT", conflicts_with_all = ["rpc_port", "p2p_port", "metrics_port"])]
    base_port: Option<u16>,
    /// JSON-RPC of validator i at PORT+i [default: 8545].
    #[arg(long, value_name = "PORT")]
    rpc_port: Option<u16>,
    /// Peers of validator i at PORT+i [default: 30303].
    #[arg(long, value_name = "PORT")]
    p2p_port: Option<u16>,
    /// Metrics of validator i at PORT+i [default: 9545].
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,
}

/// What is done with a network that exists.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Stop all validators in order.
    Stop {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Show each validator: its process, what it does, where it listens.
    Status {
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        format: Format,
    },
    /// End a validator at once (SIGKILL), as if its machine had lost power.
    Kill {
        /// The number of the validator, or `leader`.
        #[arg(value_name = "NUMBER|leader")]
        who: Who,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Start a validator that does not run, or stop it in order and start it again.
    Restart {
        /// The number of the validator, or `leader`.
        #[arg(value_name = "NUMBER|leader")]
        who: Who,
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// A validator on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Number(usize),
    Leader,
}

impl std::str::FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("leader", _) => Ok(Self::Leader),
            (_, Ok(number)) => Ok(Self::Number(number)),
            (_, Err(_)) => Err(format!("`{text}` is neither a number nor `leader`")),
        }
    }
}

impl DevnetArgs {
    /// Does what was asked.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        match &self.command {
            None => self.start.execute().await,
            Some(Command::Stop { place }) => commands::stop(&place.dir).await,
            Some(Command::Status { place, format }) => commands::status(&place.dir, *format).await,
            Some(Command::Kill { who, place }) => commands::kill(&place.dir, *who).await,
            Some(Command::Restart { who, place }) => commands::restart(&place.dir, *who).await,
        }
    }
}

impl StartArgs {
    async fn execute(&self) -> Result<(), Failure> {
        let plan = create::open_or_create(self)?;
        match self.detach {
            true => foreground::detached(plan).await,
            false => foreground::watched(plan, &self.funds).await,
        }
    }
}
