//! §8: what a node knows after a restart, and what it must not do.

use mokka_types::{BaseDigest, Packet, SafetyState, SignedBallot};

use crate::{
    node::Node,
    voters::newest_vote,
    world::{HEARTBEAT, World, certified, fresh_base, id, prepared, propose, view},
};

/// §8, A.5: a prepared block survives and is what the node stands on; one at or below the committed
/// height is history.
#[test]
fn a_prepared_block_survives_until_its_height_is_final() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        node.hears(1, propose(world.proposal(&world.proof(1, 3, fresh_base()), 1, 1)));
        if world.is_bft() {
            node.hears(1, certified(&world.prepare(3, id(1, 1))));
        }
        node.restart();
        node.until("stands", |node| newest_vote(node).is_some());
        let vote = newest_vote(&node).unwrap();
        assert_eq!(vote.base, world.certified(prepared(3, id(1, 1))));
        assert_eq!(vote.ballot.view, view(4));
        node.commits_up_to(1);
        node.restart();
        node.until("stands", |node| newest_vote(node).is_some());
        assert_eq!(newest_vote(&node).unwrap().base.base.prepared, None);
    }
}

/// §8: a node with records does not listen first; it takes part at once.
#[test]
fn a_node_with_records_takes_part_at_once() {
    let world = World::bft(4);
    let signed = Some(SignedBallot { candidate: world.key(1), base: BaseDigest::default() });
    let promise = mokka_types::Promise { view: view(3), signed };
    let mut node = Node::restored(&world, 0, SafetyState { promise, ..Default::default() });
    node.pass(HEARTBEAT * 5);
    assert_eq!(newest_vote(&node).map(|vote| vote.ballot.view), Some(view(4)));
}

/// §8: what a node only adopted does not say that it has lost nothing: it listens all the same.
#[test]
fn a_node_that_only_followed_listens() {
    let world = World::bft(4);
    let promise = mokka_types::Promise { view: view(3), signed: None };
    let mut node = Node::restored(&world, 0, SafetyState { promise, ..Default::default() });
    node.pass(HEARTBEAT * 50);
    assert!(newest_vote(&node).is_none());
}

/// §6.8, §8: after a restart the same commit vote is cast again for a repeated certificate; no
/// other.
#[test]
fn votes_are_repeated_after_a_restart() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 3, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 1)));
    node.hears(1, certified(&world.prepare(3, id(1, 1))));
    let votes = |node: &Node<'_>| {
        node.said(|packet| match packet {
            Packet::PrepareVote(vote) | Packet::CommitVote(vote) => Some(*vote),
            _ => None,
        })
    };
    let before = votes(&node);
    assert_eq!(before.len(), 2);
    node.restart();
    node.outputs.clear();
    node.hears(1, propose(world.proposal(&proof, 1, 1)));
    node.hears(1, certified(&world.prepare(3, id(1, 1))));
    assert_eq!(votes(&node), before);
    assert!(node.outputs.iter().all(|output| output.records.is_empty()), "nothing new to record");
}

/// §8, §5.2: what was granted before a restart is not signed after it.
#[test]
fn a_grant_does_not_survive_a_restart() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(1, crate::world::ask(world.vote(1, 3, 1, fresh_base())));
    let ballot = world.ballot(1, 3, 1, &fresh_base());
    node.restart();
    let signers = world.signers(&[0, 1, 2]);
    let nonce = mokka_types::AggregatedNonce([2; 66]);
    node.hears(1, Packet::Sign(mokka_types::Sign { ballot, signers, nonce }));
    assert_eq!(node.durable.promise.view, view(0));
}

/// §5.1, §5.4: a node that took over a block of a term above its promise stands above that term, or
/// its base would be none (rule 4).
#[test]
fn a_node_stands_above_the_term_of_what_it_took_over() {
    for world in [World::bft(4), World::cft(3)] {
        let (id, body) = crate::world::block(1, 1);
        let certificate = world.is_bft().then(|| world.prepare(6, id));
        let prepared = mokka_types::PreparedRecord { view: view(6), id, body, certificate };
        let promise = mokka_types::Promise { view: view(2), signed: None };
        let durable = SafetyState { promise, prepared: Some(prepared), ..Default::default() };
        let mut node = Node::restored(&world, 0, durable);
        node.until("stands", |node| newest_vote(node).is_some());
        assert_eq!(newest_vote(&node).unwrap().ballot.view, view(7));
    }
}
