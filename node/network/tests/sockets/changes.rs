//! Who is admitted changes while everybody is connected.

use std::time::{Duration, Instant};

use mokka_crypto::SecretKey;
use mokka_network::{Admitted, NetworkEvent, Reason, RefusedBy, Target, Way};
use mokka_types::PublicKey;

use crate::world::{Node, Spec, full_mesh, validators};

/// What a node is told of a peer's coming.
async fn comes(node: &mut Node, of: &Node) -> Option<PublicKey> {
    let id = of.peer_id();
    node.until("connected", |event| match event {
        NetworkEvent::PeerConnected { peer, validator, .. } if peer == id => Some(validator),
        _ => None,
    })
    .await
}

fn keys(nodes: &[Node]) -> Vec<PublicKey> {
    nodes.iter().map(|node| node.validator).collect()
}

/// A stranger that has knocked for a while, and the two validators that it dials.
async fn knocking() -> (Vec<Node>, Node) {
    let mut nodes = full_mesh(&validators(2)).await;
    let mut stranger = Spec::new().start().await;
    stranger.handle.set_admitted(Admitted::new(keys(&nodes), []));
    stranger.dials(&nodes);
    for _ in 0..4 {
        assert_eq!(stranger.refused().await.1, RefusedBy::Them);
    }
    for node in &mut nodes {
        assert_eq!(node.refused().await.2, Reason::Stranger);
    }
    assert_eq!(stranger.handle.refusals().len(), 2);
    (nodes, stranger)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_approved_is_dialed_and_connected_at_once() {
    let (mut nodes, mut candidate) = knocking().await;
    let validators = keys(&nodes);
    let approved = Instant::now();
    for node in &nodes {
        let admitted = Admitted::new(validators.clone(), []).candidates([candidate.validator]);
        node.handle.set_admitted(admitted);
        let others = nodes.iter().filter(|other| other.validator != node.validator);
        node.dials(others.chain([&candidate]));
    }
    for node in &mut nodes {
        assert_eq!(comes(node, &candidate).await, Some(candidate.validator));
    }
    candidate.connected_to_all(nodes.iter().map(Node::peer_id)).await;
    let took = approved.elapsed();
    println!("an approved candidate is connected to all after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    candidate.handle.send(validators[0], "level");
    let packet = nodes[0].packet_of(candidate.peer_id()).await;
    assert_eq!((packet.way, packet.speaks_for), (Way::Direct, Some(candidate.validator)));
    assert!(!nodes[0].handle.is_validator(&candidate.validator));
    nodes[0].handle.send(candidate.validator, "heard");
    assert_eq!(candidate.packet().await.1, "heard");
}

/// Nobody can reach it: its own next attempt, at most `DIAL_BACKOFF_MAX` later, must do.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_approved_but_cannot_be_dialed_is_let_in_at_its_next_attempt() {
    let (mut nodes, candidate) = knocking().await;
    let validators = keys(&nodes);
    let approved = Instant::now();
    for node in &nodes {
        let admitted = Admitted::new(validators.clone(), []).candidates([candidate.validator]);
        node.handle.set_admitted(admitted);
    }
    for node in &mut nodes {
        comes(node, &candidate).await;
    }
    let took = approved.elapsed();
    println!("an approved candidate that nobody dials is connected to all after {took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_whose_part_changes_keeps_its_connection() {
    let mut nodes = full_mesh(&validators(2)).await;
    let (mut b, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    let (dials, id) = (a.handle.stats().dials, b.peer_id());
    let [own, other] = [a.validator, b.validator];
    let parts = [
        (Admitted::new([own], [id]), None),
        (Admitted::new([own], []).candidates([other]), Some(other)),
        (Admitted::new([own], [id]), None),
        (Admitted::new([own, other], []), Some(other)),
    ];
    for (round, (admitted, speaks_for)) in parts.into_iter().enumerate() {
        a.handle.set_admitted(admitted);
        a.lost(id).await;
        assert_eq!(comes(&mut a, &b).await, speaks_for);
        b.handle.send(own, "still here");
        assert_eq!(a.packet_of(id).await.speaks_for, speaks_for);
        let word = format!("and heard {round}");
        a.handle.broadcast(word.clone());
        assert_eq!(b.packet().await.1, word);
    }
    // From candidate to validator nothing is lost, not even for a moment.
    a.handle.set_admitted(Admitted::new([own], []).candidates([other]));
    a.handle.set_admitted(Admitted::new([own, other], []));
    b.handle.broadcast("of a validator");
    let heard = a
        .until("the packet", |event| match event {
            NetworkEvent::Packet(packet) => Some(packet.bytes),
            NetworkEvent::PeerLost { .. } => panic!("lost"),
            _ => None,
        })
        .await;
    assert_eq!(heard, "of a validator");
    assert_eq!((a.handle.stats().dials, a.handle.stats().refused_by_us), (dials, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_validator_is_heard_no_longer_and_told_why() {
    let mut nodes = full_mesh(&validators(3)).await;
    let (mut removed, mut b, mut a) =
        (nodes.pop().unwrap(), nodes.pop().unwrap(), nodes.pop().unwrap());
    let left = [a.validator, b.validator];
    for node in [&a, &b] {
        node.handle.set_admitted(Admitted::new(left, []));
    }
    removed.handle.broadcast("I am not gone");
    for node in [&mut a, &mut b] {
        node.lost(removed.peer_id()).await;
    }
    removed.handle.broadcast("am I?");
    let reason = removed
        .until("told why", |event| match event {
            NetworkEvent::Refused { by: RefusedBy::Them, reason, .. } => Some(reason),
            _ => None,
        })
        .await;
    assert_eq!(reason, Reason::NoLongerAdmitted);
    a.handle.broadcast("the end");
    assert_eq!(b.packet_of(a.peer_id()).await.bytes, "the end");
    // As an observer it is back at its next attempt.
    for node in [&a, &b] {
        node.handle.set_admitted(Admitted::new(left, [removed.peer_id()]));
    }
    assert_eq!(comes(&mut a, &removed).await, None);
    assert_eq!(comes(&mut b, &removed).await, None);
}

/// §7: an observer asks whom it is connected to, whoever it is that has the block.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_goes_to_whoever_is_connected() {
    let mut nodes = full_mesh(&validators(3)).await;
    let mut spec = Spec::new();
    spec.config.binding = None;
    let mut observer = spec.start().await;
    observer.handle.set_admitted(Admitted::new(keys(&nodes), []));
    let (validators, id) = (keys(&nodes), observer.peer_id());
    nodes[0].handle.set_admitted(Admitted::new(validators.clone(), [id]));
    observer.dials(&nodes[..1]);
    comes(&mut nodes[0], &observer).await;
    observer.connected_to(nodes[0].peer_id()).await;
    let unheard_of = SecretKey::generate().public_key();
    for to in [validators[0], validators[2], unheard_of] {
        observer.handle.ask(to, "a question");
        let packet = nodes[0].packet_of(id).await;
        assert_eq!((packet.way, packet.speaks_for), (Way::Direct, None));
    }
    // Each of two in its turn.
    nodes[1].handle.set_admitted(Admitted::new(validators.clone(), [id]));
    observer.dials(&nodes[..2]);
    comes(&mut nodes[1], &observer).await;
    observer.connected_to(nodes[1].peer_id()).await;
    for _ in 0..2 {
        observer.handle.ask(validators[2], "who knows?");
    }
    for node in &mut nodes[..2] {
        node.packet_of(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_as_good_as_an_address() {
    let specs = validators(2);
    let (mut a, b) = (specs[0].start().await, specs[1].start().await);
    let address = format!("/dns/localhost/tcp/{}", b.socket().port()).parse().unwrap();
    a.handle.set_targets(vec![Target { validator: b.validator, addresses: vec![address] }]);
    a.connected_to(b.peer_id()).await;
}
