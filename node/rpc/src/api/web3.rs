//! `web3_`: the client, and a hash.

use alloy_primitives::{B256, Bytes};
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

/// `web3_`: the client, and a hash.
#[rpc(server, client, namespace = "web3")]
pub trait Web3Api {
    /// Name, version and platform of this node.
    #[method(name = "clientVersion")]
    fn client_version(&self) -> RpcResult<String>;

    /// Keccak-256 of some bytes.
    #[method(name = "sha3")]
    fn sha3(&self, data: Bytes) -> RpcResult<B256>;
}
