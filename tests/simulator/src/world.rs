//! The world: a queue of happenings, some nodes, a network, and an oracle that watches.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mokka::{Engine, Fatal, Gate, LocalSigner, Plugs, Start};
use mokka_consensus::{Event, Input, Restored, WorkWaiting};
use mokka_crypto::{Committee, SecretKey, Verified, digest};
use mokka_types::{
    ChainHash, Envelope, Epoch, Monotonic, PublicKey, RunNumber, ValidatorSet, codec,
};

use crate::{
    Failure, Fate, Passing, Report, Scenario, Weather,
    desk::{Asked, Desk, Posted, WatchedSigner},
    disk::{Disk, Entry},
    liars::Liar,
    machine::{self, Chain},
    network::Cuts,
    oracle::Oracle,
    random::Random,
    trace::{describe, told},
};

/// Deadlines in a row that may come at one instant before we say that time stands still.
const MOST_WAKES_AT_ONCE: u32 = 50;
/// Something that will happen.
pub(crate) enum Happening {
    Arrives { to: usize, packet: Arc<Verified<Envelope>> },
    Wakes { node: usize, life: u64 },
    Answered { node: usize, life: u64, asked: Asked },
    Starts { node: usize },
    LiarActs { node: usize },
}

pub(crate) struct Node {
    pub(crate) key: Arc<SecretKey>,
    pub(crate) public: PublicKey,
    pub(crate) desk: Desk,
    pub(crate) engine: Option<Engine>,
    /// Counts starts: what was asked in another life is not answered.
    pub(crate) life: u64,
    pub(crate) wakes_at: Option<Monotonic>,
    wakes_at_once: u32,
    /// How much longer its application takes.
    pub(crate) slowness: Duration,
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
            wakes_at: None,
            wakes_at_once: 0,
            slowness: Duration::ZERO,
            held: None,
            backup: None,
            liar: None,
            silenced: false,
        }
    }
}

pub(crate) type Judge = Box<dyn FnMut(&Passing<'_>) -> Fate>;

/// A simulated network of validators.
pub struct World {
    pub(crate) scenario: Scenario,
    pub(crate) random: Random,
    pub(crate) now: Monotonic,
    pub(crate) queue: BTreeMap<(Monotonic, u64), Happening>,
    pub(crate) happened: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) chain: ChainHash,
    pub(crate) sets: Arc<Vec<ValidatorSet>>,
    pub(crate) wanted_epoch: usize,
    gate: Gate,
    pub(crate) weather: Weather,
    pub(crate) cuts: Cuts,
    pub(crate) judge: Option<Judge>,
    pub(crate) oracle: Oracle,
    pub(crate) works: u64,
    pub(crate) report: Report,
    pub(crate) trace: blake3::Hasher,
}

pub(crate) type Outcome = Result<(), String>;

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let mut random = Random::new(scenario.seed);
        let mut keys: Vec<SecretKey> = (0..scenario.validators).map(secret).collect();
        keys.sort_by_key(SecretKey::public_key);
        // Invariant: the keys are distinct points of the curve, and at least one.
        let set_of = |places: &Vec<usize>| {
            let members = places.iter().map(|place| keys[*place].public_key());
            ValidatorSet::new(scenario.model, members).expect("a valid set")
        };
        let sets: Arc<Vec<_>> = Arc::new(scenario.epochs.iter().map(set_of).collect());
        let genesis = machine::genesis();
        let chain = digest::chain(&genesis.hash, 1337, &sets[0], &scenario.settings);
        // Invariant: as above.
        let committees = sets.iter().zip(0..).map(|(set, epoch)| {
            Committee::new(chain, Epoch::new(epoch), set.clone()).expect("valid keys")
        });
        let committees: Vec<_> = committees.collect();
        let everybody: Vec<_> = keys.iter().map(SecretKey::public_key).collect();
        let oracle = Oracle::new(committees.clone(), everybody.clone(), genesis);
        let nodes = keys.into_iter().zip(0..).map(|(key, builder)| {
            let desk = Desk::new(Chain::new(Arc::clone(&sets), builder, genesis));
            Node::new(Arc::new(key), desk)
        });
        let kind = scenario.kind();
        let mut world = Self {
            now: Monotonic::default(),
            queue: BTreeMap::new(),
            happened: 0,
            nodes: nodes.collect(),
            chain,
            sets: Arc::clone(&sets),
            wanted_epoch: 0,
            gate: Gate::new(chain, &scenario.settings),
            weather: scenario.weather,
            cuts: Cuts::default(),
            judge: None,
            oracle,
            works: 0,
            report: Report { seed: scenario.seed, kind, ..Report::default() },
            trace: blake3::Hasher::new(),
            random: random.clone(),
            scenario,
        };
        world.bring_in_liars(&Arc::new(committees), &everybody);
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

    pub(crate) fn schedule(&mut self, after: Duration, happening: Happening) {
        self.happened += 1;
        self.queue.insert((self.now.after(after), self.happened), happening);
    }

    /// One line of the trace: hashed always, shown where asked for.
    pub(crate) fn note(&mut self, line: &str) {
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
                self.liar_hears(to, &packet)?;
                self.turn(to, Input::Packet(Box::new(Verified::clone(&packet))))
            }
            Happening::Answered { node, life, asked } if self.nodes[node].life == life => {
                match &mut self.nodes[node].held {
                    Some(held) => {
                        held.push(asked);
                        Ok(())
                    }
                    None => self.answered(node, asked),
                }
            }
            Happening::Answered { .. } => Ok(()),
            Happening::LiarActs { node } => self.liar_acts(node),
        }
    }

    fn starts(&mut self, node: usize) -> Outcome {
        if self.nodes[node].engine.is_some() || self.nodes[node].silenced {
            return Ok(());
        }
        self.nodes[node].life += 1;
        let desk = self.nodes[node].desk.clone();
        desk.reopen().map_err(|why| format!("node {node} cannot read its log: {why}"))?;
        self.liar_lifts_its_mark(node);
        let (restored, committed) = {
            let notes = desk.notes();
            let newest = notes.chain.newest();
            let (epoch, set, began) = notes.chain.epoch();
            let restored = Restored {
                safety: notes.durable.clone(),
                committed: notes.chain.tip(),
                certificate: newest.map(|block| block.certificate.clone()),
                epoch,
                set,
                began,
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
            settings: self.timers_of(node),
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
        self.liar_runs(node, engine.run());
        self.nodes[node].engine = Some(engine);
        self.nodes[node].wakes_at = None;
        (0..self.works).for_each(|work| desk.notes().chain.take_in(work));
        self.after_turn(node, &report.events)?;
        self.tell_of_members(node)?;
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
                let next_set = self.finalize(node, &Entry::from(*block))?;
                Input::Finalized(mokka_consensus::FinalizedBlock {
                    id,
                    next_set,
                    next_settings: None,
                })
            }
        };
        self.note(&format!("{node} is told {}", told(&input)));
        let finalized = matches!(input, Input::Finalized(_));
        self.turn(node, input)?;
        if finalized {
            self.tell_of_members(node)?;
            self.tell_of_work(node)?;
        }
        Ok(())
    }

    /// Into the log, unsynced (§6.5).
    fn finalize(&mut self, node: usize, entry: &Entry) -> Result<Option<ValidatorSet>, String> {
        let mut announced = None;
        let mut notes = self.nodes[node].desk.notes();
        if let Entry::Commit(block) = entry {
            self.oracle.block_is_final(node, block)?;
            let extended = notes.chain.extend(block.clone());
            announced = extended.map_err(|why| format!("node {node}: {why}"))?;
        }
        notes.disk.write(entry);
        Ok(announced)
    }

    /// Who is approved, as far as this node's chain goes.
    pub(crate) fn tell_of_members(&mut self, node: usize) -> Outcome {
        let approved = self.nodes[node].desk.notes().chain.want_epoch(self.wanted_epoch);
        self.turn(node, Input::Approved(approved))
    }

    pub(crate) fn tell_of_work(&mut self, node: usize) -> Outcome {
        let work = match self.nodes[node].desk.notes().chain.has_work() {
            true => WorkWaiting::Yes,
            false => WorkWaiting::No,
        };
        self.turn(node, Input::WorkWaiting(work))
    }

    pub(crate) fn turn(&mut self, node: usize, input: Input) -> Outcome {
        let Some(engine) = &mut self.nodes[node].engine else {
            return Ok(());
        };
        let report = match engine.turn(self.now, input) {
            Err(Fatal::KeyInUse { .. }) if self.nodes[node].liar.is_some() => {
                self.liar_starts_over(node);
                return Ok(());
            }
            turned => turned.map_err(|fatal| format!("node {node} stops: {fatal}"))?,
        };
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
            if let Event::Evidence(evidence) = event {
                self.oracle.evidence(node, evidence)?;
                self.report.evidence += 1;
            }
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
            let slowness = self.nodes[node].slowness;
            let after = after + self.random.between(Duration::ZERO, slowness);
            self.schedule(after, Happening::Answered { node, life, asked });
        }
        match self.nodes[node].liar.is_some() {
            true => self.liar_says(node, posted)?,
            false => posted.iter().try_for_each(|posted| self.post(node, posted))?,
        }
        self.wake_later(node);
        if events.iter().any(|event| matches!(event, Event::Marked(_))) {
            self.liar_starts_over(node);
        }
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
    fn post(&mut self, from: usize, posted: &Posted) -> Outcome {
        let bytes = codec::encode(&posted.sealed);
        self.trace.update(&bytes);
        let packet = self
            .gate
            .open(&bytes)
            .map_err(|unopened| format!("node {from} sent what nobody can open: {unopened}"))?;
        let receivers = match posted.to {
            Some(key) => self.places(&key),
            None => (0..self.nodes.len()).collect(),
        };
        let copies = receivers.iter().filter(|to| **to != from).count();
        self.report.bytes += u64::try_from(bytes.len() * copies).unwrap_or(u64::MAX);
        self.carry(from, receivers, &Arc::new(packet), Duration::ZERO)
    }

    /// Through the weather to these, after a while.
    pub(crate) fn carry(
        &mut self,
        from: usize,
        receivers: Vec<usize>,
        packet: &Arc<Verified<Envelope>>,
        wait: Duration,
    ) -> Outcome {
        self.oracle.sent(&packet.packet)?;
        for to in receivers.into_iter().filter(|to| *to != from) {
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
                let packet = Arc::clone(packet);
                self.schedule(wait + after, Happening::Arrives { to, packet });
            }
        }
        Ok(())
    }

    /// Every node with this key: a twin has another one.
    pub(crate) fn places(&self, key: &PublicKey) -> Vec<usize> {
        let is_it = |at: &usize| self.nodes[*at].public.x() == key.x();
        (0..self.nodes.len()).filter(is_it).collect()
    }

    pub(crate) fn place(&self, key: &PublicKey) -> Option<usize> {
        self.nodes.iter().position(|node| node.public.x() == key.x())
    }
}

/// The secret of a validator: no secret at all.
fn secret(number: usize) -> SecretKey {
    let mut bytes = [0x11; 32];
    bytes[31] = u8::try_from(number).unwrap_or(u8::MAX);
    // Invariant: such a number is above zero and far below the order of the curve.
    SecretKey::from_bytes(bytes).expect("a secret key")
}
