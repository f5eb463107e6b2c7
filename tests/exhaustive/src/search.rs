//! Breadth first, one whole layer after the other, on all cores.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    judge::{Milestone, judge},
    law::World,
    model::{Event, Model, Next, State},
    report::{Report, Violation},
};

/// One for each value of a byte: enough that threads seldom want the same one.
const SHARDS: usize = 256;
/// States taken from a layer at a time.
const PORTION: usize = 64;

/// When a search ends, if it finds nothing and does not run out of states.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// After so long.
    pub time: Duration,
    /// With so many states, each of which takes some 150 bytes.
    pub states: usize,
}

/// Takes the low half of a fingerprint for a hash: it is one already.
#[derive(Default)]
struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (word, _) = bytes.split_at(8.min(bytes.len()));
        self.0 = word.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
}

type Prints = HashSet<u128, BuildHasherDefault<Low>>;

/// The states that were met, by 128 bits of their hash.
struct Met(Vec<Mutex<Prints>>);

impl Met {
    /// Notes a state; says whether it is new.
    fn is_new(&self, state: &State) -> bool {
        let print = print(state);
        let [high, ..] = print.to_be_bytes();
        let shard = &self.0[usize::from(high)];
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert(print)
    }
}

fn print(state: &State) -> u128 {
    let State { nodes, flights, left } = state;
    let mut bytes = Vec::with_capacity(4 * (nodes.len() + flights.len()) + 5);
    for word in nodes.iter().chain(flights.iter()) {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend([left.ticks, left.leaps, left.crashes, left.duplicates, left.lies]);
    let hash = blake3::hash(&bytes);
    let (low, _) = hash.as_bytes().split_at(16);
    low.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// How a state came about: from which of the layer before, and by what.
#[derive(Clone, Copy)]
struct Origin {
    from: u32,
    by: Event,
}

/// What one thread finds.
#[derive(Default)]
struct Finds {
    states: Vec<State>,
    origins: Vec<Origin>,
    steps: u64,
    milestones: Vec<Milestone>,
    violation: Option<(Origin, String)>,
}

struct Search {
    model: Model,
    met: Met,
    ends_at: Option<Instant>,
    most: usize,
    states: AtomicUsize,
    stop: AtomicBool,
}

impl Search {
    /// Expands portions of the layer until none is left.
    fn expand(&self, layer: &[State], taken: &AtomicUsize) -> Finds {
        let mut finds = Finds::default();
        let mut found = Vec::new();
        while !self.is_over() {
            let first = taken.fetch_add(PORTION, Ordering::Relaxed);
            if first >= layer.len() {
                break;
            }
            for (at, state) in layer.iter().enumerate().skip(first).take(PORTION) {
                self.model.successors(state, &mut found);
                // Invariant: a layer of four billion states fits into no memory.
                let from = u32::try_from(at).expect("fewer than four billion");
                found.drain(..).for_each(|next| self.note(from, next, &mut finds));
            }
        }
        finds
    }

    fn note(&self, from: u32, next: Next, finds: &mut Finds) {
        let Next { event: by, state, tells } = next;
        finds.steps += 1;
        if !self.met.is_new(&state) {
            return;
        }
        self.states.fetch_add(1, Ordering::Relaxed);
        if tells {
            match judge(&self.model, &state) {
                Ok(milestones) => finds.milestones.extend(milestones),
                Err(what) => {
                    finds.violation.get_or_insert((Origin { from, by }, what));
                    self.stop.store(true, Ordering::Relaxed);
                }
            }
            finds.milestones.sort_unstable();
            finds.milestones.dedup();
        }
        finds.states.push(state);
        finds.origins.push(Origin { from, by });
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
            || self.ends_at.is_some_and(|end| Instant::now() >= end)
            || self.states.load(Ordering::Relaxed) >= self.most
    }

    /// One layer, by all threads; and how much of it was expanded.
    fn layer(&self, layer: &[State], threads: usize) -> (Finds, f64) {
        let taken = AtomicUsize::new(0);
        let mut all = Finds::default();
        thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| self.expand(layer, &taken))).collect();
            for worker in workers {
                // Invariant: a panic of the core is a finding, and to be shown as such.
                let finds = worker.join().expect("no panic");
                all.states.extend(finds.states);
                all.origins.extend(finds.origins);
                all.steps += finds.steps;
                all.milestones.extend(finds.milestones);
                all.violation = all.violation.take().or(finds.violation);
            }
        });
        let done = taken.into_inner().min(layer.len());
        (all, done as f64 / layer.len() as f64)
    }

    /// All that happened, from the first state on.
    fn tell(&self, layers: &[Vec<Origin>], last: Origin) -> Vec<String> {
        let mut story = vec![self.model.tell(last.by)];
        let mut from = last.from;
        for origins in layers.iter().rev() {
            let Some(origin) = origins.get(from as usize) else { break };
            story.push(self.model.tell(origin.by));
            from = origin.from;
        }
        story.reverse();
        story
    }
}

/// Searches a world.
///
/// Layer after layer, because then the depth that was searched *whole* is known. `stateright` has
/// the same idea of a model, but each of its threads has a queue of its own, so that it can only
/// tell how deep it came at most; and it keeps the way to each waiting state with it, which takes
/// several times the memory of a state here.
///
/// # Panics
/// When the opening of the world cannot be played, or the core panics.
pub fn search(world: World, limit: Limit) -> Report {
    let began = Instant::now();
    let name = world.name;
    let model = Model::new(world);
    // Invariant: openings are written for their worlds, and tried by tests.
    let first = model.first().expect("an opening that can be played");
    let met = Met((0..SHARDS).map(|_| Mutex::default()).collect());
    met.is_new(&first);
    let search = Search {
        model,
        met,
        ends_at: began.checked_add(limit.time),
        most: limit.states,
        states: AtomicUsize::new(1),
        stop: AtomicBool::new(false),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut report = Report { name, states: 1, ..Report::default() };
    let mut layer = vec![first];
    let mut layers: Vec<Vec<Origin>> = Vec::new();
    let mut milestones = BTreeMap::new();
    while !layer.is_empty() && !search.is_over() {
        let (finds, share) = search.layer(&layer, threads);
        report.steps += finds.steps;
        report.widest = report.widest.max(layer.len());
        for milestone in finds.milestones {
            milestones.entry(milestone).or_insert(layers.len() + 1);
        }
        if let Some((origin, what)) = finds.violation {
            let story = search.tell(&layers, origin);
            report.violation = Some(Violation { what, story });
        }
        match share < 1.0 || report.violation.is_some() {
            true => report.begun = share,
            false => report.depth = layers.len() + 1,
        }
        layer = finds.states;
        layers.push(finds.origins);
    }
    report.is_whole = layer.is_empty() && report.begun == 0.0 && report.violation.is_none();
    report.states = search.states.into_inner();
    (report.nodes, report.turns) = search.model.known();
    report.milestones = milestones;
    report.time = began.elapsed();
    report
}
