//! A plain TCP transport: frames of bounded size, and connections that are bound to a key.
//!
//! Who connects proves its key by signing a challenge of the other side (`greeting`), and is let in
//! if it is a member or was named to [`Network::join`]. Then come frames: a packet, a message of
//! the library's users, or, once a second, nothing, so that a silent peer is noticed (`link`).
//! Packets and messages are signed by themselves, and taken only from the connection of their
//! sender. Nothing is encrypted: where others may listen, run it through a tunnel.
//! ```text
//! engine ─▶ TcpTransport ─┐                       ┌▶ link ─▶ socket   one queue for each peer
//! users ──▶ Network ──────┴▶ hub (owns all peers) ┴▶ link ─▶ socket
//! socket ─▶ link ─▶ Handle (packets)      hub ─▶ Notice::Joined, Notice::Left, Message
//! ```
//! # Bounds
//! A frame is read as its bytes come, up to the largest packet of the chain; before the greeting,
//! up to 512 bytes. 64 strangers may be at the door, for five seconds each. What is sent to a peer
//! waits in a queue of 256 frames and four of the largest packets; what finds no room, or no
//! connection, is dropped and [counted](Network::dropped). A peer whose frames are not what they
//! should be loses the connection, and is dialed again with growing pauses of at most five seconds.

mod dialer;
mod frame;
mod greeting;
mod hub;
mod link;
mod listener;
mod message;
mod network;
#[cfg(feature = "testing")]
pub mod testing;

pub use greeting::{Reason, Refusal, RefusedBy};
pub use message::{MAX_MESSAGE_BYTES, Message, MessageTooLong, Recipient, Topic};
pub use network::{Network, Peers, TcpTransport, listen};
