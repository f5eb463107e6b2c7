//! §7, §8: catching up, and listening before speaking.

use std::time::Duration;

use mokka_types::{ALIVE_INTERVAL, BlocksRequest, FinalBlock, Height, Packet, Phase};

use crate::{
    node::{Application, Node},
    voters::newest_vote,
    world::{
        ELECTION, HEARTBEAT, World, ack, alive, ask, block, certified, fresh_base, genesis, id,
    },
};

pub(crate) fn final_block(world: &World, height: u64) -> FinalBlock {
    let (id, body) = block(height, 0);
    FinalBlock { id, body, certificate: world.commit(1, id) }
}

fn asked(node: &Node<'_>) -> Vec<(usize, u64)> {
    let of = |sent: &crate::node::Sent| match (&sent.packet, sent.to) {
        (Packet::BlocksRequest(BlocksRequest { from }), Some(to)) => {
            Some((node.world.place(&to), from.get()))
        }
        _ => None,
    };
    node.sent.iter().filter_map(of).collect()
}

/// §7: a bare claim only makes us ask; nothing is believed without a certificate.
#[test]
fn a_bare_claim_only_makes_us_ask() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, alive(0, id(7, 0)));
    assert_eq!(asked(&node), [(2, 1)]);
    assert_eq!(node.committed, genesis());
}

/// §7: blocks come in ranges, are verified and executed in order, and the next range is asked for.
#[test]
fn ranges_are_fetched_until_nothing_is_missing() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, alive(0, id(5, 0)));
    node.hears(2, Packet::Blocks((1..=3).map(|at| final_block(&world, at)).collect()));
    assert_eq!(node.committed, id(3, 0));
    assert_eq!(asked(&node), [(2, 1), (2, 4)]);
    node.hears(2, Packet::Blocks((4..=5).map(|at| final_block(&world, at)).collect()));
    assert_eq!((node.committed, asked(&node).len()), (id(5, 0), 2));
}

/// §7: one block at a time is written; the application is asked for the next one meanwhile, and
/// which of the two it answers first does not matter.
#[test]
fn blocks_are_written_one_after_the_other() {
    let world = World::bft(4);
    for answers_first in [true, false] {
        let mut node = Node::new(&world, 0);
        node.application = Application::Slow;
        node.hears(2, alive(0, id(2, 0)));
        node.hears(2, Packet::Blocks((1..=2).map(|at| final_block(&world, at)).collect()));
        assert_eq!((node.checks.len(), node.writes.len()), (1, 0));
        node.answers();
        assert_eq!((node.checks.len(), node.writes.len()), (1, 1));
        assert_eq!((node.checks[0].id, node.checks[0].parent), (id(2, 0), id(1, 0)));
        if answers_first {
            node.answers();
            node.writes_end();
        } else {
            node.writes_end();
            node.answers();
        }
        assert_eq!(node.committed, id(1, 0));
        assert_eq!((node.checks.len(), node.writes.len()), (0, 1));
        node.writes_end();
        assert_eq!(node.committed, id(2, 0));
    }
}

/// §7: what is wrong with the next block of an answer is judged at its turn, and its sender then.
#[test]
fn a_wrong_body_is_blamed_at_its_turn() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.application = Application::Slow;
    let wrong = FinalBlock { body: block(2, 9).1, ..final_block(&world, 2) };
    node.hears(2, alive(0, id(2, 0)));
    node.hears(2, Packet::Blocks(vec![final_block(&world, 1), wrong]));
    node.answers();
    node.answers();
    let accused = |node: &Node<'_>| node.outputs.iter().any(|output| output.accused.is_some());
    assert!(!accused(&node), "not yet");
    node.writes_end();
    assert_eq!(node.checks.len(), 1);
    node.answers();
    assert!(accused(&node));
    assert_eq!(node.committed, id(1, 0));
}

/// §7: an answer with a certificate that does not verify, a gap, or another's certificate is
/// dropped.
#[test]
fn a_bad_range_is_dropped_at_its_first_fault() {
    let world = World::bft(4);
    let mut wrong = final_block(&world, 2);
    wrong.certificate.signatures.reverse();
    let mut others = final_block(&world, 2);
    others.certificate = world.commit(1, id(2, 1));
    for second in [wrong, others, final_block(&world, 3)] {
        let mut node = Node::new(&world, 0);
        node.hears(2, alive(0, id(5, 0)));
        node.hears(2, Packet::Blocks(vec![final_block(&world, 1), second]));
        assert_eq!(node.committed, id(1, 0));
    }
}

/// §7, §8: who answered wrongly is not asked again for what it claimed, another is at once, and an
/// empty node does not wait for it.
#[test]
fn a_liar_about_its_height_is_not_believed_twice() {
    let world = World::bft(4);
    let mut wrong = final_block(&world, 1);
    wrong.certificate.signatures.reverse();
    let mut node = Node::listening(&world, 0);
    node.hears(1, alive(0, id(200, 0))).hears(2, alive(0, id(1, 0)));
    node.hears(1, Packet::Blocks(vec![wrong.clone()]));
    assert_eq!(asked(&node), [(1, 1), (2, 1)]);
    let mut node = Node::listening(&world, 0);
    node.hears(1, alive(0, id(200, 0))).hears(2, alive(0, genesis()));
    node.hears(3, ask(world.vote(3, 1, 1, fresh_base())));
    assert!(votes_for(&node).is_empty(), "it listens");
    node.hears(1, Packet::Blocks(vec![wrong]));
    node.hears(3, ask(world.vote(3, 1, 1, fresh_base())));
    assert_eq!(votes_for(&node), [world.key(3)]);
}

/// Whom the node answered.
fn votes_for(node: &Node<'_>) -> Vec<mokka_types::PublicKey> {
    node.said(|packet| match packet {
        Packet::Voted(voted) => Some(voted.ballot.candidate),
        _ => None,
    })
}

/// §6.8: a body that was not asked of its sender is not looked at.
#[test]
fn a_body_that_nobody_asked_for_is_ignored() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, certified(&world.commit(1, id(1, 0))));
    let (at, body) = block(1, 0);
    let reply = Packet::Body(mokka_types::BodyReply { id: at, body });
    node.hears(3, reply.clone());
    assert_eq!(node.committed, genesis());
    node.hears(2, reply);
    assert_eq!(node.committed, id(1, 0));
}

/// A height that b others alone claim is not one that we have to reach.
#[test]
fn one_liar_does_not_make_a_node_look_behind() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, alive(0, id(200, 0))).hears(3, alive(0, id(4, 0)));
    assert_eq!(node.status().highest_claimed, Height::new(4));
}

/// §7: a body that is not the certified block is fetched elsewhere.
#[test]
fn a_wrong_body_in_a_range_is_fetched_from_a_signer() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, alive(0, id(1, 0)));
    let mut wrong = final_block(&world, 1);
    wrong.body = block(1, 9).1;
    node.hears(2, Packet::Blocks(vec![wrong]));
    assert_eq!(node.committed, genesis());
    node.pass(HEARTBEAT * 3);
    let bodies: Vec<_> = node
        .sent
        .iter()
        .filter(|sent| matches!(sent.packet, Packet::BodyRequest(_)))
        .filter_map(|sent| sent.to)
        .collect();
    assert!(bodies.contains(&world.key(1)), "{bodies:?}");
    let (at, body) = block(1, 0);
    node.hears(1, Packet::Body(mokka_types::BodyReply { id: at, body }));
    assert_eq!(node.committed, id(1, 0));
}

/// §7: who does not answer loses its claim, and another is asked.
#[test]
fn another_is_asked_where_one_does_not_answer() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, alive(0, id(9, 0))).hears(3, alive(0, id(5, 0))).hears(1, alive(0, id(5, 0)));
    node.pass(ELECTION * 2);
    assert_eq!(asked(&node), [(2, 1), (3, 1)]);
    assert_eq!(node.status().highest_claimed, Height::new(5));
    node.pass(ELECTION * 20);
    assert_eq!(asked(&node).len(), 3, "nobody claims anything any more");
}

/// §7: blocks that nobody asked for are not taken.
#[test]
fn unasked_blocks_are_ignored() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(2, Packet::Blocks(vec![final_block(&world, 1)]));
    assert_eq!(node.committed, genesis());
    node.hears(3, alive(0, id(1, 0)));
    node.hears(2, Packet::Blocks(vec![final_block(&world, 1)]));
    assert_eq!(node.committed, genesis());
}

/// §7: an observer asks by way of whom it is connected to: the next block, certified, is taken from
/// whoever answers; anything else leaves the request to whom it was made.
#[test]
fn an_observer_takes_the_next_blocks_from_whoever_answers() {
    let world = World::bft(4);
    let mut node = Node::observer(&world);
    node.hears(2, alive(0, id(5, 0)));
    let mut forged = final_block(&world, 1);
    forged.certificate.signatures.reverse();
    let mut others = final_block(&world, 1);
    others.certificate = world.commit(1, id(1, 1));
    let mut prepared = final_block(&world, 1);
    prepared.certificate = world.prepare(1, id(1, 0));
    for useless in
        [vec![forged], vec![others], vec![prepared], vec![final_block(&world, 2)], vec![]]
    {
        node.hears(1, Packet::Blocks(useless));
    }
    assert_eq!((node.committed, asked(&node)), (genesis(), vec![(2, 1)]));
    node.hears(3, Packet::Blocks((1..=3).map(|at| final_block(&world, at)).collect()));
    assert_eq!((node.committed, asked(&node)), (id(3, 0), vec![(2, 1), (3, 4)]));
    node.hears(1, Packet::Blocks((4..=5).map(|at| final_block(&world, at)).collect()));
    assert_eq!(node.committed, id(5, 0));
    node.hears(1, Packet::Blocks(vec![final_block(&world, 6)]));
    assert_eq!(node.committed, id(5, 0), "nothing was asked for");
}

/// §7: an observer that gets no block asks the validators for it, one a second: the leader that it
/// hears may leave it out. Validators need not: who refuses their base tells them.
#[test]
fn an_observer_that_gets_no_block_asks_for_it() {
    let world = World::bft(4);
    let (tiny, leads) = (Duration::from_millis(1), ack(&world.proof(1, 1, fresh_base())));
    let mut node = Node::observer(&world);
    node.pass(ALIVE_INTERVAL - tiny).hears(1, leads.clone());
    assert!(asked(&node).is_empty());
    node.pass(tiny);
    assert_eq!(asked(&node).len(), 1);
    for _ in 0..400 {
        node.pass(ALIVE_INTERVAL / 10).hears(1, leads.clone());
    }
    assert_eq!(asked(&node).len(), 41);
    for place in 0..4 {
        assert!(asked(&node).contains(&(place, 1)), "{place} is never asked");
    }
    node.sent.clear();
    node.hears(3, Packet::Blocks((1..=2).map(|at| final_block(&world, at)).collect()));
    node.pass(ALIVE_INTERVAL - tiny);
    assert_eq!((node.committed, asked(&node)), (id(2, 0), vec![]));
    node.pass(tiny);
    assert!(matches!(asked(&node)[..], [(_, 3)]), "{:?}", asked(&node));

    let mut validator = Node::new(&world, 0);
    validator.pass(ALIVE_INTERVAL * 40);
    assert!(asked(&validator).is_empty());
}

/// §7: two liars that claim what nobody has, over and over, do not keep it from asking others.
#[test]
fn claims_do_not_keep_an_observer_from_asking() {
    let world = World::bft(7);
    let mut node = Node::observer(&world);
    for _ in 0..400 {
        node.hears(1, alive(0, id(99, 0))).hears(2, alive(0, id(99, 0)));
        node.pass(ALIVE_INTERVAL / 10);
    }
    for place in [0, 3, 4, 5, 6] {
        assert!(asked(&node).contains(&(place, 1)), "{place} is never asked");
    }
}

/// §7: a question that nobody need answer keeps no other one waiting, and is not held against
/// whoever was asked; its answer is proved like any other, and taken once.
#[test]
fn a_question_of_an_observer_needs_no_answer() {
    let world = World::bft(4);
    let mut node = Node::observer(&world);
    node.application = Application::Slow;
    node.pass(ALIVE_INTERVAL * 40);
    node.sent.clear();
    let mut forged = final_block(&world, 1);
    forged.certificate.signatures.reverse();
    for useless in [vec![forged], vec![final_block(&world, 2)], vec![]] {
        node.hears(1, Packet::Blocks(useless));
    }
    assert!(node.checks.is_empty());
    node.hears(2, Packet::Blocks(vec![final_block(&world, 1)]));
    node.hears(3, Packet::Blocks((1..=2).map(|at| final_block(&world, at)).collect()));
    assert_eq!(node.checks.len(), 1);
    node.answers();
    node.writes_end();
    assert_eq!((node.committed, node.checks.len()), (id(1, 0), 0));
    node.hears(0, alive(0, id(5, 0)));
    assert_eq!(asked(&node), [(0, 2)]);
}

/// §7, §9: whoever leads an epoch that we do not know yet, those of ours can tell us how it came.
#[test]
fn who_is_behind_by_an_epoch_is_answered_by_whom_it_knows() {
    let world = World::bft(4);
    let next = world.next_epoch(&[], &[201, 202, 203, 204]);
    let mut node = Node::new(&world, 0);
    let told = Packet::Alive(mokka_types::Alive { promise: next.view(1), committed: id(9, 0) });
    node.hears_of(&next, 0, told);
    node.hears(1, Packet::Blocks(vec![final_block(&world, 2)]));
    node.hears(1, Packet::Blocks((1..=3).map(|at| final_block(&world, at)).collect()));
    assert_eq!(node.committed, id(3, 0));
}

/// §7: and so it is with a body.
#[test]
fn an_observer_takes_a_body_that_it_asked_for_from_whoever_has_it() {
    let world = World::bft(4);
    let mut node = Node::observer(&world);
    let (at, body) = block(1, 0);
    let reply = Packet::Body(mokka_types::BodyReply { id: at, body });
    node.hears(3, reply.clone());
    node.hears(2, certified(&world.commit(1, at)));
    assert_eq!(node.committed, genesis(), "it had not asked yet");
    node.hears(3, reply);
    assert_eq!(node.committed, at);
}

/// §6.8: a certificate whose body is missing: its sender is asked, then its signers in turn.
#[test]
fn a_missing_body_is_asked_of_the_sender_and_then_of_the_signers() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 3);
    let commit = world.certificate_by(Phase::Commit, 1, id(1, 0), &[0, 1, 2]);
    node.hears(1, certified(&commit));
    node.pass(HEARTBEAT * 3);
    let bodies: Vec<_> = node
        .sent
        .iter()
        .filter(|sent| matches!(sent.packet, Packet::BodyRequest(_)))
        .filter_map(|sent| sent.to)
        .map(|key| world.place(&key))
        .collect();
    assert_eq!(bodies, [1, 0, 1, 2]);
}

/// §8: a node whose records are empty hears q − 1 others and syncs before it grants or stands.
#[test]
fn an_empty_node_listens_before_it_speaks() {
    let world = World::bft(4);
    let mut node = Node::listening(&world, 0);
    node.hears(1, ask(world.vote(1, 1, 1, fresh_base())));
    node.pass(HEARTBEAT * 20);
    let spoke = |node: &Node<'_>| {
        node.said(|packet| matches!(packet, Packet::Vote(_) | Packet::Voted(_)).then_some(())).len()
    };
    assert_eq!(spoke(&node), 0);
    node.hears(2, alive(3, id(1, 0)));
    node.hears(1, ask(world.vote(1, 4, 2, fresh_base())));
    assert_eq!(spoke(&node), 0, "it has heard enough, but is behind");
    node.hears(2, Packet::Blocks(vec![final_block(&world, 1)]));
    assert_eq!(node.committed, id(1, 0));
    node.until("stands", |node| newest_vote(node).is_some());
}

/// §8: it asks until it is answered, also when a leader was heard meanwhile; who takes part
/// answers.
#[test]
fn an_empty_node_that_follows_a_leader_is_still_answered() {
    let world = World::bft(4);
    let mut wiped = Node::listening(&world, 0);
    wiped.hears(1, ack(&world.proof(1, 3, fresh_base())));
    wiped.sent.clear();
    wiped.pass(HEARTBEAT * 2);
    let asks = wiped.sent.iter().find(|sent| sent.to.is_none()).expect("it asks everybody");
    let mut other = Node::new(&world, 2);
    other.follows(1, 3);
    other.sent.clear();
    other.pass(HEARTBEAT).hears(0, asks.packet.clone());
    let answered = other.sent.iter().any(|sent| sent.to == Some(world.key(0)));
    assert!(answered, "{:?}", other.sent);
}

/// §9: where nobody has promised anything yet, a chain or an epoch begins, and who has heard enough
/// waits for no leader's silence; elsewhere it does.
#[test]
fn an_empty_node_stands_in_rank_order_only_where_all_begin() {
    let world = World::bft(4);
    for (promised, silence) in [(0, 0), (3, 3)] {
        let stands = |me: usize| {
            let mut node = Node::listening(&world, me);
            for at in (0..4).filter(|at| *at != me).take(2) {
                node.hears(at, alive(promised, genesis()));
            }
            node.until("stands", |node| newest_vote(node).is_some())
        };
        let mut waits: Vec<_> = (0..4).map(stands).collect();
        waits.sort_unstable();
        for (rank, wait) in (0u32..).zip(waits) {
            let least = HEARTBEAT / 2 * (rank + silence);
            let most = least + HEARTBEAT / 2;
            assert!(wait >= least && wait <= most + Duration::from_millis(1), "{wait:?}");
        }
    }
}

/// §8: and it votes on no block before that.
#[test]
fn an_empty_node_does_not_vote_on_blocks() {
    let world = World::cft(5);
    let mut node = Node::listening(&world, 0);
    let proof = world.proof(1, 3, fresh_base());
    node.hears(1, crate::world::propose(world.proposal(&proof, 1, 0)));
    assert!(node.durable.prepared.is_none());
    for at in [1, 2] {
        node.hears(at, alive(3, genesis()));
    }
    assert!(node.durable.prepared.is_some(), "now it does");
}

/// The committed blocks that the node stood on, in order.
pub(crate) fn stood_on(node: &Node<'_>) -> Vec<mokka_types::BlockId> {
    node.said(|packet| match packet {
        Packet::Vote(vote) => Some(vote.base.base.committed),
        _ => None,
    })
}

/// §8: several liars that go on claiming a height that nobody has do not keep an empty node silent
/// for ever; for what an honest one claims, and shows when it is asked, it waits.
#[test]
fn liars_about_their_height_keep_nobody_listening_for_ever() {
    let world = World::bft(7);
    for honest in [genesis(), id(1, 0)] {
        let mut node = Node::listening(&world, 0);
        for at in 1..4 {
            node.hears(at, alive(0, genesis()));
        }
        for _ in 0..200 {
            node.hears(5, alive(0, id(200, 0))).hears(6, alive(0, id(200, 0)));
            node.hears(4, alive(0, honest)).pass(HEARTBEAT / 2);
            if node.committed != honest && asked(&node).contains(&(4, 1)) {
                node.hears(4, Packet::Blocks(vec![final_block(&world, 1)]));
            }
        }
        assert_eq!(stood_on(&node).first(), Some(&honest));
    }
}

/// §7: who did not answer has twice as long the next time, and its late answer is as good; once it
/// answered it has as long as others.
#[test]
fn a_peer_that_did_not_answer_has_longer_the_next_time() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let (claim, tiny) = (alive(0, id(9, 0)), Duration::from_millis(1));
    node.hears(2, claim.clone());
    for times in [1, 2, 2] {
        node.sent.clear();
        node.pass(ELECTION * 2 * times - tiny).hears(2, claim.clone());
        assert!(asked(&node).is_empty(), "its time is not over: {times}");
        node.pass(tiny).hears(2, claim.clone());
        assert_eq!(asked(&node), [(2, 1)], "{times}");
    }
    node.hears(3, claim.clone());
    assert_eq!(asked(&node), [(2, 1), (3, 1)]);
    node.hears(2, Packet::Blocks(vec![final_block(&world, 1)]));
    assert_eq!(node.committed, id(1, 0));
    node.pass(ELECTION * 2).hears(2, claim);
    assert_eq!(asked(&node).len(), 4);
}

/// §7: who fails to answer keeps nobody else waiting, and who gave all that it claims is not asked
/// for what others claim.
#[test]
fn who_does_not_answer_keeps_nobody_waiting() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let liar = alive(0, id(200, 0));
    for _ in 0..4 {
        node.hears(3, liar.clone()).pass(ELECTION * 40);
    }
    node.hears(3, liar);
    node.sent.clear();
    node.hears(1, alive(0, id(2, 0)));
    assert_eq!(asked(&node), [(1, 1)]);
    node.hears(1, Packet::Blocks((1..=2).map(|at| final_block(&world, at)).collect()));
    assert_eq!(node.committed, id(2, 0));
    node.hears(2, alive(0, id(3, 0)));
    assert_eq!(asked(&node).last(), Some(&(2, 3)));
}

/// §5.4, §7: a candidate that lacks blocks stands again on the last one of an answer, and not on
/// each before: others would refuse it.
#[test]
fn nobody_stands_while_blocks_are_at_hand() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    node.pass(HEARTBEAT / 4).hears(2, alive(0, id(3, 0)));
    node.sent.clear();
    node.hears(2, Packet::Blocks((1..=3).map(|at| final_block(&world, at)).collect()));
    node.pass(HEARTBEAT / 4);
    assert_eq!(stood_on(&node), [id(3, 0)]);
}

/// §9: nor where one of these blocks begins an epoch, whatever the rank.
#[test]
fn nobody_stands_in_an_epoch_that_went_on() {
    let world = World::bft(4);
    let next = world.next_epoch(&[0, 1, 2, 3], &[]);
    let mut last = final_block(&world, 1);
    last.certificate = world.ending(1, last.id, &next);
    for me in 0..4 {
        let mut node = Node::new(&world, me);
        node.next = Some(&next);
        node.hears((me + 1) % 4, alive(0, id(2, 0)));
        node.hears((me + 1) % 4, Packet::Blocks(vec![last.clone(), final_block(&next, 2)]));
        assert_eq!(node.committed, id(2, 0));
        assert_eq!(newest_vote(&node), None, "{me}");
    }
}
