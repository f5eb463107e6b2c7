//! What the nodes show: the transactions of every new block, of every node.

use std::time::Duration;

use alloy_primitives::B256;
use alloy_rpc_types_eth::pubsub::{SubscriptionKind, SubscriptionResult};
use mokka_rpc::{
    api::EthApiClient,
    client::{self, WsClient},
};
use tokio::{sync::mpsc, time::Instant};

use crate::{endpoint::Endpoint, error::Failure};

/// Blocks that may wait to be counted.
const WAITING: usize = 64;
/// How long until a node that is gone is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// A block as a node showed it.
pub(super) struct Shown {
    /// Which node.
    pub(super) node: usize,
    /// When it was here.
    pub(super) at: Instant,
    /// Its transactions.
    pub(super) transactions: Vec<B256>,
}

/// The blocks that nodes show from now on.
pub(super) async fn follow(endpoints: &[Endpoint]) -> Result<mpsc::Receiver<Shown>, Failure> {
    let (tell, shown) = mpsc::channel(WAITING);
    for (node, endpoint) in endpoints.iter().enumerate() {
        let reader = Reader {
            node,
            url: websocket(endpoint.url()),
            next: endpoint.status().await?.head.number + 1,
            tell: tell.clone(),
        };
        tokio::spawn(reader.run());
    }
    Ok(shown)
}

/// The WebSocket address of a node's RPC: the same port.
pub(super) fn websocket(url: &str) -> String {
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}

/// Reads the blocks of one node.
struct Reader {
    node: usize,
    url: String,
    next: u64,
    tell: mpsc::Sender<Shown>,
}

/// Why reading stops for now.
struct Interrupted;

impl Reader {
    /// Until nobody wants to know any more. A node that is gone may come back.
    async fn run(mut self) {
        while !self.tell.is_closed() {
            // What was missed is read after the next connection.
            let Err(Interrupted) = self.follow().await else { return };
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn follow(&mut self) -> Result<(), Interrupted> {
        let client = client::ws(&self.url).await.map_err(|_| Interrupted)?;
        let subscribed = EthApiClient::subscribe_to(&client, SubscriptionKind::NewHeads, None);
        let mut heads = subscribed.await.map_err(|_| Interrupted)?;
        let head = EthApiClient::block_number(&client).await.map_err(|_| Interrupted)?;
        self.read_up_to(&client, head.to()).await?;
        while !self.tell.is_closed() {
            let head = heads.next().await.ok_or(Interrupted)?.map_err(|_| Interrupted)?;
            if let SubscriptionResult::Header(header) = head {
                self.read_up_to(&client, header.number).await?;
            }
        }
        Ok(())
    }

    async fn read_up_to(&mut self, client: &WsClient, head: u64) -> Result<(), Interrupted> {
        while self.next <= head {
            let asked = EthApiClient::block_by_number(client, self.next.into(), Some(false)).await;
            let block = asked.map_err(|_| Interrupted)?.ok_or(Interrupted)?;
            let transactions = block.transactions.hashes().collect();
            let shown = Shown { node: self.node, at: Instant::now(), transactions };
            self.tell.send(shown).await.map_err(|_| Interrupted)?;
            self.next += 1;
        }
        Ok(())
    }
}
