//! From what the operator and the genesis file say to what each part is told.

use std::collections::BTreeSet;

use mokka_crypto::SecretKey;
use mokka_genesis::{Beginning, Genesis};
use mokka_mempool::{ReplayProtection, Rules};
use mokka_network::{
    Admitted, Binding, Multiaddr, NetworkConfig, NodeKey, PeerId, PeerRecord, Rates, Target,
};
use mokka_rpc::{Hosts, Origins, RpcConfig};
use mokka_types::{ChainHash, PublicKey};

use crate::{NodeSettings, Place, StartError, executor::now_ms, node::Opened};

pub(crate) fn network_config(
    genesis: &Genesis,
    beginning: &Beginning,
    opened: &Opened,
    key: Option<&SecretKey>,
    settings: &NodeSettings,
    place: &Place,
) -> Result<NetworkConfig, StartError> {
    let node_key = match place {
        Place::Disk(dir) => NodeKey::load_or_create(&dir.node_key_file())?,
        Place::Memory => NodeKey::generate(),
    };
    let (chain, sequence) = (beginning.chain_hash, now_ms());
    let binding = key.map(|key| {
        let digest = Binding::digest(&chain, &node_key.peer_id(), sequence);
        Binding { validator: key.public_key(), sequence, signature: key.sign(&digest) }
    });
    let observers: Result<Vec<PeerId>, _> = settings
        .observers
        .iter()
        .map(|text| text.parse().map_err(|_| StartError::Observer(text.clone())))
        .collect();
    let own = key.map(SecretKey::public_key);
    let targets = targets(genesis, settings, own)?;
    let genesis_set = genesis.validator_set();
    // Whoever the operator says is a validator may be one that this node's chain does not know yet.
    let named = targets.iter().map(|target| target.validator);
    let named: Vec<_> = named.filter(|key| genesis_set.index_of(key).is_none()).collect();
    let validators = opened.set.keys().iter().copied();
    Ok(NetworkConfig {
        node_key,
        listen: settings.p2p_listen,
        chain,
        agent: format!("mokka/{}", env!("CARGO_PKG_VERSION")),
        binding,
        record: record(settings, chain, sequence, key)?,
        committed: opened.store.head().height,
        max_block_bytes: genesis.settings().max_block_bytes as usize,
        admitted: Admitted::new(validators, observers?).candidates(named),
        targets,
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

/// Whom to dial: the validators of the genesis file, where the settings do not say otherwise.
fn targets(
    genesis: &Genesis,
    settings: &NodeSettings,
    own: Option<PublicKey>,
) -> Result<Vec<Target>, StartError> {
    let mut targets = Vec::new();
    let mut told = BTreeSet::new();
    for text in &settings.peers {
        let parsed = text.split_once('@').and_then(|(key, address)| {
            Some((key.parse::<PublicKey>().ok()?, address.parse::<Multiaddr>().ok()?))
        });
        let (validator, address) = parsed.ok_or_else(|| StartError::Peer(text.clone()))?;
        told.insert(validator.x());
        targets.push(Target { validator, addresses: vec![address] });
    }
    for validator in genesis.validators() {
        let key = validator.public_key;
        let Some(address) = &validator.address else { continue };
        if told.contains(&key.x()) {
            continue;
        }
        let address: Multiaddr = address
            .as_str()
            .parse()
            .map_err(|_| StartError::Peer(format!("{key}@{}", address.as_str())))?;
        targets.push(Target { validator: key, addresses: vec![address] });
    }
    targets.retain(|target| own.is_none_or(|own| own.x() != target.validator.x()));
    Ok(targets)
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

pub(crate) fn pool_rules(genesis: &Genesis, settings: &NodeSettings) -> Rules {
    Rules {
        min_tip: u128::from(settings.min_tip),
        replay_protection: match settings.allow_unprotected_transactions {
            true => ReplayProtection::Optional,
            false => ReplayProtection::Required,
        },
        ..Rules::new(genesis.chain_id(), genesis.gas_limit(), genesis.base_fee())
    }
}
