//! What goes wrong in a world, one thing after the other.

use std::time::Duration;

use crate::{Failure, Fault, Restoring, Weather, World, random::Random};

/// How wild a run is, and what goes wrong most in it.
pub(crate) struct Character {
    /// The mean time between faults.
    pub(crate) pause: Duration,
    /// How often work comes, in a thousand looks.
    pub(crate) busy: u64,
    /// How often power fails, relative to the others.
    crashes: u64,
    /// How often links are cut, relative to the others.
    cuts: u64,
    /// How often old copies of disks are put back, relative to the others.
    restores: u64,
    /// How often operators stop nodes, relative to the others.
    stops: u64,
    /// How often somebody lies in wait for a proposal, relative to the others.
    ambushes: u64,
    /// How often faults hit whoever leads, in a thousand.
    at_leaders: u64,
}

impl Character {
    pub(crate) fn drawn(random: &mut Random) -> Self {
        Self {
            pause: random.millis(20, 1200),
            busy: random.below(1000),
            crashes: random.below(6),
            cuts: random.below(6),
            restores: random.below(3),
            stops: random.below(4),
            ambushes: random.below(4),
            at_leaders: random.below(1000),
        }
    }
}

/// What happens next.
#[derive(Clone, Copy)]
enum Next {
    Work,
    AllStart,
    Crash,
    CrashInTurn,
    CrashInSync,
    CrashOfAll,
    Storm,
    Stop,
    Split,
    SplitWithBridge,
    CutOneWay,
    SlowLink,
    OtherWeather,
    ChangeOfSet,
    BackUp,
    Restore,
    Ambush,
    Heal,
}

/// The faults of one run.
pub(crate) struct Faults {
    pub(crate) character: Character,
    /// When everything is to be over.
    end: Duration,
    /// Who is down and has no date to come back.
    down: Vec<bool>,
}

impl Faults {
    pub(crate) fn of(world: &mut World, end: Duration) -> Self {
        let character = Character::drawn(&mut world.random);
        Self { character, end, down: vec![false; world.machines()] }
    }

    fn weights(&self) -> [(u64, Next); 18] {
        let Character { crashes, cuts, restores, stops, ambushes, .. } = self.character;
        [
            (4, Next::Work),
            (2, Next::AllStart),
            (crashes, Next::Crash),
            (crashes, Next::CrashInTurn),
            (crashes, Next::CrashInSync),
            (u64::from(crashes > 2), Next::CrashOfAll),
            (u64::from(crashes > 3), Next::Storm),
            (stops, Next::Stop),
            (cuts, Next::Split),
            (cuts.div_ceil(2), Next::SplitWithBridge),
            (cuts, Next::CutOneWay),
            (cuts.div_ceil(2), Next::SlowLink),
            (2, Next::OtherWeather),
            (1, Next::ChangeOfSet),
            (1, Next::BackUp),
            (restores, Next::Restore),
            (ambushes, Next::Ambush),
            (3, Next::Heal),
        ]
    }

    fn drawn(&self, random: &mut Random) -> Next {
        let weights = self.weights();
        let mut drawn = random.below(weights.iter().map(|(weight, _)| weight).sum());
        for (weight, next) in weights {
            match drawn.checked_sub(weight) {
                Some(rest) => drawn = rest,
                None => return next,
            }
        }
        Next::Work
    }

    /// One thing goes wrong, or is mended.
    pub(crate) fn next(&mut self, world: &mut World) -> Result<(), Failure> {
        let anybody = world.random.index(self.down.len());
        let aimed = world.random.per_mille(self.character.at_leaders);
        let node = world.leaders().first().copied().filter(|_| aimed).unwrap_or(anybody);
        match self.drawn(&mut world.random) {
            Next::Work => world.try_submit().map(drop)?,
            Next::AllStart => self.all_start(world),
            Next::Crash => self.crash(world, node),
            Next::CrashInTurn => {
                let actions = world.random.below(12);
                world.fail_after(node, actions);
            }
            Next::CrashInSync => world.fail_in_sync(node),
            Next::CrashOfAll => {
                world.count(Fault::CrashOfAll);
                (0..self.down.len()).for_each(|node| self.crash(world, node));
            }
            Next::Storm => self.storm(world, node),
            Next::Stop => world.try_stop(node).map_err(|what| world.failure(what))?,
            Next::Split => split(world, node),
            Next::SplitWithBridge => split_with_bridge(world, node),
            Next::CutOneWay => {
                let other = world.random.index(self.down.len());
                if other != node {
                    world.count(Fault::OneWayCut);
                    world.cut(node, other);
                }
            }
            Next::SlowLink => {
                let other = world.random.index(self.down.len());
                let by = world.random.millis(20, 400);
                if other != node {
                    world.count(Fault::SlowLink);
                    world.slow_link(node, other, by);
                }
            }
            Next::OtherWeather => {
                let weather = Weather::drawn(&mut world.random);
                world.heal();
                world.set_weather(weather);
            }
            Next::ChangeOfSet => world.try_want_epoch()?,
            Next::BackUp => world.back_up(node),
            Next::Restore => self.restore(world, node),
            Next::Ambush => world.lie_in_wait(),
            Next::Heal => drop(world.heal()),
        }
        Ok(())
    }

    fn all_start(&mut self, world: &mut World) {
        for (node, down) in self.down.iter_mut().enumerate().filter(|(_, down)| **down) {
            *down = false;
            world.restart_after(node, Duration::ZERO);
        }
    }

    fn crash(&mut self, world: &mut World, node: usize) {
        let cut = world.drawn_cut();
        world.crash(node, cut);
        self.down[node] = world.random.per_mille(200);
        if !self.down[node] {
            let after = world.random.millis(1, 2500);
            world.restart_after(node, after);
        }
    }

    /// This node and some others, several times; it ends with the faults.
    fn storm(&mut self, world: &mut World, node: usize) {
        let share = world.random.below(700);
        let struck = |at: &usize| *at == node || world.random.per_mille(share);
        let nodes: Vec<_> = (0..self.down.len()).filter(struck).collect();
        let times = 2 + world.random.below(4);
        let length = world.random.millis(200, 3000);
        world.restart_storm(&nodes, times, length.min(self.end.saturating_sub(world.time())));
    }

    /// The operator puts back an old copy of a disk, and says so: without that, §8 promises less.
    fn restore(&mut self, world: &mut World, node: usize) {
        if world.has_backup(node) && world.can_do_without(node) {
            world.restore(node, Restoring::Declared);
            self.down[node] = false;
            let after = world.random.millis(1, 2500);
            world.restart_after(node, after);
        }
    }
}

/// Two sides, or one node alone.
fn split(world: &mut World, alone: usize) {
    let lonely = world.random.per_mille(400);
    let (one, other) = sides(world, |world, node| match lonely {
        true => node == alone,
        false => world.random.per_mille(500),
    });
    world.count(Fault::Partition);
    world.partition(&[&one, &other]);
}

/// Two sides, both of which one node reaches.
fn split_with_bridge(world: &mut World, bridge: usize) {
    let (mut one, mut other) = sides(world, |world, _| world.random.per_mille(500));
    for side in [&mut one, &mut other] {
        if !side.contains(&bridge) {
            side.push(bridge);
        }
    }
    world.count(Fault::PartialPartition);
    world.partition(&[&one, &other]);
}

fn sides(
    world: &mut World,
    mut which: impl FnMut(&mut World, usize) -> bool,
) -> (Vec<usize>, Vec<usize>) {
    (0..world.machines()).partition(|node| which(world, *node))
}
