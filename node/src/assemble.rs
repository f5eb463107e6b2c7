//! Puts the parts of a node together: who hears whom.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use alloy_consensus::{Header, Sealed};
use alloy_primitives::B256;
use mokka::{LocalSigner, Plugs, SafetyStore, Start, StoreFailure};
use mokka_consensus::Restored;
use mokka_crypto::SecretKey;
use mokka_genesis::{Beginning, Genesis};
use mokka_mempool::Limits;
use mokka_network::{Network, NetworkHandle};
use mokka_rpc::{Identity, RpcServer, seams::CommittedBlock};
use mokka_storage::Store;
use mokka_types::{RunNumber, SafetyRecord};
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Addresses, Node, NodeSettings, StartError,
    calls::Calls,
    chain::{Chain, committed_block},
    executor::{self, Committed, now_ms},
    gossip::{self, Carrier, Listener},
    metrics::{Metrics, RpcCalls},
    node::Opened,
    pool::{self, PoolHandle},
    setup::{pool_rules, rpc_config},
    submit::Submissions,
    view::{Overview, address_of},
    web,
};

/// Committed blocks that a subscriber may be behind before it misses some.
const HEADS_KEPT: usize = 256;

/// Makes promises durable in the node's store.
struct Promises(Arc<dyn Store>);

impl SafetyStore for Promises {
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure> {
        let written = self.0.append_safety(records);
        written.map_err(|error| StoreFailure { reason: error.to_string() })
    }
}

/// Tells the RPC of committed blocks.
type Heads = broadcast::Sender<Arc<CommittedBlock>>;

/// What assembling works with.
pub(crate) struct Parts {
    pub(crate) genesis: Genesis,
    pub(crate) beginning: Beginning,
    pub(crate) opened: Opened,
    pub(crate) settings: NodeSettings,
    pub(crate) stop: CancellationToken,
}

impl Parts {
    pub(crate) async fn assemble(
        self,
        key: Option<SecretKey>,
        network: Option<Network>,
        listener: TcpListener,
        metrics_address: SocketAddr,
    ) -> Result<Node, StartError> {
        let metrics = Arc::new(Metrics::new());
        let (inbox, engine) = mokka::inbox(self.beginning.chain_hash, self.genesis.settings());
        let (pool, pool_inbox) = pool::channel();
        let (blocks, _) = broadcast::channel(HEADS_KEPT);
        let handle = network.as_ref().map(|network| network.handle.clone());
        let diverged = Arc::new(AtomicBool::new(false));
        let own = key.as_ref().map(SecretKey::public_key);
        let surroundings = pool::Surroundings {
            store: Arc::clone(&self.opened.store),
            engine: engine.clone(),
            network: handle.clone(),
            metrics: Arc::clone(&metrics),
            rules: pool_rules(&self.genesis, &self.settings),
            limits: Limits::default(),
        };
        let pool_task = pool::spawn(surroundings, &pool, pool_inbox)?;
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
        self.listen(&engine, handle.clone(), &pool, &metrics, &machine);
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

    /// Hands on what consensus tells of itself.
    fn listen(
        &self,
        engine: &mokka::Handle,
        network: Option<NetworkHandle>,
        pool: &PoolHandle,
        metrics: &Arc<Metrics>,
        machine: &executor::Machine,
    ) {
        let listener = Listener {
            status: engine.status(),
            network,
            pool: pool.clone(),
            metrics: Arc::clone(metrics),
            keep_proof: Box::new(machine.proof_keeper()),
        };
        self.spawn(listener.listen(engine.notices()));
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
    ) -> (NetworkHandle, JoinHandle<()>) {
        let Network { handle, events, task } = network;
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
    fn follow_heads(
        &self,
        blocks: &broadcast::Sender<Committed>,
        metrics: &Metrics,
    ) -> Result<(watch::Receiver<Sealed<Header>>, Heads), StartError> {
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
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let (version, rust) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_RUST_VERSION"));
    format!("Mokka/v{version}/{os}-{arch}/rust{rust}")
}
