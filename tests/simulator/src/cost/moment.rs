//! A core and what it is about to hear: one step, to be taken again and again.

use mokka_consensus::{Consensus, Input, Output};
use mokka_crypto::{Committee, Verified};
use mokka_types::{Envelope, Monotonic, Packet};

use crate::{World, world::Happening};

/// A core, and what it is about to hear.
#[derive(Clone, Debug)]
pub struct Moment {
    core: Consensus,
    now: Monotonic,
    heard: Box<Verified<Envelope>>,
}

impl Moment {
    /// The validators that decide what it hears.
    pub const fn committee(&self) -> &Committee {
        self.core.committee()
    }

    /// What it is about to hear.
    pub fn packet(&self) -> &Packet {
        &self.heard.packet
    }

    /// Hears it; also returns the core, so that who measures need not wait for its end.
    pub fn step(self) -> (Consensus, Output) {
        let Self { mut core, now, heard } = self;
        let output = core.step(now, Input::Packet(heard));
        (core, output)
    }
}

impl World {
    /// Time passes until a running node is about to hear such a packet.
    ///
    /// # Panics
    /// Where nothing will ever happen again, or a rule of §13 breaks.
    pub fn moment(&mut self, is_it: impl Fn(&Packet) -> bool) -> Moment {
        loop {
            if let Some(((now, _), Happening::Arrives { to, packet })) =
                self.queue.first_key_value()
                && let Some(engine) = &self.nodes[*to].engine
                && is_it(&packet.packet)
            {
                let heard = Box::new(Verified::clone(packet));
                return Moment { core: engine.core().clone(), now: *now, heard };
            }
            if let Err(failure) = self.try_step() {
                panic!("{failure}");
            }
        }
    }
}
