//! §4: the timers are rules of the chain, and a block may bring other ones.

use std::time::Duration;

use mokka_consensus::{EndOfTerm, Event, RoleName};
use mokka_types::{Packet, Phase, Settings};

use crate::{
    node::Node,
    proposing::{leads, others_vote},
    voters::newest_vote,
    world::{HEARTBEAT, World, id},
};

/// A leader's block 1 becomes final and brings these rules.
fn leads_under<'w>(world: &'w World, settings: Settings) -> Node<'w> {
    let (mut node, _) = leads(world);
    node.next_settings = Some(settings);
    node.work().built(1, 0);
    others_vote(&mut node, Phase::Prepare, id(1, 0), &[1, 2]);
    others_vote(&mut node, Phase::Commit, id(1, 0), &[1, 2]);
    assert_eq!(node.committed, id(1, 0));
    node.sent.clear();
    node
}

/// The leader beats as the block says, from the next beat on.
#[test]
fn a_leader_beats_by_the_rules_of_its_newest_block() {
    let world = World::bft(4);
    for beats in [2, 4] {
        let heartbeat = HEARTBEAT * 2 / beats;
        let settings = Settings { heartbeat, ..world.settings };
        let mut node = leads_under(&world, settings);
        node.pass(HEARTBEAT * 8);
        let acks = node.said(|packet| matches!(packet, Packet::Ack(_)).then_some(())).len();
        let expected = usize::try_from(beats).unwrap() * 4;
        assert!(acks.abs_diff(expected) <= 1, "{acks} acks, not {expected}");
    }
}

/// A leader's proof ends for itself when it does for those who follow it.
#[test]
fn a_shorter_lifetime_ends_the_present_proof_too() {
    let world = World::bft(4);
    let proof_lifetime = world.settings.isolation / 2;
    let node = &mut leads_under(&world, Settings { proof_lifetime, ..world.settings });
    node.pass(proof_lifetime - HEARTBEAT);
    assert_eq!(node.status().role, RoleName::Leader);
    node.pass(HEARTBEAT);
    let ended = Event::Resigned { view: world.view(1), reason: EndOfTerm::ProofEnded };
    assert!(node.events().any(|event| *event == ended));
}

/// A follower waits for its leader as the newest block says.
#[test]
fn a_follower_stands_by_the_rules_of_its_newest_block() {
    let world = World::bft(4);
    let heartbeat = HEARTBEAT * 10;
    let mut node = Node::new(&world, 0);
    node.next_settings = Some(Settings { heartbeat, ..world.settings });
    node.commits_up_to(1);
    node.follows(1, 3);
    let wait = node.until("stands", |node| newest_vote(node).is_some());
    assert!(wait >= heartbeat * 3 / 2, "{wait:?}");
}

/// How large a block may be is a rule for ever: packets and stores are measured by it.
#[test]
fn the_largest_body_never_changes() {
    let world = World::bft(4);
    let settings = Settings { max_block_bytes: 1, isolation: HEARTBEAT * 99, ..world.settings };
    let node = leads_under(&world, settings);
    let state = format!("{:?}", node.core);
    assert!(state.contains(&format!("max_block_bytes: {}", world.settings.max_block_bytes)));
    assert!(state.contains(&format!("isolation: {:?}", Duration::from_millis(19_800))));
}
