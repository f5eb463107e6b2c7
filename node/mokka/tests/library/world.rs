//! Members of one cluster in one process, each with a socket and a file.

use std::{future::Future, path::PathBuf, time::Duration};

use mokka::{
    Cluster, Handle, Member, Running,
    crypto::SecretKey,
    log::{self, Log},
    tcp::{self, Network, Peers},
    types::{CrashModel, PublicKey},
};
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};

/// Long enough for any machine; the assertions are about what happens, not how fast.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits, but not for ever.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("in time")
}

/// Waits until a watched value is as wanted.
pub(crate) async fn until<T: Clone>(
    mut watched: watch::Receiver<T>,
    wanted: impl FnMut(&T) -> bool,
) -> T {
    in_time(watched.wait_for(wanted)).await.expect("somebody tells").clone()
}

pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).expect("a secret key")
}

pub(crate) fn public(number: u8) -> PublicKey {
    secret(number).public_key()
}

/// A cluster of members 1 to `count`.
pub(crate) fn cluster(count: u8, model: CrashModel) -> Cluster {
    Cluster::new("tests", model, (1..=count).map(public)).expect("members")
}

/// One running member.
pub(crate) struct Seat {
    pub(crate) number: u8,
    pub(crate) handle: Handle,
    pub(crate) network: Network,
    pub(crate) log: Log,
    pub(crate) running: Running,
}

impl Seat {
    pub(crate) async fn take(member: Member, number: u8, path: PathBuf) -> Self {
        let handle = member.handle();
        let (transport, network) = tcp::listen(&member, "127.0.0.1:0").await.expect("a port");
        let (log, running) = log::start(member, path, transport).expect("a log");
        log.spread_over(&network);
        Self { number, handle, network, log, running }
    }

    pub(crate) fn address(&self) -> String {
        self.network.local_address().to_string()
    }

    pub(crate) async fn connected(&self, wanted: impl Fn(&Peers) -> bool) -> Peers {
        until(self.network.peers(), wanted).await
    }

    /// The first entries, as text.
    pub(crate) async fn entries(&self, count: u64) -> Vec<String> {
        until(self.log.length(), |length| *length >= count).await;
        let mut entries = Vec::new();
        for index in 0..count {
            let entry = self.log.entry(index).await.expect("readable").expect("there");
            entries.push(String::from_utf8(entry.bytes().to_vec()).expect("text"));
        }
        entries
    }

    pub(crate) async fn stop(mut self) {
        self.handle.stop();
        in_time(self.running.ended()).await.expect("no fault");
        in_time(self.network.stop()).await;
    }
}

/// Members of one cluster and the folder of their files.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new(count: u8, model: CrashModel) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { cluster: cluster(count, model), folder }
    }

    pub(crate) fn path(&self, number: u8) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    pub(crate) fn member(&self, number: u8) -> Member {
        Member::new(self.cluster.clone(), secret(number)).expect("a cluster")
    }

    /// Starts this member and connects it with those that run.
    pub(crate) async fn start(&self, member: Member, number: u8, others: &[Seat]) -> Seat {
        let seat = Seat::take(member, number, self.path(number)).await;
        for other in others {
            seat.network.join(public(other.number), other.address()).await;
            other.network.join(public(number), seat.address()).await;
        }
        seat
    }

    /// Starts members 1 to `count`.
    pub(crate) async fn start_all(&self, count: u8) -> Vec<Seat> {
        let mut seats = Vec::new();
        for number in 1..=count {
            let seat = self.start(self.member(number), number, &seats).await;
            seats.push(seat);
        }
        seats
    }
}
