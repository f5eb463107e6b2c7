//! What kind of world a seed makes.

use std::time::Duration;

use mokka_types::{CrashModel, Settings};

use crate::{
    Fault, Lie, Minds, Scenario, Weather, World, clock::EXACT, random::Random, scenario::tolerated,
};

/// How many validators worlds have, each size as often as it is listed.
const CFT_SIZES: [usize; 12] = [1, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 7];
const BFT_SIZES: [usize; 21] = [1, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5, 5, 6, 7, 7, 7, 8, 9, 10];
/// How many a few worlds have, and how few of a thousand.
const LARGE: usize = 31;
const LARGE_WORLDS: u64 = 5;
/// In how many of a thousand worlds nobody lies although the model tolerates it.
const HONEST_WORLDS: u64 = 150;
/// In how many of a thousand worlds several liars help each other.
const GANGS: u64 = 500;
/// In how many of a thousand worlds terms end so soon that leaders hand over.
const SHORT_TERMS: u64 = 350;
/// In how many of a thousand worlds clocks are much too fast or slow, instead of a little.
const WILD_CLOCKS: u64 = 100;
/// How many milliseconds a wall clock is ahead of another one at most.
const MOST_AHEAD: u64 = 500;

pub(crate) fn scenario(seed: u64) -> Scenario {
    // Another stream than the world's, which begins with the same seed.
    let mut random = Random::new(seed ^ 0x5ce0_a210);
    let model = if random.per_mille(500) { CrashModel::Bft } else { CrashModel::Cft };
    let sizes: &[usize] = if model == CrashModel::Cft { &CFT_SIZES } else { &BFT_SIZES };
    let usual = sizes[random.index(sizes.len())];
    let validators = if random.per_mille(LARGE_WORLDS) { LARGE } else { usual };
    let weather = Weather::drawn(&mut random);
    let epochs = epochs(&mut random, validators);
    let settings = settings(&mut random);
    let scenario = Scenario::validators(validators).model(model).seed(seed).weather(weather);
    let liars = liars(&mut random, model, &epochs, validators);
    let together = liars.len() > 1 && random.per_mille(GANGS);
    let minds = if together { Minds::Shared } else { Minds::Own };
    Scenario { epochs, liars, minds, settings, ..scenario }
}

/// Whether some validators lie in the world of this seed.
pub fn anybody_lies(seed: u64) -> bool {
    !scenario(seed).liars.is_empty()
}

/// How long the faults last: the more validators, the dearer is every second of a world.
pub(crate) const fn length_of_faults(world: &World) -> Duration {
    match world.validators() {
        0..=7 => Duration::from_secs(12),
        8..LARGE => Duration::from_secs(8),
        _ => Duration::from_secs(4),
    }
}

/// Settings that a genesis file may have.
fn settings(random: &mut Random) -> Settings {
    let usual = Settings::default();
    if !random.per_mille(SHORT_TERMS) {
        return usual;
    }
    let proof_lifetime = Duration::from_millis(3_200 + random.below(7_000));
    let handover_lead = Duration::from_millis(400 + random.below(1_100));
    Settings { proof_lifetime, handover_lead, ..usual }
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
    if nodes >= LARGE || random.per_mille(600) {
        return vec![(0..nodes).collect()];
    }
    let count = 2 + random.index(4);
    let draw = |random: &mut Random| -> Vec<usize> {
        let sure = random.index(nodes);
        (0..nodes).filter(|node| *node == sure || random.per_mille(600)).collect()
    };
    (0..count).map(|_| draw(random)).collect()
}

/// Each machine of the world: how fast its clock runs, how slow its application and its disk are.
pub(crate) fn machines(world: &mut World) {
    let slow_applications = world.random.below(1000).saturating_sub(600);
    let slow_disks = world.random.below(1000).saturating_sub(400);
    let right_clocks = world.random.per_mille(300);
    let (slowest, fastest) = match world.random.per_mille(WILD_CLOCKS) {
        true => (800, 1_250),
        false => (950, 1_050),
    };
    for node in 0..world.machines() {
        if world.random.per_mille(slow_applications) {
            let by = world.random.millis(1, 800);
            world.slow_down(node, by);
            world.count(Fault::SlowApplication);
        }
        if world.random.per_mille(slow_disks) {
            let most = if world.random.per_mille(200) { 150 } else { 20 };
            let by = world.random.millis(1, most);
            world.slow_disk(node, by);
            world.count(Fault::SlowDisk);
        }
        let rate = slowest + world.random.below(fastest - slowest + 1);
        if !right_clocks && rate != EXACT {
            let ahead = world.random.millis(0, MOST_AHEAD);
            world.set_clock(node, rate, ahead);
            world.count(Fault::WrongClock);
        }
    }
}
