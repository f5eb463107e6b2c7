//! Proof that the search bites: each deliberate fault is found. `make flaws` prints in how many
//! worlds; `MOKKA_FLAW="§6"` looks only at those whose text has this in it.

use std::{
    env, panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use mokka_consensus::Rule;
use mokka_simulator::{Failure, Flaw, random_run_with};

/// In how many worlds most are found.
const SOON: u64 = 100;
/// The others.
const RARE: [Flaw; 4] = [
    Flaw::Without(Rule::OneBase),
    Flaw::Without(Rule::LooksAgain),
    Flaw::Without(Rule::VoteInPromisedTerm),
    Flaw::Without(Rule::Farewell),
];

/// The first seed that finds it.
fn found(flaw: Flaw, seeds: u64) -> Option<Failure> {
    (0..seeds).find_map(|seed| random_run_with(seed, flaw).err())
}

/// Asks for each flaw in turn, on all processors.
fn search(flaws: &[Flaw], seeds: u64) -> Vec<(Flaw, Option<Failure>)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(flaw) = flaws.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.push((*flaw, self::found(*flaw, seeds)));
        }
        found
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    all.sort_by_key(|(flaw, _)| *flaw);
    all
}

/// The first line of what was noticed, short enough for a table.
fn noticed(failure: &Failure) -> String {
    let line = failure.what.lines().next().unwrap_or_default();
    line.chars().take(90).collect::<String>().replace('|', "/")
}

/// How soon each of these is found, as a table; the ones that are not.
fn table(flaws: &[Flaw], seeds: u64) -> Vec<Flaw> {
    // A node that panics is a finding, and need not say so here.
    panic::set_hook(Box::new(|_| {}));
    let results = search(flaws, seeds);
    let _ours = panic::take_hook();
    println!("| rule left out | worlds until it was found | noticed |\n|---|---|---|");
    for (flaw, failure) in &results {
        match failure {
            Some(failure) => println!("| {flaw} | {} | {} |", failure.seed + 1, noticed(failure)),
            None => println!("| {flaw} | not in {seeds} | |"),
        }
    }
    let missed = results.into_iter().filter(|(_, failure)| failure.is_none());
    missed.map(|(flaw, _)| flaw).collect()
}

/// Those that show themselves in a few worlds; all of them, where somebody asks for more worlds.
#[test]
fn every_flaw_is_found() {
    let asked = env::var("MOKKA_SEEDS").ok().and_then(|text| text.parse().ok());
    let part = env::var("MOKKA_FLAW").unwrap_or_default();
    let flaws = Flaw::all().filter(|flaw| asked.is_some() || !RARE.contains(flaw));
    let flaws: Vec<_> = flaws.filter(|flaw| flaw.to_string().contains(&part)).collect();
    let missed = table(&flaws, asked.unwrap_or(SOON));
    assert!(missed.is_empty(), "not found: {missed:?}");
}
