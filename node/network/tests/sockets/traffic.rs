//! Packets and transactions reach whom they should, once.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use mokka_network::Verdict;
use tokio::time::timeout;

use crate::world::{full_mesh, pair, validators};

#[tokio::test]
async fn two_nodes_exchange_broadcasts_and_direct_packets() {
    let (mut a, mut b) = pair().await;
    a.handle.broadcast("to all");
    assert_eq!(b.packet().await, (a.peer_id(), Bytes::from("to all")));
    b.handle.send(a.validator, "to one");
    assert_eq!(a.packet().await, (b.peer_id(), Bytes::from("to one")));
    let large = Bytes::from(vec![42; 1024 * 1024]);
    a.handle.send(b.validator, large.clone());
    assert_eq!(b.packet().await.1, large);
    a.handle.broadcast(large.clone());
    assert_eq!(b.packet().await.1, large);
    assert_eq!(a.handle.peers()[0].validator, Some(b.validator));
    assert_eq!(b.handle.peers()[0].peer, a.peer_id());
}

#[tokio::test]
async fn equal_acks_differ_by_their_counter_and_both_arrive() {
    let (a, mut b) = pair().await;
    for counter in 0..3_u8 {
        a.handle.broadcast(vec![1, 2, counter]);
        assert_eq!(b.packet().await.1, vec![1, 2, counter]);
    }
}

#[tokio::test]
async fn transactions_travel_in_batches_and_also_twice_when_published_twice() {
    let (a, mut b) = pair().await;
    let batch = vec![Bytes::from("one"), Bytes::from("two")];
    for _ in 0..2 {
        a.handle.publish_transactions(batch.clone());
        assert_eq!(b.transactions().await, (a.peer_id(), batch.clone()));
    }
    a.handle.send_transactions(b.peer_id(), batch.clone());
    assert_eq!(b.transactions().await, (a.peer_id(), batch));
}

#[tokio::test]
async fn in_a_full_mesh_everybody_gets_every_broadcast_exactly_once() {
    const ROUNDS: usize = 10;
    let mut nodes = full_mesh(&validators(4)).await;
    let mut got = vec![BTreeMap::<Bytes, usize>::new(); nodes.len()];
    for round in 0..ROUNDS {
        for (at, node) in nodes.iter().enumerate() {
            node.handle.broadcast(format!("round {round} of {at}"));
        }
        for (at, node) in nodes.iter_mut().enumerate() {
            // Everybody's packet of this round; a copy of an earlier one would come in between.
            for _ in 0..3 {
                let (_, bytes) = node.packet().await;
                assert!(bytes.starts_with(format!("round {round} of").as_bytes()), "{bytes:?}");
                *got[at].entry(bytes).or_default() += 1;
            }
        }
    }
    for (at, packets) in got.iter().enumerate() {
        assert_eq!(packets.len(), 3 * ROUNDS, "node {at}");
        assert!(packets.values().all(|count| *count == 1), "node {at}: {packets:?}");
    }
}

#[tokio::test]
async fn a_broadcast_goes_on_only_after_its_verdict() {
    // a - b - c: whatever c hears of a went through b.
    let specs = validators(3);
    let (mut a, mut b, mut c) =
        (specs[0].start().await, specs[1].start().await, specs[2].start().await);
    a.dials([&b]);
    c.dials([&b]);
    a.connected_to(b.peer_id()).await;
    c.connected_to(b.peer_id()).await;
    let mut waiting = vec![a.peer_id(), c.peer_id()];
    while !waiting.is_empty() {
        let peer = b
            .until("both", |event| match event {
                mokka_network::NetworkEvent::PeerConnected { peer, .. } => Some(peer),
                _ => None,
            })
            .await;
        waiting.retain(|of| *of != peer);
    }
    // Who forwards to whom is settled at gossipsub's next heartbeat: until then, again.
    for number in 0.. {
        a.handle.broadcast(format!("probe {number}"));
        b.packet().await;
        if timeout(Duration::from_millis(100), c.packet()).await.is_ok() {
            break;
        }
    }
    for (packet, verdict) in
        [("forged", Verdict::Reject), ("known", Verdict::Ignore), ("genuine", Verdict::Accept)]
    {
        a.handle.broadcast(packet);
        assert_eq!(b.packet_with(verdict).await.1, packet);
    }
    // The accepted one arrives, and neither of those that were sent before it.
    loop {
        let (source, bytes) = c.packet().await;
        assert_eq!(source, b.peer_id());
        if !bytes.starts_with(b"probe") {
            assert_eq!(bytes, "genuine");
            break;
        }
    }
    assert_eq!(b.handle.peers().len(), 2);
}

#[tokio::test]
async fn a_packet_for_a_validator_that_is_not_connected_goes_by_way_of_everybody() {
    let specs = validators(3);
    let (mut a, mut b) = (specs[0].start().await, specs[1].start().await);
    a.dials([&b]);
    a.connected_to(b.peer_id()).await;
    b.connected_to(a.peer_id()).await;
    a.handle.send(specs[2].validator, "for the third");
    assert_eq!(b.packet().await, (a.peer_id(), Bytes::from("for the third")));
}

#[tokio::test]
async fn a_packet_that_is_too_large_is_not_sent() {
    let (a, mut b) = pair().await;
    a.handle.broadcast(vec![0; 2 * 1024 * 1024]);
    a.handle.send(b.validator, vec![0; 2 * 1024 * 1024]);
    a.handle.broadcast("after");
    assert_eq!(b.packet().await.1, "after");
}
