//! What is known about a connected peer.

use std::time::{Duration, Instant};

use libp2p::{
    Multiaddr, PeerId, core::ConnectedPoint, request_response::OutboundRequestId,
    swarm::ConnectionId,
};
use mokka_types::{Height, PublicKey};

use crate::{
    Hello, Rates, Reason,
    bucket::Bucket,
    hello::Role,
    limits::{HELLO_TIMEOUT, MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES},
};

/// Which side dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The peer dialed this node.
    Inbound,
    /// This node dialed the peer.
    Outbound,
}

impl Direction {
    /// In one word, as logs have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// A connected peer, for people and monitoring.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerInfo {
    /// Its node.
    pub peer: PeerId,
    /// The validator or candidate that it speaks for; `None` for an observer.
    pub validator: Option<PublicKey>,
    /// Where it is, or came from.
    pub address: Multiaddr,
    /// Which side dialed.
    pub direction: Direction,
    /// What it calls itself.
    pub agent: String,
    /// The newest committed block that it claimed when it connected.
    pub committed: Height,
    /// For how long it has been connected.
    pub connected_for: Duration,
    /// The last round trip.
    pub latency: Option<Duration>,
    /// 0 is spotless; at 100 it is banned.
    pub score: f64,
    /// Payload bytes that this node sent to it.
    pub sent_bytes: u64,
    /// Payload bytes that came from it.
    pub received_bytes: u64,
}

/// One of the connections to a peer.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) since: Instant,
    pub(crate) direction: Direction,
    pub(crate) address: Multiaddr,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, endpoint: &ConnectedPoint, now: Instant) -> Self {
        let direction = if endpoint.is_dialer() { Direction::Outbound } else { Direction::Inbound };
        Self { id, since: now, direction, address: endpoint.get_remote_address().clone() }
    }
}

/// What a peer showed in its accepted hello, and as whom it is let in by it now.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) role: Role,
    pub(crate) hello: Hello,
}

/// A refused peer is given a moment to read why, and to send its own hello.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    pub(crate) deadline: Instant,
    /// Our answer has left.
    pub(crate) told: bool,
    pub(crate) reason: Reason,
}

/// Which subjects it subscribed to: until then a broadcast would pass it by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hears {
    pub(crate) consensus: bool,
    pub(crate) transactions: bool,
}

/// Everything about one peer; one of these per peer, whatever the number of connections.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) connections: Vec<Connection>,
    /// Its hello was good: packets are accepted.
    pub(crate) shown: Option<Shown>,
    /// The session in which it accepted our hello.
    pub(crate) welcomed: Option<u64>,
    /// The session that the node was told of by `PeerConnected`.
    pub(crate) announced: Option<u64>,
    /// Our hello that waits for its answer.
    pub(crate) asked: Option<OutboundRequestId>,
    pub(crate) hello_deadline: Instant,
    pub(crate) leaving: Option<Leaving>,
    pub(crate) hears: Hears,
    /// The x coordinate of the key with which an observer signs what it asks for.
    pub(crate) asks_as: Option<[u8; 32]>,
    pub(crate) consensus: Bucket,
    pub(crate) transactions: Bucket,
    pub(crate) records: Bucket,
    pub(crate) in_flight: InFlight,
    pub(crate) latency: Option<Duration>,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

impl Peer {
    pub(crate) fn new(rates: &Rates, now: Instant) -> Self {
        Self {
            connections: Vec::new(),
            shown: None,
            welcomed: None,
            announced: None,
            asked: None,
            hello_deadline: now + HELLO_TIMEOUT,
            leaving: None,
            hears: Hears::default(),
            asks_as: None,
            consensus: Bucket::new(rates.consensus, now),
            transactions: Bucket::new(rates.transactions, now),
            records: Bucket::new(rates.records, now),
            in_flight: InFlight::default(),
            latency: None,
            sent_bytes: 0,
            received_bytes: 0,
        }
    }

    /// What it sends is accepted.
    pub(crate) fn is_admitted(&self) -> bool {
        self.shown.is_some() && self.leaving.is_none()
    }

    /// Each side has let the other in, in the sessions that run now, and broadcasts reach it.
    pub(crate) fn is_up(&self) -> bool {
        let session = self.shown.as_ref().map(|shown| shown.hello.session);
        let hears = self.hears.consensus && self.hears.transactions;
        let is_connected = !self.connections.is_empty();
        is_connected && self.is_admitted() && session == self.welcomed && hears
    }

    /// The validator or candidate that it speaks for.
    pub(crate) fn speaks_for(&self) -> Option<PublicKey> {
        self.shown.as_ref().and_then(|shown| shown.role.key())
    }

    pub(crate) fn is_validator(&self) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.role.is_validator())
    }

    pub(crate) fn info(&self, peer: PeerId, score: f64) -> Option<PeerInfo> {
        let (shown, connection) = (self.shown.as_ref()?, self.connections.last()?);
        Some(PeerInfo {
            peer,
            validator: shown.role.key(),
            address: connection.address.clone(),
            direction: connection.direction,
            agent: shown.hello.agent.clone(),
            committed: shown.hello.committed,
            connected_for: connection.since.elapsed(),
            latency: self.latency,
            score,
            sent_bytes: self.sent_bytes,
            received_bytes: self.received_bytes,
        })
    }
}

/// Direct messages that wait for their answer.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    requests: Vec<(Channel, OutboundRequestId, usize)>,
    bytes: usize,
}

/// The protocol of a direct message; each counts its requests by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Packets,
    Transactions,
    Records,
}

impl InFlight {
    /// Whether one more of this size may go.
    pub(crate) fn has_room(&self, channel: Channel, size: usize) -> bool {
        let count = self.requests.iter().filter(|(of, ..)| *of == channel).count();
        count < MAX_IN_FLIGHT && self.bytes + size <= MAX_IN_FLIGHT_BYTES
    }

    pub(crate) fn add(&mut self, channel: Channel, id: OutboundRequestId, size: usize) {
        self.requests.push((channel, id, size));
        self.bytes += size;
    }

    pub(crate) fn done(&mut self, channel: Channel, id: OutboundRequestId) {
        if let Some(at) = self.requests.iter().position(|(of, on, _)| (*of, *on) == (channel, id)) {
            self.bytes -= self.requests.swap_remove(at).2;
        }
    }
}
