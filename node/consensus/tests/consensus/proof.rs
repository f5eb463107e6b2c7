//! §5.4: what makes a leader, and who follows it.

use mokka_consensus::PeerFault;
use mokka_types::{
    Base, CertifiedBase, Height, Packet, Proof, Refusal, Refused, SafetyRecord, Signature, Voted,
    VotedAnswer,
};

use crate::{
    catchup::{final_block, stood_on},
    node::Node,
    voters::{Voters, newest_sign, newest_vote},
    world::{ELECTION, HEARTBEAT, World, ack, ask, block, fresh_base, genesis, id, prepared, view},
};

fn refuse(world: &World, node: &Node<'_>, reason: Refusal, base: CertifiedBase) -> Packet {
    let ballot = newest_vote(node).expect("standing").ballot;
    let promise = base.base.prepared.map_or(view(0), |at| view(at.term.get()));
    assert!(world.quorum() > 0);
    let refused = Refused { reason, promise, newest_proof: None, base };
    Packet::Voted(Voted { ballot, answer: VotedAnswer::Refused(Box::new(refused)) })
}

fn asked_bodies(node: &Node<'_>) -> Vec<usize> {
    let to_whom = |sent: &crate::node::Sent| match (&sent.packet, sent.to) {
        (Packet::BodyRequest(_), Some(to)) => Some(node.world.place(&to)),
        _ => None,
    };
    node.sent.iter().filter_map(to_whom).collect()
}

fn body(height: u64, tag: u8) -> Packet {
    let (id, body) = block(height, tag);
    Packet::Body(mokka_types::BodyReply { id, body })
}

/// §5.4: a valid proof of a higher term is followed, whoever shows it, and durably promised.
#[test]
fn a_valid_proof_is_followed_and_promised() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut vote = world.vote(1, 3, 1, fresh_base());
    vote.newest_proof = Some(world.proof(2, 7, fresh_base()));
    node.hears(1, ask(vote));
    assert_eq!(node.status().leader, Some(world.key(2)));
    assert!(
        node.outputs.iter().flat_map(|output| &output.records).any(
            |record| matches!(record, SafetyRecord::Promise(promise) if promise.view == view(7))
        )
    );
    assert_eq!(node.durable.promise.signed, None);
}

/// §5.4: the proof of the term that we promised, not yet followed in this run, is followed too.
#[test]
fn the_proof_of_the_promised_term_is_followed_after_a_restart() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(2, 7);
    node.restart();
    assert_eq!(node.status().leader, None);
    node.hears(2, ack(&proof));
    assert_eq!(node.status().leader, Some(world.key(2)));
}

/// §5.4: one flipped bit anywhere in a proof, and it makes nobody a leader.
#[test]
fn a_proof_with_one_flipped_bit_is_an_accusation() {
    let world = World::bft(4);
    let good = world.proof(1, 3, prepared(2, id(1, 1)));
    let mut bad: Vec<Proof> = Vec::new();
    let mut add = |change: &dyn Fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        bad.push(proof);
    };
    add(&|proof| proof.view = view(2));
    add(&|proof| proof.candidate = world.key(0));
    add(&|proof| proof.base.committed.height = Height::new(1));
    add(&|proof| proof.base.committed.hash = id(1, 9).hash);
    add(&|proof| proof.base.prepared = None);
    add(&|proof| proof.base.prepared.as_mut().unwrap().id = id(1, 2));
    add(&|proof| proof.base.prepared.as_mut().unwrap().term = mokka_types::Term::new(1));
    add(&|proof| proof.signers = world.signers(&[0, 1]));
    add(&|proof| proof.signers = world.signers(&[0, 1, 2, 3]));
    add(&|proof| proof.signers = world.signers(&[0, 1, 3]));
    add(&|proof| proof.signers = world.signers(&[0, 2, 3]));
    for byte in [0, 31, 32, 63] {
        add(&|proof| {
            let mut bytes = *proof.signature.as_bytes();
            bytes[byte] ^= 1;
            proof.signature = Signature::new(bytes);
        });
    }
    for proof in bad {
        let mut node = Node::new(&world, 0);
        let before = node.core.clone();
        node.hears(1, ack(&proof));
        let accused: Vec<_> = node.outputs.iter().filter_map(|output| output.accused).collect();
        assert_eq!(accused.len(), 1, "{proof:?}");
        assert_eq!(accused[0].fault, PeerFault::InvalidProof, "{proof:?}");
        assert_eq!(node.status(), before.status(node.now), "{proof:?}");
        assert!(node.outputs.iter().all(|output| output.records.is_empty()));
    }
    let mut node = Node::new(&world, 0);
    node.hears(1, ack(&good));
    assert_eq!(node.status().leader, Some(world.key(1)));
}

/// §5.4: a proof makes its candidate leader, whoever carries the ack.
#[test]
fn an_ack_of_another_is_an_accusation_but_its_proof_counts() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.hears(3, ack(&world.proof(1, 3, fresh_base())));
    assert_eq!(node.outputs[0].accused.unwrap().fault, PeerFault::Contradiction);
    assert_eq!(node.status().leader, Some(world.key(1)));
}

/// §5.4: a share that does not verify names its signer, who is left out of the next attempt.
#[test]
fn a_bad_share_names_its_signer_and_the_next_attempt_does_without() {
    let world = World::bft(4);
    for spoil in [0, 1] {
        let mut node = Node::new(&world, 0);
        let mut voters = Voters::new(&world);
        node.until("stands", |node| newest_vote(node).is_some());
        let sign = voters.all_grant(&mut node, &[1, 2, 3]);
        let Packet::Signed(mut signed) = voters.sign(1, &sign) else { unreachable!() };
        match spoil {
            0 => signed.partial.0[31] ^= 1,
            _ => signed.signature = Signature::new([1; 64]),
        }
        node.outputs.clear();
        node.hears(1, Packet::Signed(signed));
        let accused = node.outputs[0].accused.expect("an accusation");
        assert_eq!((accused.who, accused.fault), (world.key(1), PeerFault::InvalidSignature));
        let again = voters.all_grant(&mut node, &[1, 2, 3]);
        assert_eq!(again.ballot.view, sign.ballot.view, "the same term");
        assert!(again.ballot.attempt > sign.ballot.attempt);
        assert_eq!(again.signers, world.signers(&[0, 2, 3]));
        voters.all_sign(&mut node, &again);
        assert_eq!(node.status().leader, Some(world.key(0)));
    }
}

/// §5.4: a signer that is silent for a third of the election timeout is left out of the next
/// attempt.
#[test]
fn a_silent_signer_is_left_out_of_the_next_attempt() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let sign = voters.all_grant(&mut node, &[1, 2, 3]);
    let share = voters.sign(2, &sign);
    node.hears(2, share);
    node.pass(ELECTION / 3 - ELECTION / 100);
    assert_eq!(newest_vote(&node).unwrap().ballot, sign.ballot, "not yet");
    node.pass(ELECTION / 50);
    let again = voters.all_grant(&mut node, &[1, 2, 3]);
    assert_eq!(again.signers, world.signers(&[0, 2, 3]));
}

/// §5.4: and of later candidacies, though an old proof with its signature is shown again and again.
#[test]
fn an_old_proof_does_not_excuse_a_silent_signer() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let old = node.follows(3, 1);
    assert!(old.signers.contains(world.index(1)));
    node.sent.clear();
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    let sign = voters.all_grant(&mut node, &[1, 2, 3]);
    let share = voters.sign(2, &sign);
    node.hears(2, share).pass(ELECTION);
    let mut vote = world.vote(2, 1, 1, fresh_base());
    vote.newest_proof = Some(old);
    node.hears(2, ask(vote));
    node.sent.clear();
    node.until("stands again", |node| newest_vote(node).is_some());
    let ballot = newest_vote(&node).unwrap().ballot;
    for at in [1, 2] {
        let packet = voters.grant(at, &ballot);
        node.hears(at, packet);
    }
    assert!(newest_sign(&node).is_none(), "it waits for somebody reliable");
    let packet = voters.grant(3, &ballot);
    node.hears(3, packet);
    assert!(!newest_sign(&node).unwrap().signers.contains(world.index(1)));
}

/// §5.4: where too few answer without a silent one, it is asked all the same.
#[test]
fn a_silent_signer_is_asked_where_nobody_else_answers() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    voters.all_grant(&mut node, &[1, 2, 3]);
    node.pass(ELECTION);
    node.sent.clear();
    node.until("stands again", |node| newest_vote(node).is_some());
    let ballot = newest_vote(&node).unwrap().ballot;
    for at in [1, 2] {
        let packet = voters.grant(at, &ballot);
        node.hears(at, packet);
    }
    node.pass(ELECTION / 6);
    assert_eq!(newest_sign(&node).unwrap().signers, world.signers(&[0, 1, 2]));
}

/// §5.4: and in the very same candidacy, a repetition later: who is slow is not lost for it, or
/// exactly a quorum with one slow link would elect nobody.
#[test]
fn a_slow_signer_is_asked_again_in_the_same_candidacy() {
    for world in [World::bft(4), World::cft(3)] {
        let answering: Vec<_> = (1..world.quorum()).collect();
        let mut node = Node::new(&world, 0);
        let mut voters = Voters::new(&world);
        node.until("stands", |node| newest_vote(node).is_some());
        let first = voters.all_grant(&mut node, &answering);
        node.pass(ELECTION / 3);
        let ballot = newest_vote(&node).unwrap().ballot;
        assert!(ballot.view == first.ballot.view && ballot.attempt > first.ballot.attempt);
        for at in &answering {
            let packet = voters.grant(*at, &ballot);
            node.hears(*at, packet);
        }
        assert_eq!(newest_sign(&node), Some(first), "somebody reliable may answer yet");
        node.pass(ELECTION / 6);
        let again = newest_sign(&node).unwrap();
        assert_eq!((again.ballot, again.signers), (ballot, first.signers));
        voters.all_sign(&mut node, &again);
        assert_eq!(node.status().leader, Some(world.key(0)));
    }
}

/// §5.4: a slow signer that has signed in time is reliable again; who never does stays left out.
#[test]
fn who_signs_in_time_is_reliable_again() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let mut voters = Voters::new(&world);
    node.until("stands", |node| newest_vote(node).is_some());
    voters.all_grant(&mut node, &[1, 2]);
    node.pass(ELECTION / 3);
    let ballot = newest_vote(&node).unwrap().ballot;
    for at in [1, 2] {
        let packet = voters.grant(at, &ballot);
        node.hears(at, packet);
    }
    node.pass(ELECTION / 6);
    let sign = newest_sign(&node).unwrap();
    let share = voters.sign(2, &sign);
    node.hears(2, share).pass(ELECTION / 3);
    let again = voters.all_grant(&mut node, &[1, 2, 3]);
    assert_eq!(again.signers, world.signers(&[0, 2, 3]));
}

/// §5.4, §7: where a refuser's blocks come in several answers, the candidate stands on the last.
#[test]
fn a_candidate_stands_on_the_last_block_that_a_refuser_has() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    let theirs = Base { committed: id(6, 0), prepared: None };
    let packet = refuse(&world, &node, Refusal::LowerBase, world.certified(theirs));
    node.hears(1, packet).sent.clear();
    for heights in [1..=3, 4..=6] {
        let blocks = heights.map(|height| final_block(&world, height)).collect();
        node.hears(1, Packet::Blocks(blocks)).pass(HEARTBEAT / 2);
    }
    let mut stood = stood_on(&node);
    stood.dedup();
    assert_eq!(stood, [id(6, 0)]);
}

/// §5.4: refused for a lower base, the candidate fetches the prepared block, records it, and stands
/// again on it, above its term, without backoff.
#[test]
fn a_prepared_block_of_a_refuser_is_taken_over() {
    for world in [World::bft(4), World::cft(3)] {
        let mut node = Node::new(&world, 0);
        node.until("stands", |node| newest_vote(node).is_some());
        let theirs = world.certified(prepared(6, id(1, 1)));
        for at in [1, 2] {
            let packet = refuse(&world, &node, Refusal::LowerBase, theirs.clone());
            node.hears(at, packet);
        }
        assert!(!asked_bodies(&node).is_empty());
        node.sent.clear();
        node.outputs.clear();
        node.hears(1, body(1, 1));
        assert_eq!(node.durable.prepared.as_ref().map(|at| at.id), Some(id(1, 1)));
        node.pass(HEARTBEAT);
        let vote = newest_vote(&node).expect("stands at once");
        assert_eq!(vote.base, theirs);
        assert_eq!(vote.ballot.view, view(7), "above the term of what it took over");
        let voted = node.said(|packet| {
            matches!(packet, Packet::PrepareVote(_) | Packet::CommitVote(_)).then_some(())
        });
        assert!(voted.is_empty(), "taking over is no vote");
    }
}

/// §5.4: what a refuser shows without a proof of it is not taken over.
#[test]
fn an_unproved_prepared_block_is_not_taken_over() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    let mut theirs = world.certified(prepared(6, id(1, 1)));
    theirs.prepare = Some(world.prepare(6, id(1, 2)));
    let packet = refuse(&world, &node, Refusal::LowerBase, theirs);
    node.hears(1, packet);
    assert!(asked_bodies(&node).is_empty());
    assert!(node.outputs.iter().any(|output| output.accused.is_some()));
}

/// §5.2 rule 2, §5.4: what is only told, as in CFT, is not taken over from beyond the clock; a
/// certificate counts whatever the clock shows.
#[test]
fn a_prepared_block_from_beyond_the_clock_needs_a_certificate() {
    for (world, is_proved) in [(World::cft(3), false), (World::bft(4), true)] {
        let mut node = Node::new(&world, 0);
        node.until("stands", |node| newest_vote(node).is_some());
        let theirs = world.certified(prepared(node.newest_term() + 10_000, id(1, 1)));
        let packet = refuse(&world, &node, Refusal::LowerBase, theirs);
        node.hears(1, packet);
        assert_eq!(!asked_bodies(&node).is_empty(), is_proved);
        assert!(node.outputs.iter().all(|output| output.accused.is_none()));
    }
}

/// A.10 *Prepare certificate shown, body withheld*: the next who has the block is asked, too.
#[test]
fn a_withheld_body_is_asked_of_another() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    let theirs = world.certified(prepared(6, id(1, 1)));
    for at in [1, 2] {
        let packet = refuse(&world, &node, Refusal::LowerBase, theirs.clone());
        node.hears(at, packet);
    }
    assert_eq!(asked_bodies(&node), [1, 2]);
}

/// A.10: a higher certificate without a body does not keep a lower one with a body out for ever.
#[test]
fn a_withheld_body_is_given_up_after_the_election_timeout() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    let packet = refuse(&world, &node, Refusal::LowerBase, world.certified(prepared(6, id(1, 1))));
    node.hears(1, packet);
    assert_eq!(asked_bodies(&node), [1]);
    node.pass(ELECTION * 2);
    node.sent.clear();
    node.until("stands again", |node| newest_vote(node).is_some());
    let packet = refuse(&world, &node, Refusal::LowerBase, world.certified(prepared(5, id(1, 2))));
    node.hears(2, packet);
    assert_eq!(asked_bodies(&node), [2]);
}

/// §5.4, §7: a refuser whose committed block is higher is asked for blocks, and the candidate
/// stands again on them without backoff.
#[test]
fn a_higher_committed_block_of_a_refuser_is_fetched() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.until("stands", |node| newest_vote(node).is_some());
    let mut theirs = prepared(3, id(3, 0));
    theirs.prepared = None;
    for at in [1, 2] {
        let packet = refuse(&world, &node, Refusal::LowerBase, world.certified(theirs));
        node.hears(at, packet);
    }
    // Another stands, too: without the blocks, we would back off.
    node.hears(3, ask(world.vote(3, 9, 1, fresh_base())));
    node.commits_up_to(3);
    assert_eq!(node.committed, id(3, 0));
    let wait = node.until("stands again", |node| newest_vote(node).is_some());
    assert!(wait <= HEARTBEAT, "{wait:?}");
    assert_eq!(newest_vote(&node).unwrap().base.base.committed, id(3, 0));
    assert_ne!(genesis(), id(2, 0));
}
