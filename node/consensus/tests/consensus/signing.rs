//! §5.3: round two, binding.

use mokka_consensus::Action;
use mokka_crypto::aggregate_nonces;
use mokka_types::{Base, Packet, PublicNonce, SafetyRecord, Sign, Signed, VotedAnswer};

use crate::{
    node::Node,
    voters::{Voters, newest_vote},
    world::{ELECTION, HEARTBEAT, World, ack, alive, ask, fresh_base, genesis, id, view},
};

fn granted(node: &Node<'_>) -> PublicNonce {
    node.said(|packet| match packet {
        Packet::Voted(voted) => match voted.answer {
            VotedAnswer::Granted(nonce) => Some(nonce),
            VotedAnswer::Refused(_) => None,
        },
        _ => None,
    })
    .pop()
    .expect("a grant")
}

fn signed(node: &Node<'_>) -> Vec<Signed> {
    node.said(|packet| match packet {
        Packet::Signed(signed) => Some(*signed),
        _ => None,
    })
}

/// The candidate of place 1 is granted, and asks these places, the node among them, to sign.
pub(crate) fn asks(node: &mut Node<'_>, term: u64, attempt: u64, places: &[usize]) -> Sign {
    asks_as(1, node, term, attempt, places)
}

/// The same for another candidate.
fn asks_as(
    candidate: usize,
    node: &mut Node<'_>,
    term: u64,
    attempt: u64,
    places: &[usize],
) -> Sign {
    let world = node.world;
    node.hears(candidate, ask(world.vote(candidate, term, attempt, fresh_base())));
    let ballot = world.ballot(candidate, term, attempt, &fresh_base());
    let mut voters = Voters::new(world);
    let mut nonces = vec![granted(node)];
    for at in places.iter().filter(|at| **at != node.me) {
        let Packet::Voted(voted) = voters.grant(*at, &ballot) else { unreachable!() };
        let VotedAnswer::Granted(nonce) = voted.answer else { unreachable!() };
        nonces.push(nonce);
    }
    let nonce = aggregate_nonces(&nonces).unwrap();
    Sign { ballot, signers: world.signers(places), nonce }
}

/// §5.3: of two candidates of one term that ask each other to sign, the one that ranks behind gives
/// way. If both did, neither would lead.
#[test]
fn of_two_candidates_one_gives_way() {
    let world = World::bft(4);
    let mut outcomes = Vec::new();
    for rival in 1..4 {
        let mut node = Node::new(&world, 0);
        node.until("stands", |node| newest_vote(node).is_some());
        let ballot = newest_vote(&node).expect("it stands").ballot;
        Voters::new(&world).all_grant(&mut node, &[1, 2, 3]);
        let places = [0, rival, rival % 3 + 1];
        let sign = asks_as(rival, &mut node, ballot.view.term.get(), 1, &places);
        node.hears(rival, Packet::Sign(sign));
        let rank = |at| world.committee.rank(ballot.view, &world.key(at));
        let gives_way = rank(rival) < rank(0);
        assert_eq!(signed(&node).len(), usize::from(gives_way), "rival {rival}");
        outcomes.push(gives_way);
    }
    outcomes.sort_unstable();
    outcomes.dedup();
    assert_eq!(outcomes, [false, true], "some rival ranks before the node, another one after it");
}

/// §5.3: nor does who asks for signatures give way to a lower term, whatever the ranks; to a higher
/// one it does.
#[test]
fn of_two_terms_the_lower_one_gives_way() {
    let world = World::bft(4);
    for (rival, term, signs) in (1..4).flat_map(|rival| [(rival, 30, 0), (rival, 32, 1)]) {
        let mut node = Node::new(&world, 0);
        node.hears(1, alive(30, genesis())).hears(2, alive(30, genesis()));
        node.until("stands", |node| newest_vote(node).is_some());
        let sign = Voters::new(&world).all_grant(&mut node, &[1, 2, 3]);
        assert_eq!(sign.ballot.view, view(31));
        let sign = asks_as(rival, &mut node, term, 1, &[0, rival, rival % 3 + 1]);
        node.hears(rival, Packet::Sign(sign));
        assert_eq!(signed(&node).len(), signs, "{rival} {term}");
    }
}

/// §5.3, §8: the promise is recorded in the very output that signs, before the signature.
#[test]
fn the_promise_is_durable_before_the_signature() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 3, 1, &[0, 1, 2]);
    node.outputs.clear();
    node.hears(1, Packet::Sign(sign));
    let output = &node.outputs[0];
    let [SafetyRecord::Promise(promise)] = &output.records[..] else {
        panic!("one promise is to be recorded: {:?}", output.records);
    };
    assert_eq!(promise.view, view(3));
    assert_eq!(promise.signed.map(|signed| signed.candidate), Some(world.key(1)));
    assert!(output.actions.iter().any(|action| matches!(action, Action::SignBallot(_))));
    assert_eq!(signed(&node).len(), 1);
}

/// §5.3: only a quorum with the candidate among them, and ourselves named, is signed for.
#[test]
fn who_is_not_asked_properly_does_not_sign() {
    let world = World::bft(4);
    for places in [&[0usize, 1][..], &[0, 1, 2, 3], &[0, 2, 3], &[1, 2, 3]] {
        let mut node = Node::new(&world, 0);
        let sign = asks(&mut node, 3, 1, places);
        node.hears(1, Packet::Sign(sign));
        assert!(signed(&node).is_empty(), "{places:?}");
        assert_eq!(node.status().promise, view(0));
    }
}

/// §5.3: nobody signs for what was not granted, or for another candidate.
#[test]
fn what_was_not_granted_is_not_signed() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 3, 1, &[0, 1, 2]);
    let mut other = sign;
    other.ballot = world.ballot(1, 4, 1, &fresh_base());
    node.hears(1, Packet::Sign(other));
    node.hears(2, Packet::Sign(sign));
    assert!(signed(&node).is_empty());
    assert_eq!(node.status().promise, view(0));
}

/// §5.2 rule 5, §5.3: what the application agreed to and takes back is not signed.
#[test]
fn a_grant_that_is_taken_back_is_not_signed() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 1, 1, &[0, 1, 2]);
    node.hears_unwanted(1, world.vote(1, 1, 1, fresh_base()));
    node.hears(1, Packet::Sign(sign));
    assert!(signed(&node).is_empty());
    assert_eq!(node.status().promise, view(0));
}

/// §5.3: an identical repeat is answered again, a different `Sign` of the attempt never.
#[test]
fn a_repeat_is_answered_and_a_different_one_is_not() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 3, 1, &[0, 1, 2]);
    node.hears(1, Packet::Sign(sign));
    let repeats = |node: &Node<'_>| {
        let actions = node.outputs.iter().flat_map(|output| &output.actions);
        actions.filter(|action| matches!(action, Action::SignBallot(_))).count()
    };
    node.hears(1, Packet::Sign(sign));
    assert_eq!(repeats(&node), 2);
    let different = Sign { signers: world.signers(&[0, 1, 3]), ..sign };
    node.hears(1, Packet::Sign(different));
    assert_eq!(repeats(&node), 2);
}

/// §5.3: the rules hold again at the time of signing: a leader whose news came in between protects.
#[test]
fn a_leader_that_came_to_life_between_the_rounds_protects() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 3, 1, &[0, 1, 2]);
    let proof = world.proof(2, 2, fresh_base());
    node.hears(2, ack(&proof));
    node.hears(1, Packet::Sign(sign));
    assert!(signed(&node).is_empty());
    node.pass(HEARTBEAT * 3 / 2).hears(1, Packet::Sign(sign));
    assert_eq!(signed(&node).len(), 1, "its silence ends that");
}

/// §5.3: our own base rose between the rounds, above the candidate's: nothing is signed.
#[test]
fn a_base_overtaken_between_the_rounds_is_not_signed() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 3, 1, &[0, 1, 2]);
    node.commits_up_to(1);
    node.hears(1, Packet::Sign(sign));
    assert!(signed(&node).is_empty());
}

/// §5.2 rule 2, §13: one candidate and base for a term, also after a restart.
#[test]
fn a_restarted_node_signs_for_nobody_else_in_the_term() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 3, 1, &[0, 1, 2]);
    node.hears(1, Packet::Sign(sign));
    node.restart();
    node.hears(2, ask(world.vote(2, 3, 1, fresh_base())));
    let refused = node.said(|packet| match packet {
        Packet::Voted(voted) => Some(matches!(voted.answer, VotedAnswer::Refused(_))),
        _ => None,
    });
    assert_eq!(refused, [true]);
}

/// A.8, §5.2 rule 2: who signed a first attempt signs the second, of the same candidate and base.
#[test]
fn who_signed_a_first_attempt_signs_the_second() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let first = asks(&mut node, 3, 1, &[0, 1, 2]);
    node.hears(1, Packet::Sign(first));
    node.restart();
    let second = asks(&mut node, 3, 2, &[0, 1, 3]);
    node.outputs.clear();
    node.hears(1, Packet::Sign(second));
    assert_eq!(signed(&node).len(), 1);
    assert!(node.outputs[0].records.is_empty(), "it is durable already");
}

/// §5.2 rule 2: not once a proof of that term was seen.
#[test]
fn a_term_with_a_proof_is_signed_no_more() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let first = asks(&mut node, 3, 1, &[0, 1, 2]);
    node.hears(1, Packet::Sign(first));
    node.hears(2, ack(&world.proof(1, 3, fresh_base())));
    node.sent.clear();
    node.hears(1, ask(world.vote(1, 3, 2, fresh_base())));
    let granted = node.said(|packet| match packet {
        Packet::Voted(voted) => Some(matches!(voted.answer, VotedAnswer::Granted(_))),
        _ => None,
    });
    assert_eq!(granted, [false]);
}

/// §5.3: the candidate signs last: nothing is promised until the others' shares are in.
#[test]
fn the_candidate_signs_last() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let sign = voters.all_grant(&mut node, &[1, 2]);
    assert_eq!(node.durable.promise.view, view(0), "round two has begun, we are not bound");
    let share = voters.sign(1, &sign);
    node.hears(1, share);
    assert_eq!(node.durable.promise.view, view(0), "one share is missing");
    let share = voters.sign(2, &sign);
    node.hears(2, share);
    assert_eq!(node.durable.promise.view, view(1));
    assert_eq!(node.status().leader, Some(world.key(0)));
}

/// A.1, §5.3: a candidate whose base rose gives the candidacy up, whoever has signed for it.
#[test]
fn a_candidate_does_not_sign_on_a_base_that_it_has_overtaken() {
    let world = World::cft(3);
    let mut node = Node::new(&world, 0);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let sign = voters.all_grant(&mut node, &[1]);
    node.commits_up_to(1);
    let share = voters.sign(1, &sign);
    node.hears(1, share);
    assert_eq!(node.durable.promise.view, view(0));
    assert_ne!(node.status().leader, Some(world.key(0)));
}

/// §5.1, §5.3: a candidate goes on following; its live leader, heard again, ends the candidacy.
#[test]
fn a_candidate_that_hears_its_leader_again_falls_back() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(2, 1);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let sign = voters.all_grant(&mut node, &[1, 3]);
    node.hears(2, ack(&proof));
    voters.all_sign(&mut node, &sign);
    assert_eq!(node.durable.promise.view, view(1), "it never signed");
    assert_eq!(node.status().leader, Some(world.key(2)));
}

/// §5.3: signing restarts the leader timeout of the signer.
#[test]
fn signing_restarts_the_leader_timeout() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let sign = asks(&mut node, 3, 1, &[0, 1, 2]);
    node.hears(1, Packet::Sign(sign));
    node.pass(HEARTBEAT * 3 / 2 - HEARTBEAT / 100);
    assert!(newest_vote(&node).is_none(), "it gives the candidate its time");
}

/// §5.1: the term asked for on another base is not stood for again.
#[test]
fn a_term_asked_for_on_another_base_is_left_behind() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 4);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let sign = voters.all_grant(&mut node, &[1, 3]);
    assert_eq!(sign.ballot.view, view(5));
    node.commits_up_to(1);
    node.until("stands again", |node| newest_vote(node).is_some());
    let vote = newest_vote(&node).unwrap();
    assert_eq!(vote.base.base, Base { committed: id(1, 0), prepared: None });
    assert_eq!(vote.ballot.view, view(6));
}

/// §5.1: nor is one that was asked for on a base before the last one.
#[test]
fn a_term_asked_for_on_an_earlier_base_is_not_used_again() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 4);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    voters.all_grant(&mut node, &[1, 3]);
    node.commits_up_to(1);
    node.until("stands on block 1", |node| newest_vote(node).is_some());
    assert_eq!(voters.all_grant(&mut node, &[1, 3]).ballot.view, view(6));
    node.pass(ELECTION);
    node.sent.clear();
    node.until("stands again", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, view(6), "5 was asked for on block 0");
}
