//! What only the operating system can do: signals to other processes, and a terminal that does not
//! show what is typed. The only unsafe code of the command line is here.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    os::fd::AsRawFd,
};

/// How a process is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// SIGTERM: in order.
    Orderly,
    /// SIGKILL: now, as if the power had failed.
    AtOnce,
}

/// Sends a signal. A process that is gone already is no error.
pub(crate) fn end(pid: u32, ending: Ending) -> io::Result<()> {
    let signal = match ending {
        Ending::Orderly => libc::SIGTERM,
        Ending::AtOnce => libc::SIGKILL,
    };
    match send(pid, signal) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        result => result,
    }
}

/// Whether a process runs; one that ended and was not collected yet does not.
pub(crate) fn is_running(pid: u32) -> bool {
    let exists = match send(pid, 0) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() == Some(libc::EPERM),
    };
    exists && !is_zombie(pid)
}

/// What a process was started with, where the system tells it (Linux).
pub(crate) fn command_line(pid: u32) -> Option<Vec<String>> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

fn is_zombie(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in brackets may hold anything; the state follows its last bracket.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

#[allow(unsafe_code)]
fn send(pid: u32, signal: i32) -> io::Result<()> {
    // 0 and negative numbers name groups of processes, among them our own.
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: kill takes two numbers and touches no memory of ours.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends this process at once. Threads of a node may still use the database, whose own cleanup at an
/// ordinary end would pull the ground from under them: the process would crash instead.
#[allow(unsafe_code)]
pub(crate) fn end_self(code: u8) -> ! {
    // SAFETY: _exit takes a number and never returns; what is written was flushed line by line.
    unsafe { libc::_exit(i32::from(code)) }
}

/// Asks on the terminal and does not show the answer. `None` if there is no terminal.
pub(crate) fn ask_hidden(question: &str) -> io::Result<Option<String>> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Ok(None);
    }
    let mut terminal = io::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let hidden = Hidden::new(stdin.as_raw_fd())?;
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    drop(hidden);
    writeln!(terminal)?;
    read?;
    Ok(Some(answer.trim_end_matches(['\r', '\n']).to_owned()))
}

/// While it lives, the terminal does not show what is typed.
struct Hidden {
    fd: i32,
    before: libc::termios,
}

#[allow(unsafe_code)]
impl Hidden {
    fn new(fd: i32) -> io::Result<Self> {
        // SAFETY: termios is a struct of numbers, for which all zeros is a value.
        let mut before: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: `before` is a valid place for the answer, and outlives the call.
        if unsafe { libc::tcgetattr(fd, &raw mut before) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // SAFETY: `silent` is what tcgetattr filled in, with one flag less.
        match unsafe { libc::tcsetattr(fd, libc::TCSAFLUSH, &raw const silent) } {
            0 => Ok(Self { fd, before }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[allow(unsafe_code)]
impl Drop for Hidden {
    fn drop(&mut self) {
        // SAFETY: `before` is what tcgetattr filled in. If the terminal is gone, so is the problem.
        let _gone = unsafe { libc::tcsetattr(self.fd, libc::TCSAFLUSH, &raw const self.before) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_ended_does_not_run_even_before_it_is_collected() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(is_running(child.id()));
        end(child.id(), Ending::AtOnce).unwrap();
        while is_running(child.id()) {
            std::thread::yield_now();
        }
        assert!(!child.wait().unwrap().success());
        assert!(!is_running(child.id()));
        end(child.id(), Ending::Orderly).unwrap();
    }

    #[test]
    fn no_signal_goes_to_whole_groups() {
        assert!(!is_running(0));
        assert!(!is_running(u32::MAX));
    }

    #[test]
    fn our_own_command_line_is_known_where_the_system_tells_it() {
        if let Some(words) = command_line(std::process::id()) {
            assert_eq!(words.first().cloned(), std::env::args().next());
        }
    }
}
