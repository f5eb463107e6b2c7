//! Nodes for tests: each has a validator key, a node key, a port, and remembers nothing.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use mokka_crypto::SecretKey;
use mokka_network::{
    Admitted, Binding, Multiaddr, Network, NetworkConfig, NetworkEvent, NetworkHandle, NodeKey,
    Packet, PeerId, Rates, Reason, RefusedBy, StartError, Target, Transactions, Verdict,
};
use mokka_types::{ChainHash, Height, PublicKey};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Far longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const CHAIN: ChainHash = ChainHash::new([7; 32]);

/// What a node is made of; survives its restart.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) config: NetworkConfig,
    pub(crate) validator: PublicKey,
}

impl Spec {
    /// A new validator on a free port that lets nobody in and dials nobody.
    pub(crate) fn new() -> Self {
        Self::speaking_for(&SecretKey::generate(), 1)
    }

    pub(crate) fn speaking_for(secret: &SecretKey, sequence: u64) -> Self {
        Self::on_chain(secret, sequence, CHAIN)
    }

    pub(crate) fn on_chain(secret: &SecretKey, sequence: u64, chain: ChainHash) -> Self {
        let node_key = NodeKey::generate();
        let digest = Binding::digest(&chain, &node_key.peer_id(), sequence);
        let validator = secret.public_key();
        let binding = Some(Binding { validator, sequence, signature: secret.sign(&digest) });
        let config = NetworkConfig {
            node_key,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            chain,
            agent: "mokka/test".into(),
            binding,
            record: None,
            committed: Height::new(0),
            max_block_bytes: 1024 * 1024,
            admitted: Admitted::default(),
            targets: Vec::new(),
            rates: Rates::default(),
        };
        Self { config, validator }
    }

    pub(crate) fn admitting<'a>(mut self, others: impl IntoIterator<Item = &'a Spec>) -> Self {
        let keys: Vec<_> = others.into_iter().map(|other| other.validator).collect();
        self.config.admitted = Admitted::new(keys, []);
        self
    }

    pub(crate) async fn start(&self) -> Node {
        self.try_start().await.unwrap()
    }

    pub(crate) async fn try_start(&self) -> Result<Node, StartError> {
        let stop = CancellationToken::new();
        let network = Network::spawn(self.config.clone(), stop.clone()).await?;
        let Network { handle, events, task } = network;
        Ok(Node { handle, events, task, stop, validator: self.validator })
    }
}

/// A running node.
pub(crate) struct Node {
    pub(crate) handle: NetworkHandle,
    pub(crate) events: mpsc::Receiver<NetworkEvent>,
    pub(crate) validator: PublicKey,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Node {
    pub(crate) fn peer_id(&self) -> PeerId {
        self.handle.peer_id()
    }

    pub(crate) fn address(&self) -> Multiaddr {
        self.handle.listen_address().clone()
    }

    pub(crate) fn socket(&self) -> SocketAddr {
        let text = self.address().to_string();
        let port = text.rsplit('/').next().unwrap().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    pub(crate) fn target(&self) -> Target {
        Target { validator: self.validator, addresses: vec![self.address()] }
    }

    pub(crate) fn dials<'a>(&self, others: impl IntoIterator<Item = &'a Node>) {
        self.handle.set_targets(others.into_iter().map(Node::target).collect());
    }

    /// The next event that `wanted` turns into something; the others are passed over.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(NetworkEvent) -> Option<T>,
    ) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("never: {what}; stats {:?}", self.handle.stats()),
        }
    }

    pub(crate) async fn connected_to(&mut self, other: PeerId) {
        self.until("connected", |event| match event {
            NetworkEvent::PeerConnected { peer, .. } if peer == other => Some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn connected_to_all(&mut self, others: impl IntoIterator<Item = PeerId>) {
        let mut missing: Vec<_> = others.into_iter().collect();
        while !missing.is_empty() {
            let connected = self
                .until("everybody", |event| match event {
                    NetworkEvent::PeerConnected { peer, .. } => Some(peer),
                    _ => None,
                })
                .await;
            missing.retain(|id| *id != connected);
        }
    }

    /// The next packet that comes by way of this peer; no verdict is given.
    pub(crate) async fn packet_of(&mut self, other: PeerId) -> Packet {
        self.until("a packet of it", |event| match event {
            NetworkEvent::Packet(packet) if packet.source == other => Some(packet),
            _ => None,
        })
        .await
    }

    pub(crate) async fn lost(&mut self, other: PeerId) {
        self.until("lost", |event| match event {
            NetworkEvent::PeerLost { peer, .. } if peer == other => Some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn refused(&mut self) -> (PeerId, RefusedBy, Reason) {
        self.until("refused", |event| match event {
            NetworkEvent::Refused { peer, by, reason } => Some((peer, by, reason)),
            _ => None,
        })
        .await
    }

    /// The next packet, which is found genuine.
    pub(crate) async fn packet(&mut self) -> (PeerId, Bytes) {
        self.packet_with(Verdict::Accept).await
    }

    pub(crate) async fn packet_with(&mut self, verdict: Verdict) -> (PeerId, Bytes) {
        let Packet { bytes, source, token, .. } = self
            .until("a packet", |event| match event {
                NetworkEvent::Packet(packet) => Some(packet),
                _ => None,
            })
            .await;
        self.handle.validated(token, verdict);
        (source, bytes)
    }

    pub(crate) async fn transactions(&mut self) -> (PeerId, Vec<Bytes>) {
        let Transactions { transactions, source, token, .. } = self
            .until("transactions", |event| match event {
                NetworkEvent::Transactions(transactions) => Some(transactions),
                _ => None,
            })
            .await;
        self.handle.validated(token, Verdict::Accept);
        (source, transactions)
    }

    /// Ends the node and waits until its port is free again.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// Validators that let each other in.
pub(crate) fn validators(count: usize) -> Vec<Spec> {
    let all: Vec<_> = (0..count).map(|_| Spec::new()).collect();
    all.iter().map(|spec| spec.clone().admitting(&all)).collect()
}

/// Starts them, tells each where the others are, and waits until all are connected to all.
pub(crate) async fn full_mesh(specs: &[Spec]) -> Vec<Node> {
    let mut nodes = Vec::new();
    for spec in specs {
        nodes.push(spec.start().await);
    }
    for node in &nodes {
        node.dials(&nodes);
    }
    let all: Vec<_> = nodes.iter().map(Node::peer_id).collect();
    for node in &mut nodes {
        let own = node.peer_id();
        node.connected_to_all(all.iter().copied().filter(|id| *id != own)).await;
        let seen = usize::try_from(node.handle.stats().peers).unwrap();
        assert_eq!(seen + 1, all.len(), "who is told of a peer sees it");
    }
    nodes
}

/// Two nodes that are connected.
pub(crate) async fn pair() -> (Node, Node) {
    let mut nodes = full_mesh(&validators(2)).await;
    let second = nodes.pop().unwrap();
    (nodes.pop().unwrap(), second)
}
