//! `mokka db`: the data directory of a node that does not run.

use std::path::PathBuf;

use mokka_node::DataDir;

use crate::{
    error::Failure,
    output::{self, Colours},
};

/// What an operator does with a data directory while its node does not run.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Db {
    /// Lift the mark of a key that only follows because it may have signed what its records do not
    /// know.
    ///
    /// A validator that signs again after its state was lost or copied can make two blocks final at
    /// one height, together with others in the same state. Replacing the key (`mokka validators
    /// replace`) costs one vote of the members and risks nothing.
    Unmark(UnmarkArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct UnmarkArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR", env = "MOKKA_DATA_DIR")]
    data_dir: PathBuf,
    /// I know that this key never signed anything that this directory does not hold.
    #[arg(long)]
    i_know_the_risk: bool,
}

impl Db {
    /// Does what was asked.
    pub(crate) fn execute(&self) -> Result<(), Failure> {
        match self {
            Self::Unmark(args) => args.execute(),
        }
    }
}

impl UnmarkArgs {
    fn execute(&self) -> Result<(), Failure> {
        let dir = DataDir::open(&self.data_dir)?;
        if !self.i_know_the_risk {
            return Err(Failure::operator(
                "a key that signs again after its state was lost can fork the chain; let members \
                 replace it (`mokka validators replace`), or pass --i-know-the-risk if it never \
                 signed anything that this directory does not hold",
            ));
        }
        match dir.unmark()? {
            None => output::line("no key is marked here; nothing was changed"),
            Some(mark) => output::line(format_args!(
                "{} the mark of {} is lifted ({}): it signs again from the next start on",
                Colours::of_stdout().yellow("warning:"),
                mark.key,
                mark.reason
            )),
        }
    }
}
