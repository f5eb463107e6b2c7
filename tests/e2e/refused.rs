//! Who does not belong to the network, and noise: all kept out with a reason, and nobody minds.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{
    LIMIT, Ledger, Network, NodeProcess, Plan, free_ports,
    plan::{init, new_key},
    report,
};

#[tokio::test(flavor = "multi_thread")]
async fn strangers_other_chains_and_noise_are_kept_out() {
    let mut network = Network::start(Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    ledger.transfer(&network, 0).await;

    a_stranger_is_refused(&network).await;
    ledger.transfer(&network, 1).await;
    noise_is_cut_off(&mut network).await;
    ledger.transfer(&network, 2).await;
    another_genesis_is_refused(&mut network).await;
    ledger.transfer(&network, 0).await;
    network.node_mut(3).start().await;
    ledger.transfer(&network, 3).await;
    ledger.holds_everywhere(&network).await;
}

/// The right genesis file, but a key that is none of its validators.
async fn a_stranger_is_refused(network: &Network) {
    let root = network.root();
    new_key(root, "stranger.json");
    init(root, "genesis.json", Some("stranger.json"), "stranger", free_ports(1));
    let mut stranger = NodeProcess::new(root, "stranger");
    stranger.start().await;
    stranger.logs(&["the peer refuses this node", "stranger"]).await;
    network.node(0).logs(&["refused", "stranger"]).await;
    assert!(stranger.is_alive(), "it may be let in later, and reads until then");
    assert_eq!(stranger.status().await["head"]["number"], 0, "it was given blocks");
}

/// A validator whose file differs in one number.
async fn another_genesis_is_refused(network: &mut Network) {
    network.node_mut(3).kill();
    let root = network.root().to_path_buf();
    let text = std::fs::read_to_string(root.join("genesis.json")).unwrap();
    let mut genesis: serde_json::Value = serde_json::from_str(&text).unwrap();
    genesis["timestamp"] = "0x1".into();
    std::fs::write(root.join("other.json"), genesis.to_string()).unwrap();
    init(&root, "other.json", Some("key-3.json"), "other", free_ports(1));
    let mut other = NodeProcess::new(&root, "other");
    other.start().await;
    let said = other.logs(&["it runs chain", "same genesis file"]).await;
    let hash = |node: serde_json::Value| node["chainHash"].as_str().unwrap().to_owned();
    let [ours, theirs] = [hash(network.node(0).status().await), hash(other.status().await)];
    assert_ne!(ours, theirs);
    for hash in [ours, theirs] {
        assert!(said.contains(hash.trim_start_matches("0x")), "{hash} is not in: {said}");
    }
    assert!(other.is_alive());
}

async fn noise_is_cut_off(network: &mut Network) {
    let [target, leader] = [1, network.leader().await];
    for at in [target, leader] {
        let port = network.node(at).p2p();
        let random: Vec<u8> =
            (0..1 << 20).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
        throw(port, &random).await;
        throw(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        // A right beginning, then nonsense where the handshake of the channel should be.
        let mut begun = b"\x13/multistream/1.0.0\n\x07/noise\n".to_vec();
        begun.extend(&random[..4096]);
        throw(port, &begun).await;
        assert!(network.node_mut(at).is_alive());
    }
}

/// Sends bytes and waits until the other side closes.
async fn throw(to: SocketAddr, bytes: &[u8]) {
    let started = std::time::Instant::now();
    let mut stream = TcpStream::connect(to).await.unwrap();
    let (mut read, mut write) = stream.split();
    let closed = async {
        let mut answer = Vec::new();
        // Closed in order or reset: both are an end.
        drop(read.read_to_end(&mut answer).await);
    };
    let sent = async { drop(write.write_all(bytes).await) };
    let both = async { tokio::join!(sent, closed) };
    timeout(LIMIT, both).await.expect("a connection with noise stays open");
    report(format_args!("{} bytes of noise cut off after {:?}", bytes.len(), started.elapsed()));
}
