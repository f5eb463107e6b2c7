//! A replicated log over TCP, at a terminal: `add_log key value`, `get_log index`, `info`.
//!
//! All members in one process: `cargo run --example cluster`. Or each in a terminal of its own,
//! `cargo run --example cluster -- --index 0`, then `--index 1` and so on: kill one, and start it
//! again. `RUST_LOG=debug` shows what happens inside.

use std::{error::Error, path::PathBuf};

use mokka::{
    Cluster, Handle, Member, Notice, Running,
    consensus::{Event, Status},
    crypto::SecretKey,
    log::{self, Log},
    tcp::{self, Network},
    types::{CrashModel, PublicKey},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    sync::broadcast,
};
use tracing_subscriber::EnvFilter;

const USAGE: &str = "\
options: --index I       run member I alone; without it, all run in this process
         --members N     how many there are (4)
         --port P        member I listens at 127.0.0.1:P+I (7100)
         --dir D         where the logs are kept (./cluster)
         --cft           members may stop but never lie; without it, a third may lie";
const COMMANDS: &str = "add_log KEY VALUE | get_log INDEX | info | use MEMBER | quit";

type Failure = Box<dyn Error + Send + Sync>;

struct Options {
    index: Option<u8>,
    members: u8,
    port: u16,
    dir: PathBuf,
    model: CrashModel,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let dir = PathBuf::from("cluster");
        let mut options = Self { index: None, members: 4, port: 7100, dir, model: CrashModel::Bft };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(USAGE);
            match word.as_str() {
                "--index" => options.index = Some(value()?.parse()?),
                "--members" => options.members = value()?.parse()?,
                "--port" => options.port = value()?.parse()?,
                "--dir" => options.dir = value()?.into(),
                "--cft" => options.model = CrashModel::Cft,
                _ => return Err(USAGE.into()),
            }
        }
        let last = options.members.checked_sub(1).ok_or("a cluster has at least one member")?;
        if options.index.is_some_and(|index| index > last) {
            return Err(format!("the last of {} members is {last}", options.members).into());
        }
        Ok(options)
    }

    fn address(&self, index: u8) -> String {
        format!("127.0.0.1:{}", u32::from(self.port) + u32::from(index))
    }

    fn keys(&self) -> Result<Vec<PublicKey>, Failure> {
        (0..self.members).map(|index| Ok(key(index)?.public_key())).collect()
    }
}

/// A key that everybody knows: real members make one by `SecretKey::generate` and tell only its
/// public half.
fn key(index: u8) -> Result<SecretKey, Failure> {
    Ok(SecretKey::from_bytes([index.checked_add(1).ok_or("at most 255 members")?; 32])?)
}

/// Prints what happens to a member.
async fn tell(index: u8, mut notices: broadcast::Receiver<Notice>, keys: Vec<PublicKey>) {
    let name = |key: &PublicKey| keys.iter().position(|known| known == key);
    let name = |key: &PublicKey| name(key).map_or("?".into(), |at| at.to_string());
    while let Ok(notice) = notices.recv().await {
        match notice {
            Notice::Joined(key) => println!("[{index}] join {}", name(&key)),
            Notice::Left(key) => println!("[{index}] leave {}", name(&key)),
            Notice::Event(Event::HeartbeatTimeout) => println!("[{index}] heartbeat_timeout"),
            Notice::Event(Event::State(role)) => println!("[{index}] state {role:?}"),
            Notice::Event(Event::Leader { view, leader }) => {
                println!("[{index}] {} leads term {}", name(&leader), view.term);
            }
            _ => {}
        }
    }
}

/// One member of this process.
struct Seat {
    index: u8,
    handle: Handle,
    network: Network,
    log: Log,
    running: Running,
}

impl Seat {
    async fn take(options: &Options, index: u8) -> Result<Self, Failure> {
        let keys = options.keys()?;
        let cluster = Cluster::new("example cluster", options.model, keys.clone())?;
        let member = Member::new(cluster, key(index)?)?;
        let handle = member.handle();
        if index == options.index.unwrap_or(0) {
            tokio::spawn(tell(index, handle.notices(), keys.clone()));
        }
        let (transport, network) = tcp::listen(&member, options.address(index)).await?;
        for (peer, key) in (0..options.members).zip(keys) {
            network.join(key, options.address(peer)).await;
        }
        let path = options.dir.join(format!("member-{index}.log"));
        let (log, running) = log::start(member, path, transport)?;
        log.spread_over(&network);
        Ok(Self { index, handle, network, log, running })
    }

    fn add(&self, key: &str, value: &str) {
        let (index, log, entry) = (self.index, self.log.clone(), format!("{key}={value}"));
        tokio::spawn(async move {
            match log.submit(entry.as_bytes()).await {
                Ok(at) => println!("[{index}] entry {at} is final: {entry}"),
                Err(error) => println!("[{index}] {entry}: {error}"),
            }
        });
    }

    async fn show_entry(&self, index: u64) -> Result<(), Failure> {
        match self.log.entry(index).await? {
            Some(entry) => println!("{index}: {}", String::from_utf8_lossy(entry.bytes())),
            None => println!("there are {} entries so far", *self.log.length().borrow()),
        }
        Ok(())
    }

    fn show_info(&self, keys: &[PublicKey]) {
        let index = self.index;
        let Some(Status { role, promise, leader, committed, .. }) =
            self.handle.status().borrow().clone()
        else {
            return println!("[{index}] has not started yet");
        };
        let leader = leader.and_then(|leader| keys.iter().position(|key| *key == leader));
        let leader = leader.map_or("nobody".to_owned(), |leader| leader.to_string());
        let entries = *self.log.length().borrow();
        let connected = self.network.peers().borrow().connected.len();
        println!(
            "[{index}] {role:?}, term {}, leader {leader}, height {}, {entries} entries, \
             {connected} connected",
            promise.term, committed.height
        );
    }

    async fn leave(mut self) -> Result<(), Failure> {
        self.handle.stop();
        self.running.ended().await?;
        self.network.stop().await;
        Ok(())
    }
}

async fn obey(
    line: &str,
    seats: &[Seat],
    at: &mut usize,
    keys: &[PublicKey],
) -> Result<(), Failure> {
    let seat = &seats[*at];
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        [] => {}
        ["add_log", key, value] => seat.add(key, value),
        ["get_log", index] => seat.show_entry(index.parse()?).await?,
        ["info"] => seats.iter().for_each(|seat| seat.show_info(keys)),
        ["use", member] => {
            let member: u8 = member.parse()?;
            let found = seats.iter().position(|seat| seat.index == member);
            *at = found.ok_or("this member is not in this process")?;
        }
        _ => println!("{COMMANDS}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let options = Options::read(std::env::args().skip(1))?;
    let keys = options.keys()?;
    let here = options.index.map_or(0..options.members, |index| index..index + 1);
    let mut seats = Vec::new();
    for index in here {
        seats.push(Seat::take(&options, index).await?);
    }
    println!("{COMMANDS}");
    let mut at = 0;
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim() == "quit" {
            break;
        }
        if let Err(error) = obey(&line, &seats, &mut at, &keys).await {
            println!("{error}");
        }
    }
    for seat in seats {
        seat.leave().await?;
    }
    Ok(())
}
