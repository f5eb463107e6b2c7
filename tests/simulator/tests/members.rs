//! Stories of §9: sets of validators that change.

use std::time::Duration;

use mokka_simulator::{Fate, PowerCut, Scenario, World};
use mokka_types::{CrashModel, Epoch, Packet, Phase};

const BOTH: [CrashModel; 2] = [CrashModel::Cft, CrashModel::Bft];

/// What users of a chain do not notice.
const MOST_PAUSE: Duration = Duration::from_millis(300);

/// The next epoch begins at every node that runs, and has a leader.
fn enter_next_epoch(world: &mut World) -> Duration {
    let epochs = (0..world.validators()).map(|node| world.epoch(node));
    let next = epochs.max().and_then(Epoch::next).expect("one more epoch");
    let began = world.time();
    world.want_epoch();
    world.expect_progress();
    // A new member may have to say first that it is level.
    while !(0..world.validators()).all(|node| !world.is_up(node) || world.epoch(node) == next) {
        assert!(world.time() - began < Duration::from_secs(10), "never came: epoch {next}");
        world.run_for(Duration::from_millis(500));
        world.expect_progress();
    }
    world.expect_progress();
    world.time() - began
}

/// A chain of one grows to seven, one by one, and every step goes on making blocks.
#[test]
fn a_chain_of_one_grows_to_seven() {
    let sets: Vec<Vec<usize>> = (1..=7).map(|count| (0..count).collect()).collect();
    let sets: Vec<&[usize]> = sets.iter().map(Vec::as_slice).collect();
    for model in BOTH {
        let mut world = Scenario::validators(7).epochs(&sets).model(model).start();
        world.expect_progress();
        for _ in 1..sets.len() {
            enter_next_epoch(&mut world);
        }
    }
}

/// Under constant work, the time from the last block of an epoch to the first of the next.
fn pause_at_a_change(mut world: World) -> Duration {
    let everywhere = |world: &World| {
        (0..world.validators()).map(|node| world.epoch(node)).max().unwrap_or_default()
    };
    world.until_led();
    for _ in 0..30 {
        world.submit();
        world.run_for(Duration::from_millis(50));
    }
    world.want_epoch();
    let mut ended = None;
    loop {
        world.submit();
        world.run_for(Duration::from_millis(1));
        let (epoch, height) = (everywhere(&world).get(), world.height());
        match ended {
            None if epoch == 1 => ended = Some((world.time(), height)),
            Some((at, last)) if height > last => return world.time() - at,
            _ => assert!(world.time() < Duration::from_secs(30), "never came"),
        }
    }
}

/// §9: a new set elects its leader in a moment, though some of it must hear the others first (§8).
#[test]
fn a_change_of_validators_is_a_short_pause() {
    for model in BOTH {
        for count in [4, 7] {
            let all: Vec<usize> = (0..2 * count).collect();
            for (kind, before, after) in [
                ("grows", 1..count, 0..count),
                ("shrinks", 0..count, 1..count),
                ("replaces one", 0..count, 1..count + 1),
                ("replaces all", 0..count, count..2 * count),
            ] {
                let sets = [&all[before], &all[after]];
                let mut pauses: Vec<_> = (0..3)
                    .map(|seed| {
                        let scenario = Scenario::validators(2 * count).epochs(&sets).seed(seed);
                        pause_at_a_change(scenario.model(model).start())
                    })
                    .collect();
                pauses.sort_unstable();
                println!("{model} {count} {kind}: median {:?}, most {:?}", pauses[1], pauses[2]);
                assert!(pauses[2] < MOST_PAUSE, "{kind}: {pauses:?}");
            }
        }
    }
}

/// Everybody is replaced at once, and then by a single validator.
#[test]
fn a_set_is_replaced() {
    for model in BOTH {
        let sets: [&[usize]; 3] = [&[0, 1, 2, 3], &[4, 5, 6, 7], &[2]];
        let mut world = Scenario::validators(8).epochs(&sets).model(model).start();
        world.expect_progress();
        enter_next_epoch(&mut world);
        enter_next_epoch(&mut world);
    }
}

/// The leader is removed by its own block.
#[test]
fn a_leader_is_removed() {
    for seed in 0..8 {
        let mut world = Scenario::validators(4).seed(seed).start();
        let leader = world.until_led();
        let stay: Vec<usize> = (0..4).filter(|node| *node != leader).collect();
        let sets: [&[usize]; 2] = [&[0, 1, 2, 3], &stay];
        let mut world = Scenario::validators(4).seed(seed).epochs(&sets).start();
        assert_eq!(world.until_led(), leader);
        enter_next_epoch(&mut world);
        assert_ne!(world.until_led(), leader);
    }
}

/// A.14 *Offline validator added to a chain of one*: the chain goes on alone until it is there.
#[test]
fn an_offline_validator_is_not_waited_for() {
    for model in BOTH {
        let sets: [&[usize]; 2] = [&[0], &[0, 1]];
        let mut world = Scenario::validators(2).epochs(&sets).model(model).start();
        world.run_for(Duration::from_secs(1));
        world.crash(1, PowerCut::LosingUnsyncedWrites);
        world.want_epoch();
        for _ in 0..20 {
            world.run_for(Duration::from_secs(1));
            world.expect_progress();
        }
        assert_eq!(world.epoch(0).get(), 0);
        world.restart_after(1, Duration::ZERO);
        world.run_for(Duration::from_secs(2));
        world.expect_progress();
        world.run_for(Duration::from_secs(2));
        assert_eq!(world.epoch(0).get(), 1);
        world.expect_progress();
    }
}

/// A.14 *Epoch-ending block prepared, its leader dead, the new member offline*: what is prepared is
/// proposed all the same, and the chain goes on once one of the two is back.
#[test]
fn a_prepared_end_of_an_epoch_is_proposed_again() {
    for back in [true, false] {
        let sets: [&[usize]; 2] = [&[0, 1, 2, 3], &[0, 1, 2, 3, 4]];
        let mut world = Scenario::validators(5).epochs(&sets).start();
        world.expect_progress();
        world.run_for(Duration::from_secs(2));
        world.want_epoch();
        world.run_for(Duration::from_secs(2));
        let leader = world.until_led();
        // Everybody prepares, nobody hears that it is final.
        world.judge(|passing| match passing.packet {
            Packet::CommitVote(_) => Fate::Lose,
            Packet::Certified(certificate) if certificate.phase == Phase::Commit => Fate::Lose,
            _ => Fate::Pass,
        });
        let work = world.submit();
        world.run_for(Duration::from_millis(150));
        world.crash(leader, PowerCut::LosingUnsyncedWrites);
        world.crash(4, PowerCut::LosingUnsyncedWrites);
        world.heal();
        world.until("it is final at the others", |world| {
            (0..4).all(|node| node == leader || world.epoch(node).get() == 1)
        });
        assert!((0..4).all(|node| node == leader || world.has_done(node, work)));
        world.restart_after(if back { leader } else { 4 }, Duration::ZERO);
        world.run_for(Duration::from_secs(2));
        world.expect_progress();
    }
}

/// §9: everybody stops in the middle of a change, and comes back in any epoch.
#[test]
fn everybody_restarts_in_the_middle_of_a_change() {
    let sets: [&[usize]; 3] = [&[0, 1, 2, 3], &[1, 2, 3, 4, 5], &[0, 4, 5]];
    for after in (0..400).step_by(40) {
        let mut world = Scenario::validators(6).epochs(&sets).seed(after).start();
        world.expect_progress();
        world.run_for(Duration::from_secs(2));
        world.want_epoch();
        world.want_epoch();
        world.submit();
        world.run_for(Duration::from_millis(after));
        for node in 0..6 {
            world.crash(node, PowerCut::Torn);
            world.restart_after(node, Duration::from_millis(10));
        }
        world.run_for(Duration::from_millis(20));
        world.expect_progress();
    }
}
