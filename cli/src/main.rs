//! `mokka`: the one binary. It runs nodes, makes what they need, and asks them.
//!
//! Every command is a file of its own: what it takes is a struct whose documentation is its manual,
//! and `execute` does it. `mokka run` is the node; `dev` and `devnet` are networks for trying out;
//! the others make files ([`keys`], [`genesis`], [`init`]) or ask nodes over RPC.
//!
//! Read in this order: [`error`] (exit codes), [`output`], [`run`], [`devnet`], [`mod@bench`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accounts;
mod bench;
mod block;
mod db;
mod dev;
mod devnet;
mod endpoint;
mod error;
mod genesis;
mod init;
mod keys;
mod logging;
mod os;
mod output;
mod password;
mod proof;
mod run;
mod screen;
mod sender;
mod settings;
mod status;
mod transfer;
mod tx;
mod units;
mod validators;
mod verify_chain;

use std::{future::Future, process::ExitCode};

use clap::Parser;

use crate::{
    error::{Exit, Failure},
    output::Colours,
};

/// A private blockchain: validators agree by Mokka, run Ethereum transactions, answer Ethereum's
/// JSON-RPC.
#[derive(Parser)]
#[command(
    name = "mokka",
    version,
    after_help = "Exit codes:\n  \
        0    done, or stopped in order\n  \
        1    something given is missing, wrong or in use; the message says what to do\n  \
        2    the command line cannot be understood\n  \
        3    a running node could not go on\n  \
        4    a node does not answer, or refuses\n  \
        5    a check failed: something was lost, nodes disagree, or a proof proves nothing\n  \
        130  stopped at once by a second signal\n\n\
        Try it: `mokka devnet` runs four validators here, `mokka dev` one."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand)]
    Genesis(genesis::Genesis),
    Init(init::InitArgs),
    Run(run::RunArgs),
    Dev(Box<dev::DevArgs>),
    Devnet(Box<devnet::DevnetArgs>),
    Status(status::StatusArgs),
    Validators(Box<validators::ValidatorsArgs>),
    Block(block::BlockArgs),
    #[command(subcommand)]
    Tx(tx::Tx),
    #[command(subcommand)]
    Db(db::Db),
    VerifyChain(verify_chain::VerifyChainArgs),
    Bench(Box<bench::BenchArgs>),
}

impl Command {
    fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Keys(keys) => keys.execute(),
            Self::Genesis(genesis) => genesis.execute(),
            Self::Init(args) => args.execute(),
            Self::Run(args) => on_all_cores(args.execute()),
            Self::Dev(args) => on_all_cores(args.execute()),
            Self::Devnet(args) => on_one_thread(args.execute()),
            Self::Status(args) => on_one_thread(args.execute()),
            Self::Validators(args) => on_one_thread(args.execute()),
            Self::Block(args) => on_one_thread(args.execute()),
            Self::Db(db) => db.execute(),
            Self::Tx(tx) => on_one_thread(tx.execute()),
            Self::VerifyChain(args) => on_one_thread(args.execute()),
            Self::Bench(args) => on_one_thread(args.execute()),
        }
    }
}

fn main() -> ExitCode {
    let Err(failure) = Cli::parse().command.execute() else { return ExitCode::SUCCESS };
    if failure.exit() != Exit::ReaderGone {
        let error = Colours::of_stderr().red("error:");
        output::note(format_args!("{error} {failure}"));
    }
    // A node that failed may still have parts that run.
    os::end_self(failure.exit() as u8)
}

fn on_all_cores(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    block_on(tokio::runtime::Builder::new_multi_thread(), work)
}

fn on_one_thread(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    block_on(tokio::runtime::Builder::new_current_thread(), work)
}

fn block_on(
    mut builder: tokio::runtime::Builder,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let runtime = builder.enable_all().build().map_err(|error| {
        Failure::operator(format!("cannot start: {error}; check the limits of this user"))
    })?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_flag_is_documented() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no manual", command.get_name());
            for flag in command.get_arguments() {
                let name = format!("{} {}", command.get_name(), flag.get_id());
                assert!(flag.get_help().is_some(), "{name} has no manual");
            }
            command.get_subcommands().for_each(check);
        }
        let mut command = Cli::command();
        command.build();
        check(&command);
        command.debug_assert();
    }
}
