//! §5.2: round one, not binding.

use std::time::Duration;

use mokka_consensus::{Event, Input};
use mokka_types::{
    Base, CertifiedBase, Epoch, Packet, PublicNonce, Refusal, Refused, Term, View, Vote,
    VotedAnswer,
};

use crate::{
    node::{Node, WALL_CLOCK},
    world::{HEARTBEAT, World, ack, alive, ask, fresh_base, genesis, id, prepared, view},
};

fn refusals(node: &Node<'_>) -> Vec<Refused> {
    node.said(|packet| match packet {
        Packet::Voted(voted) => match &voted.answer {
            VotedAnswer::Refused(refused) => Some((**refused).clone()),
            VotedAnswer::Granted(_) => None,
        },
        _ => None,
    })
}

fn nonces(node: &Node<'_>) -> Vec<PublicNonce> {
    node.said(|packet| match packet {
        Packet::Voted(voted) => match &voted.answer {
            VotedAnswer::Granted(nonce) => Some(*nonce),
            VotedAnswer::Refused(_) => None,
        },
        _ => None,
    })
}

fn refused_for(node: &mut Node<'_>, from: usize, vote: Vote) -> Option<Refusal> {
    node.sent.clear();
    node.hears(from, ask(vote));
    refusals(node).pop().map(|refused| refused.reason)
}

/// §5.2: who finds no rule against it grants, and writes nothing down.
#[test]
fn a_lawful_candidate_is_granted_and_nothing_is_recorded() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(1, ask(world.vote(1, 1, 1, fresh_base())));
    assert_eq!(nonces(&node).len(), 1);
    assert!(node.outputs.iter().all(|output| output.records.is_empty()));
    assert_eq!(node.status().promise, view(0));
}

/// §5.2 rule 1: another epoch is refused.
#[test]
fn a_candidate_of_another_epoch_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut vote = world.vote(1, 1, 1, fresh_base());
    vote.ballot.view = View::new(Epoch::new(1), Term::new(1));
    assert_eq!(refused_for(&mut node, 1, vote), Some(Refusal::Epoch));
}

/// §5.2 rule 2: a term at or below the promise is refused.
#[test]
fn a_term_not_above_the_promise_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 5);
    node.pass(HEARTBEAT * 3 / 2 - HEARTBEAT / 100);
    for term in [4, 5] {
        let vote = world.vote(1, term, term, fresh_base());
        assert_eq!(refused_for(&mut node, 1, vote), Some(Refusal::Term));
    }
}

/// §5.2 rule 2, A.10 *term pumping*: a validator signs for no term that its wall clock has not
/// reached, so that whatever a liar binds it to, alone and without a proof, is within reach of the
/// others a moment later.
#[test]
fn a_term_that_the_clock_has_not_reached_is_refused() {
    let world = World::cft(4);
    let mut node = Node::new(&world, 0);
    let newest = node.newest_term();
    let far = world.vote(1, newest + 1, 1, fresh_base());
    assert_eq!(refused_for(&mut node, 1, far.clone()), Some(Refusal::TermTooHigh));
    let near = world.vote(2, newest, 1, fresh_base());
    assert_eq!(refused_for(&mut node, 2, near), None);
    node.pass(Duration::from_millis(1));
    assert_eq!(refused_for(&mut node, 1, far), None);
    assert_eq!(nonces(&node).len(), 1);
}

/// §5.2 rule 2: the clock of a machine is set while its node runs.
#[test]
fn a_clock_that_is_set_counts_at_once() {
    let world = World::cft(4);
    let mut node = Node::new(&world, 0);
    let (day, today) = (Duration::from_secs(86_400), WALL_CLOCK + node.now.elapsed());
    node.step(Input::WallClock(today + day));
    let tomorrow = node.newest_term() + 86_400_000;
    assert_eq!(refused_for(&mut node, 1, world.vote(1, tomorrow, 1, fresh_base())), None);
    node.step(Input::WallClock(today));
    let vote = world.vote(2, tomorrow, 1, fresh_base());
    assert_eq!(refused_for(&mut node, 2, vote), Some(Refusal::TermTooHigh));
}

/// §5.2 rule 2, A.13: a proof counts whatever the clock shows, and tells that it is behind.
#[test]
fn whose_clock_is_behind_follows_and_elects_nobody_above() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let ahead = node.newest_term() + 10_000;
    let mut vote = world.vote(1, ahead + 1, 1, fresh_base());
    vote.newest_proof = Some(world.proof(2, ahead, fresh_base()));
    assert_eq!(refused_for(&mut node, 1, vote), Some(Refusal::TermTooHigh));
    assert_eq!(node.status().promise, view(ahead), "the proof was adopted");
    for _ in 0..2 {
        node.step(Input::WallClock(WALL_CLOCK + node.now.elapsed()));
    }
    let events = node.outputs.iter().flat_map(|output| &output.events);
    let behind: Vec<_> = events.filter(|event| matches!(event, Event::ClockBehind(_))).collect();
    assert_eq!(behind, [&Event::ClockBehind(view(ahead))], "said once");
}

/// §5.1, §5.2 rule 2: who would not sign for itself asks nobody to.
#[test]
fn whose_clock_is_behind_does_not_stand() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let ahead = node.newest_term() + 20_000;
    node.follows(2, ahead);
    node.sent.clear();
    node.pass(Duration::from_secs(10));
    let stands =
        |node: &Node<'_>| node.said(|packet| matches!(packet, Packet::Vote(_)).then_some(()));
    assert!(stands(&node).is_empty(), "not yet");
    node.pass(Duration::from_secs(15));
    assert!(!stands(&node).is_empty());
}

/// §5.2 rule 4: a base without the certificate that it needs is refused, whatever is wrong with it.
#[test]
fn an_unproved_base_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let good = world.certified(prepared(3, id(1, 1)));
    let proof_of = |change: &dyn Fn(&mut CertifiedBase)| {
        let mut base = good.clone();
        change(&mut base);
        base
    };
    let bad = [
        proof_of(&|base| base.prepare = None),
        proof_of(&|base| base.prepare = Some(world.commit(3, id(1, 1)))),
        proof_of(&|base| base.prepare = Some(world.prepare(2, id(1, 1)))),
        proof_of(&|base| base.prepare = Some(world.prepare(3, id(1, 2)))),
        proof_of(&|base| base.prepare.as_mut().unwrap().signatures.reverse()),
        proof_of(&|base| base.commit = Some(world.commit(1, id(1, 0)))),
        world.certified(Base { committed: id(1, 0), ..fresh_base() }),
    ];
    for (attempt, base) in (1..).zip(bad) {
        let mut vote = world.vote(1, 9, attempt, base.base);
        vote.base = base;
        if attempt == 7 {
            vote.base.commit = Some(world.prepare(1, id(1, 0)));
        }
        assert_eq!(refused_for(&mut node, 1, vote), Some(Refusal::InvalidBase), "{attempt}");
    }
    let mut vote = world.vote(1, 9, 9, good.base);
    vote.base = good;
    assert_eq!(refused_for(&mut node, 1, vote), None);
}

/// §5.2 rule 4: what is prepared was prepared in an earlier term than the candidate's.
#[test]
fn a_base_prepared_in_the_candidates_own_term_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let vote = world.vote(1, 3, 1, prepared(3, id(1, 1)));
    assert_eq!(refused_for(&mut node, 1, vote), Some(Refusal::InvalidBase));
}

/// A.3: committed h − 1 shown with the prepare certificate of h − 1 itself is no base.
#[test]
fn an_old_prepare_certificate_in_a_base_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.commits_up_to(1);
    let mut base = prepared(2, id(1, 0));
    base.committed = id(1, 0);
    let vote = world.vote(1, 9, 1, base);
    assert_eq!(refused_for(&mut node, 1, vote), Some(Refusal::InvalidBase));
}

/// §5.2 rule 4: a base lower than ours is refused, and the refusal shows what is higher.
#[test]
fn a_lower_base_is_refused_and_told_ours() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.commits_up_to(2);
    let vote = world.vote(1, 9, 1, Base { committed: id(1, 0), prepared: None });
    assert_eq!(refused_for(&mut node, 1, vote), Some(Refusal::LowerBase));
    node.hears(1, ask(world.vote(1, 9, 2, Base { committed: id(1, 0), prepared: None })));
    let told = refusals(&node).pop().unwrap();
    assert_eq!(told.base.base.committed, id(2, 0));
    assert!(told.base.commit.is_some_and(|commit| commit.id == id(2, 0)));
}

/// §5.2 rule 6: while a leader lives, others wait for its news, and its news refuses them.
#[test]
fn news_of_the_leader_refuses_who_waits() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(2, 1);
    assert_eq!(refused_for(&mut node, 1, world.vote(1, 2, 1, fresh_base())), None);
    assert!(nonces(&node).is_empty(), "the answer is held");
    node.pass(HEARTBEAT).hears(2, ack(&proof));
    assert_eq!(refusals(&node).pop().map(|refused| refused.reason), Some(Refusal::LiveLeader));
    assert!(nonces(&node).is_empty());
}

/// §5.2 rule 6: the silence of the leader grants, 1.5 heartbeats after its last packet.
#[test]
fn silence_of_the_leader_grants_who_waits() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 1);
    node.pass(HEARTBEAT);
    node.hears(1, ask(world.vote(1, 2, 1, fresh_base())));
    node.pass(HEARTBEAT / 2 - HEARTBEAT / 100);
    assert!(nonces(&node).is_empty(), "not yet");
    node.pass(HEARTBEAT / 50);
    assert_eq!(nonces(&node).len(), 1);
}

/// §5.5: a leader that stands again while its news is fresh had its turn.
#[test]
fn a_leader_that_stands_again_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 1);
    let reason = refused_for(&mut node, 2, world.vote(2, 2, 1, fresh_base()));
    assert_eq!(reason, Some(Refusal::NotEligible));
}

/// §3: a leader's `Vote` for a higher term ends its protection at once.
#[test]
fn a_leader_that_stands_protects_no_more() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 1);
    node.hears(2, ask(world.vote(2, 2, 1, fresh_base())));
    node.sent.clear();
    node.hears(1, ask(world.vote(1, 2, 1, fresh_base())));
    assert_eq!(nonces(&node).len(), 1, "granted without waiting");
}

/// §3: a newer run of the leader ends its protection at once.
#[test]
fn a_leader_that_restarted_protects_no_more() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 1);
    node.hears_as(2, 9, 1, crate::world::alive(1, crate::world::genesis()));
    node.sent.clear();
    node.hears(1, ask(world.vote(1, 2, 1, fresh_base())));
    assert_eq!(nonces(&node).len(), 1, "granted without waiting");
}

/// §3, §5.2 rule 6: whatever ends the leader's protection grants whoever waits for its silence.
#[test]
fn who_waits_is_granted_once_the_leader_protects_no_more() {
    let world = World::bft(4);
    let stands = ask(world.vote(2, 2, 1, fresh_base()));
    for (run, packet) in [(9, alive(1, genesis())), (1, stands)] {
        let mut node = Node::new(&world, 0);
        node.follows(2, 1);
        node.hears(1, ask(world.vote(1, 2, 1, fresh_base())));
        assert!(nonces(&node).is_empty(), "the answer is held");
        node.hears_as(2, run, 100, packet);
        assert_eq!(nonces(&node).len(), 1, "granted without waiting");
    }
}

/// §3: a leader whose proof came from somebody else is no restarted one when it is first heard.
#[test]
fn a_leader_first_heard_after_its_proof_protects() {
    let world = World::bft(4);
    let mut node = Node::listening(&world, 0);
    for other in [1, 3] {
        node.hears(other, crate::world::alive(0, crate::world::genesis()));
    }
    let proof = world.proof(2, 4, fresh_base());
    let mut vote = world.vote(1, 4, 1, fresh_base());
    vote.newest_proof = Some(proof.clone());
    node.hears(1, ask(vote));
    node.hears(2, ack(&proof));
    node.sent.clear();
    node.hears(1, ask(world.vote(1, 5, 2, fresh_base())));
    assert!(nonces(&node).is_empty(), "the leader lives, the answer is held");
}

/// §5.2 rule 5: the application's word counts, after rules 1 to 4.
#[test]
fn whom_the_application_does_not_want_is_refused() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let reason = |node: &Node<'_>| refusals(node).pop().map(|refused| refused.reason);
    node.hears_unwanted(1, world.vote(1, 1, 1, fresh_base()));
    assert_eq!(reason(&node), Some(Refusal::VoteRule));
    assert_eq!(refused_for(&mut node, 2, world.vote(2, 1, 1, fresh_base())), None);
    node.commits_up_to(1);
    node.hears_unwanted(3, world.vote(3, 2, 1, fresh_base()));
    assert_eq!(reason(&node), Some(Refusal::LowerBase));
}

/// §5.2 rules 5 and 6: a vote that waits for the leader's silence is not granted after a veto.
#[test]
fn a_veto_reaches_a_vote_that_waits() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(2, 1);
    let vote = world.vote(1, 2, 1, fresh_base());
    node.hears(1, ask(vote.clone()));
    assert!(refusals(&node).is_empty() && nonces(&node).is_empty(), "it waits");
    node.hears_unwanted(1, vote);
    assert_eq!(refusals(&node).pop().map(|refused| refused.reason), Some(Refusal::VoteRule));
    node.pass(HEARTBEAT * 2);
    assert!(nonces(&node).is_empty());
}

/// §5.2: several candidates may be granted, and a repeated `Vote` gets the same nonce.
#[test]
fn several_candidates_are_granted_and_repetitions_get_the_same_nonce() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    for candidate in [1, 2, 1] {
        node.hears(candidate, ask(world.vote(candidate, 1, 1, fresh_base())));
    }
    let nonces = nonces(&node);
    assert_eq!(nonces.len(), 3);
    assert_eq!(nonces[0], nonces[2]);
    assert_ne!(nonces[0], nonces[1]);
}

/// §5.2: another base under one attempt is ignored, and so is an older attempt.
#[test]
fn another_base_under_one_attempt_is_ignored() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(1, ask(world.vote(1, 9, 2, fresh_base())));
    node.sent.clear();
    node.hears(1, ask(world.vote(1, 9, 2, prepared(3, id(1, 1)))));
    node.hears(1, ask(world.vote(1, 9, 1, fresh_base())));
    assert!(node.sent.is_empty());
}

/// §3: a `Vote` speaks for its sender, about the base that it shows.
#[test]
fn a_vote_that_contradicts_itself_is_an_accusation() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, ask(world.vote(1, 1, 1, fresh_base())));
    let mut vote = world.vote(1, 1, 1, fresh_base());
    vote.base = world.certified(prepared(1, id(1, 1)));
    node.hears(1, ask(vote));
    let accused: Vec<_> = node.outputs.iter().filter_map(|output| output.accused).collect();
    assert_eq!(accused.iter().map(|at| at.who).collect::<Vec<_>>(), [world.key(2), world.key(1)]);
    assert!(node.sent.is_empty());
}
