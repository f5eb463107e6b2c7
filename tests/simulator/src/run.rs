//! What one seed does: faults for safety, then heal everything and demand progress.

use std::{
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use mokka_types::CrashModel;

use crate::{
    Failure, Lie, PowerCut, Report, Restoring, Scenario, Weather, World, random::Random,
    scenario::tolerated,
};

/// How long the faults last.
const FAULTS: Duration = Duration::from_secs(15);
/// After all faults are healed, a due block is committed within this (§13).
pub const LIVENESS_LIMIT: Duration = Duration::from_secs(5);
/// In how many of a thousand worlds nobody lies although the model tolerates it.
const HONEST_WORLDS: u64 = 150;
/// How often the world looks whether it has recovered.
const LOOK: Duration = Duration::from_millis(20);

/// Runs one seed.
///
/// # Errors
/// When a rule of §13 was broken.
pub fn random_run(seed: u64) -> Result<Report, Failure> {
    run_or_panic(scenario(seed))
}

/// Whether some validators lie in the world of this seed.
pub fn anybody_lies(seed: u64) -> bool {
    !scenario(seed).liars.is_empty()
}

/// Runs one seed and prints everything that happens.
///
/// # Errors
/// When a rule of §13 was broken.
pub fn random_run_traced(seed: u64) -> Result<Report, Failure> {
    run_or_panic(scenario(seed).traced())
}

/// A panic of the core breaks a rule as well, and shall name its seed.
fn run_or_panic(scenario: Scenario) -> Result<Report, Failure> {
    let seed = scenario.seed;
    let kind = scenario.kind();
    panic::catch_unwind(AssertUnwindSafe(|| run(scenario))).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("a node panicked: {}", text.unwrap_or_default());
        Err(Failure { seed, kind, at: Duration::ZERO, what })
    })
}

fn scenario(seed: u64) -> Scenario {
    // Another stream than the world's, which begins with the same seed.
    let mut random = Random::new(seed ^ 0x5ce0_a210);
    let sizes = [1, 2, 3, 3, 3, 4, 4, 4, 4, 5, 6, 7];
    let validators = sizes[random.index(sizes.len())];
    let model = if random.per_mille(500) { CrashModel::Bft } else { CrashModel::Cft };
    let weather = Weather::drawn(&mut random);
    let epochs = epochs(&mut random, validators);
    let scenario = Scenario::validators(validators).model(model).seed(seed).weather(weather);
    let liars = liars(&mut random, model, &epochs, validators);
    Scenario { epochs, liars, ..scenario }
}

/// Who lies, and how: no set gets more of them than it tolerates (§2).
fn liars(
    random: &mut Random,
    model: CrashModel,
    epochs: &[Vec<usize>],
    nodes: usize,
) -> Vec<(usize, Lie)> {
    let mut liars: Vec<(usize, Lie)> = Vec::new();
    let honest = random.per_mille(HONEST_WORLDS);
    let first = random.index(nodes);
    for place in (0..nodes).map(|node| (node + first) % nodes).filter(|_| !honest) {
        let lie = Lie::ALL[random.index(Lie::ALL.len())];
        let matters = epochs.iter().any(|set| set.contains(&place));
        let goes = matters
            && model == CrashModel::Bft
            && epochs.iter().filter(|set| set.contains(&place)).all(|set| {
                let present = liars.iter().filter(|(liar, _)| set.contains(liar)).count();
                present < tolerated(model, set.len())
            });
        if goes {
            liars.push((place, lie));
        }
    }
    liars
}

/// The validators of each epoch: all of them for ever, or sets that grow, shrink and are replaced.
fn epochs(random: &mut Random, nodes: usize) -> Vec<Vec<usize>> {
    if random.per_mille(600) {
        return vec![(0..nodes).collect()];
    }
    let count = 2 + random.index(4);
    let draw = |random: &mut Random| -> Vec<usize> {
        let sure = random.index(nodes);
        (0..nodes).filter(|node| *node == sure || random.per_mille(600)).collect()
    };
    (0..count).map(|_| draw(random)).collect()
}

fn run(scenario: Scenario) -> Result<Report, Failure> {
    let mut world = scenario.start();
    let mut down = vec![false; world.machines()];
    let end = world.time() + FAULTS;
    let character = Character::drawn(&mut world.random);
    for node in 0..down.len() {
        if world.random.per_mille(character.slow) {
            let by = world.random.millis(1, 800);
            world.slow_down(node, by);
        }
    }
    while world.time() < end {
        let wait = world.random.between(Duration::ZERO, character.pause * 2);
        world.try_run_for(wait.min(end.saturating_sub(world.time())))?;
        if world.random.per_mille(character.busy) {
            world.try_submit()?;
        }
        fault(&mut world, &character, &mut down)?;
    }
    recover(&mut world, &down)
}

/// How wild a run is, and what goes wrong most in it.
struct Character {
    /// The mean time between faults.
    pause: Duration,
    /// How often work comes, in a thousand looks.
    busy: u64,
    /// How often power fails, relative to the others.
    crashes: u64,
    /// How often links are cut, relative to the others.
    cuts: u64,
    /// How often old copies of disks are put back, relative to the others.
    restores: u64,
    /// How many applications are slow, in a thousand.
    slow: u64,
    /// How often faults hit whoever leads, in a thousand.
    at_leaders: u64,
}

impl Character {
    fn drawn(random: &mut Random) -> Self {
        Self {
            pause: random.millis(20, 1200),
            busy: random.below(1000),
            crashes: random.below(6),
            cuts: random.below(6),
            restores: random.below(3),
            slow: random.below(1000).saturating_sub(600),
            at_leaders: random.below(1000),
        }
    }
}

/// One thing goes wrong, or is mended.
fn fault(world: &mut World, character: &Character, down: &mut [bool]) -> Result<(), Failure> {
    let anybody = world.random.index(down.len());
    let aimed = world.random.per_mille(character.at_leaders);
    let node = world.leaders().first().copied().filter(|_| aimed).unwrap_or(anybody);
    let Character { crashes, cuts, restores, .. } = character;
    let all_crash = u64::from(*crashes > 2);
    let kinds = [4, 2, *crashes, all_crash, *cuts, *cuts, 2, 1, 1, *restores, 3];
    let mut drawn = world.random.below(kinds.iter().sum());
    let kind = kinds.iter().position(|weight| match drawn.checked_sub(*weight) {
        Some(rest) => {
            drawn = rest;
            false
        }
        None => true,
    });
    match kind {
        Some(0) => world.try_submit().map(drop)?,
        Some(1) => {
            for (node, down) in down.iter_mut().enumerate().filter(|(_, down)| **down) {
                *down = false;
                world.restart_after(node, Duration::ZERO);
            }
        }
        Some(2) => crash(world, down, node),
        Some(3) => (0..down.len()).for_each(|node| crash(world, down, node)),
        Some(4) => split(world, node),
        Some(5) => {
            let other = world.random.index(down.len());
            world.cut(node, other);
        }
        Some(6) => {
            let weather = Weather::drawn(&mut world.random);
            world.heal();
            world.set_weather(weather);
        }
        Some(7) => world.try_want_epoch()?,
        Some(8) => world.back_up(node),
        Some(9) => restore(world, down, node),
        _ => {
            world.heal();
        }
    }
    Ok(())
}

/// The operator puts back an old copy of a disk, and says so: without that, §8 promises less.
fn restore(world: &mut World, down: &mut [bool], node: usize) {
    if world.has_backup(node) && world.can_do_without(node) {
        world.restore(node, Restoring::Declared);
        down[node] = false;
        let after = world.random.millis(1, 2500);
        world.restart_after(node, after);
    }
}

fn crash(world: &mut World, down: &mut [bool], node: usize) {
    let cut = match world.random.per_mille(500) {
        true => PowerCut::Torn,
        false => PowerCut::LosingUnsyncedWrites,
    };
    world.crash(node, cut);
    down[node] = world.random.per_mille(200);
    if !down[node] {
        let after = world.random.millis(1, 2500);
        world.restart_after(node, after);
    }
}

/// Two sides, or one node alone.
fn split(world: &mut World, alone: usize) {
    let lonely = world.random.per_mille(400);
    let sides: Vec<bool> = (0..world.machines())
        .map(|node| if lonely { node == alone } else { world.random.per_mille(500) })
        .collect();
    let side = |which: bool| -> Vec<usize> {
        (0..sides.len()).filter(|node| sides[*node] == which).collect()
    };
    world.partition(&[&side(true), &side(false)]);
}

/// Heals everything and demands that new work gets done everywhere in time.
fn recover(world: &mut World, down: &[bool]) -> Result<Report, Failure> {
    world.heal();
    for node in 0..down.len() {
        world.slow_down(node, Duration::ZERO);
        world.restart_after(node, Duration::ZERO);
    }
    world.try_run_for(Duration::ZERO)?;
    let work = world.try_submit()?;
    let limit = LIVENESS_LIMIT + liars_time(world);
    let recovery = progress(world, work, limit)?;
    world.try_run_for(Duration::from_millis(500))?;
    Ok(Report { recovery, ..world.try_report()? })
}

/// What the liars of this world may take of everybody's time: each, once, its progress timeout.
fn liars_time(world: &World) -> Duration {
    world.liars().map(|_| world.progress_timeout()).sum()
}

/// Until every honest node has this work done; returns how long that took.
fn progress(world: &mut World, work: u64, limit: Duration) -> Result<Duration, Failure> {
    let began = world.time();
    while !world.honest().all(|node| world.has_done(node, work)) {
        if world.time() - began > limit {
            let heights: Vec<_> = world.honest().map(|node| world.committed(node).height).collect();
            let leaders = world.leaders();
            return Err(world.failure(format!(
                "no progress within {limit:?} after everything was healed; \
                 heights {heights:?}, leaders {leaders:?}"
            )));
        }
        world.try_run_for(LOOK)?;
    }
    Ok(world.time() - began)
}
