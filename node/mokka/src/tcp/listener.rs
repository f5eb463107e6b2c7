//! The door: who knocks, and who is let in.

use std::{sync::Arc, time::Duration};

use mokka_types::PublicKey;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tracing::{debug, warn};

use super::{
    greeting::{Failed, Reason, Side, greet},
    hub::Command,
    link,
    network::Common,
};

/// So many may be at the door at once; others wait outside.
const STRANGERS: usize = 64;
/// Where the system has no room for another connection, trying at once again would not help.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Lets peers in until the network stops.
pub(super) async fn accept(listener: TcpListener, common: Arc<Common>) {
    let stop = common.stop.clone();
    let door = Arc::new(Semaphore::new(STRANGERS));
    let keep_accepting = async {
        while let Ok(place) = Arc::clone(&door).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let inside = Arc::clone(&common);
                    common.tasks.spawn(async move {
                        let greeted = inside.stop.run_until_cancelled(let_in(stream, &inside));
                        let greeted = greeted.await.flatten();
                        drop(place);
                        if let Some((stream, peer)) = greeted {
                            link::run(stream, peer, Side::Accepted, &inside).await;
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "no connection can be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    stop.run_until_cancelled(keep_accepting).await;
}

async fn let_in(mut stream: TcpStream, common: &Common) -> Option<(TcpStream, PublicKey)> {
    let admits = |key: &PublicKey| match common.admitted.borrow().contains(key) {
        true => Ok(()),
        false => Err(Reason::Stranger),
    };
    let _delayed = stream.set_nodelay(true);
    match greet(&mut stream, Side::Accepted, &common.key, common.chain, admits).await {
        Ok(peer) => Some((stream, peer)),
        Err(Failed::Io(error)) => {
            debug!(%error, "whoever knocked is no member");
            None
        }
        Err(Failed::Refused(refusal)) => {
            let _stopped = common.hub.send(Command::Refused(refusal)).await;
            None
        }
    }
}
