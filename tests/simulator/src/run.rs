//! What one seed does: faults for safety, then heal everything and demand progress.

use std::time::Duration;

use mokka_types::CrashModel;

use crate::{Failure, PowerCut, Report, Scenario, Weather, World, random::Random};

/// How long the faults last.
const FAULTS: Duration = Duration::from_secs(12);
/// After all faults are healed, a due block is committed within this (§13).
pub const LIVENESS_LIMIT: Duration = Duration::from_secs(5);
/// How often the world looks whether it has recovered.
const LOOK: Duration = Duration::from_millis(20);

/// Runs one seed.
///
/// # Errors
/// When a rule of §13 was broken.
pub fn random_run(seed: u64) -> Result<Report, Failure> {
    run(scenario(seed))
}

/// Runs one seed and prints everything that happens.
///
/// # Errors
/// When a rule of §13 was broken.
pub fn random_run_traced(seed: u64) -> Result<Report, Failure> {
    run(scenario(seed).traced())
}

fn scenario(seed: u64) -> Scenario {
    // Another stream than the world's, which begins with the same seed.
    let mut random = Random::new(seed ^ 0x5ce0_a210);
    let sizes = [1, 2, 3, 3, 3, 4, 4, 4, 4, 5, 6, 7];
    let validators = sizes[random.index(sizes.len())];
    let model = if random.per_mille(500) { CrashModel::Bft } else { CrashModel::Cft };
    let weather = Weather::drawn(&mut random);
    Scenario::validators(validators).model(model).seed(seed).weather(weather)
}

fn run(scenario: Scenario) -> Result<Report, Failure> {
    let mut world = scenario.start();
    let mut down = vec![false; world.validators()];
    let end = world.time() + FAULTS;
    // How wild this run is: the mean time between faults.
    let pause = world.random.millis(100, 3000);
    while world.time() < end {
        let wait = world.random.between(Duration::ZERO, pause * 2);
        world.try_run_for(wait.min(end.saturating_sub(world.time())))?;
        fault(&mut world, &mut down)?;
    }
    recover(&mut world, &down)
}

/// One thing goes wrong, or is mended, or somebody wants something done.
fn fault(world: &mut World, down: &mut [bool]) -> Result<(), Failure> {
    let node = world.random.index(down.len());
    match world.random.below(12) {
        0..4 => {
            let pieces = 1 + world.random.below(4);
            for _ in 0..pieces {
                world.try_submit()?;
            }
        }
        4..6 => crash(world, down, node),
        6 => {
            for (node, down) in down.iter_mut().enumerate().filter(|(_, down)| **down) {
                *down = false;
                world.restart_after(node, Duration::ZERO);
            }
        }
        7 => (0..down.len()).for_each(|node| crash(world, down, node)),
        8 => split(world),
        9 => {
            let other = world.random.index(down.len());
            world.cut(node, other);
        }
        10 => {
            let weather = Weather::drawn(&mut world.random);
            world.heal();
            world.set_weather(weather);
        }
        _ => {}
    }
    Ok(())
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

fn split(world: &mut World) {
    let sides: Vec<bool> = (0..world.validators()).map(|_| world.random.per_mille(500)).collect();
    let side = |which: bool| -> Vec<usize> {
        (0..sides.len()).filter(|node| sides[*node] == which).collect()
    };
    world.partition(&[&side(true), &side(false)]);
}

/// Heals everything and demands that new work gets done everywhere in time.
fn recover(world: &mut World, down: &[bool]) -> Result<Report, Failure> {
    world.heal();
    for node in 0..down.len() {
        world.restart_after(node, Duration::ZERO);
    }
    world.try_run_for(Duration::ZERO)?;
    let work = world.try_submit()?;
    let healed = world.time();
    while !(0..down.len()).all(|node| world.has_done(node, work)) {
        if world.time() - healed > LIVENESS_LIMIT {
            let heights: Vec<_> =
                (0..down.len()).map(|node| world.committed(node).height.get()).collect();
            let leaders = world.leaders();
            return Err(world.failure(format!(
                "no progress within {LIVENESS_LIMIT:?} after everything was healed; \
                 heights {heights:?}, leaders {leaders:?}"
            )));
        }
        world.try_run_for(LOOK)?;
    }
    let recovery = world.time() - healed;
    world.try_run_for(Duration::from_millis(500))?;
    Ok(Report { recovery, ..world.try_report()? })
}
