//! A command that stays in the foreground, as a terminal shows it: read through a pipe, line by
//! line.

use std::{
    fs::File,
    path::Path,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::{
    command::{mokka, signal_group},
    wait::LIMIT,
};

/// A running command; killed when dropped.
pub(crate) struct Screen {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    shown: Vec<String>,
}

impl Screen {
    /// Starts `mokka` with these words.
    pub(crate) fn start(dir: &Path, line: &[&str]) -> Self {
        let log = File::options().create(true).append(true).open(dir.join("screen.log")).unwrap();
        let mut command = Command::from(mokka(dir));
        command.args(line).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, shown: Vec::new() }
    }

    /// Waits for a line that contains all of `words`, after those that were waited for before.
    pub(crate) async fn shows(&mut self, words: &[&str]) -> String {
        self.shows_after(words).await.0
    }

    /// The same, and how long it took.
    pub(crate) async fn shows_after(&mut self, words: &[&str]) -> (String, Duration) {
        let started = Instant::now();
        let what = format!("{words:?}");
        let find =
            |line: &str| words.iter().all(|word| line.contains(word)).then(|| line.to_owned());
        (self.shows_what(&what, find).await, started.elapsed())
    }

    /// Waits for a line in which `find` finds something.
    pub(crate) async fn shows_what<T>(
        &mut self,
        what: &str,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> T {
        let search = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                assert!(!line.contains('\x1b'), "colours in a pipe: {line:?}");
                let found = find(&line);
                self.shown.push(line);
                if found.is_some() {
                    return found;
                }
            }
            None
        };
        let found = timeout(LIMIT, search).await;
        let shown = || self.shown.join("\n");
        let found = found.unwrap_or_else(|_| panic!("not shown in {LIMIT:?}: {what}\n{}", shown()));
        found.unwrap_or_else(|| panic!("it ended and never showed {what}\n{}", shown()))
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs");
        signal_group(name, &pid.to_string());
    }

    /// Waits for the end of the process. Nobody else may hold its end of the pipe then.
    pub(crate) async fn ends(mut self) -> ExitStatus {
        let rest = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.shown.push(line);
            }
            self.child.wait().await.unwrap()
        };
        timeout(LIMIT, rest).await.expect("the command does not end")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- screen:\n{}", self.shown.join("\n"));
        }
    }
}
