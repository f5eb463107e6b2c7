//! Keeps one peer connected, with patience.

use std::{io, sync::Arc, time::Duration};

use mokka_types::PublicKey;
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    greeting::{Failed, Reason, Side, greet},
    hub::Command,
    link,
    network::Common,
};

/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// It never grows beyond this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A connection that lasted so long was a good one: the next pause is the first again.
const GOOD: Duration = Duration::from_secs(10);
/// The longest wait for a connection.
const CONNECTING: Duration = Duration::from_secs(5);

/// Whom to dial, and where.
pub(super) struct Target {
    pub(super) peer: PublicKey,
    pub(super) address: String,
    /// Whether the peer is connected, by whatever connection.
    pub(super) is_up: watch::Receiver<bool>,
    pub(super) stop: CancellationToken,
}

/// Dials whenever the peer is not connected, until it is told to stop.
pub(super) async fn dial(mut target: Target, common: Arc<Common>) {
    let stop = target.stop.clone();
    let keep_connected = async {
        let mut pause = FIRST_PAUSE;
        while target.is_up.wait_for(|is_up| !is_up).await.is_ok() {
            let began = Instant::now();
            attempt(&target, &common).await;
            if began.elapsed() > GOOD {
                pause = FIRST_PAUSE;
            }
            // Two that dial each other are not to move in step.
            sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    };
    stop.run_until_cancelled(keep_connected).await;
}

/// One connection, from its beginning to its end.
async fn attempt(target: &Target, common: &Common) {
    let Target { peer, address, .. } = target;
    match connect(peer, address, common).await {
        Ok(stream) => link::run(stream, *peer, Side::Dialed, common).await,
        Err(Failed::Io(error)) => debug!(%peer, address, %error, "not reached"),
        Err(Failed::Refused(refusal)) => {
            let _stopped = common.hub.send(Command::Refused(refusal)).await;
        }
    }
}

async fn connect(peer: &PublicKey, address: &str, common: &Common) -> Result<TcpStream, Failed> {
    let connecting = timeout(CONNECTING, TcpStream::connect(address)).await;
    let mut stream = connecting.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    let is_it = |key: &PublicKey| if key == peer { Ok(()) } else { Err(Reason::OtherMember) };
    greet(&mut stream, Side::Dialed, &common.key, common.chain, is_it).await?;
    Ok(stream)
}
