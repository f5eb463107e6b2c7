//! Who may connect.

use std::collections::{BTreeMap, BTreeSet};

use libp2p::PeerId;
use mokka_types::PublicKey;

/// Validators (and approved candidates) by their keys, observers by their peer ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// By x coordinate, as keys are compared everywhere (§3).
    validators: BTreeMap<[u8; 32], PublicKey>,
    observers: BTreeSet<PeerId>,
}

impl Admitted {
    /// These validators and observers, and nobody else.
    pub fn new(
        validators: impl IntoIterator<Item = PublicKey>,
        observers: impl IntoIterator<Item = PeerId>,
    ) -> Self {
        Self {
            validators: validators.into_iter().map(|key| (key.x(), key)).collect(),
            observers: observers.into_iter().collect(),
        }
    }

    /// The key as it is listed, if it is.
    pub fn validator(&self, key: &PublicKey) -> Option<PublicKey> {
        self.validators.get(&key.x()).copied()
    }

    /// Whether this peer may observe.
    pub fn observer(&self, peer: &PeerId) -> bool {
        self.observers.contains(peer)
    }
}
