//! §6.2: which proposals a follower takes.

use mokka_consensus::{PeerFault, Verdict};
use mokka_crypto::digest;
use mokka_types::{Base, BlockId, BodyReply, Packet, Phase, Proof, Proposal, PublicKey};

use crate::{
    node::{Application, Node},
    world::{
        CHAIN, HEARTBEAT, World, ack, alive, block, certified, fresh_base, genesis, id, prepared,
        propose,
    },
};

/// The blocks that the node voted for in its first phase, in order.
pub(crate) fn votes(node: &Node<'_>) -> Vec<BlockId> {
    let first = if node.world.is_bft() { Phase::Prepare } else { Phase::Commit };
    node.said(|packet| match (packet, first) {
        (Packet::PrepareVote(vote), Phase::Prepare) | (Packet::CommitVote(vote), Phase::Commit) => {
            Some(vote.id)
        }
        _ => None,
    })
}

fn faults(node: &Node<'_>) -> Vec<PeerFault> {
    node.outputs.iter().filter_map(|output| output.accused).map(|at| at.fault).collect()
}

/// §6.2: a good proposal gets a vote, also as the first thing that is heard of its leader.
#[test]
fn a_good_proposal_is_voted_for() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        let proof = world.proof(1, 1, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 0)));
        assert_eq!(votes(&node), [id(1, 0)]);
    }
}

/// §6.2: the proof is valid, and its owner proposes.
#[test]
fn only_the_owner_of_a_valid_proof_proposes() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 1, fresh_base());
    node.hears(2, propose(world.proposal(&proof, 1, 0)));
    let mut forged = proof.clone();
    forged.view = crate::world::view(2);
    node.hears(1, propose(world.proposal(&forged, 1, 0)));
    let mut unsigned = world.proposal(&proof, 1, 0);
    unsigned.signature = world.proposal(&proof, 1, 1).signature;
    node.hears(1, propose(unsigned));
    assert_eq!(
        faults(&node),
        [PeerFault::Contradiction, PeerFault::InvalidProof, PeerFault::InvalidSignature]
    );
    assert!(votes(&node).is_empty());
}

/// §6.8: a block ahead of our clock is nobody's fault, and looked at again when it is repeated.
#[test]
fn a_block_that_came_too_early_is_looked_at_again() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.application = Application::Slow;
    let proof = world.proof(1, 1, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.says(Verdict::TooEarly);
    assert!(votes(&node).is_empty() && faults(&node).is_empty());
    let header = Proposal { body: None, ..world.proposal(&proof, 1, 0) };
    node.hears(1, propose(header)).answers();
    assert_eq!(votes(&node), [id(1, 0)]);
    assert!(node.said(|packet| matches!(packet, Packet::BodyRequest(_)).then_some(())).is_empty());
}

/// §6.8: a proposal that waits for its parent keeps its body, whatever is said again meanwhile.
#[test]
fn a_repetition_does_not_replace_the_proposal_that_waits() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.application = Application::Slow;
    let proof = node.follows(1, 1);
    node.hears(1, propose(world.proposal(&proof, 1, 0))).answers();
    node.hears(1, certified(&world.commit(1, id(1, 0))));
    node.hears(1, propose(world.proposal(&proof, 2, 0)));
    node.hears(1, propose(Proposal { body: None, ..world.proposal(&proof, 2, 0) }));
    node.sent.clear();
    node.writes_end();
    node.answers();
    assert_eq!(votes(&node), [id(2, 0)]);
    assert!(node.said(|packet| matches!(packet, Packet::BodyRequest(_)).then_some(())).is_empty());
}

/// §6.8: a repeated proposal says no body again. Who lacks it asks the leader, and waits longer
/// from time to time; who has it votes again.
#[test]
fn the_body_of_a_repeated_proposal_is_asked_for() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 1);
    let header = || propose(Proposal { body: None, ..world.proposal(&proof, 1, 0) });
    let asked = |node: &mut Node<'_>| -> Vec<Option<PublicKey>> {
        let sent = node.take_sent().into_iter();
        let asks = sent.filter(|sent| matches!(sent.packet, Packet::BodyRequest(_)));
        asks.map(|sent| sent.to).collect()
    };
    let mut asks = Vec::new();
    for _ in 0..8 {
        node.hears(1, header());
        asks.push(asked(&mut node).len());
        node.pass(HEARTBEAT);
    }
    assert_eq!(asks, [1, 1, 0, 1, 0, 0, 0, 1], "after 1, 2 and 4 heartbeats");
    let (at, body) = block(1, 0);
    node.hears(2, Packet::Body(BodyReply { id: at, body: body.clone() }));
    assert!(votes(&node).is_empty(), "it was not asked");
    node.hears(1, Packet::Body(BodyReply { id: at, body }));
    assert_eq!(votes(&node), [id(1, 0)]);
    node.hears(1, header());
    assert_eq!(votes(&node), [id(1, 0), id(1, 0)]);
    assert!(asked(&mut node).is_empty());
}

/// §6.8: a body counts only from whom it was asked, for this very block, and once where it is
/// another's: nobody can keep the right one out.
#[test]
fn a_body_that_was_not_asked_for_is_not_looked_at() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 1);
    let header = || propose(Proposal { body: None, ..world.proposal(&proof, 1, 0) });
    let (at, body) = block(1, 0);
    let wrong = Packet::Body(BodyReply { id: at, body: block(1, 7).1 });
    node.hears(2, certified(&world.prepare(1, id(1, 1)))).hears(1, header());
    node.hears(2, wrong.clone());
    assert!(faults(&node).is_empty(), "it was asked for another block");
    node.hears(1, wrong.clone()).hears(1, wrong);
    assert_eq!(faults(&node), [PeerFault::WrongBody], "the second was not asked for");
    node.hears(1, header()).hears(1, Packet::Body(BodyReply { id: at, body }));
    assert_eq!(votes(&node), [id(1, 0)]);
}

/// §6.2: a proof that has ended makes no leader, however often it is shown.
#[test]
fn an_ended_proof_proposes_nothing() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 1);
    let end = node.now.after(world.settings.proof_lifetime);
    while node.now.after(HEARTBEAT) < end {
        node.pass(HEARTBEAT).hears(1, ack(&proof));
    }
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    assert_eq!(votes(&node), [id(1, 0)]);
    node.sent.clear();
    node.pass(end.since(node.now)).hears(1, propose(world.proposal(&proof, 1, 0)));
    assert!(votes(&node).is_empty());
}

/// §6.2, §3: a proposal of a term below the promise gets no vote, but is told the promise, at most
/// once a heartbeat.
#[test]
fn a_term_below_the_promise_is_told_so() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let old = world.proof(1, 1, fresh_base());
    node.follows(2, 2);
    node.pass(HEARTBEAT / 2);
    node.sent.clear();
    node.hears(1, propose(world.proposal(&old, 1, 0))).hears(1, ack(&old));
    assert_eq!(
        node.take_sent(),
        [crate::node::Sent { to: Some(world.key(1)), packet: alive(2, genesis()) }]
    );
    node.pass(HEARTBEAT).hears(1, ack(&old));
    assert!(node.sent.iter().any(|sent| sent.to == Some(world.key(1))));
}

/// A.2 *Base ahead of everybody*: no block at or below the committed height of the proof's base.
#[test]
fn a_block_not_above_the_base_of_its_proof_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 2, Base { committed: id(1, 0), prepared: None });
    node.hears(1, propose(world.proposal(&proof, 1, 1)));
    assert_eq!(faults(&node), [PeerFault::Contradiction]);
    assert!(votes(&node).is_empty());
}

/// §6.1, §6.2, A.6 *Voter that missed the `Vote`*: what the base of the proof has prepared is
/// proposed, and nothing else; the ids in the proof are all that a follower needs for that.
#[test]
fn a_proposal_honours_the_prepared_block_of_its_base() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        let proof = world.proof(1, 5, prepared(3, id(1, 1)));
        node.hears(1, propose(world.proposal(&proof, 1, 2)));
        assert_eq!(faults(&node), [PeerFault::Contradiction]);
        assert!(votes(&node).is_empty());
        node.hears(1, propose(world.proposal(&proof, 1, 1)));
        assert_eq!(votes(&node), [id(1, 1)]);
    }
}

/// §6.2: the first proposal of a term and height counts; a second one is an equivocation.
#[test]
fn a_second_proposal_of_a_term_and_height_is_refused() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        let proof = world.proof(1, 1, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 1)));
        node.hears(1, propose(world.proposal(&proof, 1, 2)));
        assert_eq!(faults(&node), [PeerFault::Equivocation]);
        assert_eq!(votes(&node), [id(1, 1)]);
    }
}

/// §6.2, §8: also when the node restarted in between: the record remembers.
#[test]
fn a_second_proposal_is_refused_after_a_restart() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        let proof = world.proof(1, 1, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 1)));
        node.restart();
        node.hears(1, propose(world.proposal(&proof, 1, 2)));
        assert!(votes(&node).is_empty());
        node.hears(1, propose(world.proposal(&proof, 1, 1)));
        assert_eq!(votes(&node), [id(1, 1)], "§6.8: the same vote again");
    }
}

/// §6.2: the application has the last word.
#[test]
fn a_block_that_the_application_refuses_gets_no_vote() {
    let world = World::bft(4);
    for (verdict, fault) in
        [(Verdict::Invalid, PeerFault::InvalidBlock), (Verdict::NotThisBlock, PeerFault::WrongBody)]
    {
        let mut node = Node::new(&world, 0);
        node.application = Application::Slow;
        let proof = world.proof(1, 1, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 0)));
        node.says(verdict);
        assert_eq!(faults(&node), [fault]);
        assert!(votes(&node).is_empty());
    }
}

/// §6.2: a wrong body under a true id does not keep the right one out.
#[test]
fn a_wrong_body_does_not_keep_the_right_one_out() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 1, fresh_base());
    let mut wrong = world.proposal(&proof, 1, 0);
    wrong.body = world.proposal(&proof, 1, 1).body;
    node.hears(1, propose(wrong));
    assert_eq!(faults(&node), [PeerFault::WrongBody]);
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    assert_eq!(votes(&node), [id(1, 0)]);
}

/// §6.2: a block found invalid when it was fresh is looked at again once a base owes it.
#[test]
fn an_owed_block_is_looked_at_again() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.application = Application::Slow;
    let proof = world.proof(1, 1, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 1)));
    node.says(Verdict::Invalid);
    node.hears(1, propose(world.proposal(&proof, 1, 1)));
    assert!(node.checks.is_empty(), "the same question is not asked again");
    let owed = world.proof(2, 2, prepared(1, id(1, 1)));
    node.hears(2, propose(world.proposal(&owed, 1, 1)));
    node.answers();
    assert_eq!(votes(&node), [id(1, 1)]);
}

/// A.12, §6.2: behind by one is cured by the parent's certificate in the proposal.
#[test]
fn a_proposal_that_overtakes_a_certificate_brings_it() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        let proof = world.proof(1, 1, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 0)));
        node.sent.clear();
        node.hears(1, propose(world.proposal(&proof, 2, 0)));
        assert_eq!(node.committed, id(1, 0));
        assert_eq!(votes(&node), [id(2, 0)]);
        let asked = node.said(|packet| match packet {
            Packet::BlocksRequest(request) => Some(*request),
            _ => None,
        });
        assert!(asked.is_empty(), "nothing is missing");
    }
}

/// §6.2, §6.5: the vote at h + 1 waits until h is in the store.
#[test]
fn no_vote_above_a_commit_that_is_still_being_written() {
    let world = World::cft(3);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 1, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.application = Application::Slow;
    node.sent.clear();
    node.outputs.clear();
    node.hears(1, propose(world.proposal(&proof, 2, 0)));
    while !node.checks.is_empty() {
        node.answers();
    }
    assert!(votes(&node).is_empty());
    assert!(node.outputs.iter().all(|output| output.records.is_empty()));
    node.writes_end();
    node.answers();
    assert_eq!(votes(&node), [id(2, 0)]);
}

/// §6.5: a block that is certified already needs no vote: it goes into the store.
#[test]
fn no_vote_for_a_block_that_is_final() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        node.application = Application::Slow;
        let proof = world.proof(1, 1, fresh_base());
        node.hears(1, propose(world.proposal(&proof, 1, 0)));
        node.hears(1, certified(&world.commit(1, id(1, 0))));
        node.answers();
        assert_eq!((votes(&node).len(), node.writes.len()), (0, 1));
    }
}

/// §6.2: behind by more syncs first, and votes only when the parent is committed.
#[test]
fn a_follower_behind_by_more_syncs_first() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = world.proof(1, 2, fresh_base());
    node.hears(1, propose(world.proposal(&proof, 3, 0)));
    assert!(votes(&node).is_empty());
    let asked = node.said(|packet| match packet {
        Packet::BlocksRequest(request) => Some(request.from.get()),
        _ => None,
    });
    assert_eq!(asked, [1]);
    node.commits_up_to(2);
    assert_eq!(node.committed, id(2, 0));
    node.hears(1, propose(world.proposal(&proof, 3, 0)));
    assert_eq!(votes(&node), [id(3, 0)]);
}

/// §6.2: who is ahead answers with its commit certificate, however far the leader lags.
#[test]
fn a_lagging_leader_is_shown_what_is_final() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.commits_up_to(3);
    let proof = world.proof(1, 2, fresh_base());
    for (height, tag) in [(3, 0), (2, 0)] {
        node.sent.clear();
        node.hears(1, propose(world.proposal(&proof, height, tag)));
        assert!(votes(&node).is_empty());
        let shown = node.said(|packet| match packet {
            Packet::Certified(certificate) => Some(certificate.id),
            _ => None,
        });
        assert_eq!(shown, [id(3, 0)]);
    }
}

/// §6.2: the parts of a proposal belong together.
#[test]
fn a_proposal_that_does_not_prove_its_parent_is_refused() {
    let world = World::bft(4);
    let proof = world.proof(1, 1, fresh_base());
    let good = world.proposal(&proof, 2, 0);
    let mut no_proof = good.clone();
    no_proof.parent_certificate = None;
    let mut other = good.clone();
    other.parent_certificate = Some(world.commit(1, id(1, 1)));
    let mut gap = good;
    gap.id.height = mokka_types::Height::new(3);
    gap.signature = world.secrets[1].sign(&digest::proposal(&CHAIN, proof.view, &gap.id));
    for wrong in [no_proof, other, gap] {
        let mut node = Node::new(&world, 0);
        node.hears(1, propose(wrong));
        assert_eq!(faults(&node), [PeerFault::Contradiction]);
        assert!(votes(&node).is_empty() && node.committed == genesis());
    }
}

/// §7, §6.2: an observer follows and votes on nothing.
#[test]
fn an_observer_takes_part_in_nothing() {
    let world = World::bft(4);
    let mut node = Node::observer(&world);
    let proof: Proof = world.proof(1, 1, fresh_base());
    node.hears(1, ack(&proof));
    node.hears(1, crate::world::ask(world.vote(1, 2, 1, fresh_base())));
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.hears(1, certified(&world.prepare(1, id(1, 0))));
    node.pass(HEARTBEAT * 50).only_asked();
    node.hears(1, certified(&world.commit(1, id(1, 0))));
    assert_eq!(node.committed, id(1, 0));
    node.sent.clear();
    // Nor does it tell who lags behind, in blocks or in terms, or who is new.
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    node.hears(2, ack(&world.proof(2, 3, fresh_base())));
    node.hears(1, ack(&proof)).hears(3, crate::world::alive(0, genesis()));
    assert!(node.sent.is_empty(), "{:?}", node.sent);
}
