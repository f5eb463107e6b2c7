//! `net_`: the network, as Ethereum's tools ask for it.

use alloy_primitives::U64;
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

/// `net_`: the network, as Ethereum's tools ask for it.
#[rpc(server, client, namespace = "net")]
pub trait NetApi {
    /// The chain id in decimal; some wallets compare it with `eth_chainId`.
    #[method(name = "version")]
    fn version(&self) -> RpcResult<String>;

    /// Whether this node takes connections from peers: always `true`.
    #[method(name = "listening")]
    fn listening(&self) -> RpcResult<bool>;

    /// How many peers are connected.
    #[method(name = "peerCount")]
    fn peer_count(&self) -> RpcResult<U64>;
}
