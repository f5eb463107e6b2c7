//! A node that the command line asks: who it is, and how its errors are told.

use std::{future::Future, time::Duration};

use alloy_primitives::B256;
use alloy_rpc_types_eth::Block;
use mokka_rpc::{
    api::{
        EthApiClient, MokkaApiClient,
        types::{NodeStatus, ValidatorView},
    },
    client::{self, Error, HttpClient},
};

use crate::error::Failure;

/// The node of `mokka dev`, and the first of `mokka devnet`.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8545";

/// How long one answer may take; a node that takes longer is as good as gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// A node that is asked over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    url: String,
    client: HttpClient,
}

/// Which node a command asks.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Node")]
pub(crate) struct UrlArgs {
    /// The RPC address of the node.
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL, env = "MOKKA_RPC_URL")]
    rpc_url: String,
}

impl UrlArgs {
    /// The node.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Failure> {
        Endpoint::new(&self.rpc_url)
    }
}

impl Endpoint {
    /// A node at an address; it is not asked yet.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        Ok(Self { url: url.to_owned(), client: client::http(url)? })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What its methods are called on.
    pub(crate) const fn client(&self) -> &HttpClient {
        &self.client
    }

    /// Waits for an answer, and tells what is wrong where there is none.
    pub(crate) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(PATIENCE, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Error::Call(error))) => Err(Failure::rpc(format!(
                "{} refuses: {} (code {})",
                self.url,
                error.message(),
                error.code()
            ))),
            Ok(Err(error)) => Err(Failure::rpc(format!(
                "cannot reach {}: {error}; is the node running, and is this its RPC address?",
                self.url
            ))),
            Err(_) => Err(Failure::rpc(format!(
                "{} gave no answer within {}s; see its log and `mokka status`",
                self.url,
                PATIENCE.as_secs()
            ))),
        }
    }

    /// Everything about it that fits on one screen.
    pub(crate) async fn status(&self) -> Result<NodeStatus, Failure> {
        self.ask(MokkaApiClient::status(&self.client)).await
    }

    /// Who votes.
    pub(crate) async fn validators(&self) -> Result<Vec<ValidatorView>, Failure> {
        self.ask(MokkaApiClient::validators(&self.client, None)).await
    }

    /// A block by number, with the hashes of its transactions.
    pub(crate) async fn block(&self, number: u64) -> Result<Option<Block>, Failure> {
        self.ask(EthApiClient::block_by_number(&self.client, number.into(), Some(false))).await
    }
}

/// What a block's `extraData` holds: the term in which it was built, and milliseconds since 1970.
pub(crate) fn stamp(block: &Block) -> Option<(u64, u64)> {
    let bytes = <[u8; 16]>::try_from(block.header.extra_data.as_ref()).ok()?;
    let number = |at: usize| {
        let mut part = [0; 8];
        part.copy_from_slice(&bytes[at..at + 8]);
        u64::from_be_bytes(part)
    };
    Some((number(0), number(8)))
}

/// The name of a validator, or its place in the set.
pub(crate) fn name(validator: &mokka_rpc::api::types::ValidatorRef) -> String {
    validator.name.clone().unwrap_or_else(|| format!("#{}", validator.index))
}

/// The hash of a block or transaction on the command line.
pub(crate) fn parse_hash(text: &str) -> Result<B256, String> {
    text.parse().map_err(|_| format!("`{text}` is no hash; write 0x and 64 hex digits"))
}
