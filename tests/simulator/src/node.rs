//! One machine of the world: a key, a disk, a clock, an application and, while it runs, an engine.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mokka::Engine;
use mokka_consensus::{Event, Input};
use mokka_crypto::{SecretKey, Verified};
use mokka_types::{Envelope, Monotonic, PublicKey};

use crate::{
    clock::{self, Clock},
    desk::{Asked, Desk},
    disk::Disk,
    liars::Liar,
};

/// What waits for the attention of a node.
pub(crate) enum Waiting {
    Packet(Arc<Verified<Envelope>>),
    /// Its application has done what it was asked for.
    Answer(Asked),
    /// Its application or its operator says something unasked.
    Told(Input),
}

pub(crate) struct Node {
    pub(crate) key: Arc<SecretKey>,
    pub(crate) public: PublicKey,
    pub(crate) desk: Desk,
    pub(crate) engine: Option<Engine>,
    /// Counts starts and ends: what was asked in another life is not answered.
    pub(crate) life: u64,
    pub(crate) clock: Clock,
    pub(crate) looks_at_clock: Monotonic,
    pub(crate) wakes_at: Option<Monotonic>,
    pub(crate) wakes_at_once: u32,
    /// How much longer its application takes.
    pub(crate) slowness: Duration,
    /// How long its disk takes to sync, at most.
    pub(crate) syncs_in: Duration,
    /// What its last turn told of, while its disk syncs what the turn wrote.
    pub(crate) syncing: Option<Vec<Event>>,
    /// What came meanwhile.
    pub(crate) waiting: VecDeque<Waiting>,
    /// Power will fail while its disk syncs.
    pub(crate) fails_in_sync: bool,
    /// The operator has told it to stop.
    pub(crate) stopping: bool,
    /// Answers that a story holds back, while it does.
    pub(crate) held: Option<Vec<Asked>>,
    /// An old copy of its disk.
    pub(crate) backup: Option<Disk>,
    pub(crate) liar: Option<Liar>,
    /// A liar that does not come back.
    pub(crate) silenced: bool,
}

impl Node {
    pub(crate) fn new(key: Arc<SecretKey>, desk: Desk) -> Self {
        Self {
            public: key.public_key(),
            key,
            desk,
            engine: None,
            life: 0,
            clock: Clock::new(clock::EXACT, Monotonic::default()),
            looks_at_clock: Monotonic::default(),
            wakes_at: None,
            wakes_at_once: 0,
            slowness: Duration::ZERO,
            syncs_in: Duration::ZERO,
            syncing: None,
            waiting: VecDeque::new(),
            fails_in_sync: false,
            stopping: false,
            held: None,
            backup: None,
            liar: None,
            silenced: false,
        }
    }

    /// Nothing of what was in memory remains.
    pub(crate) fn forget(&mut self) {
        self.engine = None;
        self.life += 1;
        self.wakes_at = None;
        self.syncing = None;
        self.waiting.clear();
        self.fails_in_sync = false;
        self.stopping = false;
        self.held = None;
    }
}
