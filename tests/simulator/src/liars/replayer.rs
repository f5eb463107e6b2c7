//! Old packets, its own and the others', sent again: late, and to others (§3, run and counter).

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mokka_crypto::Verified;
use mokka_types::{Envelope, Packet};

use super::{Behaviour, To, Tongue};

/// Packets that it remembers.
const MEMORY: usize = 200;
/// Packets that it sends again in one moment, at most.
const AT_ONCE: u64 = 4;

#[derive(Default)]
pub(super) struct Replayer(VecDeque<Arc<Verified<Envelope>>>);

impl Replayer {
    fn remember(&mut self, envelope: Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        if self.0.len() >= MEMORY {
            // Some of it is very old.
            let forgotten = tongue.random().index(MEMORY);
            self.0.remove(forgotten);
        }
        self.0.push_back(envelope);
    }
}

impl Behaviour for Replayer {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        let envelope = tongue.say(to, packet);
        self.remember(envelope, tongue);
    }

    fn hears(&mut self, envelope: &Arc<Verified<Envelope>>, tongue: &mut Tongue) {
        self.remember(Arc::clone(envelope), tongue);
    }

    fn acts(&mut self, tongue: &mut Tongue) {
        for _ in 0..tongue.random().below(AT_ONCE + 1) {
            let chosen = tongue.random().index(self.0.len());
            let Some(envelope) = self.0.get(chosen).map(Arc::clone) else { return };
            let after = tongue.random().between(Duration::ZERO, Duration::from_secs(3));
            let to = match tongue.random().per_mille(200) {
                true => To::These(vec![envelope.sender]),
                false => To::These(vec![tongue.anybody()]),
            };
            tongue.relay(to, after, envelope);
        }
    }
}
