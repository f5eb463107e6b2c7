//! Who is let in, and what the others are told.

use std::net::TcpListener;

use mokka_crypto::SecretKey;
use mokka_network::{Admitted, NetworkEvent, Reason, RefusedBy, StartError, Way};
use mokka_types::ChainHash;

use crate::world::{CHAIN, Spec, pair, validators};

#[tokio::test]
async fn another_chain_is_refused_and_both_sides_name_both_chains() {
    let other = ChainHash::new([8; 32]);
    let foreign = Spec::on_chain(&SecretKey::generate(), 1, other);
    let ours = Spec::new().admitting([&foreign]);
    let foreign = foreign.admitting([&ours]);
    let (mut a, mut b) = (ours.start().await, foreign.start().await);
    a.dials([&b]);
    for (node, peer) in [(&mut a, b.peer_id()), (&mut b, ours.config.node_key.peer_id())] {
        let (from, by, reason) = node.refused().await;
        assert_eq!(from, peer);
        let Reason::WrongChain { ours: first, theirs: second } = reason else {
            panic!("{by:?}: {reason}")
        };
        let mut chains = [first, second];
        chains.sort();
        assert_eq!(chains, [CHAIN, other]);
        let text = reason.to_string();
        assert!(text.contains(&CHAIN.to_string()) && text.contains(&other.to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_and_told_why() {
    let member = Spec::new();
    let stranger = Spec::new().admitting([&member]);
    let (mut a, mut b) = (member.start().await, stranger.start().await);
    b.dials([&a]);
    assert_eq!(a.refused().await, (b.peer_id(), RefusedBy::Us, Reason::Stranger));
    assert_eq!(b.refused().await, (a.peer_id(), RefusedBy::Them, Reason::Stranger));
    assert!(a.handle.peers().is_empty());
}

#[tokio::test]
async fn a_stranger_hears_nothing_and_is_not_heard() {
    let specs = validators(2);
    let stranger = Spec::new().admitting(&specs);
    let (mut a, mut b) = (specs[0].start().await, specs[1].start().await);
    let mut s = stranger.start().await;
    s.dials([&a]);
    assert_eq!(s.refused().await.2, Reason::Stranger);
    s.handle.broadcast("let me in");
    a.handle.broadcast("secret");
    a.dials([&b]);
    a.connected_to(b.peer_id()).await;
    b.connected_to(a.peer_id()).await;
    b.handle.broadcast("from a member");
    assert_eq!(a.packet().await.1, "from a member");
    assert_eq!(s.handle.stats().packets_received, 0);
    assert_eq!(s.handle.stats().packets_sent, 0);
}

#[tokio::test]
async fn an_observer_is_let_in_by_its_peer_id() {
    let member = Spec::new();
    let mut observer = Spec::new().admitting([&member]);
    observer.config.binding = None;
    let mut admitting = member;
    let id = observer.config.node_key.peer_id();
    admitting.config.admitted = Admitted::new([], [id]);
    let (mut a, mut o) = (admitting.start().await, observer.start().await);
    o.dials([&a]);
    let validator = a
        .until("the observer", |event| match event {
            NetworkEvent::PeerConnected { peer, validator, .. } if peer == id => Some(validator),
            _ => None,
        })
        .await;
    assert_eq!(validator, None);
    o.connected_to(a.peer_id()).await;
    a.handle.broadcast("a block");
    assert_eq!(o.packet().await.1, "a block");
}

#[tokio::test]
async fn an_observer_is_answered_over_its_connection_and_says_nothing_to_all() {
    let specs = validators(2);
    let mut observer = Spec::new().admitting(&specs);
    observer.config.binding = None;
    let (id, keys) = (observer.config.node_key.peer_id(), specs.iter().map(|spec| spec.validator));
    let admitted = Admitted::new(keys, [id]);
    let (mut a, mut b, mut o) =
        (specs[0].start().await, specs[1].start().await, observer.start().await);
    a.handle.set_admitted(admitted);
    b.dials([&a]);
    a.connected_to(b.peer_id()).await;
    b.connected_to(a.peer_id()).await;
    o.dials([&a]);
    a.connected_to(id).await;
    o.connected_to(a.peer_id()).await;

    let key = || SecretKey::generate().public_key();
    let (asking, unheard_of) = (key(), key());
    o.handle.broadcast("to all");
    o.handle.send(b.validator, "to one that is not connected");
    o.handle.send(a.validator, "a request");
    let request = a
        .until("the request", |event| match event {
            NetworkEvent::Packet(packet) => Some(packet),
            _ => None,
        })
        .await;
    assert_eq!(request.bytes, "a request");
    assert_eq!((request.way, request.speaks_for), (Way::Direct, None));
    a.handle.expects_answer(request.source, asking);
    a.handle.send(unheard_of, "to nobody");
    a.handle.send(asking, "an answer");
    assert_eq!(o.packet().await.1, "an answer");
    a.handle.broadcast("the end");
    assert_eq!(b.packet().await.1, "the end", "nobody else heard of it");
}

#[tokio::test]
async fn who_is_no_longer_admitted_is_cut_and_let_in_again_later() {
    let (mut a, mut b) = pair().await;
    a.handle.set_admitted(Admitted::default());
    assert_eq!(a.refused().await.2, Reason::NoLongerAdmitted);
    b.lost(a.peer_id()).await;
    a.handle.set_admitted(Admitted::new([b.validator], []));
    a.connected_to(b.peer_id()).await;
    b.connected_to(a.peer_id()).await;
}

#[tokio::test]
async fn of_two_nodes_that_speak_for_one_validator_the_higher_sequence_stays() {
    let secret = SecretKey::generate();
    let (old, new) = (Spec::speaking_for(&secret, 1), Spec::speaking_for(&secret, 2));
    let member = Spec::new().admitting([&old]);
    let (old, new) = (old.admitting([&member]), new.admitting([&member]));
    let mut m = member.start().await;
    let old = old.start().await;
    old.dials([&m]);
    m.connected_to(old.peer_id()).await;
    let mut new = new.start().await;
    new.dials([&m]);
    m.lost(old.peer_id()).await;
    let superseded = Reason::Superseded { current: 2 };
    assert_eq!(m.refused().await, (old.peer_id(), RefusedBy::Us, superseded));
    m.connected_to(new.peer_id()).await;
    new.connected_to(m.peer_id()).await;
    let mut old = old;
    // The old one comes back and is told.
    loop {
        let (_, by, reason) = old.refused().await;
        if by == RefusedBy::Them {
            assert_eq!(reason, superseded);
            break;
        }
    }
    m.handle.send(new.validator, "for the validator");
    assert_eq!(new.packet().await.1, "for the validator");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_with_advice() {
    let mut spec = Spec::new();
    let running = spec.start().await;
    spec.config.listen = running.socket();
    let by_a_node = spec.try_start().await.err().unwrap();
    assert!(matches!(by_a_node, StartError::PortInUse { .. }), "{by_a_node}");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    spec.config.listen = other.local_addr().unwrap();
    let error = spec.try_start().await.err().unwrap().to_string();
    let port = other.local_addr().unwrap();
    let advice = "is already used; stop the other process or choose another --p2p-listen";
    assert_eq!(error, format!("{port} {advice}"));
}

#[tokio::test]
async fn blocks_larger_than_the_network_carries_are_an_error() {
    let mut spec = Spec::new();
    spec.config.max_block_bytes = 1 << 30;
    let error = spec.try_start().await.err().unwrap();
    assert!(matches!(error, StartError::BlocksTooLarge { .. }), "{error}");
}
