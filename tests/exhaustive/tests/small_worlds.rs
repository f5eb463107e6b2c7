//! Small worlds, searched for as long as there is time: `MOKKA_SECONDS=600` for each.

use std::{env, time::Duration};

use mokka_exhaustive::{Limit, Report, World, search, worlds};

fn limit() -> Limit {
    let seconds = env::var("MOKKA_SECONDS").ok().map(|text| text.parse::<u64>());
    match seconds {
        Some(seconds) => {
            let time = Duration::from_secs(seconds.expect("MOKKA_SECONDS is a number"));
            Limit { time, states: 60_000_000 }
        }
        None => Limit { time: Duration::from_secs(3600), states: 100_000 },
    }
}

#[track_caller]
fn holds(world: World) -> Report {
    let report = search(world, limit());
    println!("{}\n{report}", Report::HEAD);
    assert_eq!(report.violation, None);
    report
}

#[test]
fn cft() {
    holds(worlds::CFT);
}

#[test]
fn bft() {
    holds(worlds::BFT);
}
