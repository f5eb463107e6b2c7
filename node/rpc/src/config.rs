//! Every limit of the RPC server, with its default and the reason for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Who this node says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Answered by `eth_chainId` and `net_version`.
    pub chain_id: u64,
    /// Answered by `web3_clientVersion`, for example `Mokka/v0.1.0/linux-x86_64/rust1.95`.
    pub client_version: String,
}

/// Which `Host` headers are served: a web page that renames itself to an address of this machine
/// (DNS rebinding) is stopped by its name. Addresses in digits are always served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any name. For a node behind a proxy that checks names itself.
    Any,
    /// These names, with any port.
    Only(Vec<String>),
}

/// Which web pages may use this node from a browser (CORS, and the `Origin` of a WebSocket).
/// Clients that are no browsers send no `Origin` and are not concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// No page. Wallets that are browser extensions work all the same over HTTP.
    None,
    /// Every page, as `*`. For development networks.
    Any,
    /// These, written as a browser sends them: `https://dapp.example`, no slash at the end.
    Only(Vec<String>),
}

/// How the server listens and what it bounds. `RpcConfig::default()` is safe on a shared machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcConfig {
    /// Where to listen. Port 0 takes a free one; [`crate::RpcServer::address`] tells which.
    pub listen: SocketAddr,
    /// Names by which this server may be addressed.
    pub hosts: Hosts,
    /// Web pages that may call it.
    pub origins: Origins,
    /// Open sockets, HTTP and WebSocket together. The next one is told so and closed.
    pub max_connections: u32,
    /// Bytes of one request or batch.
    pub max_request_bytes: u32,
    /// Bytes of one answer, or of all answers to one batch.
    pub max_response_bytes: u32,
    /// Requests in one batch. Explorers send hundreds.
    pub max_batch: u32,
    /// Requests and batches of one connection that are being answered at the same time. Those that
    /// come after wait, and nothing more is read from the connection until one is done.
    pub max_requests_in_flight: usize,
    /// Subscriptions of one WebSocket.
    pub max_subscriptions: u32,
    /// Messages waiting to be written to one WebSocket.
    pub message_buffer: u32,
    /// How long a peer may take nothing of what it asked for before it is cut off.
    pub write_patience: Duration,
    /// How long a connection may carry nothing in either direction before it is closed. Longer than
    /// `ping_interval`, so that it concerns HTTP connections kept open for nothing.
    pub idle_timeout: Duration,
    /// How long one notification may wait for room before its subscription ends.
    pub subscriber_patience: Duration,
    /// How often a silent WebSocket is pinged. A peer silent for 40 s more is cut off.
    pub ping_interval: Duration,
    /// Reads of blocks, receipts and state at the same time; each holds a blocking thread.
    pub max_reads: usize,
    /// EVM runs at the same time; each keeps a core busy.
    pub max_evm_runs: usize,
    /// How long a request waits for its turn before it hears that the node is busy.
    pub queue_patience: Duration,
    /// How long one read may take: a search through logs, mostly.
    pub read_timeout: Duration,
    /// How long one `eth_call` or `eth_estimateGas` may take.
    pub evm_timeout: Duration,
    /// Gas that one `eth_call` may spend; more is silently lowered to this, as geth does.
    pub call_gas_cap: u64,
    /// Gas that one transaction may have (EIP-7825): `eth_estimateGas` never answers more.
    pub transaction_gas_cap: u64,
    /// Blocks that one `eth_getLogs` may search.
    pub max_log_blocks: u64,
    /// Logs that one `eth_getLogs` may return.
    pub max_logs: usize,
    /// The lowest tip the pool takes; what `eth_maxPriorityFeePerGas` answers while there is room
    /// in blocks.
    pub minimum_tip: u128,
    /// How long an orderly stop waits for requests being answered.
    pub stop_patience: Duration,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8545)),
            hosts: Hosts::Only(vec!["localhost".to_owned()]),
            origins: Origins::None,
            max_connections: 500,
            max_request_bytes: 5 * MIB,
            max_response_bytes: 25 * MIB,
            max_batch: 1000,
            max_requests_in_flight: 64,
            max_subscriptions: 128,
            message_buffer: 256,
            write_patience: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            subscriber_patience: Duration::from_secs(10),
            ping_interval: Duration::from_secs(30),
            max_reads: 32,
            max_evm_runs: 4,
            queue_patience: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            evm_timeout: Duration::from_secs(5),
            call_gas_cap: 50_000_000,
            transaction_gas_cap: 16_777_216,
            max_log_blocks: 10_000,
            max_logs: 20_000,
            minimum_tip: 0,
            stop_patience: Duration::from_secs(5),
        }
    }
}

const MIB: u32 = 1024 * 1024;
