//! The world: a queue of happenings, some nodes, a network, and an oracle that watches.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mokka::{ByteLimit, Gate};
use mokka_crypto::{Committee, SecretKey, Verified, digest};
use mokka_types::{
    ChainHash, Envelope, Epoch, Monotonic, PublicKey, SealedEnvelope, ValidatorSet, codec,
};

use crate::{
    Failure, Fate, Fault, Passing, Report, Scenario, Weather,
    ambush::Ambush,
    desk::{Asked, Desk, Posted},
    machine::{self, Chain},
    network::Links,
    node::{Node, Waiting},
    oracle::Oracle,
    random::Random,
};

/// Something that will happen.
pub(crate) enum Happening {
    Arrives { to: usize, packet: Arc<Verified<Envelope>> },
    Wakes { node: usize, life: u64 },
    Answered { node: usize, life: u64, asked: Asked },
    Synced { node: usize, life: u64 },
    Starts { node: usize },
    Fails { node: usize },
    Ends { node: usize, life: u64 },
    LiarActs { node: usize },
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
    limit: ByteLimit,
    pub(crate) weather: Weather,
    pub(crate) links: Links,
    pub(crate) judge: Option<Judge>,
    pub(crate) ambush: Option<Ambush>,
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
            let desk = Desk::new(Chain::new(Arc::clone(&sets), builder, genesis), scenario.flaw);
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
            limit: Gate::new(chain, &scenario.settings).limit(),
            weather: scenario.weather,
            links: Links::default(),
            judge: None,
            ambush: None,
            oracle,
            works: 0,
            report: Report { seed: scenario.seed, kind, ..Report::default() },
            trace: blake3::Hasher::new(),
            random: random.clone(),
            scenario,
        };
        let kind = world.report.kind.clone();
        world.note(format_args!("a world of {kind}"));
        world.bring_in_liars(&Arc::new(committees), &everybody);
        for (node, rate) in world.scenario.clocks.clone().into_iter().enumerate() {
            world.set_clock(node, rate, Duration::ZERO);
        }
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
        let (seed, kind, at) = (*seed, kind.clone(), self.now.elapsed());
        Failure { seed, kind, at, what, last: Vec::new() }
    }

    /// One more fault of this kind.
    pub(crate) fn count(&mut self, fault: Fault) {
        *self.report.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn schedule(&mut self, after: Duration, happening: Happening) {
        self.happened += 1;
        self.queue.insert((self.now.after(after), self.happened), happening);
    }

    fn happens(&mut self, happening: Happening) -> Outcome {
        match happening {
            Happening::Starts { node } => self.starts(node),
            Happening::Wakes { node, life } => self.wakes(node, life),
            Happening::Arrives { to, packet } => self.comes(to, Waiting::Packet(packet)),
            Happening::Answered { node, life, asked } if self.nodes[node].life == life => {
                self.answers(node, asked)
            }
            Happening::Answered { .. } => Ok(()),
            Happening::Synced { node, life } => self.synced(node, life),
            Happening::Fails { node } => {
                self.fails(node);
                Ok(())
            }
            Happening::Ends { node, life } => self.ends(node, life),
            Happening::LiarActs { node } => self.liar_acts(node),
        }
    }

    /// A packet goes out: through its bytes, then through the weather, to each receiver on its own.
    /// Its signature is the one thing that nobody looks at again.
    pub(crate) fn post(&mut self, from: usize, posted: &Posted) -> Outcome {
        let Posted { to, sealed, envelope } = posted;
        let bytes = codec::encode(sealed);
        self.trace.update(&bytes);
        let same = codec::decode::<SealedEnvelope>(&bytes).is_ok_and(|read| {
            read == *sealed && read.envelope == **envelope && bytes.len() <= self.limit.bytes()
        });
        if !same {
            return Err(format!("node {from} sent what nobody can read: {envelope:?}"));
        }
        let receivers = to.map(|key| self.places(&key));
        self.carry(from, receivers, &Arc::new(envelope.clone()), Duration::ZERO, bytes.len())
    }

    /// Through the weather to these, or to all, after a while.
    pub(crate) fn carry(
        &mut self,
        from: usize,
        receivers: Option<Vec<usize>>,
        packet: &Arc<Verified<Envelope>>,
        wait: Duration,
        bytes: usize,
    ) -> Outcome {
        self.oracle.sent(from, &packet.packet)?;
        self.show_sent(from, receivers.as_deref(), packet);
        let receivers = receivers.unwrap_or_else(|| (0..self.nodes.len()).collect());
        let mut lost = Vec::new();
        for to in receivers.into_iter().filter(|to| *to != from) {
            self.report.packets += 1;
            self.report.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
            let passing = Passing { from, to, packet: &packet.packet };
            let judged = self.judge.as_mut().map(|judge| judge(&passing));
            let fate = self.waylay(from, to, packet).or(judged).unwrap_or(Fate::Pass);
            let arrivals = match fate {
                _ if !self.links.passes(from, to) => {
                    self.count(Fault::Unreachable);
                    lost.push(to);
                    continue;
                }
                Fate::Lose => Vec::new(),
                Fate::Delay(after) => vec![after],
                Fate::Twice(after) => vec![self.weather.fastest, after],
                Fate::Pass => self.weather.arrivals(&mut self.random),
            };
            match arrivals.len() {
                0 => {
                    self.count(Fault::Loss);
                    lost.push(to);
                }
                1 => {}
                _ => self.count(Fault::Duplicate),
            }
            for after in arrivals {
                let after = wait + after + self.links.slowness(from, to);
                if self.links.overtakes(from, to, self.now.after(after)) {
                    self.count(Fault::Reordering);
                }
                let packet = Arc::clone(packet);
                self.schedule(after, Happening::Arrives { to, packet });
            }
        }
        self.show_lost(&lost);
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
