//! A running node: opened, put together, watched.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use mokka_crypto::SecretKey;
use mokka_genesis::{Beginning, Genesis};
use mokka_network::Network;
use mokka_rpc::RpcServer;
use mokka_storage::{DiskStore, GenesisCommit, MemoryDisk, Store};
use mokka_types::BlockId;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    DataDir, NodeSettings,
    assemble::Parts,
    error::{NodeEnded, StartError},
    members::{Acquaintances, Membership},
    setup::{Surroundings, network_config},
    supervisor::{End, Task, first_to_end},
    view::DIVERGED,
    web,
};

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
    pub(crate) addresses: Addresses,
    /// The operator asks it to end.
    pub(crate) asked: CancellationToken,
    /// Its parts are to end.
    pub(crate) stop: CancellationToken,
    pub(crate) engine: mokka::Handle,
    pub(crate) running: mokka::Running,
    pub(crate) tasks: Vec<Task>,
    pub(crate) rpc: RpcServer,
}

/// A chain that was opened.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) block_0: BlockId,
    pub(crate) members: Arc<Membership>,
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
        let own = key.as_ref().map(SecretKey::public_key);
        let acquaintances = Acquaintances::new(&genesis, &settings, own)?;
        let stop = CancellationToken::new();
        let (listener, metrics_address) = web::bind(settings.metrics_listen)
            .await
            .map_err(|source| StartError::Metrics { address: settings.metrics_listen, source })?;
        let network = match networking {
            Networking::Off => None,
            Networking::On => {
                let config = network_config(&Surroundings {
                    genesis: &genesis,
                    beginning: &beginning,
                    opened: &opened,
                    key: key.as_ref(),
                    settings: &settings,
                    acquaintances: &acquaintances,
                    place: &place,
                })?;
                Some(Network::spawn(config, stop.clone()).await?)
            }
        };
        let parts = Parts { genesis, beginning, opened, settings, acquaintances, stop };
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
        self.asked.clone()
    }

    /// Waits until the node ends: in order after [`Node::stop_handle`], or because a part of it
    /// could not go on.
    ///
    /// # Errors
    /// Which part failed, and why.
    pub async fn ended(mut self) -> Result<(), NodeEnded> {
        let mut consensus = Consensus::Runs;
        let result = loop {
            tokio::select! {
                // Whoever ends because all are told to is not the one that failed.
                biased;
                () = self.asked.cancelled() => break Ok(()),
                ended = self.running.ended(), if consensus == Consensus::Runs => {
                    consensus = Consensus::Ended;
                    match ended {
                        Ok(_) => break Ok(()),
                        Err(reason) if is_divergence(&reason) => {
                            error!(%reason, "{DIVERGED}");
                        }
                        Err(reason) => break Err(failed("consensus", &reason)),
                    }
                }
                () = self.rpc.ended() => break judge("RPC server", End::Vanished),
                (name, end) = first_to_end(&mut self.tasks) => break judge(name, end),
            }
        };
        self.engine.stop();
        if self.asked.is_cancelled() && consensus == Consensus::Runs {
            // With the others still connected: it may have to hand over.
            info!("stopping: handing over leadership, then closing");
            if let Err(reason) = self.running.ended().await {
                error!(%reason, "consensus did not end in order");
            }
        }
        self.stop.cancel();
        self.rpc.stop().await;
        // Told to stop, or nobody writes to them any more: they finish what they have, and let go
        // of the store.
        for task in &mut self.tasks {
            if tokio::time::timeout(CLOSING, task.ended()).await.is_err() {
                error!(part = task.name, "it did not end in time");
            }
        }
        result
    }
}

/// Whether the engine still decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consensus {
    Runs,
    Ended,
}

/// Our state is not the others': a node then stays up for reading, so that people can compare.
fn is_divergence(ended: &mokka::Ended) -> bool {
    let mokka::Ended::Fatal(mokka::Fatal::Core(fatal)) = ended else { return false };
    matches!(fatal, mokka_consensus::Fatal::Diverged(_))
}

fn failed(part: &'static str, reason: &(impl ToString + ?Sized)) -> NodeEnded {
    NodeEnded { part, reason: reason.to_string() }
}

/// What the end of a part means while none was told to end.
fn judge(name: &'static str, end: End) -> Result<(), NodeEnded> {
    match end {
        End::Orderly => Err(failed(name, "nobody had told it to; this is a bug, please report it")),
        End::Failed(reason) => Err(failed(name, &reason)),
        End::Vanished => Err(failed(name, "it panicked; see standard error")),
    }
}

fn open(genesis: &Genesis, beginning: &Beginning, place: &Place) -> Result<Opened, StartError> {
    let chain = beginning.chain_hash;
    let store: Arc<dyn Store> = match place {
        Place::Disk(dir) => Arc::new(DiskStore::open(&dir.database(), chain)?),
        Place::Memory => {
            let (executed, set) = (&beginning.block, genesis.validator_set());
            let commit = GenesisCommit { chain, executed, validators: &set };
            let created = MemoryDisk::new().create(&commit);
            Arc::new(created.map_err(|error| StartError::Genesis(error.to_string()))?)
        }
    };
    let members = Membership::read(&*store.latest().state, genesis)
        .map_err(|error| StartError::Members(error.to_string()))?;
    Ok(Opened { store, block_0: beginning.id, members: Arc::new(members) })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use mokka_genesis::{Draft, Validator};
    use mokka_types::CrashModel;

    use super::*;

    async fn started() -> Node {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = NodeSettings {
            p2p_listen: anywhere,
            rpc_listen: anywhere,
            metrics_listen: anywhere,
            ..NodeSettings::default()
        };
        let key = SecretKey::from_bytes([1; 32]).expect("a key");
        let draft = Draft::new(1337, CrashModel::Bft).validator(Validator::new(key.public_key()));
        let genesis = draft.check().expect("a genesis file");
        let (place, networking) = (Place::Memory, Networking::On);
        let options = NodeOptions { genesis, place, key: Some(key), settings, networking };
        Node::start(options).await.expect("a node")
    }

    /// What becomes of a node with one more part.
    async fn with(part: impl Future<Output = ()> + Send + 'static) -> NodeEnded {
        let mut node = started().await;
        node.tasks.push(Task::of("one more part", tokio::spawn(part)));
        let ended = tokio::time::timeout(Duration::from_secs(20), node.ended()).await;
        ended.expect("it goes on").expect_err("it ended without a reason")
    }

    /// `architecture.md` §9: when a part ends, the node stops and says which and why.
    #[tokio::test]
    async fn a_part_that_panics_or_ends_stops_the_node_under_its_name() {
        let ended = with(async { panic!("planted") }).await;
        let said = "one more part ended: it panicked; see standard error";
        assert_eq!(ended.to_string(), said);
        let ended = with(async {}).await;
        assert!(ended.to_string().starts_with("one more part ended: nobody"), "{ended}");
    }

    /// The RPC server and consensus, which the node asks itself, are not among them.
    #[tokio::test]
    async fn every_part_is_watched_and_ends_in_order() {
        let node = started().await;
        let names: Vec<_> = node.tasks.iter().map(|task| task.name).collect();
        for part in [
            "pool",
            "executor",
            "listener of consensus",
            "network",
            "receiver of the network",
            "metrics server",
        ] {
            assert!(names.contains(&part), "{part} is not in {names:?}");
        }
        node.stop_handle().cancel();
        assert_eq!(node.ended().await, Ok(()));
    }
}
