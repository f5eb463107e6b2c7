//! Who may connect.

use std::collections::{BTreeMap, BTreeSet};

use libp2p::PeerId;
use mokka_types::PublicKey;

/// Validators and candidates by their keys, observers by their peer ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// By x coordinate, as keys are compared everywhere (§3).
    validators: BTreeMap<[u8; 32], PublicKey>,
    candidates: BTreeMap<[u8; 32], PublicKey>,
    observers: BTreeSet<PeerId>,
}

impl Admitted {
    /// These validators and observers, and nobody else.
    pub fn new(
        validators: impl IntoIterator<Item = PublicKey>,
        observers: impl IntoIterator<Item = PeerId>,
    ) -> Self {
        Self {
            validators: by_x(validators),
            candidates: BTreeMap::new(),
            observers: observers.into_iter().collect(),
        }
    }

    /// Also nodes that speak for these keys, which are no validators, or not yet: whoever is
    /// approved (§9), and whom the operator of this node told it to dial. They are talked to and
    /// heard directly; their broadcasts are not those of validators. A key that is a validator's,
    /// too, is a validator's.
    #[must_use]
    pub fn candidates(mut self, keys: impl IntoIterator<Item = PublicKey>) -> Self {
        self.candidates = by_x(keys);
        self
    }

    /// The key as it is listed, if it is a validator's.
    pub fn validator(&self, key: &PublicKey) -> Option<PublicKey> {
        self.validators.get(&key.x()).copied()
    }

    /// The key as it is listed, if it is a validator's or a candidate's.
    pub fn member(&self, key: &PublicKey) -> Option<PublicKey> {
        self.validator(key).or_else(|| self.candidates.get(&key.x()).copied())
    }

    /// Whether this peer may observe.
    pub fn observer(&self, peer: &PeerId) -> bool {
        self.observers.contains(peer)
    }

    pub(crate) fn has_validator(&self, x: &[u8; 32]) -> bool {
        self.validators.contains_key(x)
    }

    /// The validators of `before` that are none any more, by x coordinate.
    pub(crate) fn gone_since(&self, before: &Self) -> impl Iterator<Item = [u8; 32]> {
        before.validators.keys().filter(move |x| !self.validators.contains_key(*x)).copied()
    }
}

fn by_x(keys: impl IntoIterator<Item = PublicKey>) -> BTreeMap<[u8; 32], PublicKey> {
    keys.into_iter().map(|key| (key.x(), key)).collect()
}
