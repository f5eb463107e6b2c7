//! The repository's own rules, kept by ordinary tests.
//!
//! What rustc, rustfmt and clippy cannot know: which crate may import which, how long a file or a
//! function may grow, that an `expect` names its invariant, that a cited section exists. Each rule
//! is a function from what it reads to a list of [`Offence`]s; `tests/repository.rs` runs each on
//! this repository, `tests/snippets.rs` shows each one something that it must refuse.
//!
//! Read in this order: [`source`] (which characters are code), [`repository`] (which files there
//! are), [`manifest`], [`rules`].

pub mod manifest;
pub mod repository;
pub mod rules;
pub mod source;

use std::fmt::{self, Write as _};

/// One place that breaks a rule, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// The file, relative to the root of the repository.
    pub path: String,
    /// Counted from 1; 0 speaks of the whole file.
    pub line: usize,
    /// What is wrong and what to do.
    pub advice: String,
}

impl Offence {
    /// An offence at a line counted from 1.
    #[must_use]
    pub fn at(path: &str, line: usize, advice: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, advice: advice.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.advice)
    }
}

/// Fails with one line per offence, in the form that editors turn into links.
///
/// # Panics
/// When there is an offence.
#[track_caller]
pub fn expect_none(offences: &[Offence]) {
    let mut message = String::new();
    for offence in offences {
        let _ = writeln!(message, "{offence}");
    }
    assert!(offences.is_empty(), "{} offences:\n{message}", offences.len());
}
