//! Grants, and never answers `Sign` (§5.4, attempts).

use mokka_types::Packet;

use super::{Behaviour, To, Tongue};

pub(super) struct SilentSigner;

impl Behaviour for SilentSigner {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        match packet {
            Packet::Signed(_) => tongue.keep_silent(),
            packet => drop(tongue.say(to, packet)),
        }
    }
}
