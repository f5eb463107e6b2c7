//! Passwords of key files: from a file, or from the terminal without showing them.

use std::path::{Path, PathBuf};

use crate::{error::Failure, os};

/// Where the password of a key file comes from.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Password")]
pub(crate) struct PasswordArgs {
    /// Read the password from the first line of this file instead of asking on the terminal.
    #[arg(long, value_name = "FILE", env = "MOKKA_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// A password for a new key: on the terminal it is asked for twice.
    pub(crate) fn choose(&self) -> Result<String, Failure> {
        if let Some(file) = &self.password_file {
            return from_file(file);
        }
        let first = ask("New password: ")?;
        if first.is_empty() {
            return Err(Failure::operator("the password is empty; type at least one character"));
        }
        match ask("The same again: ")? == first {
            true => Ok(first),
            false => Err(Failure::operator("the two passwords differ; try again")),
        }
    }

    /// The password of a key that exists; `of` is named in the question.
    pub(crate) fn existing(&self, of: &Path) -> Result<String, Failure> {
        match &self.password_file {
            Some(file) => from_file(file),
            None => ask(&format!("Password of {}: ", of.display())),
        }
    }
}

/// The first line of a file.
pub(crate) fn from_file(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::file("read the password file", path, &error))?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(Failure::operator(format!(
            "{} has no password in its first line; write one there",
            path.display()
        ))),
    }
}

fn ask(question: &str) -> Result<String, Failure> {
    let answer = os::ask_hidden(question)
        .map_err(|error| Failure::operator(format!("cannot read from the terminal: {error}")))?;
    answer.ok_or_else(|| {
        Failure::operator("there is no terminal to ask for the password; pass --password-file")
    })
}
