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

#[test]
fn explore() {
    let Ok(text) = env::var("B") else { return };
    let n: Vec<u8> = text.split(',').map(|n| n.parse().unwrap()).collect();
    let base = if n[0] == 0 { worlds::CFT } else { worlds::BFT };
    use mokka_types::PacketKind as K;
    let lost: &'static [K] = match n[6] {
        0 => &[],
        1 => &[K::Alive],
        2 => &[K::Alive, K::Ack],
        _ => &[K::Alive, K::Ack, K::BlocksRequest, K::BodyRequest],
    };
    let budget = mokka_exhaustive::Budget {
        ticks: n[1],
        leaps: n[2],
        crashes: n[3],
        duplicates: n[4],
        lies: n[5],
    };
    let disk = match n[8] {
        0 => mokka_exhaustive::Disk::Keeps,
        1 => mokka_exhaustive::Disk::ForgetsPromises,
        _ => mokka_exhaustive::Disk::ForgetsPrepared,
    };
    let w = World { budget, lost, blocks: u64::from(n[7]), disk, name: "explore", ..base };
    println!("{text}\n{}", search(w, limit()));
}
