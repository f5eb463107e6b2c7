//! Garbage, giants and floods: the connection goes, the node stays (§10).

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use mokka_network::{Culprit, Fault, NetworkEvent, Rate, Reason, RefusedBy};
use tokio::time::timeout;

use crate::world::{Spec, full_mesh, pair, validators};

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_port_ends_that_connection_only() {
    let mut nodes = full_mesh(&validators(2)).await;
    let socket = nodes[0].socket();
    let requests: [Vec<u8>; 4] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0xff; 100_000],
        vec![0; 100_000],
        b"\x13/multistream/1.0.0\n\x07/noise\n\xff\xff\x00\x01garbage".to_vec(),
    ];
    for request in requests {
        let ended = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(socket).unwrap();
            let limit = Duration::from_secs(60);
            stream.set_read_timeout(Some(limit)).unwrap();
            // The node may hang up while we are still talking.
            let _ = stream.write_all(&request);
            let mut answer = Vec::new();
            match stream.read_to_end(&mut answer) {
                Ok(_) => true,
                Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        });
        assert!(ended.await.unwrap(), "the node hangs up");
    }
    let (b, a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    let (mut a, b) = (a, b);
    b.handle.broadcast("still there?");
    assert_eq!(a.packet().await.1, "still there?");
}

#[tokio::test]
async fn a_giant_packet_is_not_read_and_the_third_ends_the_connection() {
    let mut giant = Spec::new();
    giant.config.max_block_bytes = 8 * 1024 * 1024;
    let victim = Spec::new().admitting([&giant]);
    let giant = giant.admitting([&victim]);
    let (mut v, mut g) = (victim.start().await, giant.start().await);
    g.dials([&v]);
    g.connected_to(v.peer_id()).await;
    v.connected_to(g.peer_id()).await;
    for _ in 0..3 {
        g.handle.send(v.validator, vec![0; 4 * 1024 * 1024]);
    }
    let refused = v
        .until("banned", |event| match event {
            NetworkEvent::Refused { peer, by, reason } => Some((peer, by, reason)),
            NetworkEvent::Packet(packet) => panic!("{} bytes came in", packet.bytes.len()),
            _ => None,
        })
        .await;
    assert_eq!(refused, (g.peer_id(), RefusedBy::Us, Reason::Banned));
    g.lost(v.peer_id()).await;
}

#[tokio::test]
async fn a_flood_gets_its_peer_cut_while_the_others_go_on() {
    let mut specs = validators(3);
    specs[0].config.rates.consensus = Rate { messages: 10.0, bytes: 1e6, burst_seconds: 1.0 };
    let mut nodes = full_mesh(&specs).await;
    let (flooder, mut b, mut a) =
        (nodes.pop().unwrap(), nodes.pop().unwrap(), nodes.pop().unwrap());
    for number in 0..90_u32 {
        flooder.handle.send(a.validator, number.to_le_bytes().to_vec());
    }
    let id = flooder.peer_id();
    let banned = a
        .until("banned", |event| match event {
            NetworkEvent::Refused { peer, reason, .. } => Some((peer, reason)),
            _ => None,
        })
        .await;
    assert_eq!(banned, (id, Reason::Banned));
    b.handle.send(a.validator, "after the flood");
    let after = a
        .until("the other's packet", |event| match event {
            NetworkEvent::Packet(packet) if packet.source != id => Some(packet.bytes),
            _ => None,
        })
        .await;
    assert_eq!(after, "after the flood");
    a.handle.send(b.validator, "and back");
    let back = b
        .until("the answer", |event| match event {
            NetworkEvent::Packet(packet) if packet.source != id => Some(packet.bytes),
            _ => None,
        })
        .await;
    assert_eq!(back, "and back");
}

#[tokio::test]
async fn broadcasts_beyond_the_rate_are_dropped_but_not_held_against_who_passes_them_on() {
    let mut specs = validators(2);
    specs[0].config.rates.consensus = Rate { messages: 20.0, bytes: 1e6, burst_seconds: 1.0 };
    let mut nodes = full_mesh(&specs).await;
    let (relay, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    for number in 0..200 {
        relay.handle.broadcast(format!("flood {number}"));
    }
    let mut flood = 0;
    for number in 0.. {
        relay.handle.broadcast(format!("probe {number}"));
        let probe = a.until("a probe", |event| match event {
            NetworkEvent::Packet(packet) if packet.bytes.starts_with(b"flood") => {
                flood += 1;
                None
            }
            NetworkEvent::Packet(packet) => Some(packet.bytes),
            NetworkEvent::Refused { reason, .. } => panic!("the relay is cut: {reason}"),
            _ => None,
        });
        if timeout(Duration::from_millis(100), probe).await.is_ok() {
            break;
        }
    }
    assert!((1..200).contains(&flood), "{flood} of 200 came in");
}

#[tokio::test]
async fn faults_that_the_node_reports_end_in_a_ban() {
    let (mut a, mut b) = pair().await;
    for _ in 0..6 {
        a.handle.report(Culprit::Validator(b.validator), Fault::Invalid);
    }
    assert_eq!(a.refused().await, (b.peer_id(), RefusedBy::Us, Reason::Banned));
    b.lost(a.peer_id()).await;
}
