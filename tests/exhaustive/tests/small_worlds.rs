//! Small worlds, in every order of events. A search ends with so many states; `MOKKA_SECONDS=600`
//! lets the searches of each crash model take so long instead.

use std::{env, time::Duration};

use mokka_exhaustive::{Limit, Report, Violation, World, search, worlds};

/// Enough to meet what a world is made to meet.
const QUICK: usize = 40_000;
/// What fits into the memory of a small machine.
const DEEP: usize = 50_000_000;

/// How long all searches of a crash model may take.
fn time() -> Option<Duration> {
    let seconds = env::var("MOKKA_SECONDS").ok().filter(|text| !text.is_empty())?;
    Some(Duration::from_secs(seconds.parse().expect("MOKKA_SECONDS is a number")))
}

/// Its share of the time, and of what those before it left over.
fn limit(left: Option<Duration>, worlds: usize) -> Limit {
    match left {
        None => Limit { time: Duration::MAX, states: QUICK },
        Some(left) => Limit { time: left / u32::try_from(worlds).expect("few"), states: DEEP },
    }
}

/// Every rule of §13 that speaks of safety holds in every state that is met.
fn hold(worlds: &[World]) {
    let mut left = time();
    for (at, world) in worlds.iter().enumerate() {
        let report = search(world.clone(), limit(left, worlds.len() - at));
        left = left.map(|left| left.saturating_sub(report.time));
        print!("{report}");
        assert_eq!(report.violation, None, "{report}");
        for milestone in world.meets {
            assert!(report.milestones.contains_key(milestone), "no {milestone:?} in {report}");
        }
    }
}

#[test]
fn three_of_whom_none_lies() {
    println!("{}", Report::HEAD);
    hold(&worlds::OF_CFT);
}

#[test]
fn four_of_whom_one_lies() {
    println!("{}", Report::HEAD);
    hold(&worlds::OF_BFT);
}

/// §8: what must be durable, must be. Where it is not, the search finds out.
#[test]
fn a_forgetful_disk_is_found_out() {
    let whats = worlds::BROKEN.map(|world| {
        let report = search(world, Limit { time: Duration::MAX, states: 20 * QUICK });
        print!("{report}");
        let Some(Violation { what, story }) = report.violation else { panic!("blind: {report}") };
        assert!(story.iter().any(|event| event.contains("crashes")), "{story:?}");
        what
    });
    let expected = ["signed for two candidates or bases", "FORK", "FORK"];
    for (what, expected) in whats.iter().zip(expected) {
        assert!(what.contains(expected), "{what}");
    }
}

/// The same world gives the same states, whatever the threads do.
#[test]
fn a_search_repeats_itself() {
    let [world, ..] = worlds::OF_CFT;
    let small = World { budget: mokka_exhaustive::Budget { leaps: 1, ..world.budget }, ..world };
    let limit = Limit { time: Duration::MAX, states: usize::MAX };
    let [first, second] = [search(small.clone(), limit), search(small, limit)];
    assert!(first.is_whole, "{first}");
    assert_eq!((first.states, first.depth), (second.states, second.depth));
    assert_eq!(first.milestones, second.milestones);
}
