//! Stories of liars: one validator of four breaks the rules, in each way that we know, and the
//! honest ones go on. The oracle compares every word of theirs, and every final block.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use mokka_simulator::{Fate, LIVENESS_LIMIT, Lie, PowerCut, Scenario, World};
use mokka_types::{Packet, Refusal, Vote, VotedAnswer};

/// Terms from here on are near what the clocks of these worlds show.
const FIRST_OF_THE_CLOCK: u64 = 990_000;
/// As many as there are milliseconds in five election timeouts.
const TERMS_OF_A_TURN: u64 = 2000;
const VALIDATORS: usize = 4;
/// As progress needs it where one liar may lead once (§13).
const LIMIT: Duration = Duration::from_secs(LIVENESS_LIMIT.as_secs() + 2);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn world_with(lie: Lie, liar: usize, seed: u64) -> World {
    let mut world = Scenario::validators(VALIDATORS).seed(seed).liar(liar, lie).start();
    world.until("everybody runs", |world| (0..VALIDATORS).all(|node| world.is_up(node)));
    world
}

/// Whoever is elected first in the honest world of this seed: in a world that begins in the same
/// way it is elected first, too.
fn first_leader(seed: u64) -> usize {
    Scenario::validators(VALIDATORS).seed(seed).start().until_led()
}

fn marked(world: &World) -> Vec<usize> {
    (0..VALIDATORS).filter(|node| !world.is_liar(*node) && world.is_marked(*node)).collect()
}

/// Work comes for so many seconds.
fn works_for(world: &mut World, seconds: u64) {
    for _ in 0..seconds * 4 {
        world.submit();
        world.run_for(millis(250));
    }
}

/// So many leaders lose power, one after the other, and each time somebody else makes blocks.
fn loses_leaders(world: &mut World, times: usize) {
    for _ in 0..times {
        world.expect_progress_within(LIMIT);
        let leader = world.until_led();
        world.crash(leader, PowerCut::Torn);
        world.restart_after(leader, millis(800));
        world.run_for(millis(900));
    }
}

/// The liar falls silent, and what the honest ones lacked is there at once.
fn goes_on_without_liars(mut world: World) {
    assert!(marked(&world).is_empty(), "nobody is marked by what liars say");
    world.silence_liars();
    world.run_for(millis(1));
    world.expect_progress();
}

/// §6.2, §10: of two proposals of one leader for one term and height a follower takes the first.
#[test]
fn two_proposals_of_one_term_make_no_two_blocks() {
    let mut split = 0;
    for seed in 0..6 {
        let liar = first_leader(seed);
        let mut world = world_with(Lie::Equivocator, liar, seed);
        let proposed = Rc::new(RefCell::new(BTreeMap::new()));
        let seen = Rc::clone(&proposed);
        world.judge(move |passing| {
            if let Packet::Proposal(proposal) = passing.packet
                && passing.from == liar
            {
                let slot = (proposal.proof.view, proposal.id.height);
                let hash = proposal.id.hash;
                seen.borrow_mut().entry(slot).or_insert_with(BTreeSet::new).insert(hash);
            }
            Fate::Pass
        });
        works_for(&mut world, 10);
        let twice = proposed.borrow().values().filter(|blocks| blocks.len() > 1).count();
        assert!(twice == 0 || world.lies_told(Lie::Equivocator) > 0);
        split += twice;
        goes_on_without_liars(world);
    }
    assert!(split > 3, "only {split} heights had two proposals");
}

/// §6.3, §11: a quorum shares an honest validator with every other: who votes for everything, and
/// signs for everybody, decides nothing.
#[test]
fn votes_for_everything_change_nothing() {
    let mut lies = 0;
    for seed in 0..4 {
        let liar = (first_leader(seed) + 1) % VALIDATORS;
        let mut world = world_with(Lie::DoubleVoter, liar, seed);
        for _ in 0..10 {
            world.expect_progress_within(LIMIT);
        }
        lies += world.lies_told(Lie::DoubleVoter);
        goes_on_without_liars(world);
    }
    assert!(lies > 50, "{lies} lies");
}

/// Whether the parts of a candidate's base belong together (§5.2 rule 4), seen without any key.
fn is_whole(vote: &Vote) -> bool {
    let base = &vote.base.base;
    let commit = vote.base.commit.as_ref().map(|at| at.id);
    let committed = commit.is_none_or(|id| id == base.committed);
    let prepare = vote.base.prepare.as_ref().map(|at| (at.view.term, at.id));
    let prepared = base.prepared.map(|at| (at.term, at.id));
    let height = base.prepared.map(|at| at.id.height);
    committed && prepare == prepared && (height.is_none() || height == base.committed.height.next())
}

/// A.2 *Base ahead of everybody*, A.3 *Base with a genuine but old certificate*: nobody grants a
/// base whose parts do not belong together, and nobody takes a block at a height that the base of
/// its leader has passed (§5.2 rule 4, §6.2).
#[test]
fn a_false_base_gets_no_vote() {
    let refused = Rc::new(Cell::new(0));
    for seed in 0..6 {
        let liar = (first_leader(seed) + 1) % VALIDATORS;
        let mut world = world_with(Lie::BaseLiar, liar, seed);
        let false_ones = Rc::new(RefCell::new(BTreeSet::new()));
        let (ballots, refusals) = (Rc::clone(&false_ones), Rc::clone(&refused));
        world.judge(move |passing| {
            match passing.packet {
                Packet::Vote(vote) if passing.from == liar && !is_whole(vote) => {
                    ballots.borrow_mut().insert(vote.ballot);
                }
                Packet::Voted(voted) if ballots.borrow().contains(&voted.ballot) => {
                    match &voted.answer {
                        VotedAnswer::Granted(_) => panic!("granted: {:?}", voted.ballot),
                        VotedAnswer::Refused(why) if why.reason == Refusal::InvalidBase => {
                            refusals.set(refusals.get() + 1);
                        }
                        VotedAnswer::Refused(_) => {}
                    }
                }
                _ => {}
            }
            Fate::Pass
        });
        for _ in 0..5 {
            works_for(&mut world, 2);
            // Without a leader, the liar may stand.
            let leader = world.leaders().first().copied().filter(|at| *at != liar);
            if let Some(leader) = leader {
                world.crash(leader, PowerCut::LosingUnsyncedWrites);
                world.restart_after(leader, millis(1500));
            }
        }
        world.run_for(Duration::from_secs(2));
        assert!(world.lies_told(Lie::BaseLiar) > 0);
        goes_on_without_liars(world);
    }
    assert!(refused.get() > 0, "no false base was refused for what it is");
}

/// §5.4, attempts: who grants and does not sign is left out, and costs an attempt, not an election.
#[test]
fn a_silent_signer_is_left_out() {
    let mut lies = 0;
    for seed in 0..5 {
        for liar in 0..VALIDATORS {
            let mut world = world_with(Lie::SilentSigner, liar, seed);
            let took = world.until("a leader", |world| world.led_by().is_some());
            assert!(took < Duration::from_secs(3), "{took:?}");
            world.expect_progress_within(LIMIT);
            lies += world.lies_told(Lie::SilentSigner);
            goes_on_without_liars(world);
        }
    }
    assert!(lies > 0);
}

/// §5.4: a bad share or signature names its signer, who is left out.
#[test]
fn a_bad_share_costs_an_attempt_and_no_more() {
    let mut lies = 0;
    for seed in 0..5 {
        for liar in 0..VALIDATORS {
            let mut world = world_with(Lie::BadSigner, liar, seed);
            let took = world.until("a leader", |world| world.led_by().is_some());
            assert!(took < Duration::from_secs(3), "{took:?}");
            world.expect_progress_within(LIMIT);
            lies += world.lies_told(Lie::BadSigner);
            goes_on_without_liars(world);
        }
    }
    assert!(lies > 0);
}

/// §3, A.10 *Replayed ack*, *replayed own packet*: old packets are no news, protect nobody, and
/// neither stop nor mark whoever made them.
#[test]
fn old_packets_are_no_news() {
    for seed in 0..5 {
        let liar = (first_leader(seed) + 1) % VALIDATORS;
        let mut world = world_with(Lie::Replayer, liar, seed);
        for _ in 0..4 {
            let leader = world.until_led();
            works_for(&mut world, 2);
            if leader == liar || !world.is_up(leader) {
                continue;
            }
            world.crash(leader, PowerCut::LosingUnsyncedWrites);
            let took = world
                .until("another leader", |world| world.led_by().is_some_and(|at| at != leader));
            assert!(took < LIVENESS_LIMIT, "{took:?}");
            world.restart_after(leader, Duration::ZERO);
            world.run_for(millis(1));
            world.expect_progress_within(LIMIT);
        }
        assert!(world.lies_told(Lie::Replayer) > 0);
        goes_on_without_liars(world);
    }
}

/// A.10 *Withheld proof*, *prepare certificate shown, body withheld*, A.2: what a leader shows to
/// some only forks nothing, and the others get it when it is silent.
#[test]
fn what_a_leader_withholds_forks_nothing() {
    let mut lies = 0;
    for seed in 0..8 {
        let mut world = world_with(Lie::Withholder, first_leader(seed), seed);
        works_for(&mut world, 12);
        lies += world.lies_told(Lie::Withholder);
        goes_on_without_liars(world);
    }
    assert!(lies > 100, "{lies} lies");
}

/// An honest leader goes on in its term, beside somebody who lies like this.
fn unseats_no_live_leader(lie: Lie) {
    for seed in 0..6 {
        let liar = (first_leader(seed) + 1) % VALIDATORS;
        let mut world = world_with(lie, liar, seed);
        world.until("an honest leader", |world| world.led_by().is_some_and(|at| at != liar));
        let (leader, term) = (world.until_led(), world.term());
        for _ in 0..20 {
            world.expect_progress_within(LIMIT);
            world.run_for(millis(200));
        }
        assert_eq!((world.led_by(), world.term()), (Some(leader), term), "seed {seed}");
        assert!(world.lies_told(lie) > 0);
        goes_on_without_liars(world);
    }
}

/// §5.2 rules 2 and 6, §5.6: whoever stands again and again, for whatever term, unseats no leader
/// that lives, and takes no term out of reach.
#[test]
fn racing_terms_unseat_no_live_leader() {
    unseats_no_live_leader(Lie::TermRacer);
}

/// §8 *Two machines with one key*: each with a part of the network, they sign what contradicts each
/// other, and no two blocks of one height become final.
#[test]
fn twins_fork_nothing() {
    let mut lies = 0;
    for seed in 0..8 {
        let mut world = world_with(Lie::Twins, first_leader(seed), seed);
        for round in 0..6 {
            works_for(&mut world, 1);
            let (one, other) = (round % VALIDATORS, (round + 1) % VALIDATORS);
            world.cut(one, other);
            world.cut(other, one);
            works_for(&mut world, 2);
            world.heal();
        }
        lies += world.lies_told(Lie::Twins);
        goes_on_without_liars(world);
    }
    assert!(lies > 0, "they never contradicted each other");
}

/// §5.2 rule 6, §5.7: a token frees nobody of a leader that lives unless that leader signed it.
#[test]
fn a_false_claim_unseats_no_live_leader() {
    unseats_no_live_leader(Lie::FalseHeir);
}

/// §5.7, §11: a leader that names several heirs and leads on makes no two leaders of one term.
#[test]
fn handing_over_to_several_forks_nothing() {
    let mut lies = 0;
    for seed in 0..6 {
        let mut world = world_with(Lie::FalseHeir, first_leader(seed), seed);
        works_for(&mut world, 8);
        lies += world.lies_told(Lie::FalseHeir);
        goes_on_without_liars(world);
    }
    assert!(lies > 20, "{lies} lies");
}

/// §2, §11: as many liars as a set tolerates fork nothing, even if all help each other.
#[test]
fn liars_of_one_mind_fork_nothing() {
    for lie in Lie::ALL {
        let mut conspired = 0;
        for (seed, other) in [(1, Lie::Equivocator), (2, Lie::Withholder)] {
            let leader = Scenario::validators(7).seed(seed).start().until_led();
            let scenario = Scenario::validators(7).seed(seed).gang();
            let mut world = scenario.liar(leader, other).liar((leader + 1) % 7, lie).start();
            works_for(&mut world, 8);
            conspired += world.lies_told_together();
            world.silence_liars();
            world.run_for(millis(1));
            world.expect_progress();
        }
        assert!(conspired > 10, "{lie}: {conspired} lies told together");
    }
}

/// §2: no more liars than a set tolerates.
#[test]
#[should_panic(expected = "too many liars")]
fn a_world_has_no_more_liars_than_it_tolerates() {
    let scenario = Scenario::validators(VALIDATORS).liar(0, Lie::Twins).liar(1, Lie::Replayer);
    scenario.start();
}

/// §5.2 rule 2, A.10 *term pumping*: whenever a leader is gone, a liar binds others to the last
/// terms that their clocks allow, one at a time and without a proof, and falls silent. The rest
/// reach those terms a moment later.
#[test]
fn who_is_bound_alone_to_the_last_term_is_within_reach_of_the_others() {
    let bound = Rc::new(Cell::new(0));
    for seed in 0..12 {
        let liar = (first_leader(seed) + 1) % VALIDATORS;
        let mut world = world_with(Lie::Leaper, liar, seed);
        let signed = Rc::clone(&bound);
        world.judge(move |passing| {
            if let Packet::Signed(share) = passing.packet
                && passing.to == liar
                && share.ballot.view.term.get() >= FIRST_OF_THE_CLOCK
            {
                signed.set(signed.get() + 1);
            }
            Fate::Pass
        });
        loses_leaders(&mut world, 5);
        goes_on_without_liars(world);
    }
    assert!(bound.get() > 10, "only {} were bound", bound.get());
}

/// Decision 8: two liars bind one voter whenever another validator stands, and elect nobody. Each
/// time that the leader is gone, somebody is elected in its turn all the same.
#[test]
fn spoilers_do_not_keep_everybody_from_being_elected() {
    let in_turn = Rc::new(Cell::new(0));
    for seed in 0..6 {
        let spoilers = Scenario::validators(7).liar(0, Lie::Spoiler).liar(1, Lie::Spoiler);
        let mut world = spoilers.seed(seed).start();
        let leads = Rc::clone(&in_turn);
        world.judge(move |passing| {
            if let Packet::Ack(ack) = passing.packet
                && ack.proof.view.term.get() >= FIRST_OF_THE_CLOCK
                && ack.proof.view.term.get().is_multiple_of(TERMS_OF_A_TURN)
            {
                leads.set(leads.get() + 1);
            }
            Fate::Pass
        });
        loses_leaders(&mut world, 3);
        world.expect_progress_within(LIMIT);
        assert!(world.lies_told(Lie::Spoiler) > 0);
    }
    assert!(in_turn.get() > 0, "nobody was elected in its turn");
}

/// Decision 8: a liar helps to elect leaders, and to make no blocks, below a term to which the
/// third honest vote is bound. Whoever has that vote replaces them in its turn.
#[test]
fn a_leader_below_a_bound_vote_is_replaced() {
    const HELPER: usize = 3;
    // To three others with each heartbeat, until the progress timeout ends it.
    const ACKS_OF_A_TERM: u32 = 3 * 2000 / 200;
    for seed in 0..10 {
        let below = Rc::new(Cell::new(0));
        let mut world = Scenario::validators(VALIDATORS).seed(seed).start();
        world.until("everybody runs", |world| (0..VALIDATORS).all(|node| world.is_up(node)));
        world.expect_progress();
        // Alone with 1 in its turn, 0 gets the signature of 1, and loses power before its own.
        for node in [2, HELPER] {
            world.crash(node, PowerCut::LosingUnsyncedWrites);
        }
        world.judge(|passing| match passing.packet {
            Packet::Sign(_) if passing.to == HELPER => Fate::Lose,
            _ => Fate::Pass,
        });
        world.restart_after(HELPER, Duration::from_secs(8));
        let is_bound = |world: &World| {
            world.promise(1).is_some_and(|view| view.term.get() >= FIRST_OF_THE_CLOCK)
        };
        world.until("1 is bound", is_bound);
        world.crash(0, PowerCut::LosingUnsyncedWrites);
        let leads = Rc::clone(&below);
        world.judge(move |passing| match passing.packet {
            Packet::Vote(_) | Packet::PrepareVote(_) | Packet::CommitVote(_)
                if passing.from == HELPER =>
            {
                Fate::Lose
            }
            Packet::Ack(ack) if ack.proof.view.term.get() < FIRST_OF_THE_CLOCK => {
                leads.set(leads.get() + 1);
                Fate::Pass
            }
            _ => Fate::Pass,
        });
        for node in [0, 2] {
            world.restart_after(node, millis(1));
        }
        world.run_for(millis(1));
        world.expect_progress_within(LIMIT);
        let acks = below.get();
        assert!(acks > 0 && acks < ACKS_OF_A_TERM, "seed {seed}: {acks} acks of a leader below");
    }
}
