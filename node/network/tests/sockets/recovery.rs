//! Connections are lost and come back.

use bytes::Bytes;

use crate::world::{full_mesh, validators};

#[tokio::test]
async fn a_restarted_node_is_back_on_the_same_port() {
    let mut specs = validators(2);
    let mut nodes = full_mesh(&specs).await;
    let (b, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    specs[1].config.listen = b.socket();
    specs[1].config.targets = vec![a.target()];
    let id = b.peer_id();
    b.stop().await;
    a.lost(id).await;
    for round in 0..3 {
        let mut b = specs[1].start().await;
        a.connected_to(id).await;
        b.connected_to(a.peer_id()).await;
        a.handle.broadcast(format!("hello {round}"));
        assert_eq!(b.packet().await.1, format!("hello {round}"));
        b.handle.broadcast(format!("back {round}"));
        assert_eq!(a.packet().await.1, format!("back {round}"));
        b.stop().await;
        a.lost(id).await;
    }
}

#[tokio::test]
async fn a_peer_that_only_waits_is_dialed_again() {
    let mut specs = validators(2);
    let mut nodes = full_mesh(&specs).await;
    let (b, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    specs[1].config.listen = b.socket();
    let id = b.peer_id();
    b.stop().await;
    a.lost(id).await;
    let mut b = specs[1].start().await;
    a.connected_to(id).await;
    b.connected_to(a.peer_id()).await;
}

#[tokio::test]
async fn a_peer_lost_in_the_middle_of_a_stream_of_packets_harms_nobody_else() {
    let mut nodes = full_mesh(&validators(3)).await;
    let (c, mut b, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap(), nodes.pop().unwrap());
    let (to_c, large) = (c.validator, Bytes::from(vec![1; 1024 * 1024]));
    for _ in 0..20 {
        a.handle.send(to_c, large.clone());
    }
    let id = c.peer_id();
    c.stop().await;
    a.lost(id).await;
    b.lost(id).await;
    // From now on it is addressed by way of everybody.
    a.handle.send(to_c, "who can reach the third");
    assert_eq!(b.packet().await.1, "who can reach the third");
    b.handle.send(a.validator, "still here");
    assert_eq!(a.packet().await.1, "still here");
}
