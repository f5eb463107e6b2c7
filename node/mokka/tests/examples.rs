//! The examples do what their pages say, as processes of their own. `cargo test` builds them.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        atomic::{AtomicU16, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

/// Long enough for any machine; the assertions are about what is shown, not how fast.
const PATIENCE: Duration = Duration::from_secs(60);

fn example(name: &str) -> Command {
    let this = env::current_exe().expect("this program");
    let target = this.parent().and_then(Path::parent).expect("in a folder of the target folder");
    let program: PathBuf = target.join("examples").join(name);
    assert!(program.exists(), "{program:?} is not there: `cargo build --examples` makes it");
    Command::new(program)
}

/// What it prints until it ends by itself.
fn output_of(name: &str) -> String {
    let output = example(name).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn options_shows_every_option() {
    let text = output_of("options");
    for line in [
        "member 1 leads, as all want",
        "the sum of member 0 is 6",
        "the sum of member 1 is 6",
        "the sum of member 2 is 6",
        "member 0 says: good morning",
        "event: join",
        "event: heartbeat_timeout",
        "event: state Leader",
        "event: leave",
    ] {
        assert!(text.contains(line), "{line:?} is missing in:\n{text}");
    }
    assert!(text.lines().last().is_some_and(|line| !line.starts_with("0 packets")), "{text}");
}

#[test]
fn four_counts_to_twenty() {
    let text = output_of("four");
    assert_eq!(text.matches("counted: ").count(), 4, "{text}");
}

/// A process of `cluster`, and its terminal.
struct Terminal {
    process: Child,
    keyboard: ChildStdin,
    screen: Receiver<String>,
}

impl Terminal {
    fn open(folder: &Path, port: u16, options: &[&str]) -> Self {
        let mut process = example("cluster")
            .args(["--port", &port.to_string()])
            .args(options)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let keyboard = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        // More than one of these ever prints.
        let (lines, screen) = mpsc::sync_channel(10_000);
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        Self { process, keyboard, screen }
    }

    fn types(&mut self, line: &str) -> &mut Self {
        writeln!(self.keyboard, "{line}").expect("it reads");
        self
    }

    /// Reads on until a line holds one of these.
    fn shows_one(&self, texts: &[&str]) -> String {
        let lines = std::iter::from_fn(|| self.screen.recv_timeout(PATIENCE).ok());
        let mut lines = lines.filter(|line| texts.iter().any(|text| line.contains(text)));
        lines.next().unwrap_or_else(|| panic!("it never shows any of {texts:?}"))
    }

    fn shows(&self, text: &str) -> String {
        self.shows_one(&[text])
    }

    /// Types a question until the answer holds this, and not that there is none yet.
    fn learns(&mut self, question: &str, answer: &str) {
        while !self.types(question).shows_one(&[answer, "entries so far"]).contains(answer) {}
    }

    fn quits(mut self) {
        self.types("quit");
        assert!(self.process.wait().expect("it ends").success());
    }

    fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

/// The first of four ports in a row that nobody listens at, other tests of this process included.
fn four_ports() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 20_000).expect("small") + 20_000;
    let is_free = |port: &u16| {
        let listeners = (0..4).map(|index| TcpListener::bind(("127.0.0.1", port + index)));
        listeners.collect::<Result<Vec<_>, _>>().is_ok()
    };
    let ports = std::iter::repeat_with(|| start + TAKEN.fetch_add(4, Ordering::Relaxed));
    ports.take(1000).find(is_free).expect("free ports")
}

#[test]
fn cluster_keeps_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(folder.path(), four_ports(), &[]);
    terminal.shows("leads term");
    terminal.types("add_log greeting hello").shows("entry 0 is final: greeting=hello");
    for member in 0..4 {
        terminal.types(&format!("use {member}")).learns("get_log 0", "0: greeting=hello");
    }
    let is_complete = |terminal: &mut Terminal| {
        terminal.types("info");
        let lines: Vec<_> = (0..4).map(|_| terminal.shows(" connected")).collect();
        lines.iter().all(|line| line.contains("1 entries, 3 connected"))
    };
    while !is_complete(&mut terminal) {}
    terminal.types("get_log one").shows("invalid digit");
    terminal.quits();
}

#[test]
fn a_member_of_cluster_that_is_killed_goes_on_from_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = four_ports();
    let open = |index: &str| Terminal::open(folder.path(), port, &["--index", index]);
    let mut terminals: Vec<_> = ["0", "1", "2", "3"].map(open).into();
    terminals[0].types("add_log a 1").shows("entry 0 is final");
    terminals.remove(3).kill();
    terminals[1].types("add_log b 2").shows("entry 1 is final");
    let mut last = open("3");
    last.types("add_log c 3").shows("entry 2 is final");
    last.learns("get_log 1", "1: b=2");
    last.quits();
    terminals.into_iter().for_each(Terminal::quits);
}
