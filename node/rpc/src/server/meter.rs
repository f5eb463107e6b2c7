//! Around every request: how it came, how long it took, how it ended; and how many at a time.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonrpsee::BatchResponseBuilder;
use jsonrpsee::MethodResponse;
use jsonrpsee::core::middleware::{Batch, BatchEntry, Notification, RpcServiceT};
use jsonrpsee::types::{ErrorObjectOwned, Id, Request};
use tower::Layer;

use super::turns::Turns;
use crate::config::RpcConfig;
use crate::error::Code;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One request, one answer.
    Http,
    /// A connection that stays.
    WebSocket,
}

/// One answered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method, or `unknown`: names that clients invent are never passed on.
    pub method: &'static str,
    /// How it came.
    pub transport: Transport,
    /// The error code, or `None` if all went well.
    pub error: Option<i32>,
    /// From the request to the answer, without the network.
    pub took: Duration,
}

/// Hears of every answered request. Called on the async threads: count and return.
pub trait CallObserver: Send + Sync + 'static {
    /// A request was answered.
    fn answered(&self, call: Call);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug)]
pub struct IgnoreCalls;

impl CallObserver for IgnoreCalls {
    fn answered(&self, _: Call) {}
}

/// What a method is called that is not served.
const UNKNOWN: &str = "unknown";

/// What all meters share.
pub(super) struct Rules {
    methods: BTreeSet<&'static str>,
    observer: Arc<dyn CallObserver>,
    max_response: usize,
    address: SocketAddr,
}

impl Rules {
    pub(super) fn new(
        methods: BTreeSet<&'static str>,
        config: &RpcConfig,
        observer: Arc<dyn CallObserver>,
        address: SocketAddr,
    ) -> Self {
        let max_response = config.max_response_bytes as usize;
        Self { methods, observer, max_response, address }
    }
}

/// Puts a [`Meter`] around the handlers of one connection.
#[derive(Clone)]
pub(super) struct MeterLayer {
    rules: Arc<Rules>,
    turns: Arc<Turns>,
}

impl MeterLayer {
    pub(super) fn new(rules: Arc<Rules>, turns: Arc<Turns>) -> Self {
        Self { rules, turns }
    }
}

impl<S> Layer<S> for MeterLayer {
    type Service = Meter<S>;

    fn layer(&self, inner: S) -> Meter<S> {
        Meter { around: self.clone(), inner }
    }
}

/// Times and bounds the requests of one connection.
#[derive(Clone)]
pub(super) struct Meter<S> {
    around: MeterLayer,
    inner: S,
}

impl<S> Meter<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Sync,
{
    async fn answer(&self, request: Request<'_>) -> MethodResponse {
        let rules = &self.around.rules;
        let method = rules.methods.get(&*request.method).copied().unwrap_or(UNKNOWN);
        let transport = request.extensions.get().copied().unwrap_or(Transport::Http);
        let began = Instant::now();
        let response = if method == UNKNOWN {
            let words = format!("the method {} does not exist/is not available", request.method);
            refuse(request.id, Code::MethodNotFound, words)
        } else if transport == Transport::Http && is_subscription(method) {
            let words = format!(
                "notifications not supported over HTTP: connect to ws://{} to subscribe",
                rules.address
            );
            refuse(request.id, Code::MethodNotFound, words)
        } else {
            self.inner.call(request).await
        };
        let error = response.as_error_code();
        let took = began.elapsed();
        rules.observer.answered(Call { method, transport, error, took });
        response
    }
}

fn is_subscription(method: &str) -> bool {
    matches!(method, "eth_subscribe" | "eth_unsubscribe" | "mokka_subscribe" | "mokka_unsubscribe")
}

fn refuse(id: Id<'_>, code: Code, words: String) -> MethodResponse {
    MethodResponse::error(id, ErrorObjectOwned::owned(code as i32, words, None::<()>))
}

impl<S> RpcServiceT for Meter<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            NotificationResponse = MethodResponse,
            BatchResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let _turn = this.around.turns.take().await;
            this.answer(request).await
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let _turn = this.around.turns.take().await;
            let mut answers = BatchResponseBuilder::new_with_limit(this.around.rules.max_response);
            let mut notified = false;
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => this.answer(request).await,
                    Ok(BatchEntry::Notification(_)) => {
                        notified = true;
                        continue;
                    }
                    Err(wrong) => {
                        let (error, id) = wrong.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_big) = answers.append(answer) {
                    return too_big;
                }
            }
            if answers.is_empty() && notified {
                return MethodResponse::notification();
            }
            MethodResponse::from_batch(answers.finish())
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        let inner = self.inner.clone();
        async move { inner.notification(notification).await }
    }
}
