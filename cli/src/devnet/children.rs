//! The processes of a network.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::plan::Plan;
use crate::{
    error::Failure,
    os::{self, Ending},
    output,
};

/// How long a validator may take to stop in order.
const STOPPING: Duration = Duration::from_secs(20);
/// How often we look whether it has.
const LOOK: Duration = Duration::from_millis(50);
/// The end of a log, in which the reason for its end is looked for.
const TAIL: u64 = 16 << 10;

/// Starts the process of a validator, and notes it in the plan.
pub(super) fn spawn(plan: &mut Plan, number: usize) -> Result<Child, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::operator(format!("cannot find this program on disk: {error}; was it moved?"))
    })?;
    let path = plan.log(number);
    let opened = File::options().create(true).append(true).mode(0o600).open(&path);
    let log = opened.map_err(|error| Failure::file("write", &path, &error))?;
    let both = log.try_clone().map_err(|error| Failure::file("write", &path, &error))?;
    let mut command = Command::new(program);
    command.arg("run").arg("--data-dir").arg(plan.data_dir(number));
    command.stdin(Stdio::null()).stdout(both).stderr(log);
    // Ctrl-C at the terminal is for us alone: we stop the validators in order.
    command.process_group(0);
    // Settings meant for another node must not change these.
    let foreign = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("MOKKA_") && !name.starts_with("MOKKA_LOG")
    });
    for name in foreign {
        command.env_remove(name);
    }
    let child = command.spawn().map_err(|error| {
        Failure::operator(format!("cannot start a process: {error}; check the limits of this user"))
    })?;
    plan.network.nodes[number].pid = Some(child.id());
    Ok(child)
}

/// Stops processes in order; one that takes too long is ended at once, and that is told.
pub(super) async fn stop(plan: &Plan, numbers: &[usize]) -> Result<(), Failure> {
    let running: Vec<_> =
        numbers.iter().filter_map(|at| plan.running(*at).map(|pid| (*at, pid))).collect();
    for (number, pid) in &running {
        signal(plan, *number, *pid, Ending::Orderly)?;
    }
    let began = Instant::now();
    for (number, pid) in running {
        while os::is_running(pid) {
            if began.elapsed() > STOPPING {
                let name = &plan.network.nodes[number].name;
                output::note(format_args!("{name} did not stop within {STOPPING:?}: ended"));
                signal(plan, number, pid, Ending::AtOnce)?;
                gone(pid).await;
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// Sends a signal to a validator.
pub(super) fn signal(plan: &Plan, number: usize, pid: u32, ending: Ending) -> Result<(), Failure> {
    os::end(pid, ending).map_err(|error| {
        let name = &plan.network.nodes[number].name;
        Failure::operator(format!("cannot stop {name} (process {pid}): {error}; is it yours?"))
    })
}

/// Waits until a process that was killed is gone; the system does not take long.
pub(super) async fn gone(pid: u32) {
    while os::is_running(pid) {
        tokio::time::sleep(LOOK).await;
    }
}

/// Why a validator ended, if it said so: it writes that last. One that was killed says nothing.
pub(super) fn last_error(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = fs::metadata(log).ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    last.trim().strip_prefix("error: ").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_an_error_in_the_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        assert_eq!(last_error(&log), None);
        fs::write(&log, format!("{}\nerror: no\n\n", "x".repeat(40_000))).unwrap();
        assert_eq!(last_error(&log).unwrap(), "no");
        fs::write(&log, "error: no\nstarted again\n").unwrap();
        assert_eq!(last_error(&log), None);
    }
}
