//! Stories of §8 and A.7: a disk is replaced by an old copy of it.

use std::{cell::RefCell, rc::Rc, time::Duration};

use mokka_simulator::{Fate, PowerCut, Restoring, Scenario, World};
use mokka_types::{CrashModel, Packet, RunNumber};

const BOTH: [CrashModel; 2] = [CrashModel::Cft, CrashModel::Bft];

fn marked(world: &World) -> Vec<usize> {
    (0..world.validators()).filter(|node| world.is_marked(*node)).collect()
}

/// Backs up everybody, then makes one of them lead that did not; returns its place.
fn another_leads(world: &mut World) -> usize {
    let first = world.until_led();
    world.expect_progress();
    (0..world.validators()).for_each(|node| world.back_up(node));
    world.crash(first, PowerCut::LosingUnsyncedWrites);
    world.until("another leads", |world| world.led_by().is_some_and(|at| at != first));
    world.restart_after(first, Duration::ZERO);
    let second = world.until_led();
    // Its own vote is in the certificates of its own blocks.
    for _ in 0..3 {
        world.expect_progress();
    }
    assert_eq!(world.until_led(), second);
    second
}

/// A.7 *Restored node* (CFT 3, one crash): A and B make a block final that C has not heard of; B
/// crashes, A comes back from an old copy of its disk. A and C would be enough to decide otherwise;
/// A signs nothing, whether its operator says so or it must find out, and C waits for B.
#[test]
fn a_restored_node_does_not_fork_the_chain() {
    for restoring in [Restoring::Declared, Restoring::Silent] {
        for seed in 0..20 {
            let mut world = Scenario::validators(3).cft().seed(seed).start();
            let restored = another_leads(&mut world);
            let (helper, deaf) = ((restored + 1) % 3, (restored + 2) % 3);
            let known = world.height();
            // It knows whom the others elected, and does not hear of what they decide.
            world.judge(move |passing| match passing.packet {
                Packet::Proposal(_) | Packet::Certified(_) if passing.to == deaf => Fate::Lose,
                Packet::Vote(_) if passing.from == deaf => Fate::Lose,
                Packet::Ack(ack) if passing.to == deaf && ack.committed.height > known => {
                    Fate::Lose
                }
                _ => Fate::Pass,
            });
            let work = world.submit();
            world.until("two have it", |world| {
                world.has_done(helper, work) && world.has_done(restored, work)
            });
            assert!(!world.has_done(deaf, work));
            world.crash(helper, PowerCut::Torn);
            world.restore(restored, restoring);
            world.restart_after(restored, Duration::from_millis(1));
            world.heal();
            let height = world.height();
            world.submit();
            world.run_for(Duration::from_secs(20));
            assert_eq!(world.height(), height, "nothing is decided without the third");
            assert_eq!(marked(&world), [restored]);
            world.restart_after(helper, Duration::ZERO);
            world.run_for(Duration::from_secs(1));
            world.expect_progress();
            assert_eq!(marked(&world), [restored]);
            assert!(world.has_done(restored, work), "it follows");
        }
    }
}

/// A.7 *Honest node marked*: whoever replays a node's own old packets to it, after a crash at any
/// moment, does not silence it.
#[test]
fn an_honest_node_is_not_marked_by_its_own_old_packets() {
    for model in BOTH {
        for seed in 0..10 {
            let mut world = Scenario::validators(4).model(model).seed(seed).start();
            let said: Rc<RefCell<Vec<Packet>>> = Rc::default();
            let heard = Rc::clone(&said);
            world.judge(move |passing| {
                if passing.from == 0 {
                    heard.borrow_mut().push(passing.packet.clone());
                }
                Fate::Pass
            });
            for wait in 0..12 {
                world.submit();
                world.run_for(Duration::from_millis((wait * 37 + seed * 11) % 400));
                let cut =
                    if wait % 2 == 0 { PowerCut::LosingUnsyncedWrites } else { PowerCut::Torn };
                world.crash(0, cut);
                world.restart_after(0, Duration::from_millis(1));
                world.run_for(Duration::from_millis(2));
                for packet in said.take() {
                    world.say_as(0, RunNumber::new(1), 0, packet);
                }
            }
            world.heal().run_for(Duration::from_secs(1));
            assert!(marked(&world).is_empty());
            world.expect_progress();
        }
    }
}

/// A.7 *Everybody marked*: power cuts mark nobody, and a node that comes back from an old copy
/// marks itself alone.
#[test]
fn only_the_node_that_lost_its_state_is_marked() {
    for model in BOTH {
        for seed in 0..10 {
            let mut world = Scenario::validators(4).model(model).seed(seed).start();
            let restored = another_leads(&mut world);
            for round in 0..5 {
                world.submit();
                world.run_for(Duration::from_millis((round * 53 + seed * 7) % 200));
                for node in 0..4 {
                    world.crash(node, PowerCut::Torn);
                    world.restart_after(node, Duration::from_millis(5));
                }
                world.run_for(Duration::from_millis(300));
            }
            assert!(marked(&world).is_empty());
            world.restore(restored, Restoring::Silent);
            world.restart_after(restored, Duration::from_millis(1));
            world.run_for(Duration::from_secs(1));
            for _ in 0..5 {
                world.expect_progress();
            }
            assert_eq!(marked(&world), [restored], "{model}, seed {seed}");
        }
    }
}
