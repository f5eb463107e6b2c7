//! §5.6: the end of a leader, and who counts it dead.

use std::time::Duration;

use mokka_consensus::{EndOfTerm, Input, RoleName, WorkWaiting};
use mokka_types::{Packet, Proof};

use crate::{
    node::Node,
    voters::{Voters, newest_vote},
    world::{
        ELECTION, HEARTBEAT, World, ack, alive, ask, certified, fresh_base, genesis, id, view,
    },
};

fn leads<'w>(world: &'w World) -> (Node<'w>, Proof) {
    let mut node = Node::new(world, 0);
    let proof = Voters::new(world).elect(&mut node);
    node.sent.clear();
    node.outputs.clear();
    (node, proof)
}

/// The others answer for so long.
pub(crate) fn in_company(node: &mut Node<'_>, length: Duration) {
    let end = node.now.after(length);
    while node.now < end {
        node.pass(HEARTBEAT.min(end.since(node.now)));
        for at in 1..node.world.secrets.len() {
            let term = node.status().promise.term.get();
            node.hears(at, alive(term, genesis()));
        }
    }
}

/// §5.6: its proof ends, after exactly its lifetime, whoever listens.
#[test]
fn a_proof_ends() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    in_company(&mut node, world.settings.proof_lifetime - HEARTBEAT / 10);
    assert_eq!(node.status().role, RoleName::Leader);
    node.pass(HEARTBEAT / 10);
    assert_eq!(node.resigned(), [EndOfTerm::ProofEnded]);
}

/// §5.6: a valid proof or certificate of a higher term ends it.
#[test]
fn a_higher_term_ends_a_leader() {
    let world = World::bft(4);
    let shown = [ack(&world.proof(1, 9, fresh_base())), certified(&world.prepare(9, id(1, 1)))];
    for packet in shown {
        let (mut node, _) = leads(&world);
        node.hears(1, packet);
        assert_eq!(node.resigned(), [EndOfTerm::HigherTerm]);
    }
}

/// §5.6, A.11: n − q + 1 others showed a promise above its term, in whatever packet.
#[test]
fn promises_above_its_term_end_a_leader() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.hears(1, alive(2, genesis()));
    assert!(node.resigned().is_empty());
    node.hears(2, alive(2, genesis()));
    assert_eq!(node.resigned(), [EndOfTerm::PromisesAbove]);
    let (mut node, _) = leads(&world);
    for at in [1, 2] {
        let mut vote = world.vote(at, 3, 1, fresh_base());
        vote.promise = view(2);
        node.hears(at, ask(vote));
    }
    assert_eq!(node.resigned(), [EndOfTerm::PromisesAbove]);
}

/// §5.6, A.11: it heard `Alive` or votes from fewer than q − 1 others for the isolation time.
#[test]
fn isolation_ends_a_leader() {
    let world = World::bft(4);
    let (mut node, proof) = leads(&world);
    in_company(&mut node, Duration::from_secs(5));
    let isolation = world.settings.isolation;
    for _ in 0..20 {
        node.pass((isolation - HEARTBEAT / 10) / 20);
        node.hears(1, alive(1, genesis())).hears(2, ack(&proof));
    }
    assert_eq!(node.status().role, RoleName::Leader);
    node.pass(HEARTBEAT / 5);
    assert_eq!(node.resigned(), [EndOfTerm::Isolated]);
}

/// §5.6: its block in flight is not final within the progress timeout, though it hears `Alive`.
#[test]
fn a_leader_whose_block_gets_no_votes_ends() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    in_company(&mut node, world.settings.progress_timeout - HEARTBEAT / 10);
    assert_eq!(node.status().role, RoleName::Leader);
    node.pass(HEARTBEAT / 10);
    assert_eq!(node.resigned(), [EndOfTerm::NoProgress]);
}

/// §5.6: the operator stops it, and it does not stand again. Nobody is there to hand over to.
#[test]
fn a_stopped_leader_ends_and_stands_no_more() {
    let world = World::bft(4);
    let (mut node, _) = leads(&world);
    node.step(Input::Stop);
    node.pass(ELECTION * 3);
    assert_eq!(node.resigned(), [EndOfTerm::Stopped]);
    node.sent.clear();
    node.pass(Duration::from_secs(20));
    assert!(newest_vote(&node).is_none());
}

/// §5.6: nobody leads again in a term that it stopped leading, even if it meets its own proof.
#[test]
fn a_leader_does_not_lead_again_by_its_own_proof() {
    let world = World::bft(4);
    let (mut node, proof) = leads(&world);
    node.hears(1, alive(2, genesis())).hears(2, alive(2, genesis()));
    assert_eq!(node.status().role, RoleName::Follower);
    node.sent.clear();
    let mut vote = world.vote(1, 1, 1, fresh_base());
    vote.newest_proof = Some(proof);
    node.hears(1, ask(vote));
    assert_ne!(node.status().role, RoleName::Leader);
    assert_eq!(node.status().leader, None);
    assert!(node.said(|packet| matches!(packet, Packet::Ack(_)).then_some(())).is_empty());
}

/// A.4, §5.6, §8: nor after a restart.
#[test]
fn a_leader_that_restarts_does_not_lead_its_old_term() {
    let world = World::bft(4);
    let (mut node, proof) = leads(&world);
    node.restart();
    node.work();
    let mut vote = world.vote(1, 1, 1, fresh_base());
    vote.newest_proof = Some(proof);
    node.hears(1, ask(vote));
    assert_eq!(node.status().role, RoleName::Follower);
    assert!(node.builds.is_empty());
    assert!(node.said(|packet| matches!(packet, Packet::Ack(_)).then_some(())).is_empty());
}

pub(crate) fn keeps_beating(node: &mut Node<'_>, leader: usize, proof: &Proof, length: Duration) {
    let end = node.now.after(length);
    while node.now < end {
        node.pass(HEARTBEAT.min(end.since(node.now))).hears(leader, ack(proof));
    }
}

/// §5.6: a leader that beats but commits nothing while a block is due is counted dead after the
/// progress timeout: its packets protect it no more.
#[test]
fn a_leader_that_beats_without_blocks_is_counted_dead() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(2, 1);
    node.work();
    keeps_beating(&mut node, 2, &proof, world.settings.progress_timeout - HEARTBEAT / 10);
    assert_eq!(node.status().leader, Some(world.key(2)));
    keeps_beating(&mut node, 2, &proof, HEARTBEAT / 5);
    assert_eq!(node.status().leader, None);
    node.until("stands", |node| newest_vote(node).is_some());
}

/// §5.6: where nothing is due, an idle leader is as good as any.
#[test]
fn an_idle_leader_lives_while_nothing_is_due() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(2, 1);
    keeps_beating(&mut node, 2, &proof, world.settings.progress_timeout * 4);
    assert_eq!(node.status().leader, Some(world.key(2)));
    node.work();
    keeps_beating(&mut node, 2, &proof, HEARTBEAT);
    node.step(Input::WorkWaiting(WorkWaiting::No));
    keeps_beating(&mut node, 2, &proof, world.settings.progress_timeout * 4);
    assert_eq!(node.status().leader, Some(world.key(2)));
}

/// §4: the progress timeout doubles with each term that it ended, at most 16 times, and falls back
/// at a commit.
#[test]
fn the_progress_timeout_doubles_up_to_sixteen_times() {
    let world = World::cft(3);
    let mut node = Node::new(&world, 0);
    node.work();
    let base = world.settings.progress_timeout;
    let patience = |node: &mut Node<'_>, term: u64| {
        let leader = 1 + usize::try_from(term % 2).unwrap();
        let proof = world.proof(leader, term, fresh_base());
        node.hears(leader, ack(&proof));
        let mut length = Duration::ZERO;
        while node.status().leader.is_some() {
            node.pass(HEARTBEAT / 2).hears(leader, ack(&proof));
            length += HEARTBEAT / 2;
            assert!(length <= base * 17);
        }
        length
    };
    for (term, times) in (1..).zip([1, 2, 4, 8, 16, 16]) {
        let length = patience(&mut node, term * 100);
        assert!(length >= base * times && length <= base * times + HEARTBEAT, "{term}: {length:?}");
    }
    node.commits_up_to(1);
    let length = patience(&mut node, 1000);
    assert!(length >= base && length <= base + HEARTBEAT, "{length:?}");
}

/// §5.6: a leader counted dead counts again once it commits.
#[test]
fn a_leader_counted_dead_lives_again_when_it_commits() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(2, 1);
    node.work();
    while node.status().leader.is_some() {
        node.pass(HEARTBEAT / 2).hears(2, ack(&proof));
    }
    node.commits_up_to(1);
    assert_eq!(node.status().leader, Some(world.key(2)));
}
