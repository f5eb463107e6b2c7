//! `make cost`: what agreement costs in virtual time, as tables of the page `cost.md`.
//!
//! `MOKKA_RUNS=100` is how many worlds there are for each number. `MOKKA_SIZES=4,7` leaves out the
//! others.

use std::{env, num::NonZero, sync::Mutex, thread, time::Duration};

use mokka_simulator::{
    Scenario, Weather,
    cost::{Line, Times, Traffic, Wait},
};
use mokka_types::CrashModel;

const MODELS: [CrashModel; 2] = [CrashModel::Cft, CrashModel::Bft];
/// Lost packets of a thousand.
const LOSSES: [u64; 2] = [0, 20];
/// So large a set is no longer waited for through an hour of two halves, where all go on talking.
const MOST_HALVES: usize = 7;

fn main() {
    let numbers = |name: &str| -> Option<Vec<usize>> {
        env::var(name).ok()?.split(',').map(|number| number.parse().ok()).collect()
    };
    let runs = numbers("MOKKA_RUNS").and_then(|runs| runs.first().copied()).unwrap_or(100);
    let sizes = numbers("MOKKA_SIZES").unwrap_or(vec![4, 7, 16, 31]);
    println!("Median / p99 / longest, in milliseconds:\n");
    for wait in Wait::ALL {
        table(wait, &sizes, runs);
    }
    if env::var("MOKKA_SIZES").is_err() {
        traffic(&[4, 7, 16, 31, 64]);
    }
}

/// 1 to 20 ms on the way.
const fn weather(lost: u64) -> Weather {
    Weather { slowest: Duration::from_millis(20), lost, ..Weather::CALM }
}

fn scenario(validators: usize, model: CrashModel, lost: u64, seed: u64) -> Scenario {
    Scenario::validators(validators).model(model).weather(weather(lost)).seed(seed)
}

/// One row for each size.
fn table(wait: Wait, sizes: &[usize], runs: usize) {
    println!("| {wait} | runs | CFT | CFT, 2 % lost | BFT | BFT, 2 % lost |");
    println!("|---|---|---|---|---|---|");
    for size in sizes.iter().filter(|size| wait != Wait::Halves || **size <= MOST_HALVES) {
        let runs = match wait {
            Wait::Halves => runs / (2 * size),
            _ => runs,
        };
        let runs = runs.max(1);
        print!("| n = {size} | {runs} |");
        for (model, lost) in MODELS.into_iter().flat_map(|model| LOSSES.map(|lost| (model, lost))) {
            let times = many(runs, |seed| wait.measured(scenario(*size, model, lost, seed)));
            print!(" {times} |");
        }
        println!();
    }
    println!();
}

/// Worlds know nothing of each other, so every core of this machine runs its own.
fn many(runs: usize, measure: impl Fn(u64) -> Duration + Sync) -> Times {
    let seeds = Mutex::new(0..runs);
    let next = || seeds.lock().ok().and_then(|mut seeds| seeds.next());
    let work = || {
        let seeds = std::iter::from_fn(next).filter_map(|seed| u64::try_from(seed).ok());
        seeds.map(&measure).collect::<Vec<_>>()
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

fn traffic(sizes: &[u32]) {
    println!("| each block | packets, CFT | bytes / n, CFT | packets, BFT | bytes / n, BFT |");
    println!("|---|---|---|---|---|");
    let mut lines: [Vec<(f64, f64)>; 4] = Default::default();
    for size in sizes {
        let validators = usize::try_from(*size).unwrap_or(usize::MAX);
        let blocks = (800 / size).clamp(10, 100);
        let n = f64::from(*size);
        let of = |model| Traffic::measured(scenario(validators, model, 0, 1), blocks);
        let [cft, bft] = MODELS.map(of);
        let row = [cft.packets, cft.bytes / n, bft.packets, bft.bytes / n];
        println!("| n = {size} | {:.0} | {:.0} | {:.0} | {:.0} |", row[0], row[1], row[2], row[3]);
        for (line, measured) in lines.iter_mut().zip(row) {
            line.push((n, measured));
        }
    }
    print!("| line |");
    for line in lines.map(|points| Line::through(&points)) {
        let Line { at_zero, slope, worst } = line;
        print!(" {slope:.1} n {at_zero:+.0}, off by ≤ {:.0} % |", worst * 100.0);
    }
    println!();
}
