//! Writing to the terminal, a file or a pipe: colours only for people, and no panic when the reader
//! has gone.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use crate::error::Failure;

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Format {
    /// Print JSON for programs instead of text for people.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints one line on standard output.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    write(format_args!("{text}\n"))
}

/// Prints JSON, one field a line.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    // Invariant: everything that commands print has string keys and plain values.
    let text = serde_json::to_string_pretty(value).expect("plain data");
    line(text)
}

/// Prints on standard output as it is.
pub(crate) fn write(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::reader_gone(),
        _ => Failure::operator(format!("cannot write to standard output: {error}")),
    })
}

/// Prints a line on standard error; if nobody can read it, nobody does.
pub(crate) fn note(text: impl Display) {
    let _unread = writeln!(io::stderr(), "{text}");
}

/// Colours, if standard output is a terminal and `NO_COLOR` is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// For people.
    On,
    /// For everything else.
    Off,
}

impl Colours {
    /// For what is printed on standard output.
    pub(crate) fn of_stdout() -> Self {
        Self::choose(io::stdout().is_terminal())
    }

    /// For what is printed on standard error.
    pub(crate) fn of_stderr() -> Self {
        Self::choose(io::stderr().is_terminal())
    }

    fn choose(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if terminal && !refused { Self::On } else { Self::Off }
    }

    /// Stands out.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    /// Stands back.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    /// All is well.
    pub(crate) fn green(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    /// Look here.
    pub(crate) fn yellow(self, text: impl Display) -> String {
        self.paint("33", text)
    }

    /// Something failed.
    pub(crate) fn red(self, text: impl Display) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        match self {
            Self::On => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Off => text.to_string(),
        }
    }
}

/// Columns of text, each as wide as its widest cell.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these titles.
    pub(crate) fn new<const N: usize>(titles: [&str; N]) -> Self {
        Self { rows: vec![Vec::from(titles.map(str::to_owned))] }
    }

    /// One more row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(Vec::from(cells));
    }

    /// The lines of the table; the titles stand back.
    pub(crate) fn lines(&self, colours: Colours) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let padded = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths);
            let text: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.join("  ").trim_end().to_owned()
        };
        let mut lines: Vec<_> = self.rows.iter().map(padded).collect();
        if let Some(titles) = lines.first_mut() {
            *titles = colours.dim(&*titles);
        }
        lines
    }

    /// Prints it.
    pub(crate) fn print(&self) -> Result<(), Failure> {
        self.lines(Colours::of_stdout()).into_iter().try_for_each(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["a", "title"]);
        table.row(["long cell".to_owned(), "x".to_owned()]);
        assert_eq!(table.lines(Colours::Off), ["a          title", "long cell  x"]);
    }

    #[test]
    fn colours_are_for_people_only() {
        assert_eq!(Colours::Off.red("no"), "no");
        assert_eq!(Colours::On.red("no"), "\x1b[31mno\x1b[0m");
    }
}
