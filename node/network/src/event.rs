//! What the node hears from the network.

use std::fmt;

use bytes::Bytes;
use libp2p::{PeerId, gossipsub::MessageId};
use mokka_types::{Height, PublicKey};
use tokio::sync::OwnedSemaphorePermit;

use crate::Reason;

/// Something happened.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A consensus packet came in; not verified.
    Packet(Packet),
    /// Transactions came in; not decoded.
    Transactions(Transactions),
    /// A peer was let in and let us in: from now on both sides accept what the other sends. A good
    /// moment to send it the pending transactions.
    PeerConnected {
        /// Its node.
        peer: PeerId,
        /// The validator or candidate that it speaks for; `None` for an observer. Where that
        /// changes with the admitted, the peer is lost and connected again in a moment, over the
        /// same connection.
        validator: Option<PublicKey>,
        /// The newest committed block that it claims to have.
        committed: Height,
    },
    /// A peer that was connected is gone, or has restarted.
    PeerLost {
        /// Its node.
        peer: PeerId,
        /// The validator or candidate that it spoke for.
        validator: Option<PublicKey>,
    },
    /// One side did not let the other in.
    Refused {
        /// The other node.
        peer: PeerId,
        /// Which side refused.
        by: RefusedBy,
        /// Why, as the refusing side sees it.
        reason: Reason,
    },
}

/// Which side refused a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBy {
    /// This node.
    Us,
    /// The peer.
    Them,
}

/// A consensus packet as it came from a peer.
#[derive(Debug)]
pub struct Packet {
    /// A sealed envelope, supposedly.
    pub bytes: Bytes,
    /// Who passed it on: not necessarily who says it.
    pub source: PeerId,
    /// The validator or candidate that the source speaks for; none for an observer.
    pub speaks_for: Option<PublicKey>,
    /// Which way it came.
    pub way: Way,
    /// To be given back with a verdict.
    pub token: ValidationToken,
    pub(crate) _queued: Queued,
}

/// Which way a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over the connection of its source, and meant for this node.
    Direct,
    /// As a broadcast, maybe by way of others.
    Broadcast,
}

/// Transactions as they came from a peer.
#[derive(Debug)]
pub struct Transactions {
    /// Each as Ethereum encodes it, supposedly.
    pub transactions: Vec<Bytes>,
    /// Who passed them on.
    pub source: PeerId,
    /// To be given back with a verdict.
    pub token: ValidationToken,
    pub(crate) _queued: Queued,
}

/// The share of memory that something takes until the node has dealt with it.
pub(crate) struct Queued(pub(crate) OwnedSemaphorePermit);

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.num_permits())
    }
}

/// Names a message that waits for a [`Verdict`]; a broadcast is passed on only after it.
#[must_use = "a broadcast is passed on to others only after a verdict"]
#[derive(Debug)]
pub struct ValidationToken {
    pub(crate) source: PeerId,
    /// `None` for direct messages, which are not passed on.
    pub(crate) gossip: Option<MessageId>,
}

/// What the node found out about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Genuine: pass it on.
    Accept,
    /// Not wrong, but nobody needs it: old, or known.
    Ignore,
    /// No correct node sends or passes on such a thing: the source loses score (§10).
    Reject,
}
