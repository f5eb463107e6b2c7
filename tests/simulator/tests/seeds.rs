//! Hundreds of worlds, each from one seed. `MOKKA_SEEDS=20000` runs more of them, `MOKKA_FIRST=77`
//! begins elsewhere, `MOKKA_LIARS=1` leaves out worlds without liars, `MOKKA_SEED=5` shows one
//! world line by line.

use std::{env, thread};

use mokka_simulator::{Failure, Lie, Report, anybody_lies, random_run, random_run_traced};

/// Failures shown before we stop looking for more.
const SHOWN: usize = 10;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Every rule of §13 holds in every world, and every world recovers.
#[test]
fn five_hundred_seeds() {
    let first = number("MOKKA_FIRST").unwrap_or(0);
    let count = number("MOKKA_SEEDS").unwrap_or(500);
    let only_liars = number("MOKKA_LIARS").is_some();
    let seeds = (first..first + count).filter(move |seed| !only_liars || anybody_lies(*seed));
    let runs: Vec<Result<Report, Failure>> = thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let seeds = seeds.clone().filter(move |seed| seed % 2 == half);
            scope.spawn(move || seeds.map(random_run).collect::<Vec<_>>())
        });
        halves.into_iter().flat_map(|half| half.join().expect("no panic")).collect()
    });
    let failures: Vec<_> = runs.iter().filter_map(|run| run.as_ref().err()).collect();
    for failure in failures.iter().take(SHOWN) {
        println!("{failure}\n");
    }
    let reports: Vec<_> = runs.iter().flatten().collect();
    let total = |what: fn(&Report) -> u64| reports.iter().map(|report| what(report)).sum::<u64>();
    let changes = total(|report| report.epochs);
    let restored = total(|report| report.restored);
    let lost_a_write = total(|report| report.crashes_that_lost_a_write);
    println!(
        "{} runs: {} blocks, {} elections, {changes} changes of validators, {} packets, {} crashes \
         of which {lost_a_write} lost a write, {restored} restored; slowest recovery {:?}",
        runs.len(),
        total(|report| report.blocks),
        total(|report| report.elections),
        total(|report| report.packets),
        total(|report| report.crashes),
        reports.iter().map(|report| report.recovery).max(),
    );
    let lies = Lie::ALL.map(|lie| {
        let told: Vec<u64> =
            reports.iter().filter_map(|report| report.lies.get(&lie)).copied().collect();
        (lie, told.len(), told.iter().sum::<u64>())
    });
    for (lie, worlds, told) in lies {
        println!("{lie}: in {worlds} worlds, {told} lies");
    }
    let evidence = total(|report| report.evidence);
    println!("{evidence} pieces of evidence, all against liars");
    assert!(failures.is_empty(), "{} of {} seeds failed", failures.len(), runs.len());
    assert!(count < 100 || changes > 0, "no set of validators changed");
    assert!(count < 100 || restored > 0, "no old copy of a disk was put back");
    assert!(count < 100 || lost_a_write > 0, "no crash lost a write: the disk is too kind");
    assert!(count < 500 || evidence > 0, "no liar was found out");
    for (lie, worlds, told) in lies {
        assert!(count < 500 || told > 0, "{lie}: in {worlds} worlds, and told no lie");
    }
}

/// The same seed gives the same run, to the bit.
#[test]
fn a_seed_repeats_itself() {
    let lying = (0..).filter(|seed| anybody_lies(*seed)).take(5);
    for seed in [3, 4, 5].into_iter().chain(lying) {
        let first = random_run(seed).expect("a good run");
        let second = random_run(seed).expect("a good run");
        assert_eq!(first, second);
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
