//! Clients for the command line and for tests; the methods come from the traits in [`crate::api`].
//!
//! ```no_run
//! use mokka_rpc::api::EthApiClient;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let node = mokka_rpc::client::http("http://127.0.0.1:8545")?;
//! println!("head: {}", EthApiClient::block_number(&node).await?);
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use jsonrpsee::async_client::{Client, ClientBuilder};
use jsonrpsee::client_transport::ws::{Url, WsTransportClientBuilder};
pub use jsonrpsee::core::client::{Error, Subscription};
pub use jsonrpsee_http_client::HttpClient;
use jsonrpsee_http_client::HttpClientBuilder;

/// How long one answer may take; longer than the server's own limits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer taken; not below the server's default.
const MAX_RESPONSE: u32 = 32 * 1024 * 1024;
/// Notifications kept for a slow reader of a subscription before it ends.
const SUBSCRIPTION_BUFFER: usize = 1024;

/// A client over WebSocket.
pub type WsClient = Client;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be used.
    #[error("{url} is no usable RPC address: {why}; write it like {like}")]
    BadUrl {
        /// As given.
        url: String,
        /// What is wrong.
        why: String,
        /// A good one.
        like: &'static str,
    },
    /// Nobody answers there.
    #[error("cannot connect to {url}: {why}; is the node running, and is this its RPC address?")]
    Unreachable {
        /// As given.
        url: String,
        /// What the system said.
        why: String,
    },
}

/// A client over HTTP. It connects when it is used.
pub fn http(url: &str) -> Result<HttpClient, ConnectError> {
    HttpClientBuilder::default()
        .request_timeout(REQUEST_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .max_response_size(MAX_RESPONSE)
        .build(url)
        .map_err(|error| ConnectError::BadUrl {
            url: url.to_owned(),
            why: error.to_string(),
            like: "http://127.0.0.1:8545",
        })
}

/// A client over WebSocket, for subscriptions.
pub async fn ws(url: &str) -> Result<WsClient, ConnectError> {
    let parsed = Url::parse(url).map_err(|error| ConnectError::BadUrl {
        url: url.to_owned(),
        why: error.to_string(),
        like: "ws://127.0.0.1:8545",
    })?;
    let (sender, receiver) = WsTransportClientBuilder::default()
        .connection_timeout(CONNECT_TIMEOUT)
        .max_response_size(MAX_RESPONSE)
        .build(parsed)
        .await
        .map_err(|error| ConnectError::Unreachable {
            url: url.to_owned(),
            why: error.to_string(),
        })?;
    Ok(ClientBuilder::default()
        .request_timeout(REQUEST_TIMEOUT)
        .max_buffer_capacity_per_subscription(SUBSCRIPTION_BUFFER)
        .build_with_tokio(sender, receiver))
}
