//! Listens, bounds what connections may do, and hands requests to the handlers.
//!
//! ```text
//! socket -> wire (cuts off who reads nothing) -> gate (host, origin) -> jsonrpsee -> meter
//!        -> handlers
//! ```

mod gate;
mod ids;
mod listen;
mod meter;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::Methods;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::server::{
    BatchRequestConfig, PingConfig, Server, ServerConfig, ServerHandle, TowerServiceBuilder,
    stop_channel,
};
use tokio::net::TcpListener;

use crate::config::{Identity, RpcConfig};
use crate::handlers::Handlers;
use crate::seams::Node;
use gate::GateLayer;
use ids::HexIds;
use meter::MeterLayer;
pub use meter::{Call, CallObserver, IgnoreCalls, Transport};

/// Why the server does not start: always for the operator to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error(
        "RPC address {address} is in use; stop the program that uses it (another node?) or choose \
         another RPC port (0 takes a free one)"
    )]
    InUse {
        /// Where.
        address: SocketAddr,
    },
    /// The address is not one of this machine, or not ours to take.
    #[error("cannot listen for RPC on {address}: {source}; choose an address of this machine")]
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
    patience: Duration,
}

impl RpcServer {
    /// Where it listens; the real port where the config said 0.
    pub fn address(&self) -> SocketAddr {
        self.address
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
    let service = service(&methods, &config, observer, address);
    let (stop, handle) = stop_channel();
    tokio::spawn(listen::accept(listener, service, methods, config, stop));
    Ok(RpcServer { address, handle, patience })
}

/// What every connection gets an instance of.
type Service = TowerServiceBuilder<
    tower::layer::util::Stack<MeterLayer, tower::layer::util::Identity>,
    tower::layer::util::Stack<GateLayer, tower::layer::util::Identity>,
>;

fn service(
    methods: &Methods,
    config: &RpcConfig,
    observer: Arc<dyn CallObserver>,
    address: SocketAddr,
) -> Service {
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
    let meter = MeterLayer::new(methods.method_names().collect(), config, observer, address);
    Server::builder()
        .set_config(server)
        .set_http_middleware(tower::ServiceBuilder::new().layer(gate))
        .set_rpc_middleware(RpcServiceBuilder::new().layer(meter))
        .to_service_builder()
}
