//! §4, §5.1: when a node stands, and for which term.

use std::time::Duration;

use mokka_consensus::{Event, RoleName};
use mokka_types::{
    BaseDigest, Packet, Promise, Refusal, Refused, SafetyState, SignedBallot, Voted, VotedAnswer,
};

use crate::{
    epochs::enter,
    node::Node,
    voters::{Voters, newest_vote},
    world::{ELECTION, HEARTBEAT, World, ack, alive, ask, fresh_base, genesis, id, prepared, view},
};

fn votes(node: &Node<'_>) -> usize {
    node.said(|packet| matches!(packet, Packet::Vote(_)).then_some(())).len()
}

/// §4: a follower stands after 1.5 heartbeats of silence plus rank and jitter, and says so.
#[test]
fn silence_makes_a_follower_stand() {
    let world = World::bft(4);
    for me in 0..4 {
        let mut node = Node::new(&world, me);
        node.follows((me + 1) % 4, 1);
        node.outputs.clear();
        let silence = node.until("stands", |node| newest_vote(node).is_some());
        assert!(silence >= HEARTBEAT * 3 / 2, "{silence:?}");
        assert!(silence <= HEARTBEAT * 2 + HEARTBEAT * 3 / 2 + Duration::from_millis(1));
        let events: Vec<_> = node.events().collect();
        assert!(events.contains(&&Event::HeartbeatTimeout));
        assert!(events.contains(&&Event::State(RoleName::Candidate)));
    }
}

/// §4: ranks keep validators apart by half a heartbeat each, so that one stands first.
#[test]
fn ranks_keep_candidates_apart() {
    let world = World::bft(4);
    let mut waits: Vec<_> = (0..4)
        .map(|me| {
            let signed =
                Some(SignedBallot { candidate: world.key(me), base: BaseDigest::default() });
            let promise = Promise { view: view(1), signed };
            let durable = SafetyState { promise, ..SafetyState::default() };
            let mut node = Node::restored(&world, me, durable);
            node.until("stands", |node| newest_vote(node).is_some())
        })
        .collect();
    waits.sort_unstable();
    for (rank, wait) in (0u32..).zip(waits) {
        let least = HEARTBEAT / 2 * (3 + rank);
        assert!(wait >= least && wait <= least + HEARTBEAT / 2 + Duration::from_millis(1));
    }
}

/// §4, §5.6: news of the leader keeps a follower from standing; old packets of it do not (A.10).
#[test]
fn only_news_keeps_a_follower_from_standing() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(2, 1);
    for _ in 0..20 {
        node.pass(HEARTBEAT).hears(2, ack(&proof));
    }
    assert_eq!(votes(&node), 0);
    for _ in 0..20 {
        node.pass(HEARTBEAT / 2).hears_as(2, 1, 1, ack(&proof));
    }
    assert!(votes(&node) > 0, "a replayed ack protects nobody");
}

/// §3: a leader that was heard in an older run, and whose proof another shows before itself does,
/// has not restarted: it leads in its newer run, and its news count.
#[test]
fn a_leader_elected_after_its_restart_keeps_a_follower_from_standing() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, alive(0, genesis()));
    let proof = world.proof(2, 4, fresh_base());
    let mut vote = world.vote(1, 4, 1, fresh_base());
    vote.newest_proof = Some(proof.clone());
    node.hears(1, ask(vote));
    for counter in 1..20 {
        node.hears_as(2, 2, counter, ack(&proof)).pass(HEARTBEAT);
    }
    assert_eq!(votes(&node), 0);
    node.hears_as(2, 3, 1, alive(4, genesis()));
    for counter in 1..5 {
        node.pass(HEARTBEAT).hears_as(2, 3, counter, ack(&proof));
    }
    assert!(votes(&node) > 0, "now it has restarted");
}

/// §5.1: a candidate stands for the term above its promise, and binds itself to nothing.
#[test]
fn standing_binds_nobody() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 4);
    node.outputs.clear();
    node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, view(5));
    assert!(node.outputs.iter().all(|output| output.records.is_empty()));
}

/// §5.1, A.13 *A liar tells a huge promise*: b + 1 others are believed, b are not.
#[test]
fn a_huge_promise_of_one_liar_is_not_believed() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(1, alive(1 << 40, genesis()));
    node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, view(1));
    let mut node = Node::new(&world, 0);
    node.hears(1, alive(1 << 40, genesis())).hears(2, alive(30, genesis()));
    node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, view(31));
}

/// §5.1: a valid certificate of a higher term counts, too.
#[test]
fn a_certificate_of_a_higher_term_raises_the_term() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(1, crate::world::certified(&world.prepare(9, id(1, 1))));
    node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, view(10));
}

/// §5.1: with n = 1 a node elects itself at once, term after term.
#[test]
fn a_single_validator_elects_itself_at_once() {
    for world in [World::bft(1), World::cft(1)] {
        let mut node = Node::listening(&world, 0);
        node.pass(Duration::ZERO);
        assert_eq!(node.status().role, RoleName::Leader);
        assert_eq!(node.status().promise, view(1));
        node.pass(world.settings.proof_lifetime);
        node.pass(Duration::from_millis(1));
        assert_eq!((node.status().role, node.status().promise), (RoleName::Leader, view(2)));
    }
}

/// §6.8: a `Vote` is repeated every sixth of the election timeout, the same each time.
#[test]
fn a_vote_is_repeated_unchanged() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    let first = newest_vote(&node).unwrap();
    node.sent.clear();
    node.pass(ELECTION / 6 * 3 + Duration::from_millis(1));
    let repeated = node.said(|packet| match packet {
        Packet::Vote(vote) => Some((**vote).clone()),
        _ => None,
    });
    assert_eq!(repeated, [first.clone(), first.clone(), first]);
}

/// §4: alone in the dark, a candidate waits 1 to 3 election timeouts before it stands again.
#[test]
fn a_failed_candidate_backs_off() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.pass(Duration::from_secs(5));
    node.until("stands", |node| node.status().role == RoleName::Candidate);
    node.until("fails", |node| node.status().role == RoleName::Follower);
    let wait = node.until("stands again", |node| node.status().role == RoleName::Candidate);
    assert!(wait >= ELECTION && wait <= ELECTION * 3 + Duration::from_millis(1), "{wait:?}");
}

fn refusal(node: &Node<'_>, reason: Refusal) -> Packet {
    let ballot = newest_vote(node).unwrap().ballot;
    let base = node.world.certified(fresh_base());
    let refused = Refused { reason, promise: view(0), newest_proof: None, base };
    Packet::Voted(Voted { ballot, answer: VotedAnswer::Refused(Box::new(refused)) })
}

/// §4: more than n − q refusals end a candidacy; without a rival or a live leader it stands again
/// one heartbeat after its last `Vote`.
#[test]
fn a_refused_candidate_that_is_alone_stands_again_soon() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    let stood = node.now;
    for at in [1, 2] {
        assert_eq!(node.status().role, RoleName::Candidate);
        let packet = refusal(&node, Refusal::Term);
        node.hears(at, packet);
    }
    assert_eq!(node.status().role, RoleName::Follower);
    node.until("stands again", |node| node.status().role == RoleName::Candidate);
    assert!(node.now.since(stood) >= HEARTBEAT);
    assert!(node.now.since(stood) <= HEARTBEAT + Duration::from_millis(1));
}

/// §4: a rival, or a refusal for the sake of a live leader, keeps the backoff.
#[test]
fn a_refused_candidate_with_a_rival_backs_off() {
    let world = World::bft(4);
    for rival in [true, false] {
        let mut node = Node::new(&world, 0);
        node.until("stands", |node| newest_vote(node).is_some());
        if rival {
            node.hears(3, ask(world.vote(3, 5, 1, fresh_base())));
        }
        let reason = if rival { Refusal::Term } else { Refusal::LiveLeader };
        for at in [1, 2] {
            let packet = refusal(&node, reason);
            node.hears(at, packet);
        }
        let wait = node.until("stands again", |node| node.status().role == RoleName::Candidate);
        assert!(wait >= ELECTION, "{wait:?}");
    }
}

/// §4: who refused and then grants refuses no more.
#[test]
fn a_refusal_is_forgotten_once_its_sender_grants() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let refused = refusal(&node, Refusal::LiveLeader);
    let granted = voters.grant(1, &newest_vote(&node).unwrap().ballot);
    node.hears(1, refused.clone()).hears(1, granted).hears(2, refused);
    assert_eq!(node.status().role, RoleName::Candidate);
    let sign = voters.all_grant(&mut node, &[3]);
    voters.all_sign(&mut node, &sign);
    assert_eq!(node.status().role, RoleName::Leader);
}

/// §4, §5.3: once its signers are chosen, what others refuse ends no candidacy.
#[test]
fn refusals_in_the_signing_round_do_not_end_a_candidacy() {
    let world = World::bft(7);
    let mut node = Node::new(&world, 0);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let refused = refusal(&node, Refusal::LiveLeader);
    node.hears(6, refused.clone()).hears(5, refused.clone());
    let sign = voters.all_grant(&mut node, &[1, 2, 3, 4]);
    for at in [1, 5, 6] {
        node.hears(at, refused.clone());
    }
    voters.all_sign(&mut node, &sign);
    assert_eq!(node.status().role, RoleName::Leader);
}

/// A leader that was silent for the isolation time is not shown as one, whatever its proof says.
#[test]
fn a_silent_leader_is_not_shown() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 1);
    assert_eq!(node.status().leader, Some(world.key(2)));
    node.pass(world.settings.isolation);
    assert_eq!(node.status().leader, None);
}

/// §5.2 rule 2: a promise that nobody can have reached is not credible, where b + 1 is one, too.
#[test]
fn an_impossible_promise_raises_no_term() {
    let world = World::cft(3);
    let mut node = Node::new(&world, 0);
    node.hears(1, alive(u64::MAX, genesis()));
    node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, view(1));
}

/// §5.1, §9: in CFT, what a member that is still in the epoch before has prepared there raises no
/// term of this one.
#[test]
fn a_term_prepared_in_the_epoch_before_raises_no_term() {
    let world = World::cft(3);
    let next = world.next_epoch(&[0, 1, 2], &[50]);
    let mut node = Node::new(&world, 0);
    enter(&mut node, &world, &next);
    let base = prepared(9, id(1, 1));
    node.hears_of(&world, 1, ask(world.vote(1, 10, 1, base)));
    node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, next.view(1));
}

/// §5.1: once bound to a term, by its own signature, a node stands above it.
#[test]
fn a_node_stands_above_its_promise_after_a_restart() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    Voters::new(&world).elect(&mut node);
    assert_eq!(node.status().promise, view(1));
    node.restart();
    node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, view(2));
}
