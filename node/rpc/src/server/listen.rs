//! Takes connections, at most so many at a time.

use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::server::{StopHandle, serve_with_graceful_shutdown};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Front;
use super::turns::Turns;
use super::wire::{Patience, Wire};
use crate::config::RpcConfig;

/// Pause after the system refuses a socket: it has none left, and asking at once changes nothing.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection above the limit hears.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain\r\ncontent-length: 48\r\nconnection: close\r\nretry-after: 1\r\n\r\n\
    too many connections to this node, retry later.\n";

/// Accepts until `stop`.
pub(super) async fn accept(
    listener: TcpListener,
    front: Front,
    config: Arc<RpcConfig>,
    stop: StopHandle,
) {
    let slots = Arc::new(Semaphore::new(config.max_connections as usize));
    let stopped = stop.clone().shutdown();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => match slots.clone().try_acquire_owned() {
                Ok(slot) => serve(socket, slot, &front, &config, &stop),
                Err(_) => refuse(socket).await,
            },
            Err(error) => {
                tracing::warn!(%error, "cannot take an RPC connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn serve(
    socket: TcpStream,
    slot: OwnedSemaphorePermit,
    front: &Front,
    config: &RpcConfig,
    stop: &StopHandle,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    // The slot lives as long as the socket, which a WebSocket takes over from HTTP.
    let turns = Arc::new(Turns::new(config.max_requests_in_flight));
    let patience = Patience { writing: config.write_patience, idle: config.idle_timeout };
    let wire = Wire::new(socket, patience, Arc::clone(&turns), slot);
    let service = front.connection(turns, stop.clone());
    let stopped = stop.clone().shutdown();
    tokio::spawn(async move {
        if let Err(error) = serve_with_graceful_shutdown(wire, service, stopped).await {
            tracing::debug!(%error, "an RPC connection failed");
        }
    });
}

/// Says why, without waiting for anything the peer does.
async fn refuse(mut socket: TcpStream) {
    tracing::debug!("an RPC connection was refused: too many are open");
    let _ = socket.try_write(TOO_MANY);
    let _ = socket.shutdown().await;
}
