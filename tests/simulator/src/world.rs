//! The world: a queue of happenings, some nodes, a network, and an oracle that watches.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use mokka::{Engine, Gate, LocalSigner, Plugs, Start};
use mokka_consensus::{Event, Input, Restored, RoleName, WorkWaiting};
use mokka_crypto::{Committee, SecretKey, Verified, digest};
use mokka_types::{
    BlockId, ChainHash, Envelope, Epoch, FinalBlock, Height, Monotonic, Packet, PublicKey,
    RunNumber, SealedEnvelope, ValidatorSet, View, codec,
};

use crate::{
    Failure, Fate, Passing, Report, Scenario, Weather,
    desk::{Asked, Desk, WatchedSigner},
    disk::Entry,
    machine::{self, Chain},
    network::Cuts,
    oracle::Oracle,
    random::Random,
    trace::{describe, told},
};

/// Deadlines in a row that may come at one instant before we say that time stands still.
const MOST_WAKES_AT_ONCE: u32 = 50;
/// A node's state, printed, may have so many bytes: nothing grows beyond its bound.
const MOST_STATE: usize = 4 << 20;

/// How much of what was not synced survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCut {
    /// Nothing: only the synced part of the log.
    LosingUnsyncedWrites,
    /// A part of it, cut anywhere.
    Torn,
}

/// Something that will happen.
enum Happening {
    Arrives { to: usize, packet: Arc<Verified<Envelope>> },
    Wakes { node: usize, life: u64 },
    Answered { node: usize, life: u64, asked: Asked },
    Starts { node: usize },
}

struct Node {
    key: Arc<SecretKey>,
    public: PublicKey,
    desk: Desk,
    engine: Option<Engine>,
    /// Counts starts: what was asked in another life is not answered.
    life: u64,
    wakes_at: Option<Monotonic>,
    wakes_at_once: u32,
}

type Judge = Box<dyn FnMut(&Passing<'_>) -> Fate>;

/// A simulated network of validators.
pub struct World {
    scenario: Scenario,
    pub(crate) random: Random,
    now: Monotonic,
    queue: BTreeMap<(Monotonic, u64), Happening>,
    happened: u64,
    nodes: Vec<Node>,
    chain: ChainHash,
    set: ValidatorSet,
    gate: Gate,
    weather: Weather,
    cuts: Cuts,
    judge: Option<Judge>,
    oracle: Oracle,
    works: u64,
    report: Report,
    trace: blake3::Hasher,
}

type Outcome = Result<(), String>;

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let mut random = Random::new(scenario.seed);
        let mut keys: Vec<SecretKey> = (0..scenario.validators).map(secret).collect();
        keys.sort_by_key(SecretKey::public_key);
        // Invariant: the keys are distinct points of the curve, and at least one.
        let set = ValidatorSet::new(scenario.model, keys.iter().map(SecretKey::public_key))
            .expect("a valid set");
        let genesis = machine::genesis();
        let chain = digest::chain(&genesis.hash, 1337, &set, &scenario.settings);
        // Invariant: as above.
        let committee = Committee::new(chain, Epoch::default(), set.clone()).expect("valid keys");
        let nodes = keys.into_iter().zip(0..).map(|(key, builder)| Node {
            public: key.public_key(),
            key: Arc::new(key),
            desk: Desk::new(Chain::new(digest::set(&set), builder, genesis)),
            engine: None,
            life: 0,
            wakes_at: None,
            wakes_at_once: 0,
        });
        let kind = format!("{} validators, {}", scenario.validators, scenario.model);
        let mut world = Self {
            now: Monotonic::default(),
            queue: BTreeMap::new(),
            happened: 0,
            nodes: nodes.collect(),
            chain,
            set,
            gate: Gate::new(chain, &scenario.settings),
            weather: scenario.weather,
            cuts: Cuts::default(),
            judge: None,
            oracle: Oracle::new(committee, genesis),
            works: 0,
            report: Report { seed: scenario.seed, kind, ..Report::default() },
            trace: blake3::Hasher::new(),
            random: random.clone(),
            scenario,
        };
        for node in 0..world.nodes.len() {
            let after = random.millis(0, 100);
            world.schedule(after, Happening::Starts { node });
        }
        world.random = random;
        world
    }

    /// Everything up to this instant.
    pub(crate) fn try_run_for(&mut self, length: Duration) -> Result<(), Failure> {
        let end = self.now.after(length);
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= end) {
            self.try_step()?;
        }
        self.now = end;
        Ok(())
    }

    /// The next thing in the queue.
    pub(crate) fn try_step(&mut self) -> Result<(), Failure> {
        let Some(((at, _), happening)) = self.queue.pop_first() else {
            return Err(self.failure("nothing will ever happen again".into()));
        };
        self.now = at;
        self.happens(happening).map_err(|what| self.failure(what))
    }

    pub(crate) fn failure(&self, what: String) -> Failure {
        let Report { seed, kind, .. } = &self.report;
        Failure { seed: *seed, kind: kind.clone(), at: self.now.elapsed(), what }
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.happened += 1;
        self.queue.insert((self.now.after(after), self.happened), happening);
    }

    /// One line of the trace: hashed always, shown where asked for.
    fn note(&mut self, line: &str) {
        self.trace.update(&self.now.elapsed().as_nanos().to_be_bytes());
        self.trace.update(line.as_bytes());
        if self.scenario.traced {
            println!("{:>10.3?} {line}", self.now.elapsed());
        }
    }

    fn happens(&mut self, happening: Happening) -> Outcome {
        match happening {
            Happening::Starts { node } => self.starts(node),
            Happening::Wakes { node, life } => self.wakes(node, life),
            Happening::Arrives { to, packet } => {
                if self.nodes[to].engine.is_none() {
                    return Ok(());
                }
                let line = format!("{to} <- {}", describe(&packet));
                self.note(&line);
                self.turn(to, Input::Packet(Box::new(Verified::clone(&packet))))
            }
            Happening::Answered { node, life, asked } if self.nodes[node].life == life => {
                self.answered(node, asked)
            }
            Happening::Answered { .. } => Ok(()),
        }
    }

    fn starts(&mut self, node: usize) -> Outcome {
        if self.nodes[node].engine.is_some() {
            return Ok(());
        }
        self.nodes[node].life += 1;
        let desk = self.nodes[node].desk.clone();
        desk.reopen().map_err(|why| format!("node {node} cannot read its log: {why}"))?;
        let (restored, committed) = {
            let notes = desk.notes();
            let newest = notes.chain.newest();
            let restored = Restored {
                safety: notes.durable.clone(),
                committed: notes.chain.tip(),
                certificate: newest.map(|block| block.certificate.clone()),
                epoch: Epoch::default(),
                set: self.set.clone(),
            };
            (restored, notes.chain.tip())
        };
        self.oracle.restarted(node, committed, &restored.safety)?;
        self.note(&format!("{node} starts at {}", committed.height));
        // The wall clock of a machine may stand or go back; run numbers grow all the same.
        let skew = self.random.below(2000);
        let clock = 1_000_000 + u64::try_from(self.now.elapsed().as_millis()).unwrap_or(0);
        let start = Start {
            chain: self.chain,
            genesis: machine::genesis(),
            settings: self.scenario.settings,
            seed: self.random.below(u64::MAX),
            wall_clock: RunNumber::new(clock.saturating_sub(skew)),
            restored,
        };
        let key = Arc::clone(&self.nodes[node].key);
        let nonces = Box::new(self.random.fork());
        let signer = LocalSigner::with_random(self.chain, key, nonces);
        let plugs = Plugs {
            transport: Box::new(desk.clone()),
            machine: Box::new(desk.clone()),
            store: Box::new(desk.clone()),
            signer: Box::new(WatchedSigner { signer, desk: desk.clone() }),
        };
        let (engine, report) = Engine::start(plugs, start, self.now)
            .map_err(|fatal| format!("node {node} cannot start: {fatal}"))?;
        self.nodes[node].engine = Some(engine);
        self.nodes[node].wakes_at = None;
        (0..self.works).for_each(|work| desk.notes().chain.take_in(work));
        self.after_turn(node, &report.events)?;
        self.tell_of_work(node)
    }

    fn wakes(&mut self, node: usize, life: u64) -> Outcome {
        let now = self.now;
        let sleeper = &mut self.nodes[node];
        if sleeper.life != life || sleeper.wakes_at != Some(now) {
            return Ok(());
        }
        sleeper.wakes_at = None;
        self.turn(node, Input::DeadlineReached)?;
        let sleeper = &mut self.nodes[node];
        let again = sleeper.engine.as_ref().and_then(Engine::next_deadline);
        sleeper.wakes_at_once = match again.is_some_and(|again| again <= now) {
            true => sleeper.wakes_at_once + 1,
            false => 0,
        };
        match sleeper.wakes_at_once > MOST_WAKES_AT_ONCE {
            true => Err(format!("node {node} wakes again and again at one instant")),
            false => Ok(()),
        }
    }

    fn answered(&mut self, node: usize, asked: Asked) -> Outcome {
        let desk = self.nodes[node].desk.clone();
        let input = match asked {
            Asked::Build(request) => Input::Built(desk.notes().chain.build(request)),
            Asked::Check(request) => Input::Checked(mokka_consensus::CheckedBlock {
                ticket: request.ticket,
                verdict: desk.notes().chain.check(&request),
            }),
            Asked::Finalize(block) => {
                let id = block.id;
                self.finalize(node, Entry::from(*block))?;
                Input::Finalized(mokka_consensus::FinalizedBlock { id })
            }
        };
        self.note(&format!("{node} is told {}", told(&input)));
        let finalized = matches!(input, Input::Finalized(_));
        self.turn(node, input)?;
        match finalized {
            true => self.tell_of_work(node),
            false => Ok(()),
        }
    }

    /// Into the log, unsynced (§6.5).
    fn finalize(&mut self, node: usize, entry: Entry) -> Outcome {
        let mut notes = self.nodes[node].desk.notes();
        if let Entry::Commit(block) = &entry {
            self.oracle.block_is_final(node, block)?;
            notes.chain.extend(block.clone()).map_err(|why| format!("node {node}: {why}"))?;
        }
        notes.disk.write(&entry);
        Ok(())
    }

    fn tell_of_work(&mut self, node: usize) -> Outcome {
        let work = match self.nodes[node].desk.notes().chain.has_work() {
            true => WorkWaiting::Yes,
            false => WorkWaiting::No,
        };
        self.turn(node, Input::WorkWaiting(work))
    }

    fn turn(&mut self, node: usize, input: Input) -> Outcome {
        let Some(engine) = &mut self.nodes[node].engine else {
            return Ok(());
        };
        let report =
            engine.turn(self.now, input).map_err(|fatal| format!("node {node} stops: {fatal}"))?;
        if let Some(accused) = report.accused.first() {
            let who = self.place(&accused.who);
            self.note(&format!("{node} accuses {who:?} of {:?}", accused.fault));
        }
        self.after_turn(node, &report.events)
    }

    /// Acts on what the node put on its desk.
    fn after_turn(&mut self, node: usize, events: &[Event]) -> Outcome {
        for event in events {
            self.note(&format!("{node} says {event:?}"));
        }
        let (deeds, asked, posted) = {
            let mut notes = self.nodes[node].desk.notes();
            let deeds = std::mem::take(&mut notes.deeds);
            (deeds, std::mem::take(&mut notes.asked), std::mem::take(&mut notes.posted))
        };
        for deed in deeds {
            self.oracle.did(node, &deed)?;
        }
        for asked in asked {
            let life = self.nodes[node].life;
            let after = match asked {
                Asked::Build(_) => self.random.millis(0, 20),
                Asked::Check(_) => self.random.millis(0, 15),
                Asked::Finalize(_) => self.random.millis(0, 10),
            };
            self.schedule(after, Happening::Answered { node, life, asked });
        }
        for posted in posted {
            let to = posted.to.map(|key| self.place(&key));
            match to {
                Some(None) => {}
                Some(Some(to)) => self.post(node, to..to + 1, &posted.sealed)?,
                None => self.post(node, 0..self.nodes.len(), &posted.sealed)?,
            }
        }
        self.wake_later(node);
        Ok(())
    }

    fn wake_later(&mut self, node: usize) {
        let sleeper = &self.nodes[node];
        let due = sleeper.engine.as_ref().and_then(Engine::next_deadline);
        let due = due.map(|due| due.max(self.now));
        if due != sleeper.wakes_at {
            let life = sleeper.life;
            self.nodes[node].wakes_at = due;
            if let Some(due) = due {
                self.schedule(due.since(self.now), Happening::Wakes { node, life });
            }
        }
    }

    /// A packet goes out: through its bytes, then through the weather, to each receiver on its own.
    fn post(
        &mut self,
        from: usize,
        receivers: std::ops::Range<usize>,
        sealed: &SealedEnvelope,
    ) -> Outcome {
        let bytes = codec::encode(sealed);
        self.trace.update(&bytes);
        let packet = self
            .gate
            .open(&bytes)
            .map_err(|unopened| format!("node {from} sent what nobody can open: {unopened}"))?;
        self.oracle.sent(&packet.packet)?;
        let packet = Arc::new(packet);
        for to in receivers.filter(|to| *to != from) {
            self.report.packets += 1;
            let passing = Passing { from, to, packet: &packet.packet };
            let fate = self.judge.as_mut().map_or(Fate::Pass, |judge| judge(&passing));
            let arrivals = match fate {
                _ if !self.cuts.passes(from, to) => Vec::new(),
                Fate::Lose => Vec::new(),
                Fate::Delay(after) => vec![after],
                Fate::Twice(after) => vec![self.weather.fastest, after],
                Fate::Pass => self.weather.arrivals(&mut self.random),
            };
            self.report.lost += u64::from(arrivals.is_empty());
            for after in arrivals {
                self.schedule(after, Happening::Arrives { to, packet: Arc::clone(&packet) });
            }
        }
        Ok(())
    }

    fn place(&self, key: &PublicKey) -> Option<usize> {
        self.nodes.iter().position(|node| node.public.x() == key.x())
    }

    /// Power is gone at this node; nothing of what was in memory remains.
    pub fn crash(&mut self, node: usize, cut: PowerCut) {
        if self.nodes[node].engine.take().is_none() {
            return;
        }
        let unsynced = self.nodes[node].desk.notes().disk.unsynced();
        let kept = match cut {
            PowerCut::LosingUnsyncedWrites => 0,
            PowerCut::Torn => self.random.index(unsynced + 1),
        };
        self.nodes[node].life += 1;
        self.nodes[node].wakes_at = None;
        self.nodes[node].desk.crash(kept);
        self.report.crashes += 1;
        self.report.crashes_that_lost_a_write += u64::from(kept < unsynced);
        self.note(&format!("{node} crashes: {unsynced} bytes not synced, {kept} kept"));
    }

    /// The node starts again after so long, from what is on its disk.
    pub fn restart_after(&mut self, node: usize, after: Duration) {
        self.schedule(after, Happening::Starts { node });
    }

    /// A new piece of work reaches every pool.
    pub(crate) fn try_submit(&mut self) -> Result<u64, Failure> {
        let work = self.works;
        self.works += 1;
        self.note(&format!("work {work} waits"));
        for node in 0..self.nodes.len() {
            self.nodes[node].desk.notes().chain.take_in(work);
            self.tell_of_work(node).map_err(|what| self.failure(what))?;
        }
        Ok(work)
    }

    /// Groups that cannot reach each other; who is in no group is alone.
    pub fn partition(&mut self, groups: &[&[usize]]) {
        self.note(&format!("partition {groups:?}"));
        for (from, to) in self.links() {
            if !groups.iter().any(|group| group.contains(&from) && group.contains(&to)) {
                self.cuts.cut(from, to);
            }
        }
    }

    /// What `from` sends no longer reaches `to`; the other direction stays.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.note(&format!("cut {from} -> {to}"));
        self.cuts.cut(from, to);
    }

    fn links(&self) -> Vec<(usize, usize)> {
        let all = 0..self.nodes.len();
        all.clone().flat_map(|from| all.clone().map(move |to| (from, to))).collect()
    }

    /// All links work again, the weather is calm, and nothing judges packets any more.
    pub fn heal(&mut self) -> &mut Self {
        self.note("heal");
        self.cuts.heal();
        self.weather = Weather::CALM;
        self.judge = None;
        self
    }

    /// Another weather from now on.
    pub const fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// From now on every packet is judged before the weather sees it.
    pub fn judge(&mut self, judge: impl FnMut(&Passing<'_>) -> Fate + 'static) {
        self.judge = Some(Box::new(judge));
    }

    /// How many validators there are.
    pub fn validators(&self) -> usize {
        self.nodes.len()
    }

    /// Whether this node runs.
    pub fn is_up(&self, node: usize) -> bool {
        self.nodes[node].engine.is_some()
    }

    /// The newest final block of a node.
    pub fn committed(&self, node: usize) -> BlockId {
        self.nodes[node].desk.notes().chain.tip()
    }

    /// The highest final block anywhere.
    pub fn height(&self) -> Height {
        self.oracle.height()
    }

    /// How many terms had a leader so far.
    pub fn elections(&self) -> usize {
        self.oracle.elections()
    }

    /// Whether a piece of work is in a final block of this node.
    pub fn has_done(&self, node: usize, work: u64) -> bool {
        self.nodes[node].desk.notes().chain.has_done(work)
    }

    /// Who thinks that it leads, the highest term first.
    pub fn leaders(&self) -> Vec<usize> {
        let status = |node: &Node| node.engine.as_ref().map(|engine| engine.status(self.now));
        let mut leading: Vec<_> = (0..self.nodes.len())
            .filter_map(|at| status(&self.nodes[at]).map(|status| (status, at)))
            .filter(|(status, _)| status.role == RoleName::Leader)
            .map(|(status, at)| (status.promise, at))
            .collect();
        leading.sort_unstable_by(|a, b| b.cmp(a));
        leading.into_iter().map(|(_, at)| at).collect()
    }

    /// Whom this node follows, itself where it leads.
    pub fn follows(&self, node: usize) -> Option<usize> {
        let status = self.nodes[node].engine.as_ref()?.status(self.now);
        status.leader.and_then(|leader| self.place(&leader))
    }

    /// The term in which this node bound itself; none where it is down.
    pub fn promise(&self, node: usize) -> Option<View> {
        Some(self.nodes[node].engine.as_ref()?.status(self.now).promise)
    }

    /// How many validators decide.
    pub fn quorum(&self) -> usize {
        self.set.quorum().votes()
    }

    /// The virtual time since the beginning.
    pub const fn time(&self) -> Duration {
        self.now.elapsed()
    }

    /// What the run was like so far. Also demands that no node's state grew beyond all bounds.
    pub(crate) fn try_report(&self) -> Result<Report, Failure> {
        let mut text = String::new();
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(engine) = &node.engine {
                text.clear();
                let written = write!(text, "{:?}", engine.core());
                if written.is_err() || text.len() > MOST_STATE {
                    return Err(self.failure(format!("node {at}'s state has {} bytes", text.len())));
                }
            }
        }
        Ok(Report {
            time: self.time(),
            blocks: self.height().get(),
            elections: u64::try_from(self.elections()).unwrap_or(u64::MAX),
            trace: *self.trace.finalize().as_bytes(),
            ..self.report.clone()
        })
    }

    /// A validator, in truth some liar with its key, says something to one node.
    pub fn say_as(&mut self, liar: usize, run: RunNumber, to: usize, packet: Packet) {
        let sender = self.nodes[liar].public;
        let envelope = Envelope { sender, run, counter: self.happened, packet };
        let (_, packet) = self.nodes[liar].key.seal(&self.chain, envelope);
        self.schedule(self.weather.fastest, Happening::Arrives { to, packet: Arc::new(packet) });
    }

    /// The final blocks of a node from a height on.
    pub fn blocks(&self, node: usize, from: Height) -> Vec<FinalBlock> {
        self.nodes[node].desk.notes().chain.from(from)
    }
}

/// The secret of a validator: no secret at all.
fn secret(number: usize) -> SecretKey {
    let mut bytes = [0x11; 32];
    bytes[31] = u8::try_from(number).unwrap_or(u8::MAX);
    // Invariant: such a number is above zero and far below the order of the curve.
    SecretKey::from_bytes(bytes).expect("a secret key")
}
