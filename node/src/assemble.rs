//! Puts the parts of a node together: who hears whom.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use alloy_consensus::{Header, Sealed};
use alloy_primitives::B256;
use mokka::{LocalSigner, Plugs, SafetyStore, Start, StoreFailure, driver};
use mokka_consensus::Restored;
use mokka_crypto::SecretKey;
use mokka_genesis::{Beginning, Genesis};
use mokka_mempool::{Limits, Rules};
use mokka_network::{Network, NetworkHandle};
use mokka_rpc::{Identity, RpcServer};
use mokka_storage::{Store, StoreError};
use mokka_types::{BlockHash, BlockId, Height, SafetyRecord};
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Addresses, Node, NodeSettings, StartError,
    acceptance::Acceptance,
    calls::Calls,
    chain::Chain,
    executor,
    gossip::{self, Carrier, Listener},
    members::{self, Acquaintances, Members},
    metrics::{Metrics, RpcCalls},
    node::Opened,
    participation::Participation,
    pool::{self, PoolHandle},
    setup::{self, rpc_config},
    submit::Submissions,
    supervisor::Task,
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

/// What assembling works with.
pub(crate) struct Parts {
    pub(crate) genesis: Genesis,
    pub(crate) beginning: Beginning,
    pub(crate) opened: Opened,
    pub(crate) settings: NodeSettings,
    pub(crate) acquaintances: Acquaintances,
    pub(crate) stop: CancellationToken,
}

impl Parts {
    pub(crate) async fn assemble(
        self,
        key: Option<SecretKey>,
        network: Option<Network>,
        web: TcpListener,
        metrics_address: SocketAddr,
    ) -> Result<Node, StartError> {
        let metrics = Arc::new(Metrics::new());
        let key = key.map(Arc::new);
        let (inbox, engine) = mokka::inbox(self.beginning.chain_hash, self.genesis.settings());
        let (pool, pool_inbox) = pool::channel();
        let (newest, head) = watch::channel(self.newest_header()?);
        metrics.start_at(head.borrow().number);
        let (heads, _) = broadcast::channel(HEADS_KEPT);
        let handle = network.as_ref().map(|network| network.handle.clone());
        let diverged = Arc::new(AtomicBool::new(false));
        let own = key.as_deref().map(SecretKey::public_key);
        let (decided, members) = watch::channel(Arc::clone(&self.opened.members));
        let participation = Arc::new(Participation::read(&*self.opened.store)?);
        let surroundings = self.around_pool(&engine, handle.clone(), &metrics, &members);
        let pool_task = pool::spawn(surroundings, &pool, pool_inbox)?;
        let (machine, executor_task) = executor::spawn(executor::Surroundings {
            spec: self.genesis.chain_spec(),
            store: Arc::clone(&self.opened.store),
            engine: engine.clone(),
            pool: pool.clone(),
            head: newest,
            heads: heads.clone(),
            metrics: Arc::clone(&metrics),
            beneficiary: own.as_ref().and_then(address_of).unwrap_or_default(),
            genesis: self.genesis.clone(),
            members: decided,
            participation: Arc::clone(&participation),
            runtime: tokio::runtime::Handle::current(),
            diverged: Arc::clone(&diverged),
        })?;
        let overview = Arc::new(Overview {
            genesis: self.genesis.clone(),
            chain: self.beginning.chain_hash,
            block_0: self.opened.block_0,
            members,
            key: own,
            store: Arc::clone(&self.opened.store),
            status: engine.status(),
            head: head.clone(),
            pool: pool.clone(),
            network: handle.clone(),
            participation,
            diverged,
            started: Instant::now(),
            client_version: client_version(),
        });
        let mut tasks = vec![pool_task, executor_task];
        tasks.push(self.listen(&engine, handle.clone(), &pool, &metrics, &machine));
        tasks.push(self.spawn("rounds of the pool", pool::rounds(pool.clone())));
        tasks.extend(self.follow_members(key.as_ref(), &overview, &engine));
        let running = self.spawn_engine(inbox, machine, key, handle.clone())?;
        tasks.extend(network.into_iter().flat_map(|network| self.connect(network, &engine, &pool)));
        let chain = Arc::new(Chain { store: Arc::clone(&self.opened.store), head, heads });
        let rpc = self.serve_rpc(chain, &pool, &overview, &metrics).await?;
        let p2p = handle.as_ref().map(|handle| handle.listen_address().to_string());
        let pages = Arc::new(web::Pages { metrics, overview, network: handle });
        tasks.push(self.spawn("metrics server", web::serve(web, pages)));
        let pid = std::process::id();
        let addresses = Addresses { pid, rpc: rpc.address(), metrics: metrics_address, p2p };
        let (asked, stop) = (CancellationToken::new(), self.stop);
        Ok(Node { addresses, asked, stop, engine, running, tasks, rpc })
    }

    fn around_pool(
        &self,
        engine: &mokka::Handle,
        network: Option<NetworkHandle>,
        metrics: &Arc<Metrics>,
        members: &Members,
    ) -> pool::Surroundings {
        pool::Surroundings {
            store: Arc::clone(&self.opened.store),
            engine: engine.clone(),
            network,
            metrics: Arc::clone(metrics),
            rules: self.pool_rules(),
            limits: Limits::default(),
            members: members.clone(),
        }
    }

    fn pool_rules(&self) -> Rules {
        let gas_limit = self.opened.members.system.gas_limit;
        setup::pool_rules(&self.genesis, &self.settings, gas_limit)
    }

    /// Lets the network follow what members decide; a node with a key accepts when they approve it.
    fn follow_members(
        &self,
        key: Option<&Arc<SecretKey>>,
        overview: &Overview,
        engine: &mokka::Handle,
    ) -> Vec<Task> {
        let (members, network) = (overview.members.clone(), overview.network.clone());
        let following = members::follow(members, self.acquaintances.clone(), network);
        let following = self.spawn("list of members", following);
        [following].into_iter().chain(self.accept(key, overview, engine)).collect()
    }

    fn accept(
        &self,
        key: Option<&Arc<SecretKey>>,
        overview: &Overview,
        engine: &mokka::Handle,
    ) -> Option<Task> {
        let acceptance = Acceptance {
            key: Arc::clone(key?),
            chain_id: self.genesis.chain_id(),
            base_fee: self.genesis.base_fee(),
            tip: self.settings.min_tip,
            members: overview.members.clone(),
            store: Arc::clone(&self.opened.store),
            pool: Submissions(overview.pool.clone()),
            network: overview.network.clone(),
            engine: engine.clone(),
        };
        Some(self.spawn("acceptance", acceptance.watch()))
    }

    /// Hands on what consensus tells of itself.
    fn listen(
        &self,
        engine: &mokka::Handle,
        network: Option<NetworkHandle>,
        pool: &PoolHandle,
        metrics: &Arc<Metrics>,
        machine: &executor::Machine,
    ) -> Task {
        let listener = Listener {
            status: engine.status(),
            network,
            pool: pool.clone(),
            metrics: Arc::clone(metrics),
            keep: Box::new(machine.keeper()),
        };
        self.spawn("listener of consensus", listener.listen(engine.notices()))
    }

    fn spawn_engine(
        &self,
        inbox: mokka::Inbox,
        machine: executor::Machine,
        key: Option<Arc<SecretKey>>,
        network: Option<NetworkHandle>,
    ) -> Result<mokka::Running, StartError> {
        let Opened { store, block_0, members } = &self.opened;
        let committed = store.head();
        let restored = Restored {
            safety: store.safety()?,
            committed,
            certificate: store.certificate(committed.height)?,
            epoch: store.epoch(),
            set: members.set.clone(),
            began: last_of_previous_epoch(&**store)?.unwrap_or(*block_0),
        };
        let chain = self.beginning.chain_hash;
        // An observer signs what it asks for with a key of the moment.
        let key = key.unwrap_or_else(|| Arc::new(SecretKey::generate()));
        let plugs = Plugs {
            transport: Box::new(Carrier(network)),
            machine: Box::new(machine),
            store: Box::new(Promises(Arc::clone(store))),
            signer: Box::new(LocalSigner::new(chain, key)),
        };
        let start = Start {
            chain,
            genesis: *block_0,
            settings: members.system.settings,
            seed: rand::random(),
            wall_clock: driver::wall_clock(),
            restored,
        };
        Ok(mokka::spawn(inbox, plugs, start)?)
    }

    fn connect(&self, network: Network, engine: &mokka::Handle, pool: &PoolHandle) -> [Task; 2] {
        let Network { handle, events, task } = network;
        let receive = gossip::receive(events, handle, engine.clone(), pool.clone());
        let receiver = self.spawn("receiver of the network", async {
            receive.await;
            // Without a network there is nothing to receive, and the network tells of its own end.
            std::future::pending().await
        });
        [Task::of("network", task), receiver]
    }

    /// Runs beside the others, until the node stops.
    fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Task {
        let stop = self.stop.clone();
        let running = tokio::spawn(async move {
            // Cut short or not, nothing is left to do.
            let _cut_short = stop.run_until_cancelled(work).await;
        });
        Task::of(name, running)
    }

    fn newest_header(&self) -> Result<Sealed<Header>, StartError> {
        let id = self.opened.store.head();
        let header = self.opened.store.header(id.height)?;
        let header = header.ok_or_else(|| StartError::Genesis("block 0 is missing".to_owned()))?;
        Ok(Sealed::new_unchecked(header, B256::new(*id.hash.as_bytes())))
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
            pool: Arc::new(Submissions(pool.clone())),
            evm: Arc::new(calls),
            consensus: Arc::clone(overview) as _,
            members: Arc::clone(overview) as _,
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

/// The block that announced the present validators; none in the first epoch (§9).
fn last_of_previous_epoch(store: &dyn Store) -> Result<Option<BlockId>, StoreError> {
    let set = store.validator_set(store.epoch())?;
    let Some(height) = set.and_then(|set| set.from.previous()).filter(|at| *at > Height::GENESIS)
    else {
        return Ok(None);
    };
    let hash = store.hash_at(height)?;
    Ok(hash.map(|hash| BlockId { height, hash: BlockHash::new(hash.0) }))
}
