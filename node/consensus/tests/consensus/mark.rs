//! §8: lost state. A key never votes from a state older than what it signed.

use std::time::Duration;

use mokka_consensus::{Action, EndOfTerm, Event, Input, RoleName};
use mokka_types::{
    Ballot, Base, Mark, MarkReason, Packet, PartialSignature, Phase, Promise, SafetyState,
    Signature, Signed,
};

use crate::{
    epochs::enter,
    node::Node,
    proposing::leads,
    world::{HEARTBEAT, World, ack, alive, ask, certified, fresh_base, genesis, id, propose, view},
};

fn reason(node: &Node<'_>) -> Option<MarkReason> {
    let mark = node.status().mark;
    assert_eq!(mark, node.durable.mark, "what is shown is durable");
    let said = node.events().any(|event| matches!(event, Event::Marked(_)));
    assert_eq!(said, mark.is_some(), "a mark is said");
    assert!(mark.is_none_or(|mark| mark.key == node.world.key(node.me)));
    mark.map(|mark| mark.reason)
}

/// Whatever comes, such a node only asks for blocks and bodies.
fn only_follows(node: &mut Node<'_>) {
    let (world, me) = (node.world, node.me);
    let (own, before) = (world.key(me), node.outputs.len());
    node.sent.clear();
    let other = (me + 1) % world.secrets.len();
    let promise = node.status().promise.term.get();
    let proof = world.proof(other, promise + 5, fresh_base());
    node.hears(other, ack(&proof));
    assert_eq!(node.status().leader, Some(world.key(other)), "it follows");
    node.hears(other, propose(world.proposal(&proof, 1, 1)));
    if world.is_bft() {
        node.hears(other, certified(&world.prepare(promise + 5, id(1, 1))));
    }
    node.hears(other, ask(world.vote(other, promise + 9, 1, fresh_base())));
    node.hears(other, alive(0, genesis())).work();
    node.pass(Duration::from_secs(90));
    node.hears(other, ask(world.vote(other, promise + 10, 2, fresh_base())));
    let asks =
        |packet: &Packet| matches!(packet, Packet::BlocksRequest(_) | Packet::BodyRequest(_));
    assert!(node.sent.iter().all(|sent| asks(&sent.packet)), "{:?}", node.sent);
    let actions = node.outputs.iter().skip(before).flat_map(|output| &output.actions);
    let to_itself = |action: &Action| matches!(action, Action::Send { to, .. } if *to == own);
    assert!(!actions.into_iter().any(to_itself), "it asks itself");
    assert!(node.builds.is_empty());
    assert_eq!(node.status().role, RoleName::Follower);
    node.commits_up_to(2);
}

/// A `Signed` of this node for the first other validator, as it may have been sent once.
fn signed(world: &World, term: u64) -> Packet {
    let ballot: Ballot = world.ballot(1, term, 1, &fresh_base());
    let (partial, signature) = (PartialSignature([1; 32]), Signature::new([1; 64]));
    Packet::Signed(Signed { ballot, partial, signature })
}

/// §8: its bit in a valid proof for a term above its promise marks a node, in any packet that shows
/// it.
#[test]
fn a_node_that_signed_above_its_promise_is_marked() {
    for world in [World::bft(4), World::cft(3)] {
        let places: Vec<usize> = (0..world.quorum()).collect();
        let proof = world.proof_by(1, 3, fresh_base(), &places);
        let mut vote = world.vote(2, 4, 1, fresh_base());
        vote.newest_proof = Some(proof.clone());
        for (from, packet) in
            [(1, ack(&proof)), (1, propose(world.proposal(&proof, 1, 1))), (2, ask(vote))]
        {
            let mut node = Node::new(&world, 0);
            node.hears(from, packet);
            let (signed, promise) = (view(3), view(0));
            assert_eq!(reason(&node), Some(MarkReason::SignedAbove { signed, promise }));
            only_follows(&mut node);
            node.restart();
            only_follows(&mut node);
        }
    }
}

/// §8: its vote in a valid certificate for a height that its records do not reach marks a node.
#[test]
fn a_node_that_voted_above_its_records_is_marked() {
    for (world, phase) in [
        (World::bft(4), Phase::Prepare),
        (World::bft(4), Phase::Commit),
        (World::cft(3), Phase::Commit),
    ] {
        let places: Vec<usize> = (0..world.quorum()).collect();
        for height in [1, 2, 7] {
            let mut node = Node::new(&world, 0);
            let id = id(height, 0);
            node.hears(1, certified(&world.certificate_by(phase, 3, id, &places)));
            let (view, committed) = (view(3), genesis());
            assert_eq!(reason(&node), Some(MarkReason::VotedAbove { view, id, committed }));
            only_follows(&mut node);
        }
    }
}

/// §8: what a node had prepared and has forgotten shows in the base of a candidate.
#[test]
fn a_forgotten_vote_in_the_base_of_a_candidate_marks() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut vote = world.vote(1, 4, 1, crate::world::prepared(3, id(1, 1)));
    vote.base.prepare = Some(world.certificate_by(Phase::Prepare, 3, id(1, 1), &[0, 1, 2]));
    node.hears(1, ask(vote));
    assert!(matches!(reason(&node), Some(MarkReason::VotedAbove { .. })));
    assert!(node.said(|packet| matches!(packet, Packet::Voted(_)).then_some(())).is_empty());
}

/// §8: a certificate or proof that does not verify marks nobody.
#[test]
fn what_others_only_claim_marks_nobody() {
    let world = World::bft(4);
    let mut proof = world.proof(1, 3, fresh_base());
    proof.signers = world.signers(&[0, 1, 2]);
    let mut certificate = world.commit(3, id(1, 0));
    certificate.signers = world.signers(&[0, 1, 2]);
    let mut node = Node::new(&world, 0);
    node.hears(1, ack(&proof)).hears(1, certified(&certificate));
    assert_eq!(reason(&node), None);
}

/// §8: a node that runs on sees its own bits all the time, also after a crash at any moment, and
/// when its old packets are shown to it: its records reach them all.
#[test]
fn an_honest_node_is_not_marked_by_what_it_signed() {
    for world in [World::bft(4), World::cft(3)] {
        for crashes_after in 0..4 {
            let places: Vec<usize> = (0..world.quorum()).collect();
            let mut node = Node::new(&world, 0);
            let mut stage = 0;
            let mut old = Vec::new();
            let mut passed = |node: &mut Node<'_>| {
                old.extend(node.take_sent());
                if stage == crashes_after {
                    node.restart();
                }
                stage += 1;
                for sent in &old {
                    node.hears_itself(sent.packet.clone());
                }
                assert_eq!(reason(node), None, "crash after {crashes_after}, stage {stage}");
            };
            let proof = world.proof(1, 3, fresh_base());
            node.hears(1, propose(world.proposal(&proof, 1, 0)));
            passed(&mut node);
            if world.is_bft() {
                let prepare = world.certificate_by(Phase::Prepare, 3, id(1, 0), &places);
                node.hears(1, propose(world.proposal(&proof, 1, 0))).hears(1, certified(&prepare));
            }
            passed(&mut node);
            node.hears(1, propose(world.proposal(&proof, 1, 0)));
            let commit = world.certificate_by(Phase::Commit, 3, id(1, 0), &places);
            node.hears(1, certified(&commit));
            assert_eq!(node.committed, id(1, 0));
            passed(&mut node);
            node.hears(1, certified(&commit));
            passed(&mut node);
        }
    }
}

/// §8: the records say `promise`, and a signature or a lead of that term is no news; one above is.
#[test]
fn old_packets_of_its_own_mark_a_node_only_above_its_promise() {
    let world = World::bft(4);
    let promise = Promise { view: view(3), signed: None };
    let durable = SafetyState { promise, ..SafetyState::default() };
    let led = |term| world.proof(0, term, fresh_base());
    for (term, marked) in [(2, false), (3, false), (4, true)] {
        let packets = [
            signed(&world, term),
            propose(world.proposal(&led(term), 1, 1)),
            ack(&led(term)),
            ask(world.vote(0, term, 1, fresh_base())),
            alive(term, id(9, 0)),
        ];
        for (packet, binds) in packets.into_iter().zip([true, true, true, false, false]) {
            let mut node = Node::restored(&world, 0, durable.clone());
            node.hears_itself(packet);
            assert_eq!(reason(&node).is_some(), marked && binds, "term {term}");
        }
    }
}

/// §8: old votes are compared by height, then by term, with the record of their phase.
#[test]
fn old_votes_of_its_own_mark_a_node_only_above_its_records() {
    let world = World::bft(4);
    for (height, term, marked) in
        [(1, 9, false), (2, 2, false), (2, 3, false), (2, 4, true), (3, 1, true)]
    {
        for phase in [Phase::Prepare, Phase::Commit] {
            let mut node = Node::new(&world, 0);
            node.commits_up_to(1);
            let proof = world.proof(1, 3, fresh_base());
            node.hears(1, propose(world.proposal(&proof, 2, 0)));
            node.hears(1, certified(&world.prepare(3, id(2, 0))));
            let vote = world.block_vote(0, phase, term, id(height, 0));
            node.hears_itself(match phase {
                Phase::Prepare => Packet::PrepareVote(vote),
                Phase::Commit => Packet::CommitVote(vote),
            });
            assert_eq!(reason(&node).is_some(), marked, "{phase:?} at {height} in {term}");
        }
    }
}

/// §8: the mark is for its key only.
#[test]
fn a_mark_in_the_store_silences_its_key_and_no_other() {
    let world = World::bft(4);
    for (marked, silent) in [(0, true), (1, false)] {
        let mark = Mark { key: world.key(marked), reason: MarkReason::Declared };
        let durable = SafetyState { mark: Some(mark), ..SafetyState::default() };
        let mut node = Node::restored(&world, 0, durable);
        assert_eq!(node.status().mark, silent.then_some(mark));
        if silent {
            assert_eq!(reason(&node), Some(MarkReason::Declared));
            only_follows(&mut node);
            continue;
        }
        for other in 1..4 {
            node.hears(other, alive(0, genesis()));
        }
        node.sent.clear();
        node.hears(1, ask(world.vote(1, 3, 1, fresh_base())));
        assert_eq!(node.said(|packet| matches!(packet, Packet::Voted(_)).then_some(())).len(), 1);
    }
}

/// §8: a leader that turns out to have forgotten something leads no more.
#[test]
fn a_marked_leader_resigns() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.hears(1, ack(&world.proof_by(1, 9, fresh_base(), &[0, 1, 2])));
    let resigned =
        |event: &Event| matches!(event, Event::Resigned { reason: EndOfTerm::Marked, .. });
    assert!(node.events().any(resigned));
    only_follows(&mut node);
}

/// §8: alone, a node's state is all that there is; only its operator can know better.
#[test]
fn with_one_validator_nobody_is_marked_by_what_it_sees() {
    let world = World::bft(1);
    let mut node = Node::new(&world, 0);
    node.hears_itself(signed_alone(&world)).hears_itself(Packet::CommitVote(world.block_vote(
        0,
        Phase::Commit,
        9,
        id(9, 0),
    )));
    assert_eq!((reason(&node), node.status().role), (None, RoleName::Leader));
}

fn signed_alone(world: &World) -> Packet {
    let ballot = world.ballot(0, 9, 1, &fresh_base());
    let (partial, signature) = (PartialSignature([1; 32]), Signature::new([1; 64]));
    Packet::Signed(Signed { ballot, partial, signature })
}

/// §8, §9: a marked key that left the set and is approved once more does not say that it is level.
#[test]
fn a_marked_key_that_is_approved_says_nothing() {
    let world = World::bft(4);
    let next = world.next_epoch(&[1, 2, 3], &[]);
    let mut node = Node::new(&world, 0);
    node.hears(1, ack(&world.proof_by(1, 3, fresh_base(), &[0, 1, 2])));
    enter(&mut node, &world, &next);
    let on_block_1 = Base { committed: id(1, 0), prepared: None };
    node.hears(1, ack(&next.proof(1, 1, on_block_1)));
    node.step(Input::Approved(vec![world.key(0)]));
    node.pass(HEARTBEAT * 9).only_asked();
}

/// §8, §9: a change of the set does not lift a mark, nor does an approval of the marked key.
#[test]
fn a_mark_stays_through_changes_of_the_set() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50]);
    let mut node = Node::new(&world, 0);
    node.hears(1, ack(&world.proof_by(1, 3, fresh_base(), &[0, 1, 2])));
    enter(&mut node, &world, &next);
    node.step(Input::Approved(vec![world.key(0)]));
    node.pass(HEARTBEAT * 50).only_asked();
    assert!(node.status().mark.is_some());
}
