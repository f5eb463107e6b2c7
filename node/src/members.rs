//! Who the members are, and what they decided: as the chain says it after its newest block.
//!
//! The executor reads it from the state and tells everybody; here it becomes what the network must
//! know, and, where our own key was approved, the acceptance that makes this node a validator.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mokka_genesis::Genesis;
use mokka_network::{Admitted, Multiaddr, NetworkHandle, PeerId, Target};
use mokka_runtime::{
    StateError, StateReader,
    system::{self, Candidate, Member, SystemState},
};
use mokka_types::{CrashModel, PublicKey, ValidatorSet};
use tokio::sync::watch;
use tracing::warn;

use crate::{NodeSettings, StartError};

/// Candidates leave when their time is over, also where no block says so.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// For so long a validator that was removed is still told what became of its last block (§9). What
/// it broadcasts does not count any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the chain says of its members after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) system: SystemState,
    pub(crate) set: ValidatorSet,
    /// When each proposal that is open or approved expires, in seconds since 1970.
    pub(crate) pending: Vec<u64>,
}

/// The newest [`Membership`].
pub(crate) type Members = watch::Receiver<Arc<Membership>>;

impl Membership {
    /// Reads it from the state after a block.
    pub(crate) fn read(state: &dyn StateReader, genesis: &Genesis) -> Result<Self, StateError> {
        let system = SystemState::read(state, genesis.settings())?;
        let system = system.ok_or_else(|| StateError("the members contract is gone".to_owned()))?;
        let set = set_of(genesis.crash_model(), &system.validators)?;
        // At the beginning of time nothing has expired.
        let pending = system::pending(state, 0)?.iter().map(|one| one.expires_at).collect();
        Ok(Self { system, set, pending })
    }

    /// The validator of a key.
    pub(crate) fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.system.validators.iter().find(|member| member.key.x() == key.x())
    }

    /// Those that may accept now.
    pub(crate) fn candidates(&self, now: u64) -> impl Iterator<Item = &Candidate> {
        self.system.candidates.iter().filter(move |candidate| now <= candidate.expires_at)
    }
}

/// The set that these validators are.
pub(crate) fn set_of(model: CrashModel, members: &[Member]) -> Result<ValidatorSet, StateError> {
    let keys = members.iter().map(|member| member.key);
    ValidatorSet::new(model, keys).map_err(|error| StateError(error.to_string()))
}

/// Seconds since 1970 on this machine's clock.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// What this node's operator says of its network.
#[derive(Clone, Debug)]
pub(crate) struct Acquaintances {
    genesis: Genesis,
    own: Option<PublicKey>,
    observers: Vec<PeerId>,
    /// Where validators are, whatever the chain says.
    told: Vec<Target>,
}

impl Acquaintances {
    /// Reads what the settings say.
    pub(crate) fn new(
        genesis: &Genesis,
        settings: &NodeSettings,
        own: Option<PublicKey>,
    ) -> Result<Self, StartError> {
        let observers: Result<Vec<PeerId>, _> = settings
            .observers
            .iter()
            .map(|text| text.parse().map_err(|_| StartError::Observer(text.clone())))
            .collect();
        let mut told: Vec<Target> = Vec::new();
        for text in &settings.peers {
            let parsed = text.split_once('@').and_then(|(key, address)| {
                Some((key.parse::<PublicKey>().ok()?, address.parse::<Multiaddr>().ok()?))
            });
            let (validator, address) = parsed.ok_or_else(|| StartError::Peer(text.clone()))?;
            match told.iter_mut().find(|target| target.validator.x() == validator.x()) {
                Some(target) => target.addresses.push(address),
                None => told.push(Target { validator, addresses: vec![address] }),
            }
        }
        let (genesis, observers, told) = (genesis.clone(), observers?, told);
        Ok(Self { genesis, own, observers, told })
    }

    /// Who may connect: validators and candidates, those who are just `leaving`, and the observers
    /// of the chain and of the settings.
    pub(crate) fn admitted(&self, members: &Membership, leaving: &[PublicKey]) -> Admitted {
        let candidates = members.candidates(now()).map(|candidate| candidate.key);
        // Whom the operator names may be a validator that this node's chain does not know yet.
        let named = self.told.iter().map(|target| target.validator);
        let named = named.filter(|key| members.set.index_of(key).is_none());
        let listed = members.system.nodes.iter().filter_map(|text| text.parse().ok());
        let validators = members.set.keys().iter().copied();
        Admitted::new(validators, self.observers.iter().copied().chain(listed))
            .candidates(candidates.chain(named).chain(leaving.iter().copied()))
    }

    /// Whom to dial, and where: as the settings say, else the chain, else the genesis file. Whom
    /// the settings name is dialed also where this node's chain does not know it yet; who has no
    /// address here may still tell one itself.
    pub(crate) fn targets(&self, members: &Membership) -> Vec<Target> {
        let validators = members.system.validators.iter().map(|one| (one.key, &one.endpoint));
        let candidates = members.candidates(now()).map(|one| (one.key, &one.endpoint));
        let is_told = |key: &PublicKey| self.told.iter().any(|at| at.validator.x() == key.x());
        let known = validators.chain(candidates).filter(|(key, _)| !is_told(key));
        let known = known.map(|(key, endpoint)| self.target_of(key, endpoint));
        let is_own = |key: &PublicKey| self.own.is_some_and(|own| own.x() == key.x());
        let all = known.chain(self.told.iter().cloned());
        all.filter(|target| !is_own(&target.validator)).collect()
    }

    fn target_of(&self, validator: PublicKey, endpoint: &str) -> Target {
        let listed = || {
            let mut listed = self.genesis.validators().iter();
            let of_key = listed.find(|one| one.public_key.x() == validator.x());
            of_key.and_then(|one| one.address.as_ref()).map(|address| address.as_str())
        };
        let text = Some(endpoint).filter(|text| !text.is_empty()).or_else(listed);
        let addresses = text.and_then(|text| {
            let parsed: Result<Multiaddr, _> = text.parse();
            parsed
                .inspect_err(|error| {
                    warn!(%validator, endpoint = text, %error, "this endpoint cannot be dialed");
                })
                .ok()
        });
        Target { validator, addresses: addresses.into_iter().collect() }
    }
}

/// Tells the network whom to let in and whom to dial, as members come and go.
pub(crate) async fn follow(
    mut members: Members,
    acquaintances: Acquaintances,
    network: Option<NetworkHandle>,
) {
    let Some(network) = network else { return std::future::pending().await };
    let (mut told, mut leaving) = (None, Vec::new());
    let mut before = members.borrow().clone();
    loop {
        let now = members.borrow_and_update().clone();
        let removed = before.set.keys().iter().filter(|key| now.set.index_of(key).is_none());
        leaving.extend(removed.map(|key| (*key, Instant::now() + FAREWELL)));
        leaving.retain(|(_, until)| Instant::now() < *until);
        before = now.clone();
        let gone: Vec<_> = leaving.iter().map(|(key, _)| *key).collect();
        let next = (acquaintances.admitted(&now, &gone), acquaintances.targets(&now));
        if told.as_ref() != Some(&next) {
            network.set_admitted(next.0.clone());
            network.set_targets(next.1.clone());
            told = Some(next);
        }
        tokio::select! {
            changed = members.changed() => if changed.is_err() {
                // The executor is gone, and tells of it itself.
                return std::future::pending().await;
            },
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}
