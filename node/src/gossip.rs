//! Between the network and the rest: packets to the engine, transactions to the pool.

use std::sync::Arc;

use mokka::{Handle, Notice, Transport};
use mokka_consensus::{Event, Status};
use mokka_network::{Culprit, Fault, NetworkEvent, NetworkHandle, Verdict};
use mokka_types::{Proof, PublicKey, SealedEnvelope, codec};
use tokio::sync::{broadcast, mpsc, watch};
use tracing::{debug, info, warn};

use crate::{
    metrics::Metrics,
    pool::{Message, PoolHandle},
};

/// Carries the engine's packets over libp2p; a chain of one has nobody to carry them to.
pub(crate) struct Carrier(pub(crate) Option<NetworkHandle>);

impl Transport for Carrier {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        if let Some(network) = &self.0 {
            network.send(*to, codec::encode(packet));
        }
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        if let Some(network) = &self.0 {
            network.broadcast(codec::encode(packet));
        }
    }
}

/// Hands on what comes from the network, until it ends.
pub(crate) async fn receive(
    mut events: mpsc::Receiver<NetworkEvent>,
    network: NetworkHandle,
    engine: Handle,
    pool: PoolHandle,
) {
    while let Some(event) = events.recv().await {
        match event {
            NetworkEvent::Packet(packet) => {
                let opened = engine.gate().open(&packet.bytes);
                let verdict = match &opened {
                    Ok(_) => Verdict::Accept,
                    Err(error) if error.is_senders_fault() => Verdict::Reject,
                    Err(_) => Verdict::Ignore,
                };
                let bytes = packet.bytes.len();
                if let Err(error) = opened.and_then(|opened| engine.authenticated(opened, bytes)) {
                    debug!(%error, source = %packet.source, "a packet was not taken");
                }
                network.validated(packet.token, verdict);
            }
            NetworkEvent::Transactions(transactions) => {
                if let Err(token) = pool.offer(transactions) {
                    network.validated(*token, Verdict::Ignore);
                }
            }
            NetworkEvent::PeerConnected { peer, validator, committed } => {
                let validator = validator.map(|key| key.to_string());
                info!(%peer, validator, height = %committed, "peer connected");
                pool.send(Message::Greet(peer)).await;
            }
            NetworkEvent::PeerLost { peer, validator } => {
                let validator = validator.map(|key| key.to_string());
                info!(%peer, validator, "peer lost");
            }
            NetworkEvent::Refused { peer, by, reason } => {
                warn!(%peer, ?by, %reason, "connection refused");
            }
        }
    }
}

/// What consensus tells of itself, as it goes to logs, metrics, pool, network and store.
pub(crate) struct Listener {
    pub(crate) status: watch::Receiver<Option<Status>>,
    pub(crate) network: Option<NetworkHandle>,
    pub(crate) pool: PoolHandle,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) keep_proof: Box<dyn Fn(Proof) + Send + Sync>,
}

impl Listener {
    /// Listens until the engine ends.
    pub(crate) async fn listen(self, mut notices: broadcast::Receiver<Notice>) {
        loop {
            match notices.recv().await {
                Ok(Notice::Event(event)) => self.on_event(event).await,
                Ok(Notice::Accused(accused)) => {
                    warn!(validator = %accused.who, fault = ?accused.fault, "protocol broken");
                    self.metrics.accused(accused.fault);
                    if let Some(network) = &self.network {
                        network.report(Culprit::Validator(accused.who), Fault::Invalid);
                    }
                }
                Ok(Notice::Ignored(reason)) => self.metrics.ignored(reason),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    debug!(missed, "notices of consensus were missed");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn on_event(&self, event: Event) {
        self.metrics.consensus_event(&event);
        match event {
            Event::Leader { view, leader } => {
                info!(term = %view, %leader, "following a new leader");
                let proof = self.status.borrow().as_ref().and_then(|status| status.proof.clone());
                if let Some(proof) = proof {
                    (self.keep_proof)(proof);
                }
                self.pool.send(Message::Repeat).await;
            }
            Event::Standing(view) => info!(term = %view, "standing for election"),
            Event::NotElected(view) => debug!(term = %view, "not elected"),
            Event::Resigned { view, reason } => info!(term = %view, ?reason, "leading no more"),
            Event::Final(id) => {
                if let Some(network) = &self.network {
                    network.set_committed(id.height);
                }
            }
            Event::HeartbeatTimeout | Event::State(_) | Event::VotesMissing(_) => {}
        }
    }
}
