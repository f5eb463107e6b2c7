//! Proof that the search bites: each deliberate fault is found. `make flaws` writes into the page
//! in how many worlds; `MOKKA_FLAW="§6"` looks only at those whose text has this in it.

use std::{
    env, fs, panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use mokka_consensus::Rule;
use mokka_simulator::{Failure, Flaw, random_run_with};

/// Where the results are.
const PAGE: &str = "FLAWS.md";
/// What they begin with there.
const ROWS: &str = "| rule left out | worlds | what was noticed |\n|---|---|---|\n";
/// In how many worlds most are found.
const SOON: u64 = 100;
/// The others.
const RARE: [Flaw; 6] = [
    Flaw::Without(Rule::OneBase),
    Flaw::Without(Rule::TermsBounded),
    Flaw::Without(Rule::BoundRises),
    Flaw::Without(Rule::TurnsTaken),
    Flaw::Without(Rule::VoteInPromisedTerm),
    Flaw::Without(Rule::CertificateChecked),
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

/// What a row of the page's table says of a flaw that was found.
fn row(flaw: Flaw, failure: &Failure) -> String {
    let noticed = failure.what.split(['\n', ';']).next().unwrap_or_default().replace('|', "/");
    format!("| {flaw} | {} | {noticed} |", failure.seed + 1)
}

/// How soon each of these is found, as rows.
fn table(flaws: &[Flaw], seeds: u64) -> Vec<String> {
    // A node that panics is a finding, and need not say so here.
    panic::set_hook(Box::new(|_| {}));
    let results = search(flaws, seeds);
    let _ours = panic::take_hook();
    let missed: Vec<_> = results.iter().filter(|(_, failure)| failure.is_none()).collect();
    assert!(missed.is_empty(), "not found in {seeds} worlds: {missed:?}");
    results.iter().filter_map(|(flaw, failure)| Some(row(*flaw, failure.as_ref()?))).collect()
}

/// Writes the rows into the page, in place of those that are there.
fn write(rows: &[String]) {
    let page = fs::read_to_string(PAGE).expect(PAGE);
    let (before, table) = page.split_once(ROWS).expect("a table");
    let (_old, after) = table.split_once("\n\n").expect("text after the table");
    fs::write(PAGE, format!("{before}{ROWS}{}\n\n{after}", rows.join("\n"))).expect(PAGE);
}

/// Those that show themselves in a few worlds, as the page says. Where somebody asks for more
/// worlds: all of them, and the page says what was found.
#[test]
fn every_flaw_is_found() {
    let asked = env::var("MOKKA_SEEDS").ok().and_then(|text| text.parse().ok());
    let part = env::var("MOKKA_FLAW").unwrap_or_default();
    let flaws = Flaw::all().filter(|flaw| asked.is_some() || !RARE.contains(flaw));
    let flaws: Vec<_> = flaws.filter(|flaw| flaw.to_string().contains(&part)).collect();
    let rows = table(&flaws, asked.unwrap_or(SOON));
    println!("{ROWS}{}", rows.join("\n"));
    if asked.is_some() && part.is_empty() {
        return write(&rows);
    }
    let page = fs::read_to_string(PAGE).expect(PAGE);
    let stale: Vec<_> = rows.iter().filter(|row| !page.contains(*row)).collect();
    assert!(stale.is_empty(), "{PAGE} says otherwise, type `make flaws`: {stale:#?}");
}
