//! A validator as the genesis file introduces it.

use mokka_types::{NodeAddress, PublicKey};

/// Who votes from the first block on. Only the key is part of the chain's identity; name and
/// address may differ between the files of two operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// The key that votes.
    pub public_key: PublicKey,
    /// What people call it.
    pub name: Option<String>,
    /// Where its node listens.
    pub address: Option<NodeAddress>,
}

impl Validator {
    /// A validator of whom only the key is known.
    pub const fn new(public_key: PublicKey) -> Self {
        Self { public_key, name: None, address: None }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With the address of its node.
    #[must_use]
    pub fn at(mut self, address: NodeAddress) -> Self {
        self.address = Some(address);
        self
    }
}
