//! What one seed does: faults for safety, then heal everything and demand progress.

use std::{
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    time::Duration,
};

use crate::{
    Failure, Flaw, Report, Scenario, World,
    clock::EXACT,
    drawing::{self, length_of_faults},
    faults::Faults,
    scenario::Telling,
};

/// After all faults are healed, a due block is committed within this (§13), by the clock that runs
/// slowest.
pub const LIVENESS_LIMIT: Duration = Duration::from_secs(5);
/// How long a healthy disk takes to sync, at most.
const HEALTHY_SYNC: Duration = Duration::from_millis(5);
/// How often the world looks whether it has recovered.
const LOOK: Duration = Duration::from_millis(20);

/// Runs one seed.
///
/// # Errors
/// When a rule of §13 was broken.
pub fn random_run(seed: u64) -> Result<Report, Failure> {
    run_or_panic(drawing::scenario(seed)).map_err(|failure| {
        // Once more, since nobody was listening; it goes the same way.
        let lines = Rc::default();
        let telling = Telling::Last(Rc::clone(&lines));
        let again = run_or_panic(Scenario { telling, ..drawing::scenario(seed) });
        let last = lines.take().into();
        Failure { last, ..again.err().unwrap_or(failure) }
    })
}

/// Runs one seed with nodes that have a flaw, which is to be found.
///
/// # Errors
/// When a rule of §13 was broken.
pub fn random_run_with(seed: u64, flaw: Flaw) -> Result<Report, Failure> {
    run_or_panic(Scenario { flaw: Some(flaw), ..drawing::scenario(seed) })
}

/// Runs one seed and prints everything that happens.
///
/// # Errors
/// When a rule of §13 was broken.
pub fn random_run_traced(seed: u64) -> Result<Report, Failure> {
    run_or_panic(drawing::scenario(seed).traced())
}

/// A panic of the core breaks a rule as well, and shall name its seed.
fn run_or_panic(scenario: Scenario) -> Result<Report, Failure> {
    let seed = scenario.seed;
    let kind = scenario.kind();
    panic::catch_unwind(AssertUnwindSafe(|| run(scenario))).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("a node panicked: {}", text.unwrap_or_default());
        Err(Failure { seed, kind, at: Duration::ZERO, what, last: Vec::new() })
    })
}

fn run(scenario: Scenario) -> Result<Report, Failure> {
    let mut world = scenario.start();
    drawing::machines(&mut world);
    let end = world.time() + length_of_faults(&world);
    let mut faults = Faults::of(&mut world, end);
    while world.time() < end {
        let wait = world.random.between(Duration::ZERO, faults.character.pause * 2);
        world.try_run_for(wait.min(end.saturating_sub(world.time())))?;
        if world.random.per_mille(faults.character.busy) {
            world.try_submit()?;
        }
        faults.next(&mut world)?;
    }
    recover(&mut world)
}

/// Heals everything and demands that new work gets done everywhere in time.
fn recover(world: &mut World) -> Result<Report, Failure> {
    world.heal();
    world.secure_power();
    world.cut_stops_short();
    for node in 0..world.machines() {
        world.slow_down(node, Duration::ZERO);
        world.slow_disk(node, HEALTHY_SYNC);
        world.restart_after(node, Duration::ZERO);
    }
    world.try_run_for(Duration::ZERO)?;
    let work = world.try_submit()?;
    let limit = by_the_slowest_clock(world, LIVENESS_LIMIT + liars_time(world));
    world
        .note(format_args!("NOTHING FAILS ANY MORE: work {work} is to be done within {limit:.1?}"));
    let recovery = progress(world, work, limit)?;
    world.try_run_for(Duration::from_millis(500))?;
    Ok(Report { recovery, ..world.try_report()? })
}

/// What the liars of this world may take of everybody's time: each, once, its progress timeout.
fn liars_time(world: &World) -> Duration {
    world.liars().map(|_| world.progress_timeout()).sum()
}

/// How long this takes in the world where the slowest clock shows it.
fn by_the_slowest_clock(world: &World, time: Duration) -> Duration {
    let rates = (0..world.machines()).map(|node| world.clock_rate(node));
    let slowest = rates.min().unwrap_or(EXACT).min(EXACT);
    let nanos = time.as_nanos() * u128::from(EXACT) / u128::from(slowest);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Until every honest node has this work done; returns how long that took.
fn progress(world: &mut World, work: u64, limit: Duration) -> Result<Duration, Failure> {
    let began = world.time();
    while !world.honest().all(|node| world.has_done(node, work)) {
        if world.time() - began > limit {
            let heights: Vec<_> = world.honest().map(|node| world.committed(node).height).collect();
            let leaders = world.leaders();
            return Err(world.failure(format!(
                "no progress within {limit:.1?} after everything was healed; \
                 heights {heights:?}, leaders {leaders:?}"
            )));
        }
        world.try_run_for(LOOK)?;
    }
    Ok(world.time() - began)
}
