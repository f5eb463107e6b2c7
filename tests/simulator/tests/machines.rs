//! Stories of machines: power that fails in the middle of something, slow disks, wrong clocks,
//! operators, and networks in which not everybody sees everybody.

use std::time::Duration;

use mokka_simulator::{Fault, LIVENESS_LIMIT, Scenario, World};
use mokka_types::CrashModel;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const BOTH: [CrashModel; 2] = [CrashModel::Cft, CrashModel::Bft];

fn worked(scenario: Scenario) -> World {
    let mut world = scenario.start();
    let all_run = |world: &World| (0..world.validators()).all(|node| world.is_up(node));
    world.until("everybody runs", all_run);
    world.until_led();
    world.expect_progress();
    world
}

/// §8: whatever a node was doing when its power failed, it comes back to what it promised. The
/// oracle knows what it had signed before.
#[test]
fn power_may_fail_between_any_two_actions() {
    for model in BOTH {
        let mut failed = 0;
        for actions in 0..24 {
            for place in 0..2 {
                let mut world = worked(Scenario::validators(4).model(model).seed(actions));
                let node = (world.until_led() + place) % 4;
                world.fail_after(node, actions);
                for _ in 0..10 {
                    world.submit();
                    world.run_for(millis(250));
                }
                failed += world.faults(Fault::CrashInTurn);
                world.until("it is back", |world| world.is_up(node));
                world.expect_progress();
            }
        }
        assert_eq!(failed, 48, "each of them, {model}");
    }
}

/// §5.7: an orderly stop costs two round trips, not a timeout.
#[test]
fn a_leader_that_is_stopped_hands_over() {
    for model in BOTH {
        for seed in 0..10 {
            let mut world = worked(Scenario::validators(4).model(model).seed(seed));
            let leader = world.until_led();
            // Until then it has heard from nobody who is level.
            world.run_for(Duration::from_secs(2));
            world.stop(leader);
            let another = |world: &World| world.led_by().is_some_and(|at| at != leader);
            let took = world.until("another leader", another);
            assert!(took < millis(100), "{model} {seed}: {took:?}");
            assert_eq!(world.handovers(), 1);
            world.until("it ends", |world| !world.is_up(leader));
            world.until("it is back", |world| world.is_up(leader));
            world.expect_progress();
        }
    }
}

/// §8: a packet waits for the disk, and a disk that takes half a heartbeat stops nothing.
#[test]
fn slow_disks_make_slow_blocks() {
    for model in BOTH {
        let mut world = worked(Scenario::validators(4).model(model));
        (0..4).for_each(|node| world.slow_disk(node, millis(100)));
        let took: Vec<_> = (0..20).map(|_| world.expect_progress()).collect();
        let mean = took.iter().sum::<Duration>() / 20;
        assert!(mean > millis(80), "{model}: {mean:?}");
    }
}

/// §4: clocks that differ by a tenth depose nobody.
#[test]
fn wrong_clocks_depose_no_leader() {
    for model in BOTH {
        let scenario = Scenario::validators(4).model(model).clocks(&[950, 1_050, 1_000, 1_040]);
        let mut world = worked(scenario);
        let (leader, term) = (world.until_led(), world.term());
        for _ in 0..40 {
            world.expect_progress();
            world.run_for(millis(500));
        }
        assert_eq!((world.led_by(), world.term()), (Some(leader), term), "{model}");
    }
}

/// §12: where one node alone sees two sides that are no quorum each, blocks become final, once it
/// leads or is led.
#[test]
fn a_node_that_sees_both_sides_keeps_them_together() {
    for model in BOTH {
        for bridge in 0..3 {
            let mut world = worked(Scenario::validators(3).model(model).seed(7));
            let others: Vec<_> = (0..3).filter(|node| *node != bridge).collect();
            world.partition(&[&[others[0], bridge], &[others[1], bridge]]);
            let work = world.submit();
            let done = |world: &World| world.has_done(bridge, work);
            let took = world.until("the bridge has it", done);
            // With three, BFT tolerates nobody, but takes two as CFT does.
            assert!(took < 2 * LIVENESS_LIMIT, "{model} {bridge}: {took:?}");
            world.heal().expect_progress();
        }
    }
}
