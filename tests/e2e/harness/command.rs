//! The binary, as a shell would start it.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// How long a command that is not a node may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// `mokka` in a directory, with nothing of this process's environment.
pub(crate) fn mokka(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mokka"));
    command.env_clear().current_dir(dir).stdin(Stdio::null());
    command
}

/// Runs a command that must succeed, and gives what it printed.
pub(crate) fn mokka_succeeds(dir: &Path, line: &[&str]) -> String {
    let output = finish(dir, line);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "mokka {line:?}: {} {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail as an operator's mistake, with exit code 1; what it said.
pub(crate) fn mokka_fails(dir: &Path, line: &[&str]) -> String {
    mokka_fails_with(1, dir, line)
}

/// Runs a command that must fail with this exit code, and one line that says what is wrong, which
/// this gives. A node may log before.
pub(crate) fn mokka_fails_with(code: i32, dir: &Path, line: &[&str]) -> String {
    let output = finish(dir, line);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "mokka {line:?}: {errors}");
    let (last, before) = errors.lines().rev().collect::<Vec<_>>().split_first().map_or_else(
        || panic!("mokka {line:?} says nothing"),
        |(last, before)| ((*last).to_owned(), before.join("\n")),
    );
    let is_node = line.first() == Some(&"run");
    assert!(is_node || before.is_empty(), "mokka {line:?} says more than a line: {errors}");
    assert!(!before.contains("panicked"), "mokka {line:?}: {errors}");
    last.strip_prefix("error: ").unwrap_or_else(|| panic!("{errors:?}")).to_owned()
}

fn finish(dir: &Path, line: &[&str]) -> Output {
    let mut command = mokka(dir);
    command.args(line).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let process = child.id().to_string();
    // Read while it runs: who writes more than a pipe holds would wait for us.
    let (ends, ended) = mpsc::sync_channel(1);
    thread::spawn(move || ends.send(child.wait_with_output().unwrap()));
    ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        signal_group("KILL", &process);
        let errors = ended.recv().map(|output| output.stderr).unwrap_or_default();
        panic!("mokka {line:?} does not end: {}", String::from_utf8_lossy(&errors));
    })
}

/// Sends a signal to a process, or with a minus before its number to a group of them.
pub(crate) fn signal_group(name: &str, process: &str) {
    let line = format!("kill -s {name} -- {process}");
    let sent = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status().unwrap();
    assert!(sent.success() || name == "KILL", "{line}: {sent}");
}
