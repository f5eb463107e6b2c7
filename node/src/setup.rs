//! From what the operator and the genesis file say to what each part is told.

use mokka_crypto::SecretKey;
use mokka_genesis::{Beginning, Genesis};
use mokka_mempool::{ReplayProtection, Rules};
use mokka_network::{Binding, NetworkConfig, NodeKey, PeerRecord, Rates};
use mokka_rpc::{Hosts, Origins, RpcConfig};
use mokka_types::ChainHash;

use crate::{
    NodeSettings, Place, StartError, executor::now_ms, members::Acquaintances, node::Opened,
};

/// What the network's configuration is made of.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) genesis: &'a Genesis,
    pub(crate) beginning: &'a Beginning,
    pub(crate) opened: &'a Opened,
    pub(crate) key: Option<&'a SecretKey>,
    pub(crate) settings: &'a NodeSettings,
    pub(crate) acquaintances: &'a Acquaintances,
    pub(crate) place: &'a Place,
}

pub(crate) fn network_config(from: &Surroundings<'_>) -> Result<NetworkConfig, StartError> {
    let Surroundings { genesis, beginning, opened, key, settings, acquaintances, place } = *from;
    let node_key = match place {
        Place::Disk(dir) => NodeKey::load_or_create(&dir.node_key_file())?,
        Place::Memory => NodeKey::generate(),
    };
    let (chain, sequence) = (beginning.chain_hash, now_ms());
    let binding = key.map(|key| {
        let digest = Binding::digest(&chain, &node_key.peer_id(), sequence);
        Binding { validator: key.public_key(), sequence, signature: key.sign(&digest) }
    });
    Ok(NetworkConfig {
        node_key,
        listen: settings.p2p_listen,
        chain,
        agent: format!("mokka/{}", env!("CARGO_PKG_VERSION")),
        binding,
        record: record(settings, chain, sequence, key)?,
        committed: opened.store.head().height,
        max_block_bytes: genesis.settings().max_block_bytes as usize,
        admitted: acquaintances.admitted(&opened.members, &[]),
        targets: acquaintances.targets(&opened.members),
        rates: Rates::default(),
    })
}

/// What the validator says of where it is, if the settings say so.
fn record(
    settings: &NodeSettings,
    chain: ChainHash,
    sequence: u64,
    key: Option<&SecretKey>,
) -> Result<Option<PeerRecord>, StartError> {
    let addresses = settings.p2p_announce.clone();
    if addresses.is_empty() {
        return Ok(None);
    }
    PeerRecord::check(&addresses)?;
    let Some(key) = key else {
        tracing::warn!(
            "p2p-announce is of no use without a validator's key: nobody dials this node"
        );
        return Ok(None);
    };
    let signature = key.sign(&PeerRecord::digest(&chain, &addresses, sequence));
    Ok(Some(PeerRecord { validator: key.public_key(), sequence, addresses, signature }))
}

pub(crate) fn rpc_config(settings: &NodeSettings) -> RpcConfig {
    let any = |names: &[String]| names.iter().any(|name| name == "*");
    RpcConfig {
        listen: settings.rpc_listen,
        hosts: match any(&settings.rpc_hosts) {
            true => Hosts::Any,
            false => Hosts::Only(settings.rpc_hosts.clone()),
        },
        origins: match &settings.rpc_origins {
            names if any(names) => Origins::Any,
            names if names.is_empty() => Origins::None,
            names => Origins::Only(names.clone()),
        },
        minimum_tip: u128::from(settings.min_tip),
        ..RpcConfig::default()
    }
}

/// What the pool asks of a transaction, with the gas limit in force.
pub(crate) fn pool_rules(genesis: &Genesis, settings: &NodeSettings, gas_limit: u64) -> Rules {
    Rules {
        min_tip: u128::from(settings.min_tip),
        replay_protection: match settings.allow_unprotected_transactions {
            true => ReplayProtection::Optional,
            false => ReplayProtection::Required,
        },
        ..Rules::new(genesis.chain_id(), gas_limit, genesis.base_fee())
    }
}
