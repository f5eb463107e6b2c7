//! What a user waits for.

use std::{fmt, time::Duration};

use mokka_types::{Settings, View};

use crate::{
    PowerCut, Scenario, World,
    cost::{DUE, LOOK},
};

/// How long there is no quorum.
const OUTAGE: Duration = Duration::from_secs(3600);
/// The last part of an outage, in which everybody has power again and nobody a link.
const LINKS_LATER: Duration = Duration::from_secs(60);
/// How long a proof lasts where its end is measured: a minute would change nothing but the time
/// that the measurement takes.
const SHORT_PROOF: Duration = Duration::from_secs(10);
/// Before a leader hands over, work comes for so long.
const BEFORE_THE_END: Duration = Duration::from_secs(2);

/// What a user waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// From when a quorum runs until a quorum follows a leader.
    FirstLeader,
    /// From the power cut at a leader until all others have a block of another one.
    Failover,
    /// Between the last block of a leader that the operator stops and the first of the next one.
    Stop,
    /// The same where a proof ends (§5.7).
    EndOfProof,
    /// Between two blocks of one leader, to compare these gaps with.
    Block,
    /// After an hour without power, from when all links are back, a minute later than power, until
    /// all have the block that was due.
    Outage,
    /// The same, where the hour was one of two halves that could not reach each other.
    Halves,
}

impl Wait {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::FirstLeader,
        Self::Failover,
        Self::Stop,
        Self::EndOfProof,
        Self::Block,
        Self::Outage,
        Self::Halves,
    ];

    /// How long it took in this world.
    pub fn measured(self, scenario: Scenario) -> Duration {
        let mut world = match self {
            Self::EndOfProof => {
                let settings = Settings { proof_lifetime: SHORT_PROOF, ..scenario.settings };
                scenario.settings(settings).start()
            }
            _ => scenario.start(),
        };
        match self {
            Self::FirstLeader => first_leader(&mut world),
            Self::Failover => failover(&mut world),
            Self::Stop => {
                let leader = steady(&mut world);
                world.stop(leader);
                gap(&mut world)
            }
            Self::EndOfProof => {
                world.settle();
                let lead = world.scenario.settings.handover_lead;
                world.run_for(SHORT_PROOF.saturating_sub(lead + BEFORE_THE_END));
                steady(&mut world);
                gap(&mut world)
            }
            Self::Block => {
                steady(&mut world);
                interval(&mut world)
            }
            Self::Outage => outage(&mut world),
            Self::Halves => halves(&mut world),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstLeader => "first leader",
            Self::Failover => "leader killed → next block",
            Self::Stop => "gap at an orderly stop",
            Self::EndOfProof => "gap at the end of a proof",
            Self::Block => "between two blocks",
            Self::Outage => "block after an hour without power",
            Self::Halves => "block after an hour of two halves",
        })
    }
}

impl World {
    /// The term in which the newest block of this node became final.
    fn term_of_block(&self, node: usize) -> View {
        let newest = self.nodes[node].desk.notes().chain.newest().cloned();
        newest.map(|block| block.certificate.view).unwrap_or_default()
    }

    /// The term of the newest block anywhere.
    fn newest_term(&self) -> View {
        let terms = (0..self.validators()).map(|node| self.term_of_block(node));
        terms.max().unwrap_or_default()
    }
}

fn first_leader(world: &mut World) -> Duration {
    let up = |world: &World| (0..world.validators()).filter(|node| world.is_up(*node)).count();
    world.watched_until(|world| up(world) >= world.quorum());
    world.watched_until(|world| world.led_by().is_some())
}

/// Blocks come one after the other, until some instant between two; returns who makes them.
fn steady(world: &mut World) -> usize {
    if world.height().get() == 0 {
        world.settle();
    }
    world.supply(DUE);
    let begins = world.height().get() + 3;
    world.watched_until(|world| world.height().get() >= begins);
    world.supply(DUE);
    let phase = world.random.millis(0, 100);
    world.run_for(phase);
    world.until_led()
}

fn failover(world: &mut World) -> Duration {
    let leader = steady(world);
    let term = world.term();
    world.crash(leader, PowerCut::LosingUnsyncedWrites);
    let others: Vec<_> = (0..world.validators()).filter(|node| *node != leader).collect();
    world.watched_until(|world| others.iter().all(|node| world.term_of_block(*node) > term))
}

/// From the last block of the present leader to the first of another one.
fn gap(world: &mut World) -> Duration {
    let term = world.newest_term();
    let (mut height, mut last) = (world.height(), world.time());
    loop {
        world.run_for(LOOK);
        if world.height() == height {
            continue;
        }
        if world.newest_term() > term {
            return world.time() - last;
        }
        (height, last) = (world.height(), world.time());
        world.supply(1);
    }
}

fn interval(world: &mut World) -> Duration {
    let next = |world: &mut World| {
        let height = world.height();
        world.watched_until(|world| world.height() > height)
    };
    next(world);
    next(world)
}

/// Nobody has power; when all have, links still come later, and everybody stands alone.
fn outage(world: &mut World) -> Duration {
    world.settle();
    for node in 0..world.validators() {
        world.crash(node, PowerCut::LosingUnsyncedWrites);
    }
    let work = world.submit();
    world.partition(&[]);
    world.run_for(OUTAGE - LINKS_LATER);
    for node in 0..world.validators() {
        let after = world.random.millis(0, 1000);
        world.restart_after(node, after);
    }
    world.run_for(LINKS_LATER);
    reconnected(world, work)
}

/// Both go on standing, for the whole hour and in vain.
fn halves(world: &mut World) -> Duration {
    world.settle();
    let all: Vec<_> = (0..world.validators()).collect();
    let (left, right) = all.split_at(all.len() / 2);
    let most = world.quorum() - 1;
    world.partition(&[left, &right[..right.len().min(most)]]);
    let work = world.submit();
    world.run_for(OUTAGE);
    reconnected(world, work)
}

/// Until everybody has this work done, once all links are back.
fn reconnected(world: &mut World, work: u64) -> Duration {
    let weather = world.weather;
    world.heal().set_weather(weather);
    world.watched_until(|world| world.all_have_done(work))
}
