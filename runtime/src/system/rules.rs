//! What genesis says of members and permissions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alloy_primitives::Address;
use mokka_types::{PublicKey, Settings};

/// Who decides about proposals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threshold {
    /// More than half of the validators.
    #[default]
    Majority,
    /// Two thirds of the validators, rounded up.
    TwoThirds,
    /// This account alone.
    Admin(Address),
}

/// How members decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Governance {
    /// Who decides.
    pub threshold: Threshold,
    /// How long a proposal takes votes, in whole seconds.
    pub voting_period: Duration,
    /// How long a new key may take to accept, in whole seconds.
    pub acceptance_period: Duration,
}

impl Default for Governance {
    /// More than half decide within a week; a new node has a day to come up.
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { threshold: Threshold::default(), voting_period: 7 * DAY, acceptance_period: DAY }
    }
}

/// What an account may do with an allow list; the numbers are Avalanche's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Nothing.
    #[default]
    None = 0,
    /// What the list is about.
    Enabled = 1,
    /// That, and give and take every role.
    Admin = 2,
    /// That, and enable and disable others.
    Manager = 3,
}

/// An allow list in block 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowListRules {
    /// Whether it holds anybody back.
    pub switch: Switch,
    /// Who has a role.
    pub roles: BTreeMap<Address, Role>,
}

/// Whether a list holds anybody back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    /// Everybody may do what it is about.
    #[default]
    Off,
    /// Only those on it may.
    On,
}

/// The list of nodes that may observe, in block 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeListRules {
    /// Who may change it.
    pub roles: BTreeMap<Address, Role>,
    /// The peer ids of those on it.
    pub nodes: BTreeSet<String>,
}

/// Who may do what, in block 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Who may send transactions.
    pub transactions: AllowListRules,
    /// Who may create contracts.
    pub contracts: AllowListRules,
    /// Which nodes may observe.
    pub observers: NodeListRules,
}

/// What the system contracts hold in block 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemRules {
    /// The validators of the first epoch.
    pub validators: Vec<PublicKey>,
    /// Timers and limits of consensus.
    pub settings: Settings,
    /// Gas of every block, until members decide otherwise.
    pub gas_limit: u64,
    /// How members decide.
    pub governance: Governance,
    /// Who may do what.
    pub permissions: Permissions,
}
