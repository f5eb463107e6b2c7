//! Stories: one rule, or one attack of Appendix A, each.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use mokka_simulator::{Fate, PowerCut, Scenario, World};
use mokka_types::{BlockId, CrashModel, Packet, Phase, Refusal, VotedAnswer};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const BOTH: [CrashModel; 2] = [CrashModel::Cft, CrashModel::Bft];

fn worked(mut world: World) -> World {
    let all_run = |world: &World| (0..world.validators()).all(|node| world.is_up(node));
    world.until("everybody runs", all_run);
    world.until_led();
    world.expect_progress();
    world
}

/// §5, §6: a calm network of any size elects, and makes final what is due.
#[test]
fn every_set_from_one_to_seven_makes_progress() {
    for validators in 1..=7 {
        for model in BOTH {
            let mut world = worked(Scenario::validators(validators).model(model).start());
            assert!(world.expect_progress() < millis(500), "{validators} {model}");
        }
    }
}

/// §6.6: no empty blocks, and the first work after an idle hour is done at once.
#[test]
fn an_idle_hour_makes_no_block() {
    let mut world = worked(Scenario::validators(4).start());
    let height = world.height();
    world.run_for(Duration::from_secs(3600));
    assert_eq!(world.height(), height);
    world.expect_progress();
}

/// §1: a first leader, and another one after a kill, 99 times of a hundred within a second.
#[test]
fn elections_take_less_than_a_second() {
    let mut first = Vec::new();
    let mut failover = Vec::new();
    for seed in 0..100 {
        let mut world = Scenario::validators(4).seed(seed).start();
        first.push(world.until("a leader", |world| world.led_by().is_some()));
        let leader = world.until_led();
        world.crash(leader, PowerCut::LosingUnsyncedWrites);
        failover.push(world.until("another leader", |world| world.led_by().is_some()));
    }
    for (what, mut times) in [("first leader", first), ("failover", failover)] {
        times.sort_unstable();
        println!("{what}: median {:?}, p99 {:?}, most {:?}", times[50], times[98], times[99]);
        assert!(times[98] < Duration::from_secs(1), "{what}: p99 {:?}", times[98]);
    }
}

/// §2: a majority goes on, a minority waits, and catches up when it is back (§7).
#[test]
fn a_minority_waits_and_catches_up() {
    let mut world = worked(Scenario::validators(4).start());
    world.partition(&[&[0, 1, 2], &[3]]);
    let works: Vec<_> = (0..5)
        .map(|_| {
            let work = world.submit();
            world.until("the majority goes on", |world| world.has_done(0, work));
            work
        })
        .collect();
    assert!(!world.has_done(3, works[0]));
    world.heal().expect_progress();
    assert!(works.iter().all(|work| world.has_done(3, *work)));
}

/// §2: no part of a network without a quorum makes a block final.
#[test]
fn two_halves_of_four_make_no_block() {
    let mut world = worked(Scenario::validators(4).start());
    let height = world.height();
    world.partition(&[&[0, 1], &[2, 3]]);
    world.submit();
    world.run_for(Duration::from_secs(20));
    // What was on its way when the links were cut may still have been certified.
    assert!(world.height() <= height.next().expect("small"));
    world.heal().expect_progress();
}

/// §5.3, §8: a node signs for one candidate per term, even across a crash. The oracle compares
/// every signature of every run.
#[test]
fn a_restarted_node_does_not_vote_twice_in_one_term() {
    for seed in 0..20 {
        let mut world = Scenario::validators(4).seed(seed).start();
        for node in [0, 1, 2, 3, 0, 1, 2, 3] {
            world.run_for(millis(37 * (seed + 1) % 300));
            world.crash(node, PowerCut::LosingUnsyncedWrites);
            world.restart_after(node, millis(1));
        }
        world.expect_progress();
    }
}

/// §6.5: a power cut everywhere loses nothing that is final.
#[test]
fn a_power_cut_everywhere_loses_no_final_block() {
    for seed in 0..20 {
        let mut world = worked(Scenario::validators(4).seed(seed).start());
        let work = world.submit();
        world.until("somebody has it", |world| (0..4).any(|node| world.has_done(node, work)));
        for node in 0..4 {
            world.crash(node, PowerCut::LosingUnsyncedWrites);
            world.restart_after(node, millis(10));
        }
        world.until("everybody has it again", |world| {
            (0..4).all(|node| world.is_up(node)) && world.all_have_done(work)
        });
    }
}

/// A.1 *Stale candidate*: B signed for C; C then finds A's block valid and helps to commit it, and
/// must not lead on its old base (§5.3).
#[test]
fn a_candidate_does_not_lead_on_a_base_that_it_has_overtaken() {
    for seed in 0..20 {
        let mut world = worked(Scenario::validators(3).cft().seed(seed).start());
        let leader = world.until_led();
        let candidate = (leader + 1) % 3;
        world.hold_answers(candidate);
        let proposed = Rc::new(Cell::new(false));
        let signed = Rc::new(Cell::new(false));
        let (was_proposed, was_signed) = (Rc::clone(&proposed), Rc::clone(&signed));
        // The candidate gets the block, then neither it nor the third node hears the leader again.
        // The leader hears the candidate's vote, which comes after the third node has signed.
        world.judge(move |passing| match passing.packet {
            Packet::Proposal(_) if passing.to == candidate && !was_proposed.get() => {
                was_proposed.set(true);
                Fate::Pass
            }
            _ if passing.from == leader && passing.to != leader && was_proposed.get() => Fate::Lose,
            Packet::Proposal(_) => Fate::Lose,
            Packet::Vote(_) if passing.from != candidate => Fate::Lose,
            Packet::Signed(_) if passing.to == candidate => {
                was_signed.set(true);
                Fate::Delay(millis(60))
            }
            _ => Fate::Pass,
        });
        let work = world.submit();
        world.until("the third node signs", |_| signed.get());
        assert!(proposed.get());
        world.release_answers(candidate);
        world.until("the leader has its quorum", |world| world.has_done(leader, work));
        world.run_for(millis(600));
        world.heal().expect_progress();
    }
}

/// A.2 *Late certificate*: a duplicate `Certified(Prepare, h − 1)` does not touch what is prepared
/// at h (§6.3, "height exactly h").
#[test]
fn a_late_prepare_certificate_changes_nothing() {
    for late in [20, 40, 80, 160, 320, 640] {
        let mut world = worked(Scenario::validators(4).seed(late).start());
        world.judge(move |passing| match passing.packet {
            Packet::Certified(certificate) if certificate.phase == Phase::Prepare => {
                Fate::Twice(millis(late))
            }
            _ => Fate::Pass,
        });
        for _ in 0..10 {
            world.expect_progress();
        }
        let leader = world.until_led();
        world.submit();
        world.run_for(millis(15));
        world.crash(leader, PowerCut::LosingUnsyncedWrites);
        world.expect_progress();
    }
}

/// A.4 *Leader restarts in its own term*: it leads no more in it, whatever it remembers (§5.6).
#[test]
fn a_leader_that_restarts_does_not_lead_its_old_term() {
    for model in BOTH {
        for wait in [1, 5, 10, 15, 20, 30] {
            let mut world = worked(Scenario::validators(4).model(model).seed(wait).start());
            let leader = world.until_led();
            let term = world.term();
            world.submit();
            world.run_for(millis(wait));
            world.crash(leader, PowerCut::LosingUnsyncedWrites);
            world.restart_after(leader, millis(1));
            world.run_for(millis(3));
            for _ in 0..200 {
                world.run_for(millis(10));
                let leads = world.leaders().contains(&leader);
                assert!(!leads || world.promise(leader) > Some(term), "{term} is led again");
            }
            world.expect_progress();
        }
    }
}

/// A.5 *Unsynced commit of h lost, records of h + 1 survive* (n = 1): one log, in order (§6.5). The
/// oracle compares what comes back with the records at every start.
#[test]
fn a_record_never_survives_the_commit_below_it() {
    for seed in 0..10 {
        let mut world = Scenario::validators(1).seed(seed).start();
        for wait in 0..40 {
            world.submit();
            world.submit();
            world.run_for(millis((wait * 13 + seed * 7) % 90));
            let cut = if wait % 2 == 0 { PowerCut::Torn } else { PowerCut::LosingUnsyncedWrites };
            world.crash(0, cut);
            world.restart_after(0, millis(1));
            world.run_for(millis(2));
        }
        world.expect_progress();
    }
}

/// A.8 *Second attempt in a term*: who signed the first attempt signs the second, of the same
/// candidate and base (§5.2 rule 2, §5.4).
#[test]
fn who_signed_a_first_attempt_signs_the_second() {
    for mute in 0..4 {
        let mut world = Scenario::validators(4).start();
        world.judge(move |passing| match passing.packet {
            Packet::Signed(_) if passing.from == mute => Fate::Lose,
            _ => Fate::Pass,
        });
        world.until_led();
        let signed_first: Vec<_> = (0..4).filter_map(|node| world.promise(node)).collect();
        assert!(signed_first.iter().all(|term| term.term.get() == 1), "{signed_first:?}");
        world.expect_progress();
    }
}

/// A.9 *Prepared minority*: only P has prepared B, the others promised a higher term without a
/// proof. P learns that term, they get B (§5.1, §5.4).
#[test]
fn a_block_that_only_one_has_prepared_is_proposed_again() {
    for seed in 0..10 {
        let mut world = worked(Scenario::validators(5).cft().seed(seed).start());
        let leader = world.until_led();
        let prepared = (leader + 1) % 5;
        let block: Rc<RefCell<Option<BlockId>>> = Rc::default();
        let seen = Rc::clone(&block);
        world.judge(move |passing| match passing.packet {
            Packet::Proposal(proposal) if passing.to == prepared => {
                *seen.borrow_mut() = Some(proposal.id);
                Fate::Pass
            }
            Packet::Proposal(_) | Packet::CommitVote(_) => Fate::Lose,
            _ => Fate::Pass,
        });
        world.submit();
        world.until("the block reached one", |_| block.borrow().is_some());
        world.run_for(millis(30));
        world.crash(leader, PowerCut::LosingUnsyncedWrites);
        // The others elect among themselves, and the proof stays with its owner, who dies.
        let third = (0..5).filter(|node| ![leader, prepared].contains(node)).collect::<Vec<_>>();
        world.partition(&[&third]);
        world.judge(|passing| match passing.packet {
            Packet::Ack(_) | Packet::Proposal(_) => Fate::Lose,
            _ => Fate::Pass,
        });
        world.until("a second leader", |world| !world.leaders().is_empty());
        let second = world.leaders()[0];
        world.crash(second, PowerCut::LosingUnsyncedWrites);
        world.heal().expect_progress();
        let block = block.borrow().expect("it was proposed");
        let final_there = world.blocks(prepared, block.height);
        assert_eq!(final_there.first().map(|block| block.id), Some(block));
    }
}

/// A.10 *Replayed ack*: old packets of a dead leader protect it from nobody (§3, run and counter).
#[test]
fn a_replayed_ack_does_not_protect_a_dead_leader() {
    let mut world = worked(Scenario::validators(4).start());
    world.judge(|passing| match passing.packet {
        Packet::Ack(_) => Fate::Twice(Duration::from_secs(3)),
        _ => Fate::Pass,
    });
    let leader = world.until_led();
    world.run_for(Duration::from_secs(4));
    world.crash(leader, PowerCut::LosingUnsyncedWrites);
    let took = world.until("another leader", |world| world.led_by().is_some_and(|at| at != leader));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// A.11 *Leader without votes*: it hears `Alive`, but its block does not become final; it ends
/// (§5.6), and the chain goes on without it.
#[test]
fn a_leader_that_gets_no_votes_ends() {
    for model in BOTH {
        let mut world = worked(Scenario::validators(4).model(model).start());
        let leader = world.until_led();
        world.judge(move |passing| match passing.packet {
            Packet::PrepareVote(_) | Packet::CommitVote(_) if passing.to == leader => Fate::Lose,
            _ => Fate::Pass,
        });
        let work = world.submit();
        let took = world.until("another leader does it", |world| world.all_have_done(work));
        assert!(took < Duration::from_secs(2 + 5), "{took:?}");
    }
}

/// A.11 *Split term*: A leads T while B has bound itself to T + 1, whose candidate is dead. A hears
/// of it and ends (§5.6).
#[test]
fn a_leader_below_a_promise_ends() {
    for seed in 0..10 {
        let mut world = worked(Scenario::validators(3).cft().seed(seed).start());
        let leader = world.until_led();
        let signed: Rc<Cell<Option<usize>>> = Rc::default();
        let seen = Rc::clone(&signed);
        world.judge(move |passing| match passing.packet {
            Packet::Signed(_) => {
                seen.set(Some(passing.to));
                Fate::Lose
            }
            _ if passing.from == leader => Fate::Lose,
            _ if passing.to == leader => Fate::Lose,
            _ => Fate::Pass,
        });
        world.until("somebody signed for another", |_| signed.get().is_some());
        let candidate = signed.get().expect("it signed");
        world.crash(candidate, PowerCut::LosingUnsyncedWrites);
        world.heal().expect_progress();
    }
}

/// A.12 *Proposal h + 1 overtakes the certificate of h*: the parent's certificate comes with it
/// (§6.2).
#[test]
fn a_proposal_may_overtake_the_certificate_below_it() {
    for model in BOTH {
        let mut world = worked(Scenario::validators(4).model(model).start());
        let leader = world.until_led();
        let slow = (leader + 1) % 4;
        world.judge(move |passing| match passing.packet {
            Packet::Certified(at) if passing.to == slow && at.phase == Phase::Commit => {
                Fate::Delay(millis(900))
            }
            _ => Fate::Pass,
        });
        let works: Vec<_> = (0..20).map(|_| world.submit()).collect();
        let took = world.until("all is done everywhere", |world| {
            works.iter().all(|work| world.all_have_done(*work))
        });
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

/// A.12 *Lost proposal or certificate*: every packet of a block is repeated until it is answered
/// (§6.8).
#[test]
fn a_lost_packet_of_a_block_is_sent_again() {
    for model in BOTH {
        for lost in 0..4 {
            let mut world = worked(Scenario::validators(4).model(model).start());
            let mut left = 9;
            world.judge(move |passing| {
                let is_it = match passing.packet {
                    Packet::Proposal(_) => lost == 0,
                    Packet::PrepareVote(_) => lost == 1,
                    Packet::CommitVote(_) => lost == 2,
                    Packet::Certified(_) => lost == 3,
                    _ => false,
                };
                if is_it && left > 0 {
                    left -= 1;
                    return Fate::Lose;
                }
                Fate::Pass
            });
            world.expect_progress();
        }
    }
}

/// §5.1, §5.2 rule 6: who cannot hear the leader does not unseat it, as the others can.
#[test]
fn a_node_that_is_deaf_to_the_leader_does_not_unseat_it() {
    let mut world = worked(Scenario::validators(4).start());
    let leader = world.until_led();
    let term = world.term();
    world.cut(leader, (leader + 1) % 4);
    world.run_for(Duration::from_secs(20));
    assert_eq!((world.led_by(), world.term()), (Some(leader), term));
}

/// §5.2 rule 6: a voter that may still have a leader holds its answer, and the leader's news
/// refuses.
#[test]
fn a_live_leader_is_told_to_candidates() {
    let mut world = worked(Scenario::validators(4).start());
    let leader = world.until_led();
    let deaf = (leader + 1) % 4;
    let refusals: Rc<Cell<usize>> = Rc::default();
    let grants: Rc<Cell<usize>> = Rc::default();
    let (refused, granted) = (Rc::clone(&refusals), Rc::clone(&grants));
    world.judge(move |passing| {
        if let Packet::Voted(voted) = passing.packet {
            match voted.answer {
                VotedAnswer::Granted(_) => granted.set(granted.get() + 1),
                VotedAnswer::Refused(_) => refused.set(refused.get() + 1),
            }
        }
        if passing.from == leader && passing.to == deaf { Fate::Lose } else { Fate::Pass }
    });
    world.run_for(Duration::from_secs(5));
    assert_eq!(grants.get(), 0);
    assert!(refusals.get() > 0);
}

/// §7: a node that was away for long catches up from one peer, in ranges.
#[test]
fn a_node_that_was_away_for_a_hundred_blocks_catches_up() {
    let mut world = worked(Scenario::validators(4).start());
    world.crash(3, PowerCut::Torn);
    for _ in 0..100 {
        world.expect_progress();
    }
    world.restart_after(3, Duration::ZERO);
    world.run_for(millis(1));
    world.expect_progress();
}

/// Decision 8: the clock shows a term of a turn of this one, and not the last of them.
fn has_turn(world: &World, node: usize) -> bool {
    let shows = 1_000_000 + world.time().as_millis();
    usize::try_from(shows / 2000 % 4) == Ok(node) && shows % 2000 < 500
}

/// A.13 *Node back after a day*: it was away while the terms of the others rose to what the clock
/// shows. It takes their newest proof for what it is, and is the third vote for the next leader.
#[test]
fn a_node_that_was_away_while_terms_rose_votes_again() {
    for seed in 0..10 {
        let mut world = worked(Scenario::validators(4).seed(seed).start());
        let leader = world.until_led();
        let (away, next) = ((leader + 1) % 4, (leader + 2) % 4);
        let before = world.term().term;
        world.crash(away, PowerCut::LosingUnsyncedWrites);
        // Without a quorum for long, whoever has its turn stands for a term of the clock: here the
        // leader, who has to be heard when the third is back.
        world.crash(next, PowerCut::LosingUnsyncedWrites);
        world.run_for(Duration::from_secs(60));
        world.until("the leader's turn", |world| has_turn(world, leader));
        world.restart_after(next, millis(1));
        world.run_for(millis(1));
        world.expect_progress();
        let leader = world.until_led();
        let risen = world.term().term.get() - before.get();
        assert!(risen > 900_000, "seed {seed}: only {risen} terms");

        world.crash(leader, PowerCut::LosingUnsyncedWrites);
        world.restart_after(away, millis(1));
        world.run_for(millis(1));
        world.expect_progress();
        assert!(world.follows(away).is_some(), "its vote was needed");
    }
}

/// Whoever leads loses power, until somebody else leads.
fn another_leads(world: &mut World) {
    let leader = world.until_led();
    world.crash(leader, PowerCut::LosingUnsyncedWrites);
    world.until("another leads", |world| world.led_by().is_some_and(|at| at != leader));
    world.restart_after(leader, millis(1));
}

/// A.13 *Exclusion views differ*: somebody has not heard of a leader between two others, and takes
/// an older one for one of the last (§5.5). Another is elected all the same.
#[test]
fn validators_that_disagree_on_past_leaders_elect_another() {
    let disputed = Rc::new(Cell::new(0));
    for seed in 0..5 {
        let mut world = worked(Scenario::validators(7).seed(seed).start());
        for _ in 0..5 {
            let cut_off = (world.until_led() + 1) % 7;
            let others: Vec<_> = (0..7).filter(|at| *at != cut_off).collect();
            world.partition(&[&others, &[cut_off]]);
            another_leads(&mut world);
            another_leads(&mut world);
            world.heal().expect_progress();

            let (count, mut answers) = (Rc::clone(&disputed), BTreeMap::new());
            world.judge(move |passing| {
                if let Packet::Voted(voted) = passing.packet {
                    let refused = match &voted.answer {
                        VotedAnswer::Granted(_) => false,
                        VotedAnswer::Refused(why) => why.reason == Refusal::NotEligible,
                    };
                    let other = answers.insert(voted.ballot, refused);
                    count.set(count.get() + u32::from(other.is_some_and(|other| other != refused)));
                }
                Fate::Pass
            });
            another_leads(&mut world);
            world.heal().expect_progress();
        }
    }
    assert!(disputed.get() > 0, "all agreed, each time");
}
