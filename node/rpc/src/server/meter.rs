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
use tokio::sync::Semaphore;
use tower::Layer;

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

/// Puts a [`Meter`] around the handlers: one for each WebSocket, one for each HTTP request.
#[derive(Clone)]
pub(super) struct MeterLayer {
    methods: Arc<BTreeSet<&'static str>>,
    observer: Arc<dyn CallObserver>,
    max_in_flight: usize,
    max_response: usize,
    address: SocketAddr,
}

impl MeterLayer {
    pub(super) fn new(
        methods: BTreeSet<&'static str>,
        config: &RpcConfig,
        observer: Arc<dyn CallObserver>,
        address: SocketAddr,
    ) -> Self {
        Self {
            methods: Arc::new(methods),
            observer,
            max_in_flight: config.max_requests_in_flight,
            max_response: config.max_response_bytes as usize,
            address,
        }
    }
}

impl<S> Layer<S> for MeterLayer {
    type Service = Meter<S>;

    fn layer(&self, inner: S) -> Meter<S> {
        let slots = Arc::new(Semaphore::new(self.max_in_flight));
        Meter { rules: self.clone(), slots, inner }
    }
}

/// Times and bounds the requests of one connection.
#[derive(Clone)]
pub(super) struct Meter<S> {
    rules: MeterLayer,
    slots: Arc<Semaphore>,
    inner: S,
}

impl<S> Meter<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Sync,
{
    async fn answer(&self, request: Request<'_>) -> MethodResponse {
        let method = self.rules.methods.get(&*request.method).copied().unwrap_or(UNKNOWN);
        let transport = request.extensions.get().copied().unwrap_or(Transport::Http);
        let began = Instant::now();
        let response = if method == UNKNOWN {
            let words = format!("the method {} does not exist/is not available", request.method);
            refuse(request.id, Code::MethodNotFound, words)
        } else if transport == Transport::Http && is_subscription(method) {
            let words = format!(
                "notifications not supported over HTTP: connect to ws://{} to subscribe",
                self.rules.address
            );
            refuse(request.id, Code::MethodNotFound, words)
        } else {
            self.inner.call(request).await
        };
        let error = response.as_error_code();
        let took = began.elapsed();
        self.rules.observer.answered(Call { method, transport, error, took });
        response
    }

    fn too_many(&self, id: Id<'_>) -> MethodResponse {
        let words = format!(
            "more than {} requests in flight on this connection; wait for answers",
            self.rules.max_in_flight
        );
        refuse(id, Code::LimitExceeded, words)
    }
}

fn is_subscription(method: &str) -> bool {
    matches!(method, "eth_subscribe" | "eth_unsubscribe")
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
            match this.slots.try_acquire() {
                Ok(_slot) => this.answer(request).await,
                Err(_) => this.too_many(request.id),
            }
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let Ok(_slot) = this.slots.try_acquire() else { return this.too_many(Id::Null) };
            let mut answers = BatchResponseBuilder::new_with_limit(this.rules.max_response);
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
