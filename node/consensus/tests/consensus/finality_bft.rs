//! §6.3: two phases.

use mokka_consensus::{PeerFault, Verdict};
use mokka_types::{Packet, Phase, SafetyRecord, Signature};

use crate::{
    node::{Application, Node},
    proposing::{leads, others_vote, shown},
    world::{HEARTBEAT, World, ack, block, certified, fresh_base, genesis, id, propose},
};

fn commits(node: &Node<'_>) -> usize {
    node.said(|packet| matches!(packet, Packet::CommitVote(_)).then_some(())).len()
}

/// §6.3: a follower prepares a certified block, durably, and then votes to commit it.
#[test]
fn a_prepare_certificate_is_recorded_and_then_voted_on() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 1, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    assert_eq!(commits(&node), 0);
    node.outputs.clear();
    let certificate = world.prepare(1, id(1, 0));
    node.hears(1, certified(&certificate));
    assert!(matches!(&node.outputs[0].records[..],
        [SafetyRecord::Prepared { id: at, body, certificate: Some(recorded), .. }]
            if *at == id(1, 0) && *body == block(1, 0).1 && *recorded == certificate));
    assert_eq!(commits(&node), 1);
}

/// §6.3: the body must be here and found valid first, whatever comes first.
#[test]
fn a_certified_block_without_its_body_waits_for_it() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(1, 1);
    node.hears(1, certified(&world.prepare(1, id(1, 0))));
    assert_eq!(commits(&node), 0);
    let asked = |node: &Node<'_>| {
        node.said(|packet| matches!(packet, Packet::BodyRequest(_)).then_some(())).len()
    };
    assert_eq!(asked(&node), 1);
    node.hears(1, certified(&world.prepare(1, id(1, 0))));
    assert_eq!(asked(&node), 1, "the answer may be on its way");
    node.pass(HEARTBEAT).hears(1, certified(&world.prepare(1, id(1, 0))));
    assert_eq!(asked(&node), 2, "§6.8: asked again with the repetition");
    node.application = Application::Slow;
    let (at, body) = block(1, 0);
    node.hears(1, Packet::Body(mokka_types::BodyReply { id: at, body }));
    assert_eq!(commits(&node), 0);
    node.answers();
    assert_eq!(commits(&node), 1);
}

/// §6.3: a block that we found invalid is not prepared, whatever is certified.
#[test]
fn an_invalid_block_is_not_prepared() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.application = Application::Slow;
    let proof = world.proof(1, 1, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.says(Verdict::Invalid);
    node.hears(1, certified(&world.prepare(1, id(1, 0))));
    assert_eq!(commits(&node), 0);
    assert!(node.durable.prepared.is_none());
}

/// §6.3: only with `term = promise`.
#[test]
fn a_prepare_certificate_of_another_term_is_not_voted_on() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 3, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    for term in [2, 4] {
        node.hears(1, certified(&world.prepare(term, id(1, 0))));
    }
    assert_eq!(commits(&node), 0);
    assert!(node.durable.prepared.is_none());
}

/// A.2 *Late certificate*, §6.3 "height exactly h": one of a lower height changes nothing, one of a
/// higher makes us sync.
#[test]
fn a_prepare_certificate_of_another_height_is_ignored() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 1, fresh_base());
    node.commits_up_to(1);
    node.hears(1, propose(world.proposal(&proof, 2, 0)));
    node.hears(1, certified(&world.prepare(1, id(2, 0))));
    let before = node.durable.clone();
    node.sent.clear();
    node.hears(1, certified(&world.prepare(1, id(1, 0))));
    assert_eq!((commits(&node), &node.durable), (0, &before));
    node.hears(1, certified(&world.prepare(1, id(5, 0))));
    assert_eq!((commits(&node), &node.durable), (0, &before));
    let asked = node.said(|packet| match packet {
        Packet::BlocksRequest(request) => Some(request.from.get()),
        _ => None,
    });
    assert_eq!(asked, [2]);
}

/// A.2, §6.3: nor does one of a lower height or term displace the one that waits for its verdict.
#[test]
fn a_late_certificate_does_not_displace_the_present_one() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 3, fresh_base());
    node.commits_up_to(1);
    node.application = Application::Slow;
    node.hears(1, propose(world.proposal(&proof, 2, 0)));
    node.hears(1, certified(&world.prepare(3, id(2, 0))));
    node.hears(1, certified(&world.prepare(3, id(1, 0))));
    node.hears(1, certified(&world.prepare(2, id(2, 0))));
    node.sent.clear();
    node.answers();
    assert_eq!(commits(&node), 1);
    assert_eq!(node.durable.prepared.as_ref().map(|at| at.view), Some(crate::world::view(3)));
}

/// §6.3: a certificate is q valid signatures of members over exactly this; each flipped bit counts.
#[test]
fn a_certificate_with_one_flipped_bit_is_an_accusation() {
    let world = World::bft(4);
    let proof = world.proof(1, 1, fresh_base());
    for phase in [Phase::Prepare, Phase::Commit] {
        let good = world.certificate(phase, 1, id(1, 0));
        let mut bad = vec![good.clone(); 8];
        bad[0].view = crate::world::view(2);
        bad[1].id = id(1, 1);
        bad[2].next_set = mokka_types::SetDigest::new([1; 32]);
        bad[3].signers = world.signers(&[0, 1, 3]);
        bad[4].signers = world.signers(&[0, 1]);
        bad[5].signatures.pop();
        let mut bytes = *bad[6].signatures[1].as_bytes();
        bytes[63] ^= 1;
        bad[6].signatures[1] = Signature::new(bytes);
        bad[7].phase = match phase {
            Phase::Prepare => Phase::Commit,
            Phase::Commit => Phase::Prepare,
        };
        for wrong in bad {
            let mut node = Node::new(&world, 0);
            node.hears(1, propose(world.proposal(&proof, 1, 0)));
            node.outputs.clear();
            node.hears(1, certified(&wrong));
            let accused = node.outputs[0].accused.map(|at| at.fault);
            assert_eq!(accused, Some(PeerFault::InvalidCertificate), "{wrong:?}");
            assert_eq!((commits(&node), node.committed), (0, genesis()), "{wrong:?}");
            assert!(node.durable.prepared.is_none());
        }
    }
}

/// §6.3: what is prepared never goes to a lower term, not even for a certificate of our promise.
#[test]
fn a_block_taken_over_from_a_later_term_is_not_replaced_by_an_earlier_one() {
    let world = World::bft(4);
    let (later, body) = block(1, 5);
    let durable = mokka_types::SafetyState {
        promise: mokka_types::Promise { view: crate::world::view(2), signed: None },
        prepared: Some(mokka_types::PreparedRecord {
            view: crate::world::view(6),
            id: later,
            body,
            certificate: Some(world.prepare(6, later)),
        }),
        ..Default::default()
    };
    let mut node = Node::restored(&world, 0, durable.clone());
    let proof = world.proof(1, 2, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.hears(1, certified(&world.prepare(2, id(1, 0))));
    let (at, body) = block(1, 0);
    node.hears(1, Packet::Body(mokka_types::BodyReply { id: at, body }));
    assert_eq!(node.durable.prepared, durable.prepared);
    assert_eq!(commits(&node), 0);
}

/// §6.5: a valid commit certificate is accepted at any time, whatever its term and our promise.
#[test]
fn a_commit_certificate_is_accepted_at_any_time() {
    for term in [1, 5, 9] {
        let world = World::bft(4);
        let mut node = Node::new(&world, 0);
        let proof = world.proof(1, 5, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 0)));
        node.hears(3, certified(&world.commit(term, id(1, 0))));
        assert_eq!(node.committed, id(1, 0));
    }
}

/// §6.3: q votes make each certificate, q − 1 do not, and nobody's vote counts twice.
#[test]
fn a_quorum_of_votes_makes_each_certificate() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    for phase in [Phase::Prepare, Phase::Commit] {
        others_vote(&mut node, phase, id(1, 0), &[2, 2, 2]);
        assert!(shown(&node, phase).is_empty());
        others_vote(&mut node, phase, id(1, 0), &[1]);
        assert_eq!(shown(&node, phase), [id(1, 0)]);
    }
    let made = node.said(|packet| match packet {
        Packet::Certified(certificate) => Some((**certificate).clone()),
        _ => None,
    });
    assert!(made.iter().all(|certificate| world.committee.check_certificate(certificate).is_ok()));
    assert_eq!(node.committed, id(1, 0));
}

/// §6.3, §6.7: votes for another block, term or phase, or with a wrong signature, do not count.
#[test]
fn votes_for_anything_else_do_not_count() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    let term = node.status().promise.term.get();
    let good = world.block_vote(2, Phase::Prepare, term, id(1, 0));
    let mut other_set = good;
    other_set.next_set = mokka_types::SetDigest::new([1; 32]);
    let bad = [
        world.block_vote(2, Phase::Prepare, term, id(1, 1)),
        world.block_vote(2, Phase::Prepare, term + 1, id(1, 0)),
        world.block_vote(2, Phase::Commit, term, id(1, 0)),
        world.block_vote(1, Phase::Prepare, term, id(1, 0)),
        other_set,
    ];
    others_vote(&mut node, Phase::Prepare, id(1, 0), &[1]);
    for vote in bad {
        node.hears(2, Packet::PrepareVote(vote));
        assert!(shown(&node, Phase::Prepare).is_empty(), "{vote:?}");
    }
    node.hears(2, Packet::PrepareVote(good));
    assert_eq!(shown(&node, Phase::Prepare), [id(1, 0)]);
}

/// §6.8, §4: each heartbeat the leader sends those whose vote is missing the packet of the phase.
#[test]
fn the_packet_of_the_phase_is_repeated_to_those_whose_vote_is_missing() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    others_vote(&mut node, Phase::Prepare, id(1, 0), &[1]);
    node.sent.clear();
    node.pass(HEARTBEAT);
    let to = |node: &Node<'_>, prepare: bool| -> Vec<usize> {
        let of_phase = |packet: &Packet| match packet {
            Packet::Proposal(_) => !prepare,
            Packet::Certified(_) => prepare,
            _ => false,
        };
        let found = node.sent.iter().filter(|sent| of_phase(&sent.packet));
        found.filter_map(|sent| sent.to).map(|key| world.place(&key)).collect()
    };
    assert_eq!(to(&node, false), [1, 2, 3], "its vote of the present phase may be lost as well");
    let said_again = node.said(|packet| match packet {
        Packet::Proposal(proposal) => Some(proposal.body.clone()),
        _ => None,
    });
    assert_eq!(said_again, [None, None, None], "§6.8: who lacks the body asks for it");
    others_vote(&mut node, Phase::Prepare, id(1, 0), &[2]);
    others_vote(&mut node, Phase::Commit, id(1, 0), &[1]);
    node.sent.clear();
    node.pass(HEARTBEAT);
    assert_eq!(to(&node, true), [2, 3]);
    assert_eq!(to(&node, false), [3], "who never voted may lack the block");
}

/// §6.8: a repeated proposal or certificate gets the same vote, while `term = promise`.
#[test]
fn repetitions_get_the_same_vote_and_no_second_record() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 1, fresh_base());
    for _ in 0..3 {
        node.hears(1, propose(world.proposal(&proof, 1, 0)));
        node.hears(1, certified(&world.prepare(1, id(1, 0))));
    }
    assert_eq!((crate::accepting::votes(&node).len(), commits(&node)), (3, 3));
    let records = node.outputs.iter().flat_map(|output| &output.records);
    let votes = records.filter(|record| !matches!(record, SafetyRecord::Promise(_)));
    assert_eq!(votes.count(), 2);
    node.hears(2, ack(&world.proof(2, 2, fresh_base())));
    node.sent.clear();
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.hears(1, certified(&world.prepare(1, id(1, 0))));
    assert_eq!((crate::accepting::votes(&node).len(), commits(&node)), (0, 0));
}

/// §6.3: a certificate that overtakes the commit of the block below, which is still being written,
/// gets its vote as soon as that is stored: nobody has to say it again.
#[test]
fn a_prepare_certificate_waits_for_its_parent_to_be_stored() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.application = Application::Slow;
    let proof = node.follows(1, 1);
    node.hears(1, propose(world.proposal(&proof, 1, 0))).answers();
    node.hears(1, certified(&world.commit(1, id(1, 0))));
    node.hears(1, propose(world.proposal(&proof, 2, 0)));
    node.hears(1, certified(&world.prepare(1, id(2, 0))));
    node.sent.clear();
    node.writes_end();
    assert_eq!((commits(&node), node.committed), (0, id(1, 0)));
    node.answers();
    assert_eq!(commits(&node), 1);
    assert_eq!(node.durable.prepared.as_ref().map(|at| at.id), Some(id(2, 0)));
}
