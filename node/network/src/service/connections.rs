//! Connections come and go; targets are dialed; one connection per peer stays.

use std::{error::Error, time::Instant};

use libp2p::{
    PeerId,
    core::ConnectedPoint,
    ping,
    swarm::{ConnectionId, DialError, dial_opts::DialOpts},
};
use mokka_types::PublicKey;

use super::Service;
use crate::{
    NetworkEvent,
    limits::{DIAL_BACKOFF_MAX, MAX_UNADMITTED},
    peer::{Connection, Direction, Peer},
};

impl Service {
    pub(super) fn on_connected(
        &mut self,
        id: PeerId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
    ) {
        let now = Instant::now();
        let unadmitted = self.peers.values().filter(|peer| !peer.is_admitted()).count();
        if !self.peers.contains_key(&id) && unadmitted >= MAX_UNADMITTED {
            self.set_gate(&id);
            self.swarm.close_connection(connection);
            return;
        }
        let peer = self.peers.entry(id).or_insert_with(|| Peer::new(&self.rates, now));
        peer.connections.push(Connection::new(connection, endpoint, now));
        self.close_duplicate(id);
        self.set_gate(&id);
        self.say_hello(id);
    }

    /// Of two connections one stays. Both sides must choose the same: of two that were made at the
    /// same time, the one that the lower peer id dialed; otherwise the newer, since the older is
    /// probably dead.
    fn close_duplicate(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let [.., old, new] = peer.connections.as_slice() else { return };
        let lower =
            if *self.swarm.local_peer_id() < id { Direction::Outbound } else { Direction::Inbound };
        let at_once = new.since.saturating_duration_since(old.since) < DIAL_BACKOFF_MAX;
        let close = if at_once && old.direction != new.direction && new.direction != lower {
            new.id
        } else {
            old.id
        };
        self.swarm.close_connection(close);
    }

    pub(super) fn on_disconnected(&mut self, id: PeerId, connection: ConnectionId) {
        self.dialer.failed(connection, Instant::now());
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.connections.retain(|of| of.id != connection);
        if peer.connections.is_empty() {
            self.lose(id);
            self.peers.remove(&id);
        }
    }

    /// The peer no longer counts as connected; the node is told if it knew of it.
    pub(super) fn lose(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let validator = peer.speaks_for();
        let announced = peer.announced.take();
        if let Some(key) = validator
            && self.speakers.get(&key.x()) == Some(&id)
        {
            self.speakers.remove(&key.x());
            self.dialer.lost(&key, Instant::now());
        }
        if announced.is_some() {
            let key = validator.map(|key| key.to_string());
            tracing::info!(peer_id = %id, validator = key, "peer lost");
            self.tell(NetworkEvent::PeerLost { peer: id, validator });
        }
    }

    /// Closes all connections of a peer.
    pub(super) fn hang_up(&mut self, id: PeerId) {
        // It fails when there is no connection, which is what is wanted.
        let _ = self.swarm.disconnect_peer_id(id);
    }

    pub(super) fn on_ping(&mut self, event: ping::Event) {
        match event.result {
            Ok(round_trip) => {
                if let Some(peer) = self.peers.get_mut(&event.peer) {
                    peer.latency = Some(round_trip);
                }
            }
            Err(ping::Failure::Timeout) => {
                tracing::debug!(peer_id = %event.peer, "no answer to a ping");
                self.swarm.close_connection(event.connection);
            }
            Err(error) => tracing::debug!(peer_id = %event.peer, %error, "ping failed"),
        }
    }

    pub(super) fn on_targets_changed(&mut self) {
        let targets = self.inputs.targets.borrow_and_update().clone();
        let speakers = &self.speakers;
        self.dialer.set(targets, |target| speakers.contains_key(&target.validator.x()));
    }

    /// Dials whom the dialer names.
    pub(super) fn dial_due(&mut self, now: Instant) {
        for (key, address) in self.dialer.due(now) {
            if self.speakers.contains_key(&key.x()) {
                self.dialer.connected(&key);
                continue;
            }
            if self.admitted.member(&key).is_none() {
                // We would refuse it ourselves.
                self.dialer.rest(&key, now);
                continue;
            }
            // A port of its own: from the listening port, two nodes that dial each other at once
            // would end up with one TCP connection that both believe to have opened.
            let order =
                DialOpts::unknown_peer_id().address(address.clone()).allocate_new_port().build();
            self.stats.dials += 1;
            let connection = order.connection_id();
            self.dialer.trying(&key, connection);
            if let Err(error) = self.swarm.dial(order) {
                tracing::debug!(%address, %error, "cannot dial");
                self.on_dial_failed(connection, &error);
            }
        }
    }

    /// An attempt came to nothing; who cannot be reached for a while is named.
    pub(super) fn on_dial_failed(&mut self, connection: ConnectionId, error: &DialError) {
        let now = Instant::now();
        self.stats.dials_failed += 1;
        // Whom we do not want to reach is none to complain of.
        let is_missed = !matches!(error, DialError::Denied { .. });
        if is_missed && let Some((validator, addresses)) = self.dialer.complaint_of(connection, now)
        {
            let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            tracing::warn!(
                %validator,
                addresses = addresses.join(" "),
                error = innermost(error),
                "a validator cannot be reached, trying on: start its node, let its port through, \
                 or correct its address in the genesis file or with --peer"
            );
        }
        self.dialer.failed(connection, now);
    }

    /// A dialed peer and this node do not want each other.
    pub(super) fn dialing_refused(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let now = Instant::now();
        peer.connections.iter().for_each(|of| self.dialer.refused(of.id, now));
    }

    /// A peer is connected; whether or not it is the one that was meant by its address.
    pub(super) fn dialing_succeeded(&mut self, id: PeerId, validator: Option<PublicKey>) {
        if let Some(key) = validator {
            self.dialer.connected(&key);
        }
        let Some(peer) = self.peers.get(&id) else { return };
        for connection in &peer.connections {
            if let Some((meant, addresses)) = self.dialer.meant(connection.id) {
                tracing::warn!(
                    peer_id = %id, ?validator, %meant, ?addresses,
                    "another node answers at the address of a validator; correct the address"
                );
                self.dialer.refused(connection.id, Instant::now());
            }
        }
    }
}

/// What the system said, on one line: the layers above it repeat each other on several.
fn innermost(error: &DialError) -> String {
    let mut inner: &dyn Error = match error {
        DialError::Transport(errors) => match errors.last() {
            Some((_, last)) => last,
            None => error,
        },
        other => other,
    };
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
