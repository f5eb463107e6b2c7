//! Decision 8: the newest terms belong to one validator each, in rotation.

use std::{collections::BTreeSet, time::Duration};

use mokka_consensus::Input;
use mokka_types::{Ballot, Packet, Refusal, VotedAnswer};

use crate::{
    catchup::final_block,
    eligibility::{answer, asks_to_sign, signs_for, waiver},
    end_of_term::{in_company, keeps_beating},
    node::{Application, Node},
    voters::{Voters, newest_vote},
    world::{ELECTION, HEARTBEAT, World, ack, alive, ask, fresh_base, genesis, id, view},
};

/// Terms of one turn: one for each millisecond.
fn length(world: &World) -> u64 {
    u64::try_from(world.settings.election_timeout.as_millis()).unwrap() * 5
}

/// Somebody whose clock shows the middle of a turn of `owner`; and the first term of that.
fn in_turn_of(world: &World, me: usize, owner: usize) -> (Node<'_>, u64) {
    let mut node = Node::new(world, me);
    let turns = world.secrets.len() as u64;
    let first = (1_000_000 * turns + owner as u64) * length(world);
    node.step(Input::WallClock(Duration::from_millis(first + length(world) / 2)));
    (node, first)
}

fn ballots(node: &Node<'_>) -> Vec<Ballot> {
    node.said(|packet| match packet {
        Packet::Vote(vote) => Some(vote.ballot),
        _ => None,
    })
}

fn term_of_newest_vote(node: &Node<'_>) -> Option<u64> {
    newest_vote(node).map(|vote| vote.ballot.view.term.get())
}

/// The terms of the present turn and of the last are their owner's, but for the last sixteen, and
/// the older ones anybody's.
#[test]
fn the_newest_terms_belong_to_one_validator_each() {
    let world = World::bft(4);
    let (_, first) = in_turn_of(&world, 0, 2);
    let length = length(&world);
    let (nobody, anybody) = (&[], &[1, 2, 3]);
    for (term, owners) in [
        (first + length / 2, &[2][..]),
        (first, &[2]),
        (first - 1, nobody),
        (first - 16, nobody),
        (first - 17, &[1]),
        (first - length, &[1]),
        (first - length - 1, anybody),
        (1, anybody),
    ] {
        for candidate in 1..4 {
            let (mut node, _) = in_turn_of(&world, 0, 2);
            let refused = answer(&mut node, candidate, term);
            let its = owners.contains(&candidate);
            assert_eq!(refused, (!its).then_some(Refusal::TermTooHigh), "{candidate} for {term}");
        }
    }
}

/// After a leader that was elected in its turn, the next terms are anybody's.
#[test]
fn a_turn_does_not_keep_the_next_leader_waiting() {
    let world = World::bft(4);
    for (above, refused) in [(1, None), (16, None), (17, Some(Refusal::TermTooHigh))] {
        let (mut node, first) = in_turn_of(&world, 0, 2);
        node.follows(2, first + 3);
        node.pass(HEARTBEAT * 3 / 2);
        assert_eq!(answer(&mut node, 1, first + 3 + above), refused);
    }
    let (mut node, first) = in_turn_of(&world, 0, 2);
    node.follows(1, first - 1);
    node.pass(HEARTBEAT * 3 / 2);
    assert_eq!(answer(&mut node, 3, first + 1), Some(Refusal::TermTooHigh), "another turn");
    assert_eq!(answer(&mut node, 2, first + 1), None);
}

/// Where nobody has led for long, each stands for the first term of its turn when that begins, or
/// as soon as its last candidacy is over; and again, as long as it lasts.
#[test]
fn each_stands_in_its_turn() {
    let world = World::bft(4);
    for me in 0..4 {
        let mut node = Node::new(&world, me);
        let newest = |node: &Node<'_>| term_of_newest_vote(node).filter(|term| *term > 1000);
        let wait = node.until("stands in its turn", |node| newest(node).is_some());
        let (first, now) = (newest(&node).unwrap(), node.newest_term());
        assert_eq!((first % length(&world), first / length(&world) % 4), (0, me as u64));
        assert!(wait >= waiver(&world) && now < first + length(&world), "{wait:?}");
        let late = Duration::from_millis(now - first);
        assert!(late <= ELECTION || wait == waiver(&world), "{late:?}: a candidacy ends before");

        let turn_ends_in = Duration::from_millis(first + length(&world) - 1 - now);
        node.sent.clear();
        node.pass(turn_ends_in);
        let ballots = ballots(&node);
        assert!(ballots.iter().all(|ballot| ballot.view.term.get() == first));
        let attempts: BTreeSet<_> = ballots.iter().map(|ballot| ballot.attempt).collect();
        let most = turn_ends_in.as_millis() / ELECTION.as_millis();
        assert!(attempts.len() as u128 >= most, "{} of {most}", attempts.len());
    }
}

/// Who stops, or hears a leader, does not stand because it has its turn.
#[test]
fn a_turn_alone_makes_nobody_stand() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 2);
    node.step(Input::Stop);
    node.pass(Duration::from_secs(20));
    assert!(newest_vote(&node).is_none());

    let mut node = Node::new(&world, 2);
    let proof = node.follows(1, 1);
    for _ in 0..200 {
        node.pass(HEARTBEAT / 2).hears(1, ack(&proof));
    }
    assert!(newest_vote(&node).is_none());
}

/// Who has its turn waits neither for a candidate that others signed for, nor until its own penalty
/// is over.
#[test]
fn whose_turn_it_is_is_not_held_up() {
    let world = World::bft(4);
    let (mut node, first) = in_turn_of(&world, 0, 2);
    signs_for(&mut node, 1, 5);
    node.sent.clear();
    node.hears(3, ask(world.vote(3, 20, 1, fresh_base())));
    assert!(node.sent.is_empty(), "it has to wait");
    signs_for(&mut node, 2, first);
    node.pass(ELECTION + HEARTBEAT / 10);
    assert_eq!(answer(&mut node, 2, first + 1), None);
    assert_eq!(node.status().promise, view(first));
}

/// Asks for a vote, and says whether it has it at once.
fn is_granted(node: &mut Node<'_>, candidate: usize, term: u64) -> bool {
    node.sent.clear();
    node.hears(candidate, ask(node.world.vote(candidate, term, term, fresh_base())));
    let is_grant = |packet: &Packet| match packet {
        Packet::Voted(voted) => matches!(voted.answer, VotedAnswer::Granted(_)).then_some(()),
        _ => None,
    };
    !node.said(is_grant).is_empty()
}

/// A leader that owes a block for half of the progress timeout protects itself, but not against
/// whoever has its turn. One that owes nothing does.
#[test]
fn whose_turn_it_is_need_not_wait_for_a_leader_without_blocks() {
    let world = World::bft(4);
    let enough = world.settings.progress_timeout / 2;
    let tiny = HEARTBEAT / 10;
    for owes in [true, false] {
        let (mut node, first) = in_turn_of(&world, 0, 2);
        let proof = node.follows(1, 5);
        if owes {
            node.work();
        }
        keeps_beating(&mut node, 1, &proof, enough - tiny);
        assert!(!is_granted(&mut node, 2, first));
        keeps_beating(&mut node, 1, &proof, tiny);
        assert!(!is_granted(&mut node, 3, 6), "it is not its turn");
        assert_eq!(is_granted(&mut node, 2, first + 1), owes);
    }
}

/// Nor does a leader whose own block waits for votes.
#[test]
fn a_leader_whose_block_waits_for_votes_grants_whoever_has_its_turn() {
    let world = World::bft(4);
    let enough = world.settings.progress_timeout / 2;
    let tiny = HEARTBEAT / 10;
    for proposes in [true, false] {
        let (mut node, first) = in_turn_of(&world, 0, 2);
        Voters::new(&world).elect(&mut node);
        if proposes {
            node.work().built(1, 0);
        }
        in_company(&mut node, enough - tiny);
        assert!(!is_granted(&mut node, 2, first));
        node.pass(tiny);
        assert!(!is_granted(&mut node, 3, 6), "it is not its turn");
        assert_eq!(is_granted(&mut node, 2, first + 1), proposes);
    }
}

/// §5.5 does not hold for terms that are one's own: who led lately and has its turn may lead again.
/// But who leads now may not: it would have all the time for its first block once more.
#[test]
fn who_led_lately_may_lead_in_its_turn() {
    let world = World::bft(4);
    for (leaders, leads) in [([2, 3], false), ([3, 2], true)] {
        let (mut node, first) = in_turn_of(&world, 0, 2);
        for (leader, term) in leaders.into_iter().zip(4..) {
            node.follows(leader, term);
        }
        node.pass(HEARTBEAT * 3 / 2);
        assert_eq!(answer(&mut node, 2, 6), Some(Refusal::NotEligible));
        assert_eq!(answer(&mut node, 2, first), leads.then_some(Refusal::NotEligible));
    }
}

/// Whoever was asked to sign in somebody's turn may be bound, and a leader below lacks them: once
/// that one is silent, who has asked them stands for the same term again.
#[test]
fn who_has_begun_its_turn_goes_on_with_it() {
    let world = World::bft(4);
    for asks in [true, false] {
        let mut node = Node::new(&world, 2);
        node.until("stands in its turn", |node| term_of_newest_vote(node) > Some(1000));
        let term = term_of_newest_vote(&node).unwrap();
        if asks {
            Voters::new(&world).all_grant(&mut node, &[0, 3]);
        }
        node.follows(1, 1);
        node.sent.clear();
        let wait = node.until("stands again", |node| newest_vote(node).is_some());
        assert!(wait >= HEARTBEAT * 3 / 2, "{wait:?}");
        assert_eq!(term_of_newest_vote(&node), Some(if asks { term } else { 2 }));
        assert!(!asks || wait < HEARTBEAT * 2, "{wait:?}");
    }
}

/// §5.5: it goes on also where it led lately.
#[test]
fn who_led_lately_goes_on_with_its_turn() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 2);
    Voters::new(&world).elect(&mut node);
    node.until("leads no more", |node| !node.resigned().is_empty());
    node.sent.clear();
    node.until("stands in its turn", |node| term_of_newest_vote(node) > Some(1000));
    Voters::new(&world).all_grant(&mut node, &[0, 3]);
    node.follows(1, 3);
    node.sent.clear();
    let wait = node.until("stands again", |node| newest_vote(node).is_some());
    assert!(wait < HEARTBEAT * 2, "{wait:?}");
}

/// Who has led in its turn has nothing to go on with, and waits until anybody may lead.
#[test]
fn who_has_led_in_its_turn_does_not_hurry() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 2);
    node.until("stands in its turn", |node| term_of_newest_vote(node) > Some(1000));
    let led = Voters::new(&world).elect(&mut node).view.term.get();
    for other in [0, 1] {
        node.hears(other, alive(led + 1, genesis()));
    }
    assert_eq!((led > 1000, node.resigned().len()), (true, 1));
    node.sent.clear();
    node.pass(waiver(&world) - HEARTBEAT / 10);
    assert!(newest_vote(&node).is_none());
}

/// Who stands in its turn signs for nobody in a lower term, before it asks for signatures as well.
#[test]
fn who_has_its_turn_gives_way_to_no_lower_term() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 2);
    node.until("stands in its turn", |node| term_of_newest_vote(node) > Some(1000));
    asks_to_sign(&mut node, 1, 50);
    assert_eq!(node.status().promise, view(0));
    node.pass(Duration::from_millis(length(&world)));
    signs_for(&mut node, 1, 60);
}

/// What somebody signed for in its turn, and led nobody, opens no terms above it: a liar would be
/// first there. A promise that is loaded may have had a leader.
#[test]
fn a_promise_without_a_proof_opens_no_terms() {
    let world = World::bft(4);
    let (mut node, first) = in_turn_of(&world, 0, 2);
    signs_for(&mut node, 2, first);
    node.pass(HEARTBEAT * 3 / 2);
    assert_eq!(answer(&mut node, 1, first + 5), Some(Refusal::TermTooHigh));
    node.restart();
    node.step(Input::WallClock(Duration::from_millis(first + length(&world) / 2)));
    assert_eq!(answer(&mut node, 1, first + 5), None);
}

/// The terms of an earlier turn are anybody's, and for nobody without waiting.
#[test]
fn an_old_turn_is_worth_nothing() {
    let world = World::bft(4);
    let (mut node, first) = in_turn_of(&world, 0, 2);
    signs_for(&mut node, 1, 5);
    node.sent.clear();
    let old = first - 4 * length(&world);
    node.hears(2, ask(world.vote(2, old, 1, fresh_base())));
    assert!(node.sent.is_empty(), "it has to wait");
}

/// §5.4: who has blocks at hand would be refused before they are stored: having its turn is no
/// reason to stand more often than else.
#[test]
fn who_has_blocks_at_hand_does_not_hurry_in_its_turn() {
    let world = World::bft(4);
    let attempts = |blocks: u64| {
        let (mut node, _) = in_turn_of(&world, 0, 3);
        node.application = Application::Slow;
        node.hears(1, alive(0, id(blocks, 0)));
        node.hears(1, Packet::Blocks((1..=blocks).map(|at| final_block(&world, at)).collect()));
        node.pass(Duration::from_millis(length(&world) * 3 / 2 - 1));
        assert_eq!((node.status().committed, node.status().mark), (genesis(), None));
        ballots(&node).iter().map(|ballot| ballot.attempt).collect::<BTreeSet<_>>().len()
    };
    assert!(attempts(3) < attempts(0), "{} and {}", attempts(3), attempts(0));
}

/// §5.1: what b + 1 tell is no reason to stand for a term that is not ours to stand for.
#[test]
fn a_told_promise_of_another_turn_keeps_nobody_from_standing() {
    let world = World::bft(4);
    let (mut node, first) = in_turn_of(&world, 0, 2);
    for other in [1, 3] {
        node.hears(other, alive(first + 1, genesis()));
    }
    let wait = node.until("stands", |node| newest_vote(node).is_some());
    assert!(wait < waiver(&world), "{wait:?}");
    assert_eq!(term_of_newest_vote(&node), Some(1));
}
