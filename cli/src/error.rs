//! How a command fails: one line for the operator, and a code for scripts.

use mokka_crypto::keyfile::KeyFileError;
use mokka_genesis::{Mistakes, ParseError};
use mokka_node::{DataDirError, NodeEnded, SettingsError, StartError};
use mokka_rpc::client::ConnectError;

/// The exit code; the table in `--help` says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read our output has gone: nothing to say and nobody to say it to.
    ReaderGone = 0,
    /// Something given to the command is missing, wrong or in use.
    Operator = 1,
    /// A running node could not go on.
    Node = 3,
    /// A node does not answer, or refuses what was asked.
    Rpc = 4,
    /// A check failed: something was lost, nodes disagree, or a proof proves nothing.
    Network = 5,
    /// A second signal ended what a first one had begun to stop; shells have it so after Ctrl-C.
    Interrupted = 130,
}

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// Something given to the command is missing, wrong or in use; `message` says what to do.
    pub(crate) fn operator(message: impl Into<String>) -> Self {
        Self { exit: Exit::Operator, message: message.into() }
    }

    /// A node does not answer, or refuses.
    pub(crate) fn rpc(message: impl Into<String>) -> Self {
        Self { exit: Exit::Rpc, message: message.into() }
    }

    /// Something was lost, nodes disagree, or a proof proves nothing.
    pub(crate) fn network(message: impl Into<String>) -> Self {
        Self { exit: Exit::Network, message: message.into() }
    }

    /// A running node could not go on.
    pub(crate) fn node(message: impl Into<String>) -> Self {
        Self { exit: Exit::Node, message: message.into() }
    }

    /// A second signal came before everything had stopped.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self { exit: Exit::Interrupted, message: message.into() }
    }

    /// Whoever read our output has gone.
    pub(crate) const fn reader_gone() -> Self {
        Self { exit: Exit::ReaderGone, message: String::new() }
    }

    /// A file or directory that the system does not let us use.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let path = path.display();
        let advice = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path",
            _ => "check the path, its permissions and the free space",
        };
        Self::operator(format!("cannot {doing} {path}: {error}; {advice}"))
    }

    /// The code for scripts.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }
}

macro_rules! operator_errors {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::operator(error.to_string())
            }
        })*
    };
}

operator_errors!(
    KeyFileError,
    Mistakes,
    ParseError,
    DataDirError,
    SettingsError,
    StartError,
    ConnectError
);

impl From<NodeEnded> for Failure {
    fn from(ended: NodeEnded) -> Self {
        Self::node(format!("{ended}; the data directory keeps all evidence, see the log above"))
    }
}
