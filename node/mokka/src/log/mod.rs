//! A replicated log: bytes, in the same order at every member, final once they are there.
//!
//! For a state machine of your own, [follow](Log::follow) the log from where you stopped and apply
//! what comes: every member sees the same entries in the same order, each once.
//!
//! An entry is signed by the member at which it was submitted, and said to all others, again until
//! it is final; so whoever leads has it. A faulty leader can delay entries, not change, repeat or
//! reorder those of one author. Blocks and promises lie in one append-only file: what is synced
//! makes all before it durable, so that a member may be killed at any moment and go on from its
//! file (§6.5, §8).
//!
//! Read in this order: `entry`, `pool` (what waits), `scan` and `frames` (the file), `book` (what
//! is in it), `machine` (the log as the engine sees it).
//!
//! # Locks
//! The engine's thread writes, users only read. `Shared` is held for one look or one write, never
//! across an await; where both locks are needed, `book` comes before `pool`.

mod book;
mod entry;
mod frames;
mod machine;
mod pool;
mod scan;
#[cfg(feature = "testing")]
pub mod testing;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use mokka_crypto::SecretKey;
use mokka_types::{Body, ChainHash, RunNumber, ValidatorSet, codec};
use tokio::{
    sync::{
        Notify,
        broadcast::{self, error::RecvError},
        watch,
    },
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Member, Running, Transport,
    tcp::{Message, Network, Recipient, Topic},
};
use book::{Book, Found};
use entry::{BLOCK_OVERHEAD, ENTRY_OVERHEAD};
use machine::{LogMachine, LogStore};
use pool::{Pool, SAY_AGAIN, Unwanted};

pub use entry::{Entry, MAX_ENTRY_BYTES};
pub use frames::OpenError;

/// Why a log does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gives no thread or timer.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why an entry is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSubmitted {
    /// More than an entry may hold.
    #[error("{bytes} bytes are more than the {limit} of an entry; submit several")]
    TooLong {
        /// How many they are.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many entries of this member wait.
    #[error("too many entries of this member wait; wait until some of them are final")]
    Full,
    /// This member only observes.
    #[error("this member's key is not among those of the cluster; it can only read")]
    NotAMember,
    /// The member has stopped; the entry may have become final nevertheless.
    #[error("the member has stopped; whether the entry became final will show in the log")]
    Stopped,
}

/// Numbers the entries of this member.
#[derive(Debug)]
struct Author {
    key: Arc<SecretKey>,
    run: RunNumber,
    last: u64,
}

/// What the engine's side and the users' side have in common.
struct Shared {
    chain: ChainHash,
    members: ValidatorSet,
    entry_limit: usize,
    book: Mutex<Book>,
    pool: Mutex<Pool>,
    author: Mutex<Author>,
    /// How many entries there are.
    length: watch::Sender<u64>,
    /// There is a new entry of our own.
    fresh: Notify,
    ended: CancellationToken,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a member whose blocks are a log, from the file at `path`, which is made where it is
/// missing. Its folder is made, too. Reads the whole file first. To be called within a runtime.
///
/// # Errors
/// When the file cannot be used, or the system gives no thread.
pub fn start(
    member: Member,
    path: impl AsRef<Path>,
    transport: impl Transport + 'static,
) -> Result<(Log, Running), StartError> {
    let Found { book, restored, run } = Book::open(path.as_ref(), &member)?;
    let (cluster, handle) = (member.cluster(), member.handle());
    let members = cluster.members().clone();
    let limit = usize::try_from(cluster.settings().max_block_bytes).unwrap_or(usize::MAX);
    let (own, taken) = (member.public_key(), book.taken().clone());
    let key = Arc::clone(member.key());
    let shared = Arc::new(Shared {
        chain: cluster.chain(),
        members: members.clone(),
        entry_limit: MAX_ENTRY_BYTES.min(limit.saturating_sub(BLOCK_OVERHEAD + ENTRY_OVERHEAD)),
        length: watch::Sender::new(book.length()),
        book: Mutex::new(book),
        pool: Mutex::new(Pool::new(own, members.clone(), taken, handle.clone())),
        author: Mutex::new(Author { key, run, last: 0 }),
        fresh: Notify::new(),
        ended: CancellationToken::new(),
    });
    let machine = LogMachine::new(Arc::clone(&shared), handle, &members, limit);
    let store = LogStore(Arc::clone(&shared));
    let running = member.start(transport, machine, store, restored)?;
    Ok((Log { shared }, running))
}

/// The log of one member. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

impl Log {
    /// Submits an entry and returns its index once it is final. Where the future is dropped before,
    /// the entry goes on its way nevertheless.
    ///
    /// # Errors
    /// When it is too long, too many wait, this member only observes, or stops.
    pub async fn submit(&self, bytes: impl Into<Arc<[u8]>>) -> Result<u64, NotSubmitted> {
        let told = {
            let bytes = Body::new(bytes);
            let (length, limit) = (bytes.as_bytes().len(), self.shared.entry_limit);
            if length > limit {
                return Err(NotSubmitted::TooLong { bytes: length, limit });
            }
            // One after the other, so that numbers leave no gap.
            let mut author = self.shared.author.lock().unwrap_or_else(PoisonError::into_inner);
            let place = (author.run, author.last + 1);
            let entry = Entry::sign(&author.key, &self.shared.chain, place, bytes);
            let told = self.shared.pool().submit(entry).map_err(|unwanted| match unwanted {
                Unwanted::Stranger => NotSubmitted::NotAMember,
                Unwanted::Full => NotSubmitted::Full,
                // Numbers only grow: another process uses the key, which ends this one.
                Unwanted::Known => NotSubmitted::Stopped,
            })?;
            author.last += 1;
            told
        };
        self.shared.fresh.notify_one();
        match self.shared.ended.run_until_cancelled(told).await {
            Some(Ok(index)) => Ok(index),
            Some(Err(_)) | None => Err(NotSubmitted::Stopped),
        }
    }

    /// How many entries are final here; each change can be waited for.
    pub fn length(&self) -> watch::Receiver<u64> {
        self.shared.length.subscribe()
    }

    /// The entry at an index, from 0 on; none where the log is not so long yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn entry(&self, index: u64) -> io::Result<Option<Entry>> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || shared.book().entry(index));
        read.await.map_err(io::Error::other)?
    }

    /// All entries from an index on, those to come included.
    pub fn follow(&self, from: u64) -> Follow {
        Follow { log: self.clone(), length: self.length(), next: from }
    }

    /// The own entries that are to be said to all other members now: at once when there is a new
    /// one, and again while they are not final. Whoever brings his own transport gives them to
    /// [`Self::heard`] there; over TCP [`Self::spread_over`] does.
    pub async fn to_say(&self) -> Vec<Vec<u8>> {
        let _again = timeout(SAY_AGAIN, self.shared.fresh.notified()).await;
        self.shared.pool().say(Instant::now()).iter().map(codec::encode).collect()
    }

    /// Takes in an entry that another member says, from whomever it came: it proves its author.
    /// What is none, or none that is wanted here, is dropped.
    pub fn heard(&self, bytes: &[u8]) {
        let Ok(entry) = codec::decode::<Entry>(bytes) else { return };
        let fits = entry.bytes().len() <= self.shared.entry_limit;
        if fits
            && self.shared.pool().wants_heard(&entry).is_ok()
            && entry.is_authentic(&self.shared.chain)
        {
            let _unwanted_meanwhile = self.shared.pool().insert(entry);
        }
    }

    /// Says own entries to all, and hears those of others, over TCP, until the member ends. To be
    /// called within a runtime.
    pub fn spread_over(&self, network: &Network) {
        let saying = say(self.clone(), network.clone());
        let hearing = hear(self.clone(), network.messages());
        let ended = &self.shared.ended;
        tokio::spawn(ended.clone().run_until_cancelled_owned(saying));
        tokio::spawn(ended.clone().run_until_cancelled_owned(hearing));
    }
}

async fn say(log: Log, network: Network) {
    loop {
        for entry in log.to_say().await {
            // An entry is shorter than a message may be.
            let _fits = network.send(Recipient::All, Topic::LOG, entry);
        }
    }
}

async fn hear(log: Log, mut messages: broadcast::Receiver<Message>) {
    loop {
        match messages.recv().await {
            Ok(message) if message.topic == Topic::LOG => log.heard(message.bytes.as_bytes()),
            // What was missed is said again.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Entries in order, one after the other.
pub struct Follow {
    log: Log,
    length: watch::Receiver<u64>,
    next: u64,
}

impl Follow {
    /// The next entry and its index, as soon as it is final; none once the member has ended.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next(&mut self) -> io::Result<Option<(u64, Entry)>> {
        let (index, ended) = (self.next, &self.log.shared.ended);
        if *self.length.borrow() <= index {
            let is_there = self.length.wait_for(|length| *length > index);
            if !matches!(ended.run_until_cancelled(is_there).await, Some(Ok(_))) {
                return Ok(None);
            }
        }
        let entry = self.log.entry(index).await?;
        self.next += 1;
        Ok(entry.map(|entry| (index, entry)))
    }
}
