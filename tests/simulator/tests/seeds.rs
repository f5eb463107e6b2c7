//! Thousands of worlds, each from one seed. `MOKKA_SEEDS=20000` runs more of them, `MOKKA_FIRST=77`
//! begins elsewhere, `MOKKA_LIARS=1` leaves out worlds without liars, `MOKKA_SEED=5` shows one
//! world line by line.

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use mokka_simulator::{Summary, anybody_lies, random_run, random_run_traced};

/// As many as a test run has time for.
const SEEDS: u64 = 2000;

/// More than that take so long that somebody wants to know how far they are.
const TELL_EVERY: u64 = 5000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Every rule of §13 holds in every world, and every world recovers.
#[test]
fn every_seed() {
    let first = number("MOKKA_FIRST").unwrap_or(0);
    let end = first + number("MOKKA_SEEDS").unwrap_or(SEEDS);
    let only_liars = number("MOKKA_LIARS").is_some();
    let next = AtomicU64::new(first);
    let work = || {
        let mut summary = Summary::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return summary;
            }
            if seed > first && (seed - first).is_multiple_of(TELL_EVERY) {
                println!("{} of {} seeds begun", seed - first, end - first);
            }
            if !only_liars || anybody_lies(seed) {
                let run = random_run(seed);
                if let Err(failure) = &run {
                    println!("seed {seed} fails: {}", failure.what);
                }
                summary.add(run);
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let summary = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let summaries = workers.into_iter().map(|worker| worker.join().expect("no panic"));
        summaries.fold(Summary::default(), Summary::and)
    });
    println!("{summary}");
    assert_eq!(summary.failed, 0, "of {} seeds", summary.runs);
    assert_eq!(summary.missing(), Vec::<String>::new(), "should have occurred");
}

/// The same seed gives the same run, to the bit. `make sim-same` compares what this prints in two
/// builds.
#[test]
fn a_seed_repeats_itself() {
    let lying = (0..).filter(|seed| anybody_lies(*seed)).take(5);
    for seed in [3, 4, 5].into_iter().chain(lying) {
        let first = random_run(seed).expect("a good run");
        let second = random_run(seed).expect("a good run");
        assert_eq!(first, second);
        println!("{first}");
    }
    let other = random_run(6).expect("a good run");
    assert_ne!(other.trace, random_run(5).expect("a good run").trace);
}

/// Shows one run; without `MOKKA_SEED` a fixed one, in silence.
#[test]
fn one_seed() {
    let run = number("MOKKA_SEED").map_or_else(|| random_run(1), random_run_traced);
    match run {
        Ok(report) => println!("{report}"),
        Err(failure) => panic!("{failure}"),
    }
}
