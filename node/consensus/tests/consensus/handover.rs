//! §5.7: a leader that is about to end names who leads next.

use mokka_consensus::{EndOfTerm, Ignored, Input, RoleName};
use mokka_crypto::digest;
use mokka_types::{AggregatedNonce, Handover, HandoverToken, Packet, Sign, VotedAnswer};

use crate::{
    epochs::enter,
    node::{Application, Node},
    signing::asks,
    voters::{Voters, newest_vote},
    world::{
        CHAIN, ELECTION, HEARTBEAT, World, ack, alive, ask, certified, fresh_base, genesis, id,
        propose,
    },
};

fn token(world: &World, leader: usize, term: u64, successor: usize) -> HandoverToken {
    let (view, successor) = (world.view(term), world.key(successor));
    let signature = world.secrets[leader].sign(&digest::handover(&CHAIN, view, &successor));
    HandoverToken { view, successor, signature }
}

fn handover(token: HandoverToken) -> Packet {
    Packet::Handover(Box::new(Handover { token, certificate: None }))
}

/// To whom the node handed over, in order.
fn successors(node: &Node<'_>) -> Vec<usize> {
    node.said(|packet| match packet {
        Packet::Handover(handover) => Some(node.world.place(&handover.token.successor)),
        _ => None,
    })
}

fn leads(world: &World) -> Node<'_> {
    let mut node = Node::new(world, 0);
    Voters::new(world).elect(&mut node);
    node.sent.clear();
    node.outputs.clear();
    node
}

/// The others show that they live and are level.
fn in_company(node: &mut Node<'_>) {
    let term = node.status().promise.term.get();
    for at in 1..node.world.secrets.len() {
        node.hears(at, alive(term, node.committed));
    }
}

fn granted(node: &Node<'_>) -> usize {
    let granted = |packet: &Packet| match packet {
        Packet::Voted(voted) => matches!(voted.answer, VotedAnswer::Granted(_)).then_some(()),
        _ => None,
    };
    node.said(granted).len()
}

/// §5.7: before its proof ends a leader asks one after the other; if none is elected it goes on.
#[test]
fn a_leader_hands_over_before_its_proof_ends() {
    let world = World::bft(4);
    let mut node = leads(&world);
    let settings = world.settings;
    let begins = node.now.after(settings.proof_lifetime - settings.handover_lead);
    while node.now.after(HEARTBEAT) < begins {
        in_company(&mut node);
        node.pass(HEARTBEAT);
    }
    in_company(&mut node);
    assert!(successors(&node).is_empty(), "too early");
    node.pass(HEARTBEAT);
    assert_eq!(successors(&node).len(), 1);
    node.work();
    assert!(node.builds.is_empty(), "no block begins");
    node.pass(ELECTION);
    in_company(&mut node);
    node.pass(ELECTION * 2);
    let mut all = successors(&node);
    all.dedup();
    assert_eq!(all.len(), 3, "one after the other: {all:?}");
    assert_eq!(node.builds.len(), 1, "then it goes on");
    assert_eq!(node.status().role, RoleName::Leader);
}

/// §5.7: at an orderly stop it hands over, too, and ends once another leads.
#[test]
fn a_leader_that_is_stopped_hands_over() {
    let world = World::bft(4);
    let mut node = leads(&world);
    in_company(&mut node);
    node.step(Input::Stop);
    let successor = successors(&node)[0];
    assert!(!node.core.may_end(node.now));
    let term = node.status().promise.term.get() + 1;
    node.hears(successor, ack(&world.proof(successor, term, fresh_base())));
    assert_eq!(node.resigned(), [EndOfTerm::HigherTerm]);
    assert!(node.core.may_end(node.now));
}

/// §5.7: a leader that nobody succeeds ends all the same, and so does one that is told twice.
#[test]
fn a_leader_that_finds_nobody_stops() {
    let world = World::bft(4);
    let mut node = leads(&world);
    node.pass(world.settings.isolation - HEARTBEAT);
    node.step(Input::Stop);
    node.pass(ELECTION * 4);
    assert_eq!(node.resigned(), [EndOfTerm::Stopped]);
    let mut node = leads(&world);
    in_company(&mut node);
    node.step(Input::Stop);
    node.step(Input::Stop);
    assert_eq!(node.resigned(), [EndOfTerm::Stopped]);
    let alone = World::bft(1);
    let mut node = Node::new(&alone, 0);
    node.until("leads", |node| node.status().role == RoleName::Leader);
    node.step(Input::Stop);
    assert!(node.core.may_end(node.now));
}

/// §6.8: a successor that does not stand may not have heard of it, and is asked again; one that
/// stands is left alone.
#[test]
fn a_successor_is_asked_until_it_stands() {
    let world = World::bft(4);
    let mut node = leads(&world);
    in_company(&mut node);
    node.step(Input::Stop);
    let asked = successors(&node);
    let [successor] = asked[..] else { panic!("one is asked: {asked:?}") };
    node.pass(ELECTION / 6);
    assert_eq!(successors(&node), [successor; 2]);
    let term = node.status().promise.term.get();
    let handover = Some(token(&world, 0, term, successor));
    let vote = world.vote(successor, term + 1, 1, fresh_base());
    node.hears(successor, ask(mokka_types::Vote { handover, ..vote }));
    assert_eq!(granted(&node), 1);
    node.pass(ELECTION / 2);
    assert_eq!(successors(&node), [successor; 2]);
    node.pass(ELECTION / 2);
    assert_ne!(successors(&node)[2], successor, "the next one");
}

/// §5.7: the block in flight is finished first.
#[test]
fn the_block_in_flight_is_finished_first() {
    let world = World::cft(3);
    let mut node = leads(&world);
    in_company(&mut node);
    node.work();
    node.built(1, 0);
    node.step(Input::Stop);
    assert!(successors(&node).is_empty());
    let vote = world.block_vote(
        1,
        mokka_types::Phase::Commit,
        node.status().promise.term.get(),
        crate::world::id(1, 0),
    );
    node.hears(1, Packet::CommitVote(vote));
    assert_eq!(node.committed, crate::world::id(1, 0));
    assert_eq!(successors(&node).len(), 1);
}

/// §5.7: who is named stands at once, and its leader's news does not hold it back.
#[test]
fn the_successor_stands_at_once() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 2);
    node.sent.clear();
    node.hears(1, handover(token(&world, 1, 2, 0)));
    let vote = newest_vote(&node).expect("it stands");
    assert_eq!(vote.handover, Some(token(&world, 1, 2, 0)));
    node.hears(1, ack(&proof));
    assert_eq!(node.status().role, RoleName::Candidate);
}

/// §5.7: where the handover overtakes the certificate of the last block, the successor stands as
/// soon as that is stored; news of its leader, which come all the while, do not make it forget.
#[test]
fn a_successor_that_lacks_the_last_block_stands_once_it_is_stored() {
    let world = World::cft(3);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 2);
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.application = Application::Slow;
    let last = world.commit(2, id(1, 0));
    let (token, certificate) = (token(&world, 1, 2, 0), Some(last.clone()));
    node.hears(1, Packet::Handover(Box::new(Handover { token, certificate })));
    node.hears(1, ack(&proof));
    assert!(newest_vote(&node).is_none(), "it is not level yet");
    node.writes_end();
    node.hears(1, certified(&last));
    assert_eq!(newest_vote(&node).expect("it stands").handover, Some(token));
    assert_eq!(node.status().role, RoleName::Candidate);
}

/// §5.2 rule 6: with the token of exactly its leader a voter does not wait for its silence.
#[test]
fn only_the_leaders_own_token_skips_its_protection() {
    let world = World::bft(4);
    let good = token(&world, 1, 2, 3);
    let bad = [
        token(&world, 2, 2, 3),
        token(&world, 1, 1, 3),
        token(&world, 1, 2, 2),
        HandoverToken { signature: token(&world, 1, 1, 3).signature, ..good },
    ];
    for (token, expected) in bad.into_iter().map(|token| (token, 0)).chain([(good, 1)]) {
        let mut node = Node::new(&world, 0);
        node.follows(1, 2);
        let vote = mokka_types::Vote { handover: Some(token), ..world.vote(3, 3, 1, fresh_base()) };
        node.hears(3, ask(vote));
        assert_eq!(granted(&node), expected, "{token:?}");
    }
}

/// §5.2 rule 6, §5.7: who has just signed for its leader need not wait any more than others where
/// that leader hands over at once.
#[test]
fn a_token_skips_what_the_signature_for_its_leader_protects() {
    let world = World::bft(4);
    for (token, expected) in [(None, 0), (Some(token(&world, 1, 1, 3)), 1)] {
        let mut node = Node::new(&world, 0);
        let sign = asks(&mut node, 1, 1, &[0, 1, 2]);
        node.hears(1, Packet::Sign(sign));
        node.follows(1, 1);
        node.sent.clear();
        let vote = mokka_types::Vote { handover: token, ..world.vote(3, 2, 1, fresh_base()) };
        node.hears(3, ask(vote));
        assert_eq!(granted(&node), expected, "{token:?}");
    }
}

/// §5.2 rule 6, §5.7: a candidate that waits for the leader's silence, and shows its token with a
/// repetition of its `Vote`, is granted at once, and once only.
#[test]
fn a_token_that_comes_with_a_repetition_ends_the_wait() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(1, 2);
    let vote = world.vote(3, 3, 1, fresh_base());
    node.hears(3, ask(vote.clone())).hears(3, ask(vote.clone()));
    assert_eq!(granted(&node), 0);
    let handover = Some(token(&world, 1, 2, 3));
    node.hears(3, ask(mokka_types::Vote { handover, ..vote }));
    assert_eq!(granted(&node), 1);
    node.pass(HEARTBEAT * 3 / 2);
    assert_eq!(granted(&node), 1);
}

/// §5.7: nobody but its own leader makes a node stand, and nobody else is named.
#[test]
fn a_handover_of_another_is_ignored() {
    let world = World::bft(4);
    for (from, token) in [
        (2, token(&world, 2, 2, 0)),
        (1, token(&world, 1, 2, 3)),
        (1, token(&world, 1, 1, 0)),
        (2, token(&world, 1, 2, 0)),
    ] {
        let mut node = Node::new(&world, 0);
        node.follows(1, 2);
        node.sent.clear();
        node.hears(from, handover(token));
        assert!(newest_vote(&node).is_none(), "{from} {token:?}");
    }
    assert_eq!(Node::new(&world, 0).committed, genesis());
}

/// §9: a `Sign` or a `Handover` that was on its way when the epoch changed, here or there, is
/// ignored, and no fault of its sender.
#[test]
fn a_sign_or_a_handover_of_another_epoch_is_ignored() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50]);
    let (mut early, mut late) = (Node::new(&world, 0), Node::new(&world, 0));
    enter(&mut late, &world, &next);
    for (node, theirs) in [(&mut early, &next), (&mut late, &world)] {
        let from = theirs.place(&world.key(1));
        let ballot = theirs.ballot(from, 3, 1, &fresh_base());
        let signers = theirs.signers(&theirs.quorum_with(from));
        let sign = Sign { ballot, signers, nonce: AggregatedNonce([2; 66]) };
        node.outputs.clear();
        for packet in [Packet::Sign(sign), handover(token(theirs, from, 2, 0))] {
            node.hears_of(theirs, from, packet);
        }
        let seen = node.outputs.iter().map(|output| (output.ignored, output.accused));
        assert_eq!(seen.collect::<Vec<_>>(), [(Some(Ignored::OtherEpoch), None); 2]);
    }
}
