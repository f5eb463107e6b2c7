//! Every option of a member at work, in one process: `cargo run --example options`.
//!
//! Three members have timers of their own and a rule for whom they let lead, look at each packet,
//! say something beside consensus, and keep a sum that follows their log.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mokka::{
    Cluster, Handle, Member, Notice, Passage, Running,
    consensus::Event,
    crypto::SecretKey,
    log::{self, Log},
    tcp::{self, Network, Recipient, Topic},
    types::{CrashModel, PublicKey},
};

type Failure = Box<dyn Error + Send + Sync>;

/// What the messages of this example are about.
const NEWS: Topic = Topic::new(1);

/// How many packets passed.
#[derive(Clone, Default)]
struct Counters {
    incoming: Arc<AtomicU64>,
    outgoing: Arc<AtomicU64>,
}

struct Seat {
    handle: Handle,
    network: Network,
    log: Log,
    running: Running,
}

impl Seat {
    async fn stop(mut self) -> Result<(), Failure> {
        self.handle.stop();
        self.running.ended().await?;
        self.network.stop().await;
        Ok(())
    }
}

/// A member of the cluster that lets nobody lead but `wanted`.
async fn start(
    cluster: Cluster,
    key: SecretKey,
    wanted: PublicKey,
    counters: Counters,
    file: std::path::PathBuf,
) -> Result<Seat, Failure> {
    let Counters { incoming, outgoing } = counters;
    let pass = |count: &AtomicU64| {
        count.fetch_add(1, Ordering::Relaxed);
        Passage::Let
    };
    let member = Member::new(cluster, key)?
        .vote_rule(move |vote| vote.ballot.candidate == wanted)
        .incoming(move |_packet| pass(&incoming))
        .outgoing(move |_packet| pass(&outgoing));
    let handle = member.handle();
    let (transport, network) = tcp::listen(&member, "127.0.0.1:0").await?;
    let (log, running) = log::start(member, file, transport)?;
    log.spread_over(&network);
    Ok(Seat { handle, network, log, running })
}

/// The state machine of this example: whoever applies the same entries has the same sum.
async fn sum(log: &Log, entries: u64) -> Result<i64, Failure> {
    let (mut sum, mut follow) = (0, log.follow(0));
    for _ in 0..entries {
        let (_, entry) = follow.next().await?.ok_or("the member has stopped")?;
        sum += String::from_utf8_lossy(entry.bytes()).parse::<i64>().unwrap_or(0);
    }
    Ok(sum)
}

/// Waits until somebody leads.
async fn leader(handle: &Handle) -> Result<PublicKey, Failure> {
    let mut status = handle.status();
    let led = status.wait_for(|status| status.as_ref().is_some_and(|now| now.leader.is_some()));
    Ok(led.await?.as_ref().and_then(|status| status.leader).ok_or("nobody leads")?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let keys: Vec<_> = (0..3).map(|_| SecretKey::generate()).collect();
    let names: Vec<_> = keys.iter().map(SecretKey::public_key).collect();
    let cluster = Cluster::new("options", CrashModel::Cft, names.clone())?
        .heartbeat(Duration::from_millis(100))
        .election_timeout(Duration::from_millis(250))
        .proof_lifetime(Duration::from_secs(30));
    let (folder, counters) = (tempfile::tempdir()?, Counters::default());
    let mut seats = Vec::new();
    for (number, key) in keys.into_iter().enumerate() {
        let file = folder.path().join(number.to_string());
        seats.push(start(cluster.clone(), key, names[1], counters.clone(), file).await?);
    }
    let mut notices = seats[1].handle.notices();
    let mut heard = seats[2].network.messages();
    for seat in &seats {
        for (name, other) in names.iter().zip(&seats) {
            seat.network.join(*name, other.network.local_address().to_string()).await;
        }
    }

    assert_eq!(leader(&seats[0].handle).await?, names[1]);
    println!("member 1 leads, as all want");
    for number in ["1", "2", "3"] {
        seats[0].log.submit(number.as_bytes()).await?;
    }
    for (number, seat) in seats.iter().enumerate() {
        println!("the sum of member {number} is {}", sum(&seat.log, 3).await?);
    }
    let mut peers = seats[0].network.peers();
    peers.wait_for(|peers| peers.connected.contains(&names[2])).await?;
    seats[0].network.send(Recipient::One(names[2]), NEWS, *b"good morning")?;
    let said = loop {
        let message = heard.recv().await?;
        if message.topic == NEWS {
            break message;
        }
    };
    assert_eq!(said.from, names[0]);
    println!("member 0 says: {}", String::from_utf8_lossy(said.bytes.as_bytes()));
    let leader = seats.remove(1);
    for seat in seats {
        seat.stop().await?;
    }
    loop {
        match notices.recv().await? {
            Notice::Joined(_) => println!("event: join"),
            Notice::Event(Event::HeartbeatTimeout) => println!("event: heartbeat_timeout"),
            Notice::Event(Event::State(role)) => println!("event: state {role:?}"),
            Notice::Left(_) => break println!("event: leave"),
            _ => {}
        }
    }
    leader.stop().await?;
    let (incoming, outgoing) = (&counters.incoming, &counters.outgoing);
    let (incoming, outgoing) = (incoming.load(Ordering::Relaxed), outgoing.load(Ordering::Relaxed));
    println!("{incoming} packets came in, {outgoing} went out");
    Ok(())
}
