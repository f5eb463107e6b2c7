//! The log of a node, on standard error.

use std::io;

use tracing_subscriber::{EnvFilter, fmt};

use crate::{error::Failure, output::Colours};

/// What is logged where nothing else is said: libp2p tells too much.
const DEFAULT_LEVELS: &str = "info,libp2p=warn,libp2p_swarm=warn,libp2p_gossipsub=warn,\
                              libp2p_identify=warn,multistream_select=warn,yamux=warn,\
                              hyper=warn,jsonrpsee=warn,jsonrpsee-server=warn";

/// What is logged, and how.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogArgs {
    /// What to log: a level, or levels by part such as `info,mokka_network=debug`
    /// [default: info; RUST_LOG is read too].
    #[arg(long, value_name = "LEVELS", env = "MOKKA_LOG")]
    log: Option<String>,
    /// As lines for people, or one JSON object a line for programs.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "MOKKA_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl LogArgs {
    /// Begins to log; `quiet` is what is logged where nothing is said.
    pub(crate) fn start(&self, quiet: Quiet) -> Result<(), Failure> {
        let given = self.log.clone().or_else(|| std::env::var("RUST_LOG").ok());
        let levels = given.unwrap_or_else(|| match quiet {
            Quiet::No => DEFAULT_LEVELS.to_owned(),
            Quiet::Yes => "error".to_owned(),
        });
        // A bare level is a level for us, and libp2p stays quiet.
        let levels = match levels.parse::<tracing::Level>() {
            Ok(level) if level > tracing::Level::WARN => {
                DEFAULT_LEVELS.replacen("info", &levels, 1)
            }
            Ok(_) | Err(_) => levels,
        };
        let filter = EnvFilter::try_new(&levels).map_err(|error| {
            Failure::operator(format!("`{levels}` does not say what to log: {error}; write `info`"))
        })?;
        let log = fmt().with_env_filter(filter).with_writer(io::stderr);
        let colours = Colours::of_stderr() == Colours::On;
        let started = match self.log_format {
            LogFormat::Text => log.with_ansi(colours).try_init(),
            LogFormat::Json => log.json().with_ansi(false).flatten_event(true).try_init(),
        };
        started.map_err(|error| Failure::operator(format!("cannot start the log: {error}")))
    }
}

/// How much is logged where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// What an operator wants to know.
    No,
    /// Only errors: a screen shows the rest.
    Yes,
}
