//! How nodes find, recognise and talk to each other.
//!
//! One task owns the libp2p swarm ([`Network::spawn`]); the node tells it what to send through a
//! [`NetworkHandle`], whose methods never wait, and hears what happened as [`NetworkEvent`]s.
//! Nothing here understands a packet: bytes go in, bytes come out, and the owner says whether a
//! broadcast was genuine ([`Verdict`]) before it is passed on.
//!
//! ```text
//! tcp ─ noise ─ yamux ─┬─ gossipsub        broadcasts and transactions, forwarded after a verdict
//!                      ├─ /mokka/hello     who are you, which chain; before it nothing else counts
//!                      ├─ /mokka/packet    one consensus packet to one peer
//!                      ├─ /mokka/transactions   pending transactions to one peer
//!                      ├─ /mokka/records   where validators say that they are, passed on
//!                      └─ ping, identify
//! ```
//!
//! # Who is let in
//! A node has a libp2p key of its own ([`NodeKey`]); a statement signed by the validator key binds
//! it ([`Binding`]), so the network never sees the validator key. Both sides show their [`Hello`]
//! right after connecting. A side accepts packets once the other's hello was good, and sends once
//! the other said welcome: so nothing is sent that would not be accepted. Another chain and
//! strangers ([`Admitted`]) are told why ([`Reason`]), logged, and cut. Until then gossipsub keeps
//! such a peer below every threshold: it hears nothing and nothing it says is looked at.
//!
//! # Bounds
//! Sizes, streams, queues, rates, connections: each has a named constant with its reason, most of
//! them in [`limits`]. What does not fit is dropped and counted ([`NetworkStats`]); consensus
//! repeats itself (§6.8). A peer that misbehaves loses score and is banned for a while ([`Fault`],
//! §10).
//!
//! # Units
//! Lengths of time are [`std::time::Duration`]; sizes are bytes of payload.
//!
//! Read in this order: [`NetworkConfig`], [`Hello`], [`NetworkEvent`], [`NetworkHandle`], then the
//! task in `service`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admitted;
mod batch;
mod behaviour;
mod binding;
mod bucket;
mod config;
mod dialer;
mod error;
mod event;
mod frames;
mod handle;
mod hello;
mod key;
pub mod limits;
mod outbox;
mod peer;
mod record;
mod score;
mod service;
mod stats;
#[cfg(feature = "testing")]
pub mod testing;

pub use admitted::Admitted;
pub use binding::Binding;
pub use bucket::{Bucket, Rate};
pub use config::{NetworkConfig, Rates, Target};
pub use error::{KeyError, StartError};
pub use event::{NetworkEvent, Packet, RefusedBy, Transactions, ValidationToken, Verdict, Way};
pub use handle::{Network, NetworkHandle};
pub use hello::{Hello, Reason};
pub use key::NodeKey;
pub use libp2p::{Multiaddr, PeerId};
pub use peer::{Direction, PeerInfo};
pub use record::{PeerRecord, RecordError};
pub use score::{Culprit, Fault};
pub use stats::NetworkStats;
