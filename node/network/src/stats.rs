//! What the network counts, for metrics.

/// Counters since the start and gauges of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkStats {
    /// Peers that were let in and let us in.
    pub peers: u64,
    /// Of these, validators.
    pub validators: u64,
    /// Connections, strangers included.
    pub connections: u64,
    /// Broadcasts and direct packets that this node sent, once each.
    pub packets_sent: u64,
    /// Payload bytes that were sent, to each peer; what is passed on is not counted.
    pub bytes_sent: u64,
    /// Packets that came in from peers that were let in, copies not counted.
    pub packets_received: u64,
    /// Batches of transactions that came in.
    pub batches_received: u64,
    /// Payload bytes of both.
    pub bytes_received: u64,
    /// Broadcasts that no connected peer could hear.
    pub broadcasts_unheard: u64,
    /// Orders that did not fit the command queue.
    pub commands_dropped: u64,
    /// Packets or transactions too large to be sent.
    pub too_large: u64,
    /// Packets to a slow peer that were not sent: too many were under way.
    pub outbound_dropped: u64,
    /// Direct messages that did not arrive.
    pub outbound_failed: u64,
    /// Broadcasts that gossipsub gave up sending to a slow peer.
    pub gossip_dropped: u64,
    /// What came in and did not fit the event queue.
    pub inbound_dropped: u64,
    /// Messages beyond a peer's rate.
    pub rate_limited: u64,
    /// Messages of peers that were not (yet) let in.
    pub unadmitted: u64,
    /// Faults of peers, reported by the node or found here.
    pub faults: u64,
    /// Bans that followed.
    pub bans: u64,
    /// Connections that this node refused after the hello.
    pub refused_by_us: u64,
    /// Connections that the other side refused.
    pub refused_by_them: u64,
    /// Inbound connections that never finished the handshake: garbage, scanners, limits.
    pub handshakes_failed: u64,
    /// Attempts to dial.
    pub dials: u64,
    /// Those that failed.
    pub dials_failed: u64,
    /// Events about peers that were lost because the node did not read them.
    pub events_lost: u64,
}
