//! A core and what it is about to hear: one step, to be taken again and again.

use mokka_consensus::{Consensus, Input, Output};
use mokka_types::{Monotonic, Packet};

use crate::{World, world::Happening};

/// A core, and what it is about to hear.
#[derive(Clone, Debug)]
pub struct Moment {
    core: Consensus,
    now: Monotonic,
    input: Input,
}

impl Moment {
    /// Hears it; also returns the core, so that who measures need not wait for its end.
    pub fn step(self) -> (Consensus, Output) {
        let Self { mut core, now, input } = self;
        let output = core.step(now, input);
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
            if let Some(((now, _), Happening::Arrives { to, packet })) = self.queue.first_key_value()
                && let Some(engine) = &self.nodes[*to].engine
                && is_it(&packet.packet)
            {
                let input = Input::Packet(Box::new((**packet).clone()));
                return Moment { core: engine.core().clone(), now: *now, input };
            }
            if let Err(failure) = self.try_step() {
                panic!("{failure}");
            }
        }
    }
}
