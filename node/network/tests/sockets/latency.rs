//! How long a packet takes on this machine; printed with `--nocapture`.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::world::{Node, full_mesh, validators};

const ROUNDS: u32 = 60;

/// The middle and the nearly worst.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort();
    let (middle, worst) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    format!("p50 {middle:?}, p99 {worst:?}")
}

fn packet(size: usize, round: u32) -> Bytes {
    let mut bytes = vec![0; size];
    bytes[..4].copy_from_slice(&round.to_le_bytes());
    bytes.into()
}

async fn broadcasts(nodes: &mut [Node], size: usize, tag: u32) -> Vec<Duration> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let sent = Instant::now();
        nodes[0].handle.broadcast(packet(size, tag + round));
        for node in &mut nodes[1..] {
            let (_, bytes) = node.packet().await;
            assert_eq!(bytes.len(), size);
            times.push(sent.elapsed());
        }
    }
    times
}

async fn direct(nodes: &mut [Node], size: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    let to = nodes[1].validator;
    for round in 0..ROUNDS {
        let sent = Instant::now();
        nodes[0].handle.send(to, packet(size, round));
        assert_eq!(nodes[1].packet().await.1.len(), size);
        times.push(sent.elapsed());
    }
    times
}

/// A heartbeat is 200 ms (§4): half of that would already be far too slow.
#[tokio::test(flavor = "multi_thread")]
async fn packets_do_not_wait_for_a_heartbeat_of_gossipsub() {
    let mut nodes = full_mesh(&validators(4)).await;
    for (tag, size) in [(0, 1024), (1 << 16, 500 * 1024)] {
        let times = broadcasts(&mut nodes, size, tag).await;
        let quick = times.iter().filter(|time| **time < Duration::from_millis(100)).count();
        assert!(quick * 2 > times.len(), "broadcasts of {size} bytes: {}", summary(times));
        println!("broadcast {size} bytes to 3: {}", summary(times));
        let times = direct(&mut nodes, size).await;
        println!("direct    {size} bytes:      {}", summary(times));
    }
}
