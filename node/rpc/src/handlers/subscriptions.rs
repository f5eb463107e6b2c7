//! `eth_subscribe` and `mokka_subscribe`: news, as long as the subscriber keeps up.
//!
//! Nothing is kept for a slow subscriber: all of them share the bounded channels of the node, and
//! one that falls behind such a channel, or does not take a message in time, is told so and ends.

use std::sync::Arc;

use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind, SubscriptionResult};
use alloy_rpc_types_eth::{Filter, Header};
use jsonrpsee::core::SubscriptionError;
use jsonrpsee::core::{SubscriptionResult as Accepted, to_json_raw_value};
use jsonrpsee::{PendingSubscriptionSink, SubscriptionSink};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{Handlers, logs};
use crate::api::members::MemberEventView;
use crate::error::{Code, RpcError};
use crate::seams::{CommittedBlock, PendingTransaction};
use crate::shape;

/// What a subscription tells, and of what.
enum News {
    Heads(Receiver<Arc<CommittedBlock>>),
    Logs(Receiver<Arc<CommittedBlock>>, Box<Filter>),
    Hashes(Receiver<PendingTransaction>),
    Transactions(Receiver<PendingTransaction>),
}

/// Why a subscription ends.
enum End {
    /// The client unsubscribed or is gone.
    Quiet,
    /// The client should know.
    Told(String),
}

impl Handlers {
    pub(super) async fn serve_subscription(
        &self,
        pending: PendingSubscriptionSink,
        kind: SubscriptionKind,
        params: Option<Params>,
    ) -> Accepted {
        // Before accepting: nothing that happens after the answer is missed.
        let news = match self.news_of(kind, params) {
            Ok(news) => news,
            Err(error) => {
                pending.reject(error).await;
                return Ok(());
            }
        };
        let Ok(sink) = pending.accept().await else { return Ok(()) };
        ended(self.tell(&sink, news).await)
    }

    pub(super) async fn serve_members(&self, pending: PendingSubscriptionSink) -> Accepted {
        // Before accepting, as above.
        let blocks = self.node.heads.heads();
        let Ok(sink) = pending.accept().await else { return Ok(()) };
        ended(self.tell_members(&sink, blocks).await)
    }

    fn news_of(&self, kind: SubscriptionKind, params: Option<Params>) -> Result<News, RpcError> {
        let wrong = |words: &str| Err(RpcError::InvalidParams(words.to_owned()));
        match (kind, params.unwrap_or_default()) {
            (SubscriptionKind::NewHeads, Params::None) => Ok(News::Heads(self.node.heads.heads())),
            (SubscriptionKind::Logs, Params::None) => {
                Ok(News::Logs(self.node.heads.heads(), Box::default()))
            }
            (SubscriptionKind::Logs, Params::Logs(filter)) => {
                logs::check_filter(&filter)?;
                Ok(News::Logs(self.node.heads.heads(), filter))
            }
            (SubscriptionKind::NewPendingTransactions, Params::None | Params::Bool(false)) => {
                Ok(News::Hashes(self.node.pool.arrivals()))
            }
            (SubscriptionKind::NewPendingTransactions, Params::Bool(true)) => {
                Ok(News::Transactions(self.node.pool.arrivals()))
            }
            (SubscriptionKind::Syncing | SubscriptionKind::TransactionReceipts, _) => {
                wrong("no such subscription; there are newHeads, logs, newPendingTransactions")
            }
            (_, _) => {
                wrong("newHeads takes no parameter, logs a filter, newPendingTransactions a bool")
            }
        }
    }

    async fn tell(&self, sink: &SubscriptionSink, news: News) -> Result<(), End> {
        match news {
            News::Heads(mut blocks) => loop {
                let committed = next(sink, &mut blocks).await?;
                self.send(sink, &told(shape::header(&committed.block))).await?;
            },
            News::Logs(mut blocks, filter) => loop {
                let committed = next(sink, &mut blocks).await?;
                let mut found = Vec::new();
                if filter.matches_bloom(committed.block.block.header.logs_bloom) {
                    logs::collect(&committed.block, &committed.receipts, &filter, &mut found);
                }
                for log in found {
                    self.send(sink, &SubscriptionResult::Log(Box::new(log))).await?;
                }
            },
            News::Hashes(mut arrivals) => loop {
                let transaction = next(sink, &mut arrivals).await?;
                let hash = *transaction.hash();
                self.send(sink, &SubscriptionResult::TransactionHash(hash)).await?;
            },
            News::Transactions(mut arrivals) => loop {
                let transaction = next(sink, &mut arrivals).await?;
                let full = Box::new(shape::pending(&transaction));
                self.send(sink, &SubscriptionResult::FullTransaction(full)).await?;
            },
        }
    }

    async fn tell_members(
        &self,
        sink: &SubscriptionSink,
        mut blocks: Receiver<Arc<CommittedBlock>>,
    ) -> Result<(), End> {
        let members = &self.node.members;
        let filter = Filter::new().address(members.contracts());
        loop {
            let committed = next(sink, &mut blocks).await?;
            let header = &committed.block.block.header;
            if !filter.matches_bloom(header.logs_bloom) {
                continue;
            }
            let mut found = Vec::new();
            logs::collect(&committed.block, &committed.receipts, &filter, &mut found);
            for log in found {
                let Some(event) = members.event_name(&log.inner) else { continue };
                let told = MemberEventView {
                    block_number: header.number,
                    transaction_hash: log.transaction_hash.unwrap_or_default(),
                    contract: log.inner.address,
                    event: event.to_owned(),
                    log,
                };
                self.hand(sink, encode(&told)?).await?;
            }
        }
    }

    async fn send(&self, sink: &SubscriptionSink, news: &SubscriptionResult) -> Result<(), End> {
        self.hand(sink, encode(news)?).await
    }

    async fn hand(&self, sink: &SubscriptionSink, message: Box<RawValue>) -> Result<(), End> {
        let patience = self.config.subscriber_patience;
        match sink.send_timeout(message, patience).await {
            Ok(()) => Ok(()),
            Err(_) if sink.is_closed() => Err(End::Quiet),
            Err(_) => Err(End::Told(format!(
                "subscription ended: a notification could not be delivered within {patience:?}; \
                 read faster and subscribe again"
            ))),
        }
    }
}

fn ended(end: Result<(), End>) -> Accepted {
    match end {
        Ok(()) | Err(End::Quiet) => Ok(()),
        Err(End::Told(reason)) => Err(SubscriptionError::from(reason)),
    }
}

fn told(header: Header) -> SubscriptionResult {
    SubscriptionResult::Header(Box::new(header.into()))
}

fn encode(news: &impl Serialize) -> Result<Box<RawValue>, End> {
    to_json_raw_value(news)
        .map_err(|error| End::Told(format!("code {}: {error}", Code::Internal as i32)))
}

/// The next event, unless the subscriber leaves or has fallen behind.
async fn next<T: Clone>(sink: &SubscriptionSink, events: &mut Receiver<T>) -> Result<T, End> {
    let event = tokio::select! {
        () = sink.closed() => return Err(End::Quiet),
        event = events.recv() => event,
    };
    event.map_err(|error| {
        End::Told(match error {
            RecvError::Lagged(missed) => format!(
                "subscription ended: too slow, {missed} events were missed; \
                 subscribe again and read what is missing by number"
            ),
            RecvError::Closed => "subscription ended: the node stops".to_owned(),
        })
    })
}
