//! Listens, bounds what connections may do, and hands requests to the handlers.
//!
//! ```text
//! socket -> wire (cuts off who reads nothing) -> gate (host, origin) -> jsonrpsee -> meter
//!            ^                                                                       |  \
//!            +------- turns: nothing is read while too much waits for answers -------+   handlers
//! ```

mod gate;
mod ids;
mod listen;
mod meter;
mod turns;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::Methods;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::server::{
    BatchRequestConfig, PingConfig, Server, ServerConfig, ServerHandle, StopHandle, TowerService,
    TowerServiceBuilder, stop_channel,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Identity, RpcConfig};
use crate::handlers::Handlers;
use crate::seams::Node;
use gate::GateLayer;
use ids::HexIds;
pub use meter::{Call, CallObserver, IgnoreCalls, Transport};
use meter::{MeterLayer, Rules};
use turns::Turns;

/// Why the server does not start: always for the operator to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error(
        "cannot serve JSON-RPC on {address}: it is in use; stop the program that uses it (another \
         node?) or choose another --rpc-listen, of `mokka dev` another --port (0 takes a free one)"
    )]
    InUse {
        /// Where.
        address: SocketAddr,
    },
    /// The address is not one of this machine, or not ours to take.
    #[error(
        "cannot serve JSON-RPC on {address}: {source}; choose another --rpc-listen, an address of \
         this machine and a port that this user may open"
    )]
    CannotListen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    handle: ServerHandle,
    accepting: JoinHandle<()>,
    patience: Duration,
}

impl RpcServer {
    /// Where it listens; the real port where the config said 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it takes no more connections: before [`RpcServer::stop`] only if it panicked,
    /// which standard error shows. Not to be asked again after that.
    pub async fn ended(&mut self) {
        let _panicked = (&mut self.accepting).await;
    }

    /// Takes no more connections, lets requests being answered end, and closes.
    pub async fn stop(self) {
        // An error means that it has stopped already.
        let _ = self.handle.stop();
        if tokio::time::timeout(self.patience, self.handle.stopped()).await.is_err() {
            tracing::warn!(patience = ?self.patience, "some RPC connections did not end in time");
        }
    }
}

/// Every method that is served, for documentation and for metrics by name.
pub fn method_names(node: &Node) -> Vec<&'static str> {
    let identity = Identity { chain_id: 0, client_version: String::new() };
    let handlers = Handlers::new(node.clone(), identity, Arc::new(RpcConfig::default()));
    let mut names: Vec<_> = handlers.into_module().method_names().collect();
    names.sort_unstable();
    names
}

/// Starts to serve `node`. Must be called on a tokio runtime.
pub async fn start(
    node: Node,
    identity: Identity,
    config: RpcConfig,
    observer: Arc<dyn CallObserver>,
) -> Result<RpcServer, StartError> {
    let cannot = |source: io::Error| {
        let address = config.listen;
        match source.kind() {
            io::ErrorKind::AddrInUse => StartError::InUse { address },
            _ => StartError::CannotListen { address, source },
        }
    };
    let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let patience = config.stop_patience;
    let config = Arc::new(config);
    let methods = Methods::from(Handlers::new(node, identity, config.clone()).into_module());
    let meter = Rules::new(methods.method_names().collect(), &config, observer, address);
    let front = Front { builder: builder(&config), meter: Arc::new(meter), methods };
    let (stop, handle) = stop_channel();
    let accepting = tokio::spawn(listen::accept(listener, front, config, stop));
    Ok(RpcServer { address, handle, accepting, patience })
}

/// Layers around one inner service.
type One<L> = tower::layer::util::Stack<L, tower::layer::util::Identity>;
type Builder = TowerServiceBuilder<tower::layer::util::Identity, One<GateLayer>>;

/// What every connection gets its service from.
struct Front {
    builder: Builder,
    meter: Arc<Rules>,
    methods: Methods,
}

impl Front {
    /// The service of one connection, whose requests take these turns.
    fn connection(
        &self,
        turns: Arc<Turns>,
        stop: StopHandle,
    ) -> TowerService<One<MeterLayer>, One<GateLayer>> {
        let meter = MeterLayer::new(Arc::clone(&self.meter), turns);
        let builder = self.builder.clone();
        let builder = builder.set_rpc_middleware(RpcServiceBuilder::new().layer(meter));
        builder.build(self.methods.clone(), stop)
    }
}

fn builder(config: &RpcConfig) -> Builder {
    let ping = PingConfig::new().ping_interval(config.ping_interval);
    let server = ServerConfig::builder()
        .max_connections(config.max_connections)
        .max_request_body_size(config.max_request_bytes)
        .max_response_body_size(config.max_response_bytes)
        .set_batch_request_config(BatchRequestConfig::Limit(config.max_batch))
        .max_subscriptions_per_connection(config.max_subscriptions)
        .set_message_buffer_capacity(config.message_buffer)
        .enable_ws_ping(ping)
        .set_id_provider(HexIds)
        .build();
    let gate = GateLayer::new(config.hosts.clone(), config.origins.clone());
    Server::builder()
        .set_config(server)
        .set_http_middleware(tower::ServiceBuilder::new().layer(gate))
        .to_service_builder()
}
