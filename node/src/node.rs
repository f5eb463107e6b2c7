//! A running node: opened, put together, watched.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use alloy_consensus::{Header, Sealed};
use alloy_primitives::B256;
use mokka::{LocalSigner, Plugs, SafetyStore, Start, StoreFailure};
use mokka_consensus::Restored;
use mokka_crypto::SecretKey;
use mokka_genesis::{Beginning, Genesis};
use mokka_mempool::{Limits, ReplayProtection, Rules};
use mokka_network::{
    Admitted, Binding, Multiaddr, Network, NetworkConfig, NetworkEvent, NetworkHandle, NodeKey,
    PeerId, Rates, Target,
};
use mokka_rpc::{Hosts, Identity, Origins, RpcConfig, RpcServer};
use mokka_storage::{DiskStore, GenesisCommit, MemoryDisk, Store};
use mokka_types::{BlockId, PublicKey, RunNumber, SafetyRecord, ValidatorSet};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    DataDir, NodeSettings,
    calls::Calls,
    chain::{Chain, committed_block},
    error::{NodeEnded, StartError},
    executor::{self, Committed, now_ms},
    gossip::{self, Carrier, Listener},
    metrics::{Metrics, RpcCalls},
    pool::{self, PoolHandle},
    submit::Submissions,
    supervisor::{End, Task},
    view::{Overview, address_of},
    web,
};

/// Committed blocks that a subscriber may be behind before it misses some.
const HEADS_KEPT: usize = 256;

/// How long a part may take to finish what it has, once the node stops.
const CLOSING: Duration = Duration::from_secs(10);

/// Where a node keeps its chain.
pub enum Place {
    /// In a data directory.
    Disk(DataDir),
    /// Nowhere: the chain ends with the process. Only for a network of one.
    Memory,
}

/// Whether a node talks to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Networking {
    /// It listens and dials.
    On,
    /// It is a network of one.
    Off,
}

/// What a node is made of.
pub struct NodeOptions {
    /// The chain's rules.
    pub genesis: Genesis,
    /// Where the chain is kept.
    pub place: Place,
    /// The validator's key; an observer has none.
    pub key: Option<SecretKey>,
    /// What the operator set.
    pub settings: NodeSettings,
    /// Whether it talks to others.
    pub networking: Networking,
}

/// Where a running node listens; also in the data directory's `addresses.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The process.
    pub pid: u32,
    /// JSON-RPC, over HTTP and WebSocket.
    pub rpc: SocketAddr,
    /// `/metrics`, `/health`, `/ready`.
    pub metrics: SocketAddr,
    /// The multiaddr of this node, if it talks to others.
    pub p2p: Option<String>,
}

/// A running node.
pub struct Node {
    addresses: Addresses,
    stop: CancellationToken,
    engine: mokka::Handle,
    running: mokka::Running,
    tasks: [Task; 2],
    network: Option<(NetworkHandle, tokio::task::JoinHandle<()>)>,
    rpc: RpcServer,
}

/// A chain that was opened.
struct Opened {
    store: Arc<dyn Store>,
    block_0: BlockId,
    set: ValidatorSet,
}

/// Makes promises durable in the node's store.
struct Promises(Arc<dyn Store>);

impl SafetyStore for Promises {
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure> {
        let written = self.0.append_safety(records);
        written.map_err(|error| StoreFailure { reason: error.to_string() })
    }
}

impl Node {
    /// Opens the chain and begins to take part in it.
    ///
    /// # Errors
    /// When anything that it needs is missing, in use, or not what it should be.
    pub async fn start(options: NodeOptions) -> Result<Self, StartError> {
        let NodeOptions { genesis, place, key, settings, networking } = options;
        let beginning = genesis.begin().map_err(|error| StartError::Genesis(error.to_string()))?;
        let opened = open(&genesis, &beginning, &place)?;
        let stop = CancellationToken::new();
        let (listener, metrics_address) = web::bind(settings.metrics_listen)
            .await
            .map_err(|source| StartError::Metrics { address: settings.metrics_listen, source })?;
        let network = match networking {
            Networking::Off => None,
            Networking::On => {
                let config =
                    network_config(&genesis, &beginning, &opened, key.as_ref(), &settings, &place)?;
                Some(Network::spawn(config, stop.clone()).await?)
            }
        };
        let parts = Parts { genesis, beginning, opened, settings, stop };
        let node = parts.assemble(key, network, listener, metrics_address).await?;
        if let Place::Disk(dir) = &place {
            // Invariant: addresses are plain text and numbers.
            let text = serde_json::to_string_pretty(&node.addresses).expect("plain data");
            crate::data_dir::write_private(&dir.addresses_file(), text.as_bytes())?;
        }
        let Addresses { rpc, metrics, p2p, .. } = &node.addresses;
        info!(%rpc, %metrics, p2p, "the node runs");
        Ok(node)
    }

    /// Where it listens.
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Ends the node in order when it is cancelled.
    pub fn stop_handle(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until the node ends: in order after [`Node::stop_handle`], or because a part of it
    /// could not go on.
    ///
    /// # Errors
    /// Which part failed, and why.
    pub async fn ended(mut self) -> Result<(), NodeEnded> {
        let [pool, executor] = &mut self.tasks;
        let result = tokio::select! {
            () = self.stop.cancelled() => Ok(()),
            ended = self.running.ended() => match ended {
                Ok(_) => Ok(()),
                Err(reason) => Err(failed("consensus", reason)),
            },
            end = pool.ended() => judge(pool.name, end),
            end = executor.ended() => judge(executor.name, end),
        };
        let orderly = self.stop.is_cancelled();
        self.engine.stop();
        if orderly {
            info!("stopping: giving up leadership, then closing");
            if let Err(reason) = self.running.ended().await {
                error!(%reason, "consensus did not end in order");
            }
        }
        self.stop.cancel();
        self.rpc.stop().await;
        if let Some((_, task)) = self.network {
            // It was told to stop; a panic was reported on standard error.
            let _ended = task.await;
        }
        // Their inboxes are closed: they finish what they have, and let go of the store.
        for task in &mut self.tasks {
            if tokio::time::timeout(CLOSING, task.ended()).await.is_err() {
                error!(part = task.name, "it did not end in time");
            }
        }
        result
    }
}

fn failed(part: &'static str, reason: impl ToString) -> NodeEnded {
    NodeEnded { part, reason: reason.to_string() }
}

fn judge(name: &'static str, end: End) -> Result<(), NodeEnded> {
    match end {
        End::Orderly => Ok(()),
        End::Failed(reason) => Err(failed(name, reason)),
        End::Vanished => Err(failed(name, "it panicked; see standard error")),
    }
}

fn open(genesis: &Genesis, beginning: &Beginning, place: &Place) -> Result<Opened, StartError> {
    let set = genesis.validator_set();
    let chain = beginning.chain_hash;
    let store: Arc<dyn Store> = match place {
        Place::Disk(dir) => Arc::new(DiskStore::open(&dir.database(), chain)?),
        Place::Memory => {
            let commit = GenesisCommit { chain, executed: &beginning.block, validators: &set };
            let created = MemoryDisk::new().create(&commit);
            Arc::new(created.map_err(|error| StartError::Genesis(error.to_string()))?)
        }
    };
    Ok(Opened { store, block_0: beginning.id, set })
}

fn network_config(
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
    Ok(NetworkConfig {
        node_key,
        listen: settings.p2p_listen,
        chain,
        agent: format!("mokka/{}", env!("CARGO_PKG_VERSION")),
        binding,
        committed: opened.store.head().height,
        max_block_bytes: genesis.settings().max_block_bytes as usize,
        admitted: Admitted::new(opened.set.keys().iter().copied(), observers?),
        targets: targets(genesis, settings, own)?,
        rates: Rates::default(),
    })
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

fn rpc_config(settings: &NodeSettings) -> RpcConfig {
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

fn pool_rules(genesis: &Genesis, settings: &NodeSettings) -> Rules {
    Rules {
        min_tip: u128::from(settings.min_tip),
        replay_protection: match settings.allow_unprotected_transactions {
            true => ReplayProtection::Optional,
            false => ReplayProtection::Required,
        },
        ..Rules::new(genesis.chain_id(), genesis.gas_limit(), genesis.base_fee())
    }
}

/// What assembling works with.
struct Parts {
    genesis: Genesis,
    beginning: Beginning,
    opened: Opened,
    settings: NodeSettings,
    stop: CancellationToken,
}

impl Parts {
    async fn assemble(
        self,
        key: Option<SecretKey>,
        network: Option<Network>,
        listener: tokio::net::TcpListener,
        metrics_address: SocketAddr,
    ) -> Result<Node, StartError> {
        let metrics = Arc::new(Metrics::new());
        let (inbox, engine) = mokka::inbox(self.beginning.chain_hash, self.genesis.settings());
        let (pool, pool_inbox) = pool::channel();
        let (blocks, _) = broadcast::channel(HEADS_KEPT);
        let handle = network.as_ref().map(|network| network.handle.clone());
        let diverged = Arc::new(AtomicBool::new(false));
        let own = key.as_ref().map(SecretKey::public_key);
        let pool_task = pool::spawn(
            pool::Surroundings {
                store: Arc::clone(&self.opened.store),
                engine: engine.clone(),
                network: handle.clone(),
                metrics: Arc::clone(&metrics),
                rules: pool_rules(&self.genesis, &self.settings),
                limits: Limits::default(),
            },
            &pool,
            pool_inbox,
        )?;
        let (machine, executor_task) = executor::spawn(executor::Surroundings {
            spec: self.genesis.chain_spec(),
            store: Arc::clone(&self.opened.store),
            engine: engine.clone(),
            pool: pool.clone(),
            heads: blocks.clone(),
            metrics: Arc::clone(&metrics),
            beneficiary: own.as_ref().and_then(address_of).unwrap_or_default(),
            set: mokka_crypto::digest::set(&self.opened.set),
            empty_block_interval: self.genesis.settings().empty_block_interval,
            diverged: Arc::clone(&diverged),
        })?;
        let (head, heads) = self.follow_heads(&blocks, &metrics)?;
        let overview = Arc::new(Overview {
            genesis: self.genesis.clone(),
            chain: self.beginning.chain_hash,
            block_0: self.opened.block_0,
            set: self.opened.set.clone(),
            key: own,
            store: Arc::clone(&self.opened.store),
            status: engine.status(),
            head: head.clone(),
            pool: pool.clone(),
            network: handle.clone(),
            diverged,
            started: Instant::now(),
            client_version: client_version(),
        });
        let listens = Listener {
            status: engine.status(),
            network: handle.clone(),
            pool: pool.clone(),
            metrics: Arc::clone(&metrics),
            keep_proof: Box::new(machine.proof_keeper()),
        };
        self.spawn(listens.listen(engine.notices()));
        let running = self.spawn_engine(inbox, machine, key, handle.clone())?;
        let network = network.map(|network| self.connect(network, &engine, &pool));
        let chain = Arc::new(Chain { store: Arc::clone(&self.opened.store), head, heads });
        let rpc = self.serve_rpc(chain, &pool, &overview, &metrics).await?;
        let pages = Arc::new(web::Pages { metrics, overview, network: handle });
        tokio::spawn(web::serve(listener, pages, self.stop.clone()));
        let addresses = Addresses {
            pid: std::process::id(),
            rpc: rpc.address(),
            metrics: metrics_address,
            p2p: network.as_ref().map(|(handle, _)| handle.listen_address().to_string()),
        };
        let tasks = [pool_task, executor_task];
        Ok(Node { addresses, stop: self.stop, engine, running, tasks, network, rpc })
    }

    fn spawn_engine(
        &self,
        inbox: mokka::Inbox,
        machine: executor::Machine,
        key: Option<SecretKey>,
        network: Option<NetworkHandle>,
    ) -> Result<mokka::Running, StartError> {
        let Opened { store, block_0, set } = &self.opened;
        let committed = store.head();
        let restored = Restored {
            safety: store.safety()?,
            committed,
            certificate: store.certificate(committed.height)?,
            epoch: store.epoch(),
            set: set.clone(),
        };
        let chain = self.beginning.chain_hash;
        // An observer signs what it asks for with a key of the moment.
        let key = Arc::new(key.unwrap_or_else(SecretKey::generate));
        let plugs = Plugs {
            transport: Box::new(Carrier(network)),
            machine: Box::new(machine),
            store: Box::new(Promises(Arc::clone(store))),
            signer: Box::new(LocalSigner::new(chain, key)),
        };
        let start = Start {
            chain,
            genesis: *block_0,
            settings: *self.genesis.settings(),
            seed: rand::random(),
            wall_clock: RunNumber::new(now_ms()),
            restored,
        };
        Ok(mokka::spawn(inbox, plugs, start)?)
    }

    fn connect(
        &self,
        network: Network,
        engine: &mokka::Handle,
        pool: &PoolHandle,
    ) -> (NetworkHandle, tokio::task::JoinHandle<()>) {
        let Network { handle, events, task } = network;
        let events: mpsc::Receiver<NetworkEvent> = events;
        self.spawn(gossip::receive(events, handle.clone(), engine.clone(), pool.clone()));
        (handle, task)
    }

    /// Runs beside the others, until the node stops.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            // Cut short or not, nothing is left to do.
            let _cut_short = stop.run_until_cancelled(work).await;
        });
    }

    fn submissions(&self, pool: &PoolHandle) -> Arc<Submissions> {
        let (submissions, hand_on) = Submissions::new(pool.clone());
        self.spawn(hand_on);
        Arc::new(submissions)
    }

    /// Keeps the newest header at hand, and turns committed blocks into what the RPC tells.
    #[allow(clippy::type_complexity)]
    fn follow_heads(
        &self,
        blocks: &broadcast::Sender<Committed>,
        metrics: &Metrics,
    ) -> Result<
        (watch::Receiver<Sealed<Header>>, broadcast::Sender<Arc<mokka_rpc::seams::CommittedBlock>>),
        StartError,
    > {
        let id = self.opened.store.head();
        let header = self.opened.store.header(id.height)?;
        let header = header.ok_or_else(|| StartError::Genesis("block 0 is missing".to_owned()))?;
        metrics.start_at(id.height.get());
        let sealed = Sealed::new_unchecked(header, B256::new(*id.hash.as_bytes()));
        let (newest, head) = watch::channel(sealed);
        let (heads, _) = broadcast::channel(HEADS_KEPT);
        let (mut blocks, out) = (blocks.subscribe(), heads.clone());
        self.spawn(async move {
            loop {
                match blocks.recv().await {
                    Ok(executed) => {
                        newest.send_replace(executed.header());
                        // Nobody has to listen.
                        let _heard_by = out.send(Arc::new(committed_block(&executed)));
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
        Ok((head, heads))
    }

    async fn serve_rpc(
        &self,
        chain: Arc<Chain>,
        pool: &PoolHandle,
        overview: &Arc<Overview>,
        metrics: &Arc<Metrics>,
    ) -> Result<RpcServer, StartError> {
        let calls =
            Calls { spec: self.genesis.chain_spec(), store: Arc::clone(&self.opened.store) };
        let node = mokka_rpc::Node {
            chain: Arc::clone(&chain) as _,
            heads: chain,
            pool: self.submissions(pool),
            evm: Arc::new(calls),
            consensus: Arc::clone(overview) as _,
        };
        let identity =
            Identity { chain_id: self.genesis.chain_id(), client_version: client_version() };
        let observer = Arc::new(RpcCalls(Arc::clone(metrics)));
        Ok(mokka_rpc::start(node, identity, rpc_config(&self.settings), observer).await?)
    }
}

/// Name, version and platform, as Ethereum's clients write it.
fn client_version() -> String {
    let (version, os, arch) =
        (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    format!("Mokka/v{version}/{os}-{arch}/rust")
}
