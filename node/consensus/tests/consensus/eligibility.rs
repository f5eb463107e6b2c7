//! §5.4, §5.5: who had its turn, and who stood in vain.

use std::time::Duration;

use mokka_consensus::{Input, RoleName};
use mokka_types::{Packet, Refusal, Sign, VotedAnswer};

use crate::{
    node::{Node, WALL_CLOCK},
    voters::{Voters, newest_vote},
    world::{ELECTION, HEARTBEAT, World, ack, ask, fresh_base, genesis},
};

/// What a node answers to a candidate for a term; none where it grants.
pub(crate) fn answer(node: &mut Node<'_>, candidate: usize, term: u64) -> Option<Refusal> {
    node.sent.clear();
    node.hears(candidate, ask(node.world.vote(candidate, term, term, fresh_base())));
    let answers = node.said(|packet| match packet {
        Packet::Voted(voted) => Some(voted.answer.clone()),
        _ => None,
    });
    match answers.last().expect("an answer") {
        VotedAnswer::Granted(_) => None,
        VotedAnswer::Refused(refused) => Some(refused.reason),
    }
}

/// As long as the last in rank waits for its leader, and two candidacies.
pub(crate) fn waiver(world: &World) -> Duration {
    let longest = HEARTBEAT / 2 * u32::try_from(world.secrets.len() + 3).unwrap();
    longest + ELECTION * 2
}

/// §5.5: leaders of the last q − 1 terms that had one are granted nothing; older ones are.
#[test]
fn leaders_of_the_last_terms_are_not_eligible() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    for (leader, term) in [(1, 2), (2, 4), (3, 5)] {
        node.follows(leader, term);
    }
    node.pass(HEARTBEAT * 3 / 2);
    assert_eq!(answer(&mut node, 2, 7), Some(Refusal::NotEligible));
    assert_eq!(answer(&mut node, 3, 8), Some(Refusal::NotEligible));
    assert_eq!(answer(&mut node, 1, 9), None, "its turn is long over");
}

/// §5.5: in a term that is known by its proof alone it led as well.
#[test]
fn a_proof_shown_by_others_counts() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut vote = world.vote(1, 9, 1, fresh_base());
    vote.newest_proof = Some(world.proof(2, 4, fresh_base()));
    node.hears(1, ask(vote));
    assert_eq!(answer(&mut node, 2, 10), Some(Refusal::NotEligible));
}

/// §5.5: who finds no leader for long takes any; a leader that lives begins that time anew.
#[test]
fn without_a_leader_for_long_anybody_is_eligible() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 2);
    node.pass(HEARTBEAT).hears(1, ack(&proof));
    let wait = waiver(&world);
    node.pass(wait - HEARTBEAT / 10);
    assert_eq!(answer(&mut node, 1, 50), Some(Refusal::NotEligible));
    node.pass(HEARTBEAT / 10);
    assert_eq!(answer(&mut node, 1, 51), None);
}

/// §5.5: who led lately does not stand, until anybody may.
#[test]
fn who_led_lately_does_not_stand() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    Voters::new(&world).elect(&mut node);
    node.hears(1, ack(&world.proof(1, 9, fresh_base())));
    node.sent.clear();
    node.pass(waiver(&world) - HEARTBEAT / 10);
    assert_eq!(node.status().role, RoleName::Follower);
    assert!(newest_vote(&node).is_none());
    node.until("stands", |node| newest_vote(node).is_some());
}

/// §5.5: alone or in a pair nobody waits for ever: the last q − 1 leave one.
#[test]
fn of_two_the_other_one_leads_next() {
    let world = World::cft(2);
    let mut node = Node::new(&world, 0);
    Voters::new(&world).elect(&mut node);
    node.pass(world.settings.isolation + HEARTBEAT);
    assert_eq!(node.status().role, RoleName::Follower);
    let term = node.status().promise.term.get() + 1;
    assert_eq!(answer(&mut node, 1, term), None);
}

/// It asks for a nonce and a signature of the node, which signs.
pub(crate) fn signs_for(node: &mut Node<'_>, candidate: usize, term: u64) {
    asks_to_sign(node, candidate, term);
    assert_eq!(node.status().promise, node.world.view(term), "it signed");
}

/// It asks for a nonce, which the node grants, and for a signature.
pub(crate) fn asks_to_sign(node: &mut Node<'_>, candidate: usize, term: u64) {
    let world = node.world;
    assert_eq!(answer(node, candidate, term), None);
    let nonces = node.said(|packet| match packet {
        Packet::Voted(voted) => match voted.answer {
            VotedAnswer::Granted(nonce) => Some(nonce),
            VotedAnswer::Refused(_) => None,
        },
        _ => None,
    });
    let ballot = world.ballot(candidate, term, term, &fresh_base());
    let places = world.quorum_without(0, candidate);
    let mut places: Vec<_> = places.into_iter().filter(|at| *at != 0).collect();
    places.truncate(world.quorum() - 1);
    places.push(0);
    let mut others = Voters::new(world);
    let mut list = vec![*nonces.last().unwrap()];
    for at in places.iter().filter(|at| **at != 0) {
        match others.grant(*at, &ballot) {
            Packet::Voted(voted) => match voted.answer {
                VotedAnswer::Granted(nonce) => list.push(nonce),
                VotedAnswer::Refused(_) => unreachable!(),
            },
            _ => unreachable!(),
        }
    }
    let nonce = mokka_crypto::aggregate_nonces(&list).unwrap();
    let sign = Sign { ballot, signers: world.signers(&places), nonce };
    node.hears(candidate, Packet::Sign(sign));
}

/// §5.4, A.10: who withholds its proofs is granted nothing for a while, twice as long the next
/// time, and never longer than four election timeouts.
#[test]
fn who_shows_no_proof_is_in_penalty() {
    let world = World::cft(4);
    let mut node = Node::new(&world, 0);
    let tiny = HEARTBEAT / 10;
    for (term, penalty) in [(1, 2), (11, 4), (21, 4), (31, 4)] {
        signs_for(&mut node, 1, term);
        node.pass(ELECTION - tiny);
        assert_eq!(answer(&mut node, 1, term + 1), None, "it has some time");
        node.pass(tiny);
        assert_eq!(answer(&mut node, 1, term + 2), Some(Refusal::NotEligible));
        assert_eq!(answer(&mut node, 2, term + 3), None, "others are not in penalty");
        node.pass(ELECTION * penalty - tiny);
        assert_eq!(answer(&mut node, 1, term + 4), Some(Refusal::NotEligible));
        node.pass(tiny);
    }
    assert_eq!(node.committed, genesis());
}

/// §5.4: the penalty is over once its proof is seen; an older one of it does not count.
#[test]
fn a_proof_ends_a_penalty() {
    let world = World::bft(4);
    for (shown, refused) in [(5, false), (3, true)] {
        let mut node = Node::new(&world, 0);
        signs_for(&mut node, 1, 5);
        node.pass(ELECTION);
        let mut vote = world.vote(2, 6, 1, fresh_base());
        vote.newest_proof = Some(world.proof(1, shown, fresh_base()));
        node.hears(2, ask(vote));
        for (other, term) in [(2, 7), (3, 8)] {
            let mut vote = world.vote(other, 20 + term, term, fresh_base());
            vote.newest_proof = Some(world.proof(other, term, fresh_base()));
            node.hears(other, ask(vote));
        }
        let reason = answer(&mut node, 1, 40);
        assert_eq!(reason == Some(Refusal::NotEligible), refused, "{reason:?}");
    }
}

/// §4, §5.5: past leaders that nobody else relieves do not stand in one and the same instant once
/// anybody may: their ranks keep them apart, too.
#[test]
fn ranks_keep_past_leaders_apart() {
    let world = World::cft(4);
    let mut ranked: Vec<_> = (0..4).collect();
    ranked.sort_unstable_by_key(|at| world.committee.rank(world.view(10), &world.key(*at)));
    for (me, other) in [(1, 2), (2, 1)] {
        let mut node = Node::new(&world, me);
        Voters::new(&world).elect(&mut node);
        node.follows(other, 9);
        node.sent.clear();
        let wait = node.until("stands", |node| newest_vote(node).is_some());
        let rank = ranked.iter().position(|at| *at == me).unwrap();
        let least = waiver(&world) + HEARTBEAT / 2 * u32::try_from(rank).unwrap();
        assert!(wait >= least && wait <= least + HEARTBEAT / 2 + HEARTBEAT / 100, "{wait:?}");
    }
}

/// §5.2 rule 2: the bound is for terms above the promise; who has signed for one stands by that,
/// also where its clock was set back.
#[test]
fn a_signature_is_given_again_after_the_clock_was_set_back() {
    let world = World::cft(4);
    let mut node = Node::new(&world, 0);
    let term = node.newest_term();
    signs_for(&mut node, 1, term);
    node.step(Input::WallClock(WALL_CLOCK - Duration::from_secs(60)));
    node.sent.clear();
    node.hears(1, ask(world.vote(1, term, term + 1, fresh_base())));
    let granted = node.said(|packet| match packet {
        Packet::Voted(voted) => matches!(voted.answer, VotedAnswer::Granted(_)).then_some(()),
        _ => None,
    });
    assert_eq!(granted.len(), 1, "in its next attempt");
    assert_eq!(answer(&mut node, 2, term + 1), Some(Refusal::TermTooHigh));
}
