//! Sending at a pace, while counting what the nodes show.

use std::{sync::Arc, time::Duration};

use mokka_rpc::{
    api::EthApiClient,
    client::{self, Error, WsClient},
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::Instant,
};

use super::{Pace, blocks, ledger::Ledger, load::Load};
use crate::{endpoint::Endpoint, error::Failure};

/// Answers that may wait to be written down.
const NEWS: usize = 4096;
/// Open loop: calls without an answer. More would only measure our own memory.
const OPEN_CALLS: usize = 10_000;
/// Calls to one node without an answer; a node answers 64 of one connection at the same time, and
/// refuses more.
const CALLS: usize = 48;
/// How often a transfer is sent before it counts as refused.
const ATTEMPTS: u32 = 40;
/// How long until it is sent again.
const AGAIN: Duration = Duration::from_millis(250);
/// How often we look whether anything happens at all.
const LOOK: Duration = Duration::from_millis(500);

/// What came of a load.
pub(super) struct Run {
    /// What became of each transfer.
    pub(super) ledger: Ledger,
    /// From the first transfer due to the last one final.
    pub(super) took: Duration,
    /// Blocks that held any of them, as one node showed them.
    pub(super) blocks: u64,
}

/// What the senders tell.
enum News {
    /// A transfer goes to a node; it was due then.
    Sent { place: u32, due: Instant, node: usize },
    /// An answer was an error.
    Error { kind: String },
    /// No node takes it.
    Refused { place: u32 },
}

/// Sends all transfers and waits until they are final, or until nothing happens any more.
pub(super) async fn run(
    endpoints: &[Endpoint],
    load: &Arc<Load>,
    pace: Pace,
    patience: Duration,
) -> Result<Run, Failure> {
    let mut shown = blocks::follow(endpoints).await?;
    let mut lines = Vec::new();
    for (node, endpoint) in endpoints.iter().enumerate() {
        lines.push(Line::open(node, endpoint.url()).await?);
    }
    let (tell, mut news) = mpsc::channel(NEWS);
    let start = Instant::now();
    let room = Arc::new(Semaphore::new(match pace {
        Pace::Closed { in_flight } => in_flight as usize,
        Pace::Open { .. } => OPEN_CALLS,
    }));
    let senders = Senders { load: Arc::clone(load), lines: lines.into(), tell, start };
    tokio::spawn(senders.run(pace, Arc::clone(&room)));
    let mut counter = Counter::new(load, endpoints.len(), start, pace, room);
    let mut look = tokio::time::interval(LOOK);
    while counter.ledger.open() > 0 && counter.last.elapsed() < patience {
        tokio::select! {
            biased;
            Some(told) = news.recv() => counter.told(told),
            Some(block) = shown.recv() => counter.block(&block),
            _ = look.tick() => {}
        }
    }
    let took = counter.last.saturating_duration_since(start);
    Ok(Run { ledger: counter.ledger, took, blocks: counter.blocks })
}

/// Writes down what happens.
struct Counter<'a> {
    load: &'a Load,
    ledger: Ledger,
    start: Instant,
    pace: Pace,
    room: Arc<Semaphore>,
    /// When something last happened to a transfer.
    last: Instant,
    blocks: u64,
}

impl<'a> Counter<'a> {
    fn new(load: &'a Load, nodes: usize, start: Instant, pace: Pace, room: Arc<Semaphore>) -> Self {
        let ledger = Ledger::new(load.transfers.len(), nodes);
        Self { load, ledger, start, pace, room, last: start, blocks: 0 }
    }

    fn told(&mut self, news: News) {
        match news {
            News::Sent { place, due, node } => {
                self.ledger.sent(place, due.saturating_duration_since(self.start), node);
            }
            News::Error { kind } => self.ledger.error(kind),
            News::Refused { place } => {
                if self.ledger.refused(place) {
                    self.last = Instant::now();
                    self.make_room();
                }
            }
        }
    }

    fn block(&mut self, block: &blocks::Shown) {
        let now = block.at.saturating_duration_since(self.start);
        let places = block.transactions.iter().filter_map(|hash| self.load.places.get(hash));
        let places: Vec<_> = places.copied().collect();
        self.blocks += u64::from(block.node == 0 && !places.is_empty());
        for place in places {
            if self.ledger.shown(place, now, block.node) {
                self.last = self.last.max(block.at);
                self.make_room();
            }
        }
    }

    /// In a closed loop one that is done makes room for the next.
    fn make_room(&self) {
        match self.pace {
            Pace::Closed { .. } => self.room.add_permits(1),
            Pace::Open { .. } => {}
        }
    }
}

/// The connection to one node, opened again when it breaks.
#[derive(Clone)]
struct Line {
    url: String,
    client: watch::Receiver<Arc<WsClient>>,
    broken: mpsc::Sender<()>,
    calls: Arc<Semaphore>,
}

impl Line {
    async fn open(node: usize, url: &str) -> Result<Self, Failure> {
        let url = blocks::websocket(url);
        let first = client::ws(&url).await.map_err(|error| {
            Failure::rpc(format!("node {node} takes no load: {error}; see `mokka status`"))
        })?;
        let (newest, client) = watch::channel(Arc::new(first));
        let (broken, mut reports) = mpsc::channel(1);
        let calls = Arc::new(Semaphore::new(CALLS));
        let line = Self { url: url.clone(), client, broken, calls };
        tokio::spawn(async move {
            while reports.recv().await.is_some() {
                if newest.borrow().is_connected() {
                    continue;
                }
                if let Ok(again) = client::ws(&url).await {
                    newest.send_replace(Arc::new(again));
                }
            }
        });
        Ok(line)
    }

    async fn send(&self, raw: alloy_primitives::Bytes) -> Result<(), Error> {
        // Closed only at the end of everything.
        let _turn = self.calls.acquire().await;
        let client = Arc::clone(&self.client.borrow());
        let result = EthApiClient::send_raw_transaction(client.as_ref(), raw).await;
        if !matches!(result, Ok(_) | Err(Error::Call(_))) {
            // Full: somebody else has reported it already.
            let _reported = self.broken.try_send(());
        }
        result.map(|_| ())
    }
}

/// What sends.
#[derive(Clone)]
struct Senders {
    load: Arc<Load>,
    lines: Arc<[Line]>,
    tell: mpsc::Sender<News>,
    start: Instant,
}

impl Senders {
    async fn run(self, pace: Pace, room: Arc<Semaphore>) {
        let count = u32::try_from(self.load.transfers.len()).unwrap_or(u32::MAX);
        for place in 0..count {
            let due = match pace {
                Pace::Closed { .. } => {
                    let Ok(permit) = room.acquire().await else { return };
                    // Given back when the transfer is done.
                    permit.forget();
                    Instant::now()
                }
                Pace::Open { rate } => {
                    let due = self.start
                        + Duration::from_nanos(
                            u64::from(place) * 1_000_000_000 / u64::from(rate.max(1)),
                        );
                    tokio::time::sleep_until(due).await;
                    due
                }
            };
            let held = match pace {
                Pace::Closed { .. } => None,
                Pace::Open { .. } => Arc::clone(&room).acquire_owned().await.ok(),
            };
            let one = self.clone();
            tokio::spawn(async move {
                one.send(place, due).await;
                drop(held);
            });
        }
    }

    /// Sends one transfer, again where that may help.
    async fn send(&self, place: u32, due: Instant) {
        let raw = &self.load.transfers[place as usize].raw;
        let mut node = self.load.node(place);
        for attempt in 1..=ATTEMPTS {
            if self.tell.send(News::Sent { place, due, node }).await.is_err() {
                return;
            }
            let Err(error) = self.lines[node].send(raw.clone()).await else { return };
            let answer = Answer::of(&error);
            if answer == Answer::Taken {
                return;
            }
            let told = self.tell.send(News::Error { kind: kind(&error) }).await;
            if told.is_err() || (answer == Answer::Never || attempt == ATTEMPTS) {
                let _ended = self.tell.send(News::Refused { place }).await;
                return;
            }
            if answer == Answer::Unreachable {
                node = (node + 1) % self.lines.len();
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// What an error means for a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The network has it already.
    Taken,
    /// Not now, but perhaps later.
    Later,
    /// Another node may take it.
    Unreachable,
    /// No node takes it.
    Never,
}

impl Answer {
    fn of(error: &Error) -> Self {
        let Error::Call(call) = error else { return Self::Unreachable };
        let text = call.message().to_ascii_lowercase();
        let says = |part: &str| text.contains(part);
        if says("already known") || says("nonce too low") {
            // Sent again after an answer that we did not get: blocks tell whether it is there.
            Self::Taken
        } else if says("full")
            || says("busy")
            || says("limit")
            || says("in flight")
            || says("too many")
            || says("sync")
        {
            Self::Later
        } else {
            Self::Never
        }
    }
}

/// What kind of error it was: its first words, without the numbers of this one.
fn kind(error: &Error) -> String {
    match error {
        Error::Call(call) => {
            let message = call.message();
            let words = message.split([':', ';', '(']).next().unwrap_or(message);
            format!("{} ({})", words.trim(), call.code())
        }
        Error::RequestTimeout => "no answer in time".to_owned(),
        _ => "connection lost".to_owned(),
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}
