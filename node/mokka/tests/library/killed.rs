//! A member in a process of its own, which is killed as by a power cut, at any point.

use std::{
    env,
    io::{self, BufRead, BufReader, Lines, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use mokka::types::CrashModel;

use crate::world::{Seat, World, cluster, public, secret};

const FILE: &str = "MOKKA_TEST_FILE";
const OTHERS: &str = "MOKKA_TEST_OTHERS";

/// What the other process does: member 4 writes without end, and says what is final.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn member_four() {
    let (Ok(file), Ok(others)) = (env::var(FILE), env::var(OTHERS)) else { return };
    // It does not outlive whoever started it.
    thread::spawn(|| {
        let _end_of_input = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    let member = mokka::Member::new(cluster(4, CrashModel::Bft), secret(4)).expect("a cluster");
    let seat = Seat::take(member, 4, file.into()).await;
    for (number, address) in (1..).zip(others.split(',')) {
        seat.network.join(public(number), address).await;
    }
    for written in 0u64.. {
        let text = format!("{written} of process {}", std::process::id());
        let index = seat.log.submit(text.clone().into_bytes()).await.expect("submitted");
        println!("final {index} {text}");
    }
}

/// Member 4 in its own process.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(file: &Path, others: &[Seat]) -> Self {
        let addresses: Vec<_> = others.iter().map(Seat::address).collect();
        let this = env::current_exe().expect("this program");
        let mut child = Command::new(this)
            .args(["killed::member_four", "--exact", "--nocapture"])
            .env(FILE, file)
            .env(OTHERS, addresses.join(","))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines }
    }

    /// The next entry that it was told is final.
    fn next_final(&mut self) -> Option<(u64, String)> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (index, text) = line.split_once("final ")?.1.split_once(' ')?;
            Some((index.parse().expect("an index"), text.to_owned()))
        })
    }

    /// Kills it, and returns what it still said.
    fn kill(mut self) -> Vec<(u64, String)> {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
        std::iter::from_fn(|| self.next_final()).collect()
    }
}

/// §8: whatever a member was told is final stays so; it goes on from its file, and agrees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_killed_goes_on_from_its_file() {
    let world = World::new(4, CrashModel::Bft);
    let seats = world.start_all(3).await;
    let mut told = Vec::new();
    for entries in [5, 17, 30] {
        let mut process = Process::start(&world.path(4), &seats);
        let (process, finals) = tokio::task::spawn_blocking(move || {
            let finals: Vec<_> =
                std::iter::from_fn(|| process.next_final()).take(entries).collect();
            (process, finals)
        })
        .await
        .expect("no panic");
        assert_eq!(finals.len(), entries, "the process ended by itself");
        told.extend(finals);
        told.extend(process.kill());
    }
    seats[0].log.submit(*b"the last one").await.expect("submitted");
    let fourth = world.start(world.member(4), 4, &seats).await;
    let length = *seats[0].log.length().borrow();
    let entries = seats[0].entries(length).await;
    for seat in seats.iter().chain([&fourth]) {
        assert_eq!(seat.entries(length).await, entries);
    }
    for (index, text) in told {
        assert_eq!(entries[usize::try_from(index).expect("small")], text);
    }
    fourth.stop().await;
    for seat in seats {
        seat.stop().await;
    }
}
