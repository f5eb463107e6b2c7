//! The plug that carries packets.

use mokka_types::{PublicKey, SealedEnvelope};

/// Carries packets to other nodes.
///
/// Neither method blocks or fails: what cannot be carried is dropped and counted by the transport.
/// The protocol repeats whatever matters (§6.8). What arrives goes to [`crate::Handle::packet`].
pub trait Transport: Send {
    /// Carries a packet to one node.
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope);

    /// Carries a packet to every other node.
    fn broadcast(&mut self, packet: &SealedEnvelope);
}
