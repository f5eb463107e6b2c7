//! §9: the validator set changes with a block.

use std::time::Duration;

use mokka_consensus::{EndOfTerm, Event, FinalizedBlock, Input, RoleName};
use mokka_types::{
    Alive, Base, BlocksRequest, BodyReply, Certificate, Packet, Phase, Refusal, Refused, Voted,
    VotedAnswer,
};

use crate::{
    node::{Application, Node},
    proposing::leads,
    voters::{Voters, newest_vote},
    world::{
        HEARTBEAT, World, ack, alive, ask, block, certified, fresh_base, genesis, id, prepared,
        propose,
    },
};

/// The node follows, and hears that block 1 is final and announces the next epoch.
pub(crate) fn enter<'w>(node: &mut Node<'w>, world: &World, next: &'w World) {
    let teacher = usize::from(node.me == 0);
    node.next = Some(next);
    node.hears(teacher, certified(&world.ending(1, id(1, 0), next)));
    let (at, body) = block(1, 0);
    node.hears(teacher, Packet::Body(BodyReply { id: at, body }));
    assert_eq!(node.committed, id(1, 0));
    node.sent.clear();
}

/// The base of everybody right after that.
fn on_block_1() -> Base {
    Base { committed: id(1, 0), prepared: None }
}

fn shown(node: &Node<'_>) -> Vec<Certificate> {
    node.said(|packet| match packet {
        Packet::Certified(certificate) => Some((**certificate).clone()),
        _ => None,
    })
}

fn asked_blocks(node: &Node<'_>) -> Vec<BlocksRequest> {
    node.said(|packet| match packet {
        Packet::BlocksRequest(request) => Some(*request),
        _ => None,
    })
}

/// §9: with the block everybody drops its leader and its promise, and the new set stands at once,
/// in rank order, for term 1 of the next epoch.
#[test]
fn an_announced_set_begins_an_epoch() {
    for world in [World::bft(4), World::cft(3)] {
        let stay: Vec<_> = (0..world.secrets.len()).collect();
        let next = world.next_epoch(&stay, &[50]);
        let mut node = Node::new(&world, 0);
        node.follows(1, 3);
        enter(&mut node, &world, &next);
        assert!(node.events().any(|event| *event == Event::Epoch(next.committee.epoch())));
        assert_eq!((node.status().leader, node.status().promise), (None, next.view(0)));
        let wait = node.until("stands", |node| newest_vote(node).is_some());
        let last = u32::try_from(next.secrets.len() - 1).unwrap();
        assert!(wait <= HEARTBEAT / 2 * last + Duration::from_millis(1), "{wait:?}");
        let vote = newest_vote(&node).unwrap();
        assert_eq!((vote.ballot.view, vote.base.base), (next.view(1), on_block_1()));
        assert_eq!(vote.newest_proof, None, "proofs of another set tell nobody anything");
    }
}

/// §9: who is not in the new set follows, and says nothing but how its epoch ended.
#[test]
fn a_removed_validator_observes() {
    let world = World::bft(4);
    let next = world.next_epoch(&[1, 2, 3], &[]);
    let mut node = Node::new(&world, 0);
    enter(&mut node, &world, &next);
    node.pass(Duration::from_secs(10));
    assert_eq!(node.status().role, RoleName::Follower);
    node.sent.retain(|sent| !matches!(sent.packet, Packet::Certified(_)));
    node.only_asked();
    node.sent.clear();
    let proof = next.proof(1, 1, on_block_1());
    node.hears(1, ack(&proof)).hears(1, ask(next.vote(1, 2, 2, on_block_1())));
    assert_eq!(node.status().leader, Some(next.key(1)));
    assert!(node.sent.is_empty());
}

/// §9: a new validator that followed so far takes part once it has heard the others (§8).
#[test]
fn a_new_member_takes_part() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[200]);
    let mut node = Node::observer(&world);
    node.follows(1, 1);
    enter(&mut node, &world, &next);
    let others = (0..next.secrets.len()).filter(|other| *other != node.me);
    for other in others.collect::<Vec<_>>() {
        let alive = Alive { promise: next.view(0), committed: id(1, 0) };
        node.hears(other, Packet::Alive(alive));
    }
    let wait = node.until("stands", |node| newest_vote(node).is_some());
    assert_eq!(newest_vote(&node).unwrap().ballot.view, next.view(1));
    let last = u32::try_from(next.secrets.len() - 1).unwrap();
    assert!(wait <= HEARTBEAT / 2 * last + Duration::from_millis(1), "at once: {wait:?}");
}

/// §9: whoever led the last block shows its certificate at once, and again, also to new members,
/// until the new epoch has a leader.
#[test]
fn the_old_leader_shows_the_end_of_its_epoch() {
    let world = World::bft(4);
    let next = world.next_epoch(&[1, 2, 3], &[50]);
    let (mut node, _) = leads(&world);
    node.next = Some(&next);
    node.work().built(1, 0);
    let term = node.status().promise.term.get();
    for phase in [Phase::Prepare, Phase::Commit] {
        for at in [1, 2] {
            let vote = world.block_vote_on(at, phase, term, id(1, 0), next.set_digest());
            let packet = match phase {
                Phase::Prepare => Packet::PrepareVote(vote),
                Phase::Commit => Packet::CommitVote(vote),
            };
            node.hears_of(&world, at, packet);
        }
    }
    let resigned =
        |event: &Event| matches!(event, Event::Resigned { reason: EndOfTerm::EpochEnded, .. });
    assert!(node.events().any(resigned));
    node.sent.clear();
    let times: Vec<_> = (0..15).map(|_| shown(node.pass(HEARTBEAT)).len()).collect();
    assert_eq!(times, [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5], "after 1, 2, and then 4");
    assert!(shown(&node).iter().all(|at| at.id == id(1, 0) && at.phase == Phase::Commit));
    node.hears(1, ack(&next.proof(1, 1, on_block_1())));
    node.sent.clear();
    node.pass(HEARTBEAT * 5);
    assert!(shown(&node).is_empty());
}

/// §9: who led the last block may be gone, and others may have lost it: an election timeout later
/// everybody who has it shows its certificate, after a restart as well, until the new epoch has a
/// leader.
#[test]
fn everybody_shows_the_end_of_an_epoch_that_nobody_leads() {
    let world = World::cft(3);
    let next = world.next_epoch(&[1, 2], &[]);
    let mut node = Node::new(&world, 0);
    enter(&mut node, &world, &next);
    for _ in 0..2 {
        node.sent.clear();
        node.pass(world.settings.election_timeout - Duration::from_millis(1));
        assert!(shown(&node).is_empty());
        node.pass(HEARTBEAT * 4);
        assert_eq!(shown(&node).len(), 3);
        assert!(shown(&node).iter().all(|at| at.id == id(1, 0) && at.phase == Phase::Commit));
        node.restart();
    }
    node.hears(1, ack(&next.proof(0, 1, on_block_1())));
    node.sent.clear();
    node.pass(Duration::from_secs(5));
    assert!(shown(&node).is_empty());
}

/// §9: who heard that the chain went on has no end of an epoch to show.
#[test]
fn who_is_behind_shows_no_end_of_an_epoch() {
    let world = World::cft(3);
    let next = world.next_epoch(&[0, 1, 2], &[50]);
    let mut node = Node::new(&world, 0);
    enter(&mut node, &world, &next);
    let alive = Packet::Alive(Alive { promise: next.view(1), committed: id(9, 0) });
    node.hears_of(&next, 1, alive);
    assert_eq!(asked_blocks(&node).len(), 1);
    node.pass(world.settings.election_timeout);
    assert!(shown(&node).is_empty());
}

/// §9, §10: what one liar alone claims does not silence who has it; b + 1 claims do.
#[test]
fn one_liar_does_not_hide_the_end_of_an_epoch() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50]);
    for (claims, silent) in [(1, false), (2, true)] {
        let mut node = Node::new(&world, 0);
        enter(&mut node, &world, &next);
        let others: Vec<_> = (0..5).filter(|at| *at != node.me).collect();
        for at in &others[..claims] {
            let alive = Alive { promise: next.view(1), committed: id(200, 0) };
            node.hears(*at, Packet::Alive(alive));
        }
        node.pass(world.settings.election_timeout);
        assert_eq!(shown(&node).is_empty(), silent, "{claims}");
    }
}

/// §9: packets of a later epoch make a node sync, whoever sends them; they are never counted.
#[test]
fn packets_of_a_later_epoch_make_a_node_sync() {
    let world = World::bft(4);
    let next = world.next_epoch(&[1, 2, 3], &[50]);
    let alive = Packet::Alive(Alive { promise: next.view(1), committed: id(5, 0) });
    let proof = next.proof(1, 1, on_block_1());
    let proposal = Packet::Proposal(Box::new(next.proposal(&proof, 6, 0)));
    for packet in [alive, proposal] {
        for from in 0..next.secrets.len() {
            let mut node = Node::new(&world, 0);
            node.hears_of(&next, from, packet.clone());
            assert_eq!(asked_blocks(&node).len(), 1);
            assert_eq!(node.status().promise, world.view(0));
        }
    }
}

/// §9: who was removed while it was away, and stands in the old epoch, is told at most once a
/// heartbeat that the chain went on; who is no validator of this one gets nothing.
#[test]
fn a_removed_validator_that_stands_is_told() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2], &[50]);
    let mut node = Node::new(&world, 0);
    enter(&mut node, &world, &next);
    node.hears(1, ack(&next.proof(1, 1, on_block_1())));
    for (vote, answers) in
        [(world.vote(3, 9, 1, fresh_base()), 1), (next.vote(3, 9, 1, on_block_1()), 0)]
    {
        node.pass(HEARTBEAT).sent.clear();
        for _ in 0..2 {
            node.hears_of(&world, 3, ask(vote.clone()));
        }
        let told = node.sent.iter().filter(|sent| sent.to == Some(world.key(3))).count();
        assert_eq!(told, answers);
    }
}

/// §9: a member that is still in the epoch before is told, at most once a heartbeat.
#[test]
fn packets_of_an_earlier_epoch_are_answered() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50]);
    let mut node = Node::new(&world, 0);
    let old = ack(&world.proof(1, 9, fresh_base()));
    enter(&mut node, &world, &next);
    node.hears_of(&world, 1, old.clone()).hears_of(&world, 1, old);
    let told = node.said(|packet| match packet {
        Packet::Alive(alive) => Some(*alive),
        _ => None,
    });
    assert_eq!(told, [Alive { promise: next.view(0), committed: id(1, 0) }]);
    assert_eq!(node.status().leader, None);
}

/// §5.2 rule 4, §9: what ended the last epoch is a base of this one; validators of the last epoch
/// prove nothing else any more, not even together.
#[test]
fn an_old_set_proves_only_the_block_that_ended_it() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50]);
    let mut node = Node::new(&world, 0);
    enter(&mut node, &world, &next);
    let mut vote = next.vote(1, 1, 1, on_block_1());
    vote.base.commit = Some(world.ending(1, id(1, 0), &next));
    node.hears(1, ask(vote));
    let mut vote = next.vote(2, 1, 1, Base { committed: id(2, 0), prepared: None });
    vote.base.commit = Some(world.commit(9, id(2, 0)));
    node.hears(2, ask(vote));
    let answers = node.said(|packet| match packet {
        Packet::Voted(voted) => Some(match &voted.answer {
            VotedAnswer::Granted(_) => None,
            VotedAnswer::Refused(refused) => Some(refused.reason),
        }),
        _ => None,
    });
    assert_eq!(answers, [None, Some(Refusal::InvalidBase)]);
    node.hears_of(&world, 1, certified(&world.commit(9, id(2, 0))));
    assert_eq!(node.committed, id(1, 0));
}

/// §9: promises of the epoch before bind nobody after a restart, and its last block is the base.
#[test]
fn a_restart_stays_in_the_epoch() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50]);
    let mut node = Node::new(&world, 0);
    node.follows(1, 7);
    enter(&mut node, &world, &next);
    node.restart();
    assert_eq!(node.status().promise, next.view(0));
    // It has signed nothing yet, so it hears the others first (§8).
    for at in 1..next.quorum() {
        node.hears_of(
            &next,
            at,
            Packet::Alive(Alive { promise: next.view(0), committed: id(1, 0) }),
        );
    }
    let mut vote = next.vote(1, 1, 1, on_block_1());
    vote.base.commit = Some(world.ending(1, id(1, 0), &next));
    node.hears(1, ask(vote));
    let granted = |packet: &Packet| {
        matches!(packet,
        Packet::Voted(voted) if matches!(voted.answer, VotedAnswer::Granted(_)))
    };
    assert_eq!(node.said(|packet| granted(packet).then_some(())).len(), 1);
}

/// §9: whoever builds a block is told who is level: a set that is not must not be announced.
#[test]
fn the_builder_is_told_who_is_level() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50]);
    let newcomer = (0..5).find(|at| world.committee.set().index_of(&next.key(*at)).is_none());
    let newcomer = newcomer.unwrap();
    for approved in [true, false] {
        let (mut node, _) = leads(&world);
        node.pass(world.settings.isolation - HEARTBEAT);
        if approved {
            node.step(Input::Approved(vec![next.key(newcomer)]));
        }
        node.hears_of(&next, newcomer, alive(0, genesis())).hears(2, alive(0, genesis()));
        node.hears(3, alive(0, genesis()));
        if approved {
            // Whoever is approved besides changes nothing of what it showed.
            node.step(Input::Approved(vec![next.key(newcomer)]));
        }
        node.work();
        let mut expected = vec![world.key(0), world.key(2), world.key(3)];
        expected.extend(approved.then(|| next.key(newcomer)));
        let mut level = node.builds[0].level.clone();
        level.retain(|key| *key != world.key(1));
        level.sort_unstable();
        expected.sort_unstable();
        assert_eq!(level, expected);
    }
}

/// §9: a claim is weighed when it comes: however many blocks come before the next one, its sender
/// is level; who was far behind when it came is not.
#[test]
fn many_blocks_in_a_moment_leave_nobody_behind() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[50, 51]);
    let strangers = |at: &usize| world.committee.set().index_of(&next.key(*at)).is_none();
    let newcomers: Vec<_> = (0..6).filter(strangers).collect();
    let (mut node, _) = leads(&world);
    node.pass(world.settings.isolation - HEARTBEAT);
    node.step(Input::Approved(newcomers.iter().map(|at| next.key(*at)).collect()));
    node.hears(2, alive(0, genesis())).hears_of(&next, newcomers[0], alive(0, genesis()));
    node.commits_up_to(150);
    node.hears(3, alive(0, genesis())).hears_of(&next, newcomers[1], alive(0, genesis()));
    node.work();
    let level = &node.builds[0].level;
    let is_level = |key| level.contains(&key);
    assert!(is_level(world.key(2)) && is_level(next.key(newcomers[0])));
    assert!(!is_level(world.key(3)) && !is_level(next.key(newcomers[1])));
}

/// §9: who is approved tells the leader that it is level, before it is a validator.
#[test]
fn an_approved_node_says_that_it_is_level() {
    let world = World::bft(4);
    let mut node = Node::observer(&world);
    let key = mokka_crypto::SecretKey::from_bytes([200; 32]).unwrap().public_key();
    let proof = world.proof(1, 1, fresh_base());
    node.hears(1, ack(&proof)).pass(HEARTBEAT * 10).only_asked();
    node.step(Input::Approved(vec![key]));
    node.pass(HEARTBEAT * 9);
    assert_eq!(node.said(|packet| matches!(packet, Packet::Alive(_)).then_some(())).len(), 2);
}

/// §9: what members showed stays theirs, though their places in the new set are others.
#[test]
fn members_that_stay_stay_level() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 2, 3], &[]);
    let mut node = Node::new(&world, 0);
    node.pass(world.settings.isolation - HEARTBEAT);
    node.hears(3, alive(0, genesis()));
    enter(&mut node, &world, &next);
    Voters::new(&next).elect(&mut node);
    node.pass(HEARTBEAT * 2).work();
    let level = &node.builds[0].level;
    assert!(level.contains(&world.key(3)) && !level.contains(&world.key(2)), "{level:?}");
}

/// §9: votes for one block count together only where they name one set.
#[test]
fn votes_that_name_another_set_are_counted_apart() {
    let world = World::bft(4);
    let other = world.next_epoch(&[1, 2, 3], &[50]);
    let (mut node, _) = leads(&world);
    node.work().built(1, 0);
    let term = node.status().promise.term.get();
    for phase in [Phase::Prepare, Phase::Commit] {
        node.sent.clear();
        for (at, set) in [(1, &other), (2, &world), (3, &world)] {
            assert!(shown(&node).is_empty(), "two of four agree at most");
            let vote = world.block_vote_on(at, phase, term, id(1, 0), set.set_digest());
            node.hears(
                at,
                match phase {
                    Phase::Prepare => Packet::PrepareVote(vote),
                    Phase::Commit => Packet::CommitVote(vote),
                },
            );
        }
        let certificate = &shown(&node)[0];
        assert_eq!(certificate.phase, phase);
        assert_eq!(world.committee.check_certificate(certificate), Ok(()));
    }
}

/// §9: who finds that a block is followed by another set than its certificate says votes no more
/// for it.
#[test]
fn a_prepare_certificate_that_names_another_set_gets_no_vote() {
    let world = World::bft(4);
    let other = world.next_epoch(&[1, 2, 3], &[50]);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 1);
    node.hears(1, propose(world.proposal(&proof, 1, 0)));
    for (set, votes) in [(&other, 0), (&world, 1)] {
        node.sent.clear();
        node.hears(1, certified(&world.naming(Phase::Prepare, 1, id(1, 0), set)));
        let voted = |packet: &Packet| matches!(packet, Packet::CommitVote(_)).then_some(());
        assert_eq!(node.said(voted).len(), votes);
        assert_eq!(node.durable.prepared.is_some(), votes == 1);
    }
}

/// §5.4, §9: nor does a candidate take it over from whoever refuses.
#[test]
fn a_prepared_block_that_names_another_set_is_not_taken_over() {
    let world = World::bft(4);
    let other = world.next_epoch(&[1, 2, 3], &[50]);
    for (set, taken) in [(&other, false), (&world, true)] {
        let mut node = Node::new(&world, 0);
        node.until("stands", |node| newest_vote(node).is_some());
        let ballot = newest_vote(&node).unwrap().ballot;
        let mut base = world.certified(prepared(1, id(1, 1)));
        base.prepare = Some(world.naming(Phase::Prepare, 1, id(1, 1), set));
        let (reason, promise, newest_proof) = (Refusal::LowerBase, world.view(1), None);
        let refused = Refused { reason, promise, newest_proof, base };
        let answer = VotedAnswer::Refused(Box::new(refused));
        node.hears(3, Packet::Voted(Voted { ballot, answer }));
        let (id, body) = block(1, 1);
        node.hears(3, Packet::Body(BodyReply { id, body }));
        assert_eq!(node.durable.prepared.is_some(), taken);
    }
}

/// §9: a certified block that is followed by another set here is not written.
#[test]
#[should_panic(expected = "is certified but invalid here")]
fn a_certificate_that_names_another_set_stops_the_node_before_it_writes() {
    let world = World::bft(4);
    let other = world.next_epoch(&[1, 2, 3], &[50]);
    let mut node = Node::new(&world, 0);
    node.hears(1, certified(&world.ending(1, id(1, 0), &other)));
    let (id, body) = block(1, 0);
    node.hears(1, Packet::Body(BodyReply { id, body }));
}

/// The block announced a set when it was checked; when it is written, the store says otherwise.
fn writes_another_set(then: Option<&World>) {
    let world = World::bft(4);
    let next = world.next_epoch(&[1, 2, 3], &[50]);
    let mut node = Node::new(&world, 0);
    (node.application, node.next) = (Application::Slow, Some(&next));
    node.hears(1, certified(&world.ending(1, id(1, 0), &next)));
    let (id, body) = block(1, 0);
    node.hears(1, Packet::Body(BodyReply { id, body }));
    node.answers();
    let next_set = then.map(|world| world.committee.set().clone());
    node.step(Input::Finalized(FinalizedBlock { id, next_set, next_settings: None }));
}

/// §9: the set that follows is the one that was certified, or the node stops.
#[test]
#[should_panic(expected = "is not the certified one")]
fn an_epoch_does_not_begin_with_a_set_that_was_not_certified() {
    writes_another_set(Some(&World::bft(4).next_epoch(&[1, 2, 3], &[60])));
}

/// §9: nor does the old one go on.
#[test]
#[should_panic(expected = "is not the certified one")]
fn an_epoch_does_not_go_on_above_a_block_that_ends_it() {
    writes_another_set(None);
}
