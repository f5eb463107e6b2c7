//! `/metrics`, `/health` and `/ready`, over HTTP.
//!
//! *Health*: the node runs and its state agrees with the others'. *Ready*: it also follows the
//! chain and knows a leader, so that a load balancer may send it clients.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use mokka_network::NetworkHandle;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tracing::warn;

use crate::{metrics::Metrics, view::Overview};

/// Connections at a time: a few scrapers and probes.
const CONNECTIONS: usize = 32;
/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after the system refuses a socket: it has none left, and asking at once changes nothing.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is shown.
pub(crate) struct Pages {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) overview: Arc<Overview>,
    pub(crate) network: Option<NetworkHandle>,
}

/// Binds the address; the port is the real one where 0 was asked for.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, pages: Arc<Pages>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let socket = accept(&listener).await;
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let pages = Arc::clone(&pages);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = pages.answer(&request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(socket), service);
            // A client that breaks off is no concern of ours.
            let _broken_off = connection.await;
            drop(permit);
        });
    }
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            Err(error) => {
                warn!(%error, "cannot take a connection for metrics");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Pages {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "use GET".to_owned());
        }
        match request.uri().path() {
            "/metrics" => {
                let stats = self.network.as_ref().map(NetworkHandle::stats);
                page(StatusCode::OK, METRICS, self.metrics.text(stats, &self.overview.council()))
            }
            "/health" => match self.overview.is_healthy() {
                Ok(()) => page(StatusCode::OK, TEXT, "healthy".to_owned()),
                Err(reason) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason),
            },
            "/ready" => match self.overview.is_ready() {
                Ok(()) => page(StatusCode::OK, TEXT, "ready".to_owned()),
                Err(reason) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason),
            },
            _ => {
                let pages = "there are /metrics, /health and /ready".to_owned();
                page(StatusCode::NOT_FOUND, TEXT, pages)
            }
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn page(status: StatusCode, kind: &'static str, mut text: String) -> Response<Full<Bytes>> {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, os::fd::AsFd, sync::mpsc::sync_channel};

    use tokio::{net::TcpSocket, time::timeout};

    use super::*;

    /// A socket that does not listen: each accept fails at once, as where no descriptor is left.
    fn refused() -> TcpListener {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let same = socket.as_fd().try_clone_to_owned().expect("a descriptor");
        TcpListener::from_std(same.into()).expect("a socket of the runtime")
    }

    /// Time stands still while a task has work, so whoever asks without a pause never ends.
    #[test]
    fn who_is_refused_a_connection_by_the_system_pauses_before_asking_again() {
        let (tell, told) = sync_channel(1);
        std::thread::spawn(move || {
            let mut clock = tokio::runtime::Builder::new_current_thread();
            let runtime = clock.enable_all().start_paused(true).build().expect("a runtime");
            let accepted = runtime.block_on(async {
                let listener = refused();
                timeout(100 * ACCEPT_PAUSE, accept(&listener)).await.is_ok()
            });
            tell.send(accepted)
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(false), "it spins");
    }
}
