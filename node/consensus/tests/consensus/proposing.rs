//! §6.1, §6.6: what a leader proposes, and when.

use mokka_consensus::{Action, BuiltBlock, EmptyBlock, Event, Input, RoleName};
use mokka_types::{BlockId, Height, Packet, Phase, Proof, Proposal, SafetyState};

use crate::{
    accepting::votes,
    node::Node,
    voters::Voters,
    world::{HEARTBEAT, World, ack, certified, fresh_base, id, prepared, propose, view},
};

pub(crate) fn proposals(node: &Node<'_>) -> Vec<Proposal> {
    node.said(|packet| match packet {
        Packet::Proposal(proposal) => Some((**proposal).clone()),
        _ => None,
    })
}

pub(crate) fn shown(node: &Node<'_>, phase: Phase) -> Vec<BlockId> {
    node.said(|packet| match packet {
        Packet::Certified(certificate) if certificate.phase == phase => Some(certificate.id),
        _ => None,
    })
}

pub(crate) fn leads<'w>(world: &'w World) -> (Node<'w>, Proof) {
    let mut node = Node::new(world, 0);
    let proof = Voters::new(world).elect(&mut node);
    node.sent.clear();
    (node, proof)
}

/// The others cast this vote for the block.
pub(crate) fn others_vote(node: &mut Node<'_>, phase: Phase, id: BlockId, places: &[usize]) {
    let term = node.status().promise.term.get();
    for at in places {
        let vote = node.world.block_vote(*at, phase, term, id);
        node.hears(
            *at,
            match phase {
                Phase::Prepare => Packet::PrepareVote(vote),
                Phase::Commit => Packet::CommitVote(vote),
            },
        );
    }
}

/// §6.6: no work, no block; work, and one is built on the committed block.
#[test]
fn a_block_is_built_when_work_waits() {
    let world = World::bft(4);
    let (mut node, proof) = leads(&world);
    node.pass(HEARTBEAT * 3);
    assert!(node.builds.is_empty());
    node.work();
    assert_eq!(node.builds.len(), 1);
    node.built(1, 0);
    let proposal = proposals(&node).pop().unwrap();
    assert_eq!((proposal.id, proposal.proof), (id(1, 0), proof));
}

/// §6.6: `blockInterval` lies between two blocks; `emptyBlockInterval` makes one without work.
#[test]
fn intervals_between_blocks_are_kept() {
    let mut world = World::cft(1);
    world.settings.block_interval = HEARTBEAT * 5;
    let mut node = Node::listening(&world, 0);
    node.work().pass(HEARTBEAT * 5 - HEARTBEAT / 10);
    assert!(node.builds.is_empty());
    node.pass(HEARTBEAT / 10);
    assert_eq!(builds(&node), [EmptyBlock::NotDue]);
    world.settings.block_interval = std::time::Duration::ZERO;
    world.settings.empty_block_interval = Some(HEARTBEAT * 7);
    let mut node = Node::listening(&world, 0);
    node.pass(HEARTBEAT * 7 - HEARTBEAT / 10);
    assert!(node.builds.is_empty());
    node.pass(HEARTBEAT / 10);
    assert_eq!(builds(&node), [EmptyBlock::Due]);
}

fn builds(node: &Node<'_>) -> Vec<EmptyBlock> {
    node.builds.iter().map(|request| request.empty).collect()
}

/// §6: one block in flight.
#[test]
fn no_second_block_is_built_while_one_is_in_flight() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.work().work();
    assert_eq!(node.builds.len(), 1);
    node.built(1, 0);
    node.work().pass(HEARTBEAT);
    assert!(node.builds.is_empty());
}

/// §6.1: what the application built for another parent or term is not proposed.
#[test]
fn a_late_block_of_the_application_is_not_proposed() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.work();
    let (at, body) = crate::world::block(1, 0);
    let next_set = world.set_digest();
    let block = Some(mokka_consensus::ProposedBlock { id: at, body, next_set });
    let request = node.builds[0].clone();
    for (view, parent) in [(view(9), request.parent), (request.view, id(1, 0))] {
        node.step(Input::Built(BuiltBlock { view, parent, block: block.clone() }));
    }
    assert!(proposals(&node).is_empty());
    node.built(1, 0);
    assert_eq!(proposals(&node).len(), 1);
    node.step(Input::Built(BuiltBlock { view: request.view, parent: request.parent, block }));
    assert_eq!(proposals(&node).len(), 1);
}

/// §6.1: a leader whose base has a prepared block proposes that same block, and builds none.
#[test]
fn a_prepared_block_of_the_base_is_proposed_again() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        let proof = world.proof(1, 1, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 3)));
        if world.is_bft() {
            node.hears(1, certified(&world.prepare(1, id(1, 3))));
        }
        node.work().restart();
        node.work();
        let proof = Voters::new(&world).elect(&mut node);
        assert_eq!(proof.base, prepared(1, id(1, 3)));
        assert!(node.builds.is_empty());
        let proposal = proposals(&node).pop().unwrap();
        assert_eq!(proposal.id, id(1, 3));
        assert_eq!(proposal.body, Some(crate::world::block(1, 3).1));
    }
}

/// §6.1, A.4 *Leader counts its vote before it is durable*: the record and the vote are in one
/// output, records first, and the vote comes back as a packet.
#[test]
fn the_own_vote_comes_after_its_record() {
    for world in [World::bft(4), World::cft(3)] {
        let (mut node, _) = leads(&world);
        node.work();
        node.outputs.clear();
        node.built(1, 0);
        let casts = |action: &&Action| matches!(action, Action::CastVote(_));
        let casting = node
            .outputs
            .iter()
            .find(|output| output.actions.iter().filter(casts).count() > 0)
            .expect("a vote of its own");
        assert_eq!(casting.records.len(), 1);
        assert!(shown(&node, Phase::Commit).is_empty());
    }
}

/// §6.1: a leader whose application is slow to answer for its own owed block does not vote for it.
#[test]
fn votes_of_others_do_not_stand_for_the_leaders_own() {
    let world = World::cft(3);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    assert!(shown(&node, Phase::Commit).is_empty(), "one of two");
    others_vote(&mut node, Phase::Commit, id(1, 0), &[1]);
    assert_eq!(shown(&node, Phase::Commit), [id(1, 0)]);
}

/// §6.5: the leader proposes the next block without waiting for the followers' commits.
#[test]
fn the_next_block_follows_at_once() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    others_vote(&mut node, Phase::Prepare, id(1, 0), &[1, 2]);
    others_vote(&mut node, Phase::Commit, id(1, 0), &[1, 2]);
    assert_eq!(node.committed, id(1, 0));
    assert_eq!(node.builds.len(), 1);
    node.sent.clear();
    node.built(2, 0);
    let next = proposals(&node).pop().unwrap();
    assert_eq!((next.id, next.parent), (id(2, 0), id(1, 0)));
    assert!(next.parent_certificate.is_some_and(|certificate| certificate.id == id(1, 0)));
}

/// Who votes too late for the certificate is heard all the same; who casts no vote is named.
#[test]
fn a_validator_that_casts_no_vote_is_named_and_a_late_one_is_not() {
    for (late, named) in [(Some(3), None), (None, Some(3))] {
        let world = World::bft(4);
        let (mut node, _) = leads(&world);
        node.work().built(1, 0);
        others_vote(&mut node, Phase::Prepare, id(1, 0), &[1, 2]);
        others_vote(&mut node, Phase::Commit, id(1, 0), &[1, 2]);
        others_vote(&mut node, Phase::Commit, id(1, 0), late.as_slice());
        node.built(2, 0);
        let missing = node.events().filter_map(|event| match event {
            Event::VotesMissing(silent) => Some(*silent),
            _ => None,
        });
        let named = named.map(|at| world.signers(&[at]));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::from_iter(named));
    }
}

/// §4: a leader sends an ack each heartbeat, but only when it broadcast nothing else.
#[test]
fn an_ack_fills_the_silence_and_nothing_more() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    let acks =
        |node: &Node<'_>| node.said(|packet| matches!(packet, Packet::Ack(_)).then_some(())).len();
    node.pass(HEARTBEAT * 4);
    assert_eq!(acks(&node), 4);
    node.pass(HEARTBEAT - HEARTBEAT / 10);
    node.work().built(1, 0);
    node.pass(HEARTBEAT - HEARTBEAT / 10);
    assert_eq!(acks(&node), 4, "the proposal was its heartbeat");
    node.pass(HEARTBEAT / 5);
    assert_eq!(acks(&node), 5);
}

/// §5.4: what a refuser showed before a candidate won otherwise does not change what it leads on.
#[test]
fn a_takeover_ends_when_the_candidate_leads_on_another_base() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| crate::voters::newest_vote(node).is_some());
    let ballot = crate::voters::newest_vote(&node).unwrap().ballot;
    let base = world.certified(prepared(1, id(1, 1)));
    let refused = mokka_types::Refused {
        reason: mokka_types::Refusal::LowerBase,
        promise: view(1),
        newest_proof: None,
        base,
    };
    let answer = mokka_types::VotedAnswer::Refused(Box::new(refused));
    node.hears(3, Packet::Voted(mokka_types::Voted { ballot, answer }));
    let mut voters = Voters::new(&world);
    let sign = voters.all_grant(&mut node, &[1, 2]);
    voters.all_sign(&mut node, &sign);
    assert_eq!(node.status().role, RoleName::Leader);
    let (at, body) = crate::world::block(1, 1);
    node.hears(3, Packet::Body(mokka_types::BodyReply { id: at, body }));
    assert_eq!(node.durable.prepared, None);
    node.work().pass(HEARTBEAT);
    assert_eq!(node.builds.len(), 1);
}

/// §5.6: a node that restarted with records of its own leadership builds nothing in that term.
#[test]
fn a_follower_builds_nothing() {
    let world = World::bft(4);
    let mut node = Node::restored(&world, 0, SafetyState::default());
    node.follows(1, 1);
    node.work().pass(HEARTBEAT);
    assert!(node.builds.is_empty() && votes(&node).is_empty());
    assert_eq!(node.committed.height, Height::GENESIS);
    node.hears(1, ack(&world.proof(1, 1, fresh_base())));
}
