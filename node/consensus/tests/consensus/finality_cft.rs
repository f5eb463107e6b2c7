//! §6.4: one phase.

use mokka_consensus::PeerFault;
use mokka_types::{Packet, Phase, SafetyRecord};

use crate::{
    node::Node,
    proposing::{leads, others_vote, shown},
    world::{World, block, certified, fresh_base, id, prepared, propose, view},
};

/// §6.4: a follower prepares the block durably, and votes to commit it, in one output.
#[test]
fn a_proposal_is_prepared_and_voted_on_in_one_phase() {
    let world = World::cft(3);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 1, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    let records: Vec<_> = node.outputs.iter().flat_map(|output| &output.records).collect();
    assert!(matches!(records[..], [
        SafetyRecord::Promise(_),
        SafetyRecord::Prepared { view: at, body, certificate: None, .. }
    ] if *at == view(1) && *body == block(1, 0).1));
    let votes = node.said(|packet| match packet {
        Packet::CommitVote(vote) => Some(*vote),
        _ => None,
    });
    assert_eq!(votes, [world.block_vote(0, Phase::Commit, 1, id(1, 0))]);
}

/// §6.4: q votes make the commit certificate.
#[test]
fn a_quorum_of_votes_makes_a_block_final() {
    let world = World::cft(5);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    others_vote(&mut node, Phase::Commit, id(1, 0), &[3, 3]);
    assert!(shown(&node, Phase::Commit).is_empty());
    others_vote(&mut node, Phase::Commit, id(1, 0), &[4]);
    assert_eq!(shown(&node, Phase::Commit), [id(1, 0)]);
    assert_eq!(node.committed, id(1, 0));
}

/// §6.4: there is no first phase: its packets show a confused sender.
#[test]
fn packets_of_a_first_phase_are_an_accusation() {
    let world = World::cft(3);
    let (mut node, _) = leads(&world);
    node.outputs.clear();
    node.hears(1, certified(&world.prepare(1, id(1, 0))));
    node.hears(1, Packet::PrepareVote(world.block_vote(1, Phase::Prepare, 1, id(1, 0))));
    let faults: Vec<_> =
        node.outputs.iter().map(|output| output.accused.map(|at| at.fault)).collect();
    assert_eq!(faults, [Some(PeerFault::Contradiction); 2]);
}

/// §6.2, §11: a later leader on a higher base replaces what we prepared, in its higher term.
#[test]
fn a_higher_term_replaces_what_was_prepared() {
    let world = World::cft(3);
    let mut node = Node::new(&world, 0);
    node.hears(1, propose(world.proposal(&world.proof(1, 1, fresh_base()), 1, 0)));
    node.hears(2, propose(world.proposal(&world.proof(2, 5, prepared(3, id(1, 1))), 1, 1)));
    let prepared = node.durable.prepared.as_ref().map(|at| (at.view, at.id));
    assert_eq!(prepared, Some((view(5), id(1, 1))));
}
