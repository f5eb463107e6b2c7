//! What all members must agree on before the first block.

use std::time::Duration;

use mokka_consensus::Restored;
use mokka_crypto::{digest, is_on_curve};
use mokka_types::{
    BlockId, Body, ChainHash, CrashModel, Epoch, Height, InvalidSet, MIN_GAS_LIMIT, PublicKey,
    SafetyState, Settings, ValidatorSet,
};

/// The least that a body may hold, so that something fits into a block.
const MIN_BLOCK_BYTES: u32 = 1 << 10;
/// The most: a block travels as one packet, and sixteen of them may wait for the engine.
const MAX_BLOCK_BYTES: u32 = 64 << 20;

/// Why a cluster cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitCluster {
    /// The members are no set.
    #[error(transparent)]
    Members(#[from] InvalidSet),
    /// Nobody can have this key.
    #[error("the key {0} is no point of the curve; it was copied wrongly")]
    NotOnCurve(PublicKey),
    /// The settings do not fit together; the text names one that is wrong, and what it must be.
    #[error("{0}")]
    Settings(String),
}

/// The rules of one cluster. Every member must be given the same: they are in the [chain
/// hash](Self::chain), and members of different clusters refuse each other.
///
/// ```
/// # use std::time::Duration;
/// # use mokka::{Cluster, types::CrashModel, crypto::SecretKey};
/// # fn main() -> Result<(), mokka::UnfitCluster> {
/// # let keys: Vec<_> = (0..4).map(|_| SecretKey::generate().public_key()).collect();
/// let cluster = Cluster::new("orders", CrashModel::Bft, keys)?
///     .heartbeat(Duration::from_millis(100))
///     .election_timeout(Duration::from_millis(300))
///     .proof_lifetime(Duration::from_secs(30))
///     .checked()?;
/// assert_eq!(cluster.members().quorum().votes(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    genesis: BlockId,
    members: ValidatorSet,
    settings: Settings,
}

impl Cluster {
    /// A cluster of this name with the timers of §4; `model` is the original's `crashModel`.
    ///
    /// # Errors
    /// When there are no members, too many, one twice, or one that is no key.
    pub fn new(
        name: &str,
        model: CrashModel,
        members: impl IntoIterator<Item = PublicKey>,
    ) -> Result<Self, UnfitCluster> {
        let members = ValidatorSet::new(model, members)?;
        if let Some(key) = members.keys().iter().find(|key| !is_on_curve(key)) {
            return Err(UnfitCluster::NotOnCurve(*key));
        }
        let hash = digest::body(&Body::new(name.as_bytes()));
        let genesis = BlockId { height: Height::GENESIS, hash };
        Ok(Self { genesis, members, settings: Settings::default() })
    }

    /// How often a leader shows that it is alive; the original's `heartbeat`.
    #[must_use]
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.settings.heartbeat = every;
        self
    }

    /// How long one candidacy lasts; the original's `electionTimeout`.
    #[must_use]
    pub fn election_timeout(mut self, length: Duration) -> Self {
        self.settings.election_timeout = length;
        self
    }

    /// How long a proof makes a leader; the original's `proofExpiration`.
    #[must_use]
    pub fn proof_lifetime(mut self, length: Duration) -> Self {
        self.settings.proof_lifetime = length;
        self
    }

    /// All timers and limits at once.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Looks whether the settings fit together (§4). [`crate::Member::new`] does, too.
    ///
    /// # Errors
    /// When they do not; the text says which one is wrong, and how.
    pub fn checked(self) -> Result<Self, UnfitCluster> {
        let bytes = self.settings.max_block_bytes;
        if !(MIN_BLOCK_BYTES..=MAX_BLOCK_BYTES).contains(&bytes) {
            return Err(UnfitCluster::Settings(format!(
                "max_block_bytes is {bytes}, but must be between {MIN_BLOCK_BYTES} and \
                 {MAX_BLOCK_BYTES}"
            )));
        }
        // Without transactions a block costs no gas, whatever the limit.
        match self.settings.broken(MIN_GAS_LIMIT).first() {
            Some(rule) => {
                let text = rule.text(|setting| setting.to_string());
                Err(UnfitCluster::Settings(format!("{} {text}", rule.setting())))
            }
            None => Ok(self),
        }
    }

    /// Names this cluster and its rules: it is in everything that its members sign (§3).
    pub fn chain(&self) -> ChainHash {
        digest::chain(&self.genesis.hash, 0, &self.members, &self.settings)
    }

    /// Block 0, named after the cluster.
    pub const fn genesis(&self) -> BlockId {
        self.genesis
    }

    /// Who votes.
    pub const fn members(&self) -> &ValidatorSet {
        &self.members
    }

    /// Timers and limits.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What a member starts from whose machine has no block yet, and whose store holds `safety`.
    pub fn beginning(&self, safety: SafetyState) -> Restored {
        Restored {
            safety,
            committed: self.genesis,
            certificate: None,
            epoch: Epoch::default(),
            set: self.members.clone(),
            began: self.genesis,
        }
    }
}
