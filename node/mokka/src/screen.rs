//! What a member lets pass: the original's `reqMiddleware` and `resMiddleware`.

use std::{fmt, sync::Arc};

use mokka_types::{Envelope, PublicKey, SealedEnvelope};

use crate::Transport;

/// What a screen says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It goes on.
    Let,
    /// It is dropped, as a network drops packets: the protocol bears it and repeats what matters.
    Refuse,
}

/// Looks at packets and refuses some. It cannot change them: they are signed.
#[derive(Clone)]
pub struct Screen(Arc<dyn Fn(&Envelope) -> Passage + Send + Sync>);

impl Screen {
    /// A screen that asks this function about every packet, on whatever thread the packet is. It
    /// must not block.
    pub fn new(ask: impl Fn(&Envelope) -> Passage + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// What it says of a packet.
    pub fn look(&self, packet: &Envelope) -> Passage {
        (self.0)(packet)
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

/// A transport behind a screen.
pub(crate) struct Screened {
    pub(crate) screen: Screen,
    pub(crate) transport: Box<dyn Transport>,
}

impl Transport for Screened {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        if self.screen.look(&packet.envelope) == Passage::Let {
            self.transport.send(to, packet);
        }
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        if self.screen.look(&packet.envelope) == Passage::Let {
            self.transport.broadcast(packet);
        }
    }
}
