//! Gives an engine a thread, a clock and an inbox.
//!
//! The engine runs on a thread of its own, because it waits for the disk. Everybody else holds a
//! [`Handle`]. Answers of the state machine are never dropped and go before packets; packets are
//! dropped when the inbox is full, as a network drops them. A turn is never cut in half.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mokka_consensus::{
    Accused, BuiltBlock, CheckedBlock, Event, FinalizedBlock, Ignored, Input, Status, WorkWaiting,
};
use mokka_crypto::Verified;
use mokka_types::{ChainHash, Envelope, Monotonic, PublicKey, Settings};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{Engine, Fatal, Gate, Passage, Plugs, Screen, Start, TurnReport, Unopened};

/// Packets that wait for the engine: some seconds of a busy set of 128. What comes on top is
/// dropped; the protocol repeats it.
const PACKETS_WAITING: usize = 1024;
/// Their bytes, in packets of the largest size: a block in flight, its successor, and a few ranges.
const LARGEST_WAITING: usize = 16;
/// Packets up to this size count as packets only: votes must get through while blocks wait.
const SMALL_PACKET: usize = 4096;
/// Answers that wait for the engine. The core has few requests open, so this is never full for
/// long.
const ANSWERS_WAITING: usize = 64;
/// The wall clock may be set while a node runs, and what is shown of it changes also while nothing
/// comes in: a leader that is silent for the isolation time is none any more. Both are looked at so
/// often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A node that is told to stop hands over what it leads (§5.7), for at most so long.
const HANDOVER_LIMIT: Duration = Duration::from_secs(2);
/// Notices that a slow observer may be behind before it misses some.
const NOTICES_KEPT: usize = 1024;

/// What observers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The original's `join`: the transport says that this member can be reached.
    Joined(PublicKey),
    /// The original's `leave`: it cannot any more.
    Left(PublicKey),
    /// Something happened to this node.
    Event(Event),
    /// A peer broke the protocol (§10).
    Accused(Accused),
    /// An input changed nothing, for this reason.
    Ignored(Ignored),
}

/// Why a driver ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The operator asked for it.
    ByOperator,
}

/// Where everybody else reaches the engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    gate: Gate,
    screen: Option<Screen>,
    packets: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    answers: mpsc::Sender<Input>,
    work: watch::Sender<WorkWaiting>,
    stop: CancellationToken,
    notices: broadcast::Sender<Notice>,
    status: watch::Receiver<Option<Status>>,
}

impl Handle {
    /// A packet came as bytes. Its size, form and signature are checked here, on the caller's
    /// thread; what passes waits for the engine.
    ///
    /// # Errors
    /// When the bytes are no packet, or the inbox is full. [`Unopened::is_senders_fault`] tells.
    pub fn packet(&self, bytes: &[u8]) -> Result<(), Unopened> {
        let packet = self.gate.open(bytes)?;
        self.authenticated(packet, bytes.len())
    }

    /// A packet whose signature was checked before, and the bytes that it came in.
    ///
    /// # Errors
    /// When the inbox is full, or this member's own [`Screen`] refuses the packet.
    pub fn authenticated(&self, packet: Verified<Envelope>, bytes: usize) -> Result<(), Unopened> {
        if self.screen.as_ref().is_some_and(|screen| screen.look(&packet) == Passage::Refuse) {
            return Err(Unopened::Refused);
        }
        let room = match bytes > SMALL_PACKET {
            true => Some(self.room_for(bytes).ok_or(Unopened::Overloaded)?),
            false => None,
        };
        let waiting = Waiting { packet, _room: room };
        self.packets.try_send(waiting).map_err(|_| Unopened::Overloaded)
    }

    fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()
    }

    /// The same inbox, entered through a screen that looks at every packet first.
    #[must_use]
    pub fn screened(self, screen: Screen) -> Self {
        Self { screen: Some(screen), ..self }
    }

    /// For a transport: this member can be reached from now on.
    pub fn joined(&self, member: PublicKey) {
        let _heard_by = self.notices.send(Notice::Joined(member));
    }

    /// For a transport: this member cannot be reached any more.
    pub fn left(&self, member: PublicKey) {
        let _heard_by = self.notices.send(Notice::Left(member));
    }

    /// Opens packets of this chain.
    pub const fn gate(&self) -> Gate {
        self.gate
    }

    /// Answers [`crate::StateMachine::build`]. Returns at once unless the engine is far behind;
    /// not to be called from async code.
    pub fn built(&self, block: BuiltBlock) {
        self.answer(Input::Built(block));
    }

    /// Answers [`crate::StateMachine::check`]; not to be called from async code.
    pub fn checked(&self, block: CheckedBlock) {
        self.answer(Input::Checked(block));
    }

    /// Answers [`crate::StateMachine::finalize`]; not to be called from async code.
    pub fn finalized(&self, block: FinalizedBlock) {
        self.answer(Input::Finalized(block));
    }

    /// Says who is approved to become a validator (§9); not to be called from async code.
    pub fn approved(&self, keys: Vec<PublicKey>) {
        self.answer(Input::Approved(keys));
    }

    /// Says whether executable transactions wait. Only the newest answer counts.
    pub fn work_waiting(&self, work: WorkWaiting) {
        self.work.send_if_modified(|known| std::mem::replace(known, work) != work);
    }

    /// Like [`Handle::work_waiting`], and the engine looks again even if it heard the same before:
    /// a block could not be built, and something came meanwhile.
    pub fn work_waiting_again(&self, work: WorkWaiting) {
        self.work.send_replace(work);
    }

    /// Ends the driver: leadership is given up first. Returns at once.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// All notices from now on. A reader that lags misses the oldest ones.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// What the node is and knows; `None` until it has started.
    pub fn status(&self) -> watch::Receiver<Option<Status>> {
        self.status.clone()
    }

    /// An answer to an engine that has ended is of no use to anybody, so that is no error.
    fn answer(&self, input: Input) {
        if let Err(mpsc::error::TrySendError::Full(input)) = self.answers.try_send(input) {
            let _ended = self.answers.blocking_send(input);
        }
    }
}

/// A packet and its share of the inbox, until its turn.
#[derive(Debug)]
struct Waiting {
    packet: Verified<Envelope>,
    _room: Option<OwnedSemaphorePermit>,
}

/// The engine's end of a [`Handle`].
#[derive(Debug)]
pub struct Inbox {
    packets: mpsc::Receiver<Waiting>,
    answers: mpsc::Receiver<Input>,
    work: watch::Receiver<WorkWaiting>,
    stop: CancellationToken,
    notices: broadcast::Sender<Notice>,
    status: watch::Sender<Option<Status>>,
}

/// An inbox and its handle, for an engine to come: the plugs need the handle first.
pub fn inbox(chain: ChainHash, settings: &Settings) -> (Inbox, Handle) {
    let (packets, packets_in) = mpsc::channel(PACKETS_WAITING);
    let (answers, answers_in) = mpsc::channel(ANSWERS_WAITING);
    let (work, work_in) = watch::channel(WorkWaiting::No);
    let (status, status_out) = watch::channel(None);
    let (notices, _) = broadcast::channel(NOTICES_KEPT);
    let stop = CancellationToken::new();
    let inbox = Inbox {
        packets: packets_in,
        answers: answers_in,
        work: work_in,
        stop: stop.clone(),
        notices: notices.clone(),
        status,
    };
    let gate = Gate::new(chain, settings);
    let bytes = gate.limit().bytes().saturating_mul(LARGEST_WAITING);
    let room = Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
    let screen = None;
    (
        inbox,
        Handle { gate, screen, packets, room, answers, work, stop, notices, status: status_out },
    )
}

/// What the wall clock shows, since 1970.
pub fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Time since the driver started.
#[derive(Clone, Copy, Debug)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Monotonic {
        Monotonic::since_start(self.0.elapsed())
    }

    /// Waits for an instant; for ever where there is none.
    async fn until(self, instant: Option<Monotonic>) {
        match instant {
            Some(instant) => tokio::time::sleep_until(self.0 + instant.elapsed()).await,
            None => std::future::pending().await,
        }
    }
}

/// Feeds an engine until it stops.
pub struct Driver {
    engine: Engine,
    clock: Clock,
    inbox: Inbox,
}

impl Driver {
    /// Starts the engine, on the thread and runtime that will run it.
    ///
    /// # Errors
    /// When the engine cannot start.
    pub fn start(inbox: Inbox, plugs: Plugs, start: Start) -> Result<Self, Fatal> {
        let clock = Clock(Instant::now());
        let (engine, report) = Engine::start(plugs, start, clock.now())?;
        let driver = Self { engine, clock, inbox };
        driver.publish(report);
        Ok(driver)
    }

    /// Runs until it is told to stop, and has handed over, or must. `stop` is looked at only
    /// between turns.
    ///
    /// # Errors
    /// When the node cannot go on.
    pub async fn run(mut self) -> Result<Stopped, Fatal> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ends_by = None;
        loop {
            let now = self.clock.now();
            if ends_by.is_some_and(|limit| now >= limit || self.engine.may_end(now)) {
                self.turn(Input::Stop)?;
                return Ok(Stopped::ByOperator);
            }
            let deadline = self.engine.next_deadline();
            let deadline = ends_by.into_iter().chain(deadline).min();
            let Inbox { packets, answers, work, stop, .. } = &mut self.inbox;
            let input = tokio::select! {
                biased;
                () = stop.cancelled(), if ends_by.is_none() => {
                    ends_by = Some(now.after(HANDOVER_LIMIT));
                    Input::Stop
                }
                Some(answer) = answers.recv() => answer,
                Ok(()) = work.changed() => Input::WorkWaiting(*work.borrow_and_update()),
                () = self.clock.until(deadline) => Input::DeadlineReached,
                _ = look.tick() => Input::WallClock(wall_clock()),
                Some(waiting) = packets.recv() => Input::Packet(Box::new(waiting.packet)),
            };
            self.turn(input)?;
        }
    }

    fn turn(&mut self, input: Input) -> Result<(), Fatal> {
        let report = self.engine.turn(self.clock.now(), input)?;
        self.publish(report);
        Ok(())
    }

    /// Nobody has to listen. Who hears of something finds it in the status, too.
    fn publish(&self, report: TurnReport) {
        self.show();
        let notices = report
            .events
            .into_iter()
            .map(Notice::Event)
            .chain(report.accused.into_iter().map(Notice::Accused))
            .chain(report.ignored.into_iter().map(Notice::Ignored));
        for notice in notices {
            let _heard_by = self.inbox.notices.send(notice);
        }
    }

    fn show(&self) {
        let status = self.engine.status(self.clock.now());
        self.inbox.status.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&status);
            *known = Some(status);
            changed
        });
    }
}

/// An engine on a thread of its own.
#[derive(Debug)]
pub struct Running {
    ended: oneshot::Receiver<Result<Stopped, Fatal>>,
}

/// Why the thread of an engine ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The node must stop.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// The thread panicked; its message went to standard error.
    #[error("the consensus thread ended without a reason; this is a bug, please report it")]
    Vanished,
}

impl Running {
    /// Waits for the end.
    ///
    /// # Errors
    /// When it was not the operator who ended it.
    pub async fn ended(&mut self) -> Result<Stopped, Ended> {
        match (&mut self.ended).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Ended::Vanished),
        }
    }
}

/// Starts an engine on a thread named `mokka-consensus`.
///
/// # Errors
/// When the operating system gives no thread or timer.
pub fn spawn(inbox: Inbox, plugs: Plugs, start: Start) -> io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (tell, ended) = oneshot::channel();
    thread::Builder::new().name("mokka-consensus".into()).spawn(move || {
        let result = runtime.block_on(async {
            let driver = Driver::start(inbox, plugs, start)?;
            driver.run().await
        });
        let _nobody_waits = tell.send(result);
    })?;
    Ok(Running { ended })
}

#[cfg(test)]
mod tests {
    use mokka_crypto::SecretKey;
    use mokka_types::{BlockId, Body, BodyReply, Packet, RunNumber, codec};

    use super::*;

    const CHAIN: ChainHash = ChainHash::new([7; 32]);

    fn body(key: &SecretKey, counter: u64, bytes: usize) -> Vec<u8> {
        let reply = BodyReply { id: BlockId::default(), body: Body::new(vec![0; bytes]) };
        let (sender, run) = (key.public_key(), RunNumber::new(1));
        let packet = Packet::Body(reply);
        codec::encode(&key.seal(&CHAIN, Envelope { sender, run, counter, packet }).0)
    }

    /// §10: what waits for the engine is bounded in bytes, and votes get through beside it.
    #[test]
    fn packets_wait_within_a_bound_of_bytes_until_their_turn() {
        let settings = Settings { max_block_bytes: 1 << 16, ..Settings::default() };
        let (mut inbox, handle) = inbox(CHAIN, &settings);
        let key = SecretKey::generate();
        let room = LARGEST_WAITING * handle.gate().limit().bytes();
        let large = body(&key, 1, 1 << 16);
        let fit = room / large.len();
        assert!(fit < PACKETS_WAITING, "or else the number is what bounds them");
        for _ in 0..fit {
            handle.packet(&large).expect("room");
        }
        assert_eq!(handle.packet(&large), Err(Unopened::Overloaded));
        handle.packet(&body(&key, 2, 1)).expect("a vote is no larger");
        inbox.packets.try_recv().expect("the first");
        handle.packet(&large).expect("its room again");
    }
}
