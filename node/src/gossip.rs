//! Between the network and the rest: packets by the [`Door`] to the engine, transactions to the
//! pool.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Instant};

use mokka::{Handle, Notice, Transport};
use mokka_consensus::{Event, Status};
use mokka_network::{Culprit, Fault, NetworkEvent, NetworkHandle, Packet, Verdict};
use mokka_types::{PublicKey, SealedEnvelope, codec};
use tokio::sync::{broadcast, mpsc, watch};
use tracing::{debug, error, info, warn};

use crate::{
    door::{Arrival, Decision, Door, is_request},
    executor::Keepsake,
    metrics::Metrics,
    pool::{Message, PoolHandle},
};

/// Carries the engine's packets over libp2p; a chain of one has nobody to carry them to.
pub(crate) struct Carrier(pub(crate) Option<NetworkHandle>);

impl Transport for Carrier {
    /// Who is no validator is passed on by nobody, and a validator that this node does not know yet
    /// is reached by nobody: then those are asked that are connected (§7).
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        let Some(network) = &self.0 else { return };
        let SealedEnvelope { envelope, .. } = packet;
        let both = network.is_validator(&envelope.sender) && network.is_validator(to);
        match is_request(envelope) && !both {
            true => network.ask(*to, codec::encode(packet)),
            false => network.send(*to, codec::encode(packet)),
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
    let mut door = Door::default();
    while let Some(event) = events.recv().await {
        match event {
            NetworkEvent::Packet(packet) => on_packet(packet, &mut door, &network, &engine),
            NetworkEvent::Transactions(transactions) => {
                if let Err(token) = pool.offer(transactions) {
                    network.validated(*token, Verdict::Ignore);
                }
            }
            NetworkEvent::PeerConnected { peer, .. } => pool.send(Message::Greet(peer)).await,
            // The network has logged them, with what only it knows.
            NetworkEvent::PeerLost { .. } | NetworkEvent::Refused { .. } => {}
        }
    }
}

fn on_packet(packet: Packet, door: &mut Door, network: &NetworkHandle, engine: &Handle) {
    let Packet { bytes, source, speaks_for, way, token, .. } = packet;
    let verdict = match engine.gate().open(&bytes) {
        Ok(opened) => {
            let bytes = bytes.len();
            let arrival = Arrival { source, speaks_for, way, bytes, at: Instant::now() };
            let decision = door.decide(&arrival, &opened, |key| network.is_validator(key));
            match decision {
                Decision::Answer => network.expects_answer(source, opened.sender),
                Decision::Flood => network.report(Culprit::Peer(source), Fault::Flood),
                Decision::Take | Decision::Keep | Decision::Drop | Decision::Reject => {}
            }
            if decision.is_for_engine()
                && let Err(error) = engine.authenticated(opened, bytes)
            {
                debug!(%error, %source, "a packet was not taken");
            }
            decision.verdict()
        }
        Err(error) => {
            debug!(%error, %source, "no packet");
            Verdict::Reject
        }
    };
    network.validated(token, verdict);
}

/// Whether this node votes, as far as its log has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is one of the validators.
    Validator,
    /// It may be one, but its key signs nothing.
    Marked,
    /// It follows only.
    Observer,
}

/// What consensus tells of itself, as it goes to logs, metrics, pool, network and store.
pub(crate) struct Listener {
    pub(crate) status: watch::Receiver<Option<Status>>,
    pub(crate) network: Option<NetworkHandle>,
    pub(crate) pool: PoolHandle,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) keep: Box<dyn Fn(Keepsake) + Send + Sync>,
}

impl Listener {
    /// Listens until the engine ends.
    pub(crate) async fn listen(self, mut notices: broadcast::Receiver<Notice>) {
        let mut standing = None;
        loop {
            let notice = notices.recv().await;
            // The first status that there is comes before the first change of the set.
            let before = *standing.get_or_insert_with(|| self.standing());
            match notice {
                Ok(Notice::Event(event)) => {
                    if let Event::Epoch(_) = event {
                        let now = self.standing();
                        standing = Some(now);
                        self.tell_standing(before, now);
                    }
                    self.on_event(event).await;
                }
                Ok(Notice::Accused(accused)) => {
                    warn!(validator = %accused.who, fault = ?accused.fault, "protocol broken");
                    self.metrics.accused(accused.fault);
                    if let Some(network) = &self.network {
                        network.report(Culprit::Validator(accused.who), Fault::Invalid);
                    }
                }
                Ok(Notice::Ignored(reason)) => self.metrics.ignored(reason),
                // The network tells of its connections itself.
                Ok(Notice::Joined(_) | Notice::Left(_)) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    debug!(missed, "notices of consensus were missed");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn standing(&self) -> Standing {
        match self.status.borrow().as_ref() {
            Some(Status { place: Some(_), .. }) => Standing::Validator,
            // Whose key is marked keeps its seat; the mark is told by itself.
            Some(Status { mark: Some(_), .. }) => Standing::Marked,
            Some(_) | None => Standing::Observer,
        }
    }

    /// The set has changed: what that is to this node.
    fn tell_standing(&self, before: Standing, now: Standing) {
        let peer_id = self.network.as_ref().map(|network| network.peer_id().to_string());
        match (before, now) {
            (Standing::Observer | Standing::Marked, Standing::Validator) => {
                info!("this node is a validator now");
            }
            (Standing::Validator, Standing::Observer) => warn!(
                peer_id,
                "this node is no longer a validator: it signs nothing more and follows as an \
                 observer, if the others let it; ask a member to admit its peer id"
            ),
            (_, Standing::Marked)
            | (Standing::Observer | Standing::Marked, Standing::Observer)
            | (Standing::Validator, Standing::Validator) => {}
        }
    }

    async fn on_event(&self, event: Event) {
        self.metrics.consensus_event(&event);
        match event {
            Event::Leader { view, leader } => {
                info!(term = %view, %leader, "following a new leader");
                let proof = self.status.borrow().as_ref().and_then(|status| status.proof.clone());
                if let Some(proof) = proof {
                    (self.keep)(Keepsake::Proof(Box::new(proof)));
                }
                self.pool.send(Message::Leader(view)).await;
            }
            Event::Standing(view) => info!(term = %view, "standing for election"),
            Event::NotElected(view) => debug!(term = %view, "not elected"),
            Event::Marked(mark) => error!(
                key = %mark.key,
                "this node only follows: {}; its key must sign nothing until members replace it",
                mark.reason
            ),
            Event::Evidence(evidence) => {
                error!(
                    validator = %evidence.culprit,
                    term = %evidence.view(),
                    "this validator signed {}: `mokka_evidence` shows the proof; members decide",
                    evidence.misdeed.name()
                );
                (self.keep)(Keepsake::Evidence(evidence));
            }
            Event::Epoch(epoch) => info!(%epoch, "the validators changed"),
            Event::ClockBehind(view) => warn!(
                term = %view,
                "the clock of this machine has not reached the term that this node is bound to: \
                 it elects nobody before; set the clock"
            ),
            Event::Resigned { view, reason } => info!(term = %view, ?reason, "leading no more"),
            Event::Final(id) => {
                if let Some(network) = &self.network {
                    network.set_committed(id.height);
                }
            }
            Event::HeartbeatTimeout => self.pool.send(Message::Silence).await,
            Event::State(_) | Event::VotesMissing(_) => {}
        }
    }
}
