//! One greeted connection: frames in, frames out.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use mokka_types::PublicKey;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    frame::{self, Frame, Kind, fault},
    greeting::Side,
    hub::Command,
    message::{self, MAX_MESSAGE_BYTES, MESSAGE_OVERHEAD},
    network::Common,
};

/// Frames that wait for one peer: some seconds of a busy term.
const QUEUE_FRAMES: usize = 256;
/// Their bytes, in packets of the largest size: a block in flight, its successor, and two ranges.
const QUEUE_LARGEST: usize = 4;
/// So often a sign of life is sent where there is nothing else to say.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// A peer that is silent for so long, or takes nothing, is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// The hub's end of a connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) stop: CancellationToken,
    queue: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

/// A frame and its share of the queue.
#[derive(Debug)]
struct Queued {
    frame: Arc<[u8]>,
    _room: OwnedSemaphorePermit,
}

impl Link {
    /// Queues a frame; false where there is no room.
    pub(super) fn push(&self, frame: &Arc<[u8]>) -> bool {
        let Ok(bytes) = u32::try_from(frame.len()) else { return false };
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) else { return false };
        self.queue.try_send(Queued { frame: Arc::clone(frame), _room: room }).is_ok()
    }
}

/// Runs a connection until it breaks, or is told to end.
pub(super) async fn run(stream: TcpStream, peer: PublicKey, side: Side, common: &Common) {
    let (queue, waiting) = mpsc::channel(QUEUE_FRAMES);
    let limit = frame_limit(common);
    let room = limit.saturating_mul(QUEUE_LARGEST).min(Semaphore::MAX_PERMITS);
    let number = common.links.fetch_add(1, Ordering::Relaxed);
    let stop = common.stop.child_token();
    let link = Link { number, stop: stop.clone(), queue, room: Arc::new(Semaphore::new(room)) };
    if common.hub.send(Command::Up { peer, side, link }).await.is_err() {
        return;
    }
    let (reader, writer) = stream.into_split();
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = receive(reader, peer, limit, common) => ended,
        ended = send(writer, waiting) => ended,
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "a connection ended");
    }
    let _stopped = common.hub.send(Command::Down { peer, side, number }).await;
}

/// The largest packet of the chain, or the longest message.
fn frame_limit(common: &Common) -> usize {
    common.handle.gate().limit().bytes().max(MAX_MESSAGE_BYTES + MESSAGE_OVERHEAD)
}

async fn send(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Queued>) -> io::Result<()> {
    loop {
        let written = match timeout(SIGN_OF_LIFE, waiting.recv()).await {
            Ok(Some(queued)) => timeout(SILENCE, writer.write_all(&queued.frame)).await,
            // The hub has dropped this connection.
            Ok(None) => return Ok(()),
            Err(_) => timeout(SILENCE, frame::write_sign_of_life(&mut writer)).await,
        };
        written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
}

async fn receive(
    reader: OwnedReadHalf,
    peer: PublicKey,
    limit: usize,
    common: &Common,
) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    loop {
        let read = timeout(SILENCE, frame::read(&mut reader, limit)).await;
        let frame = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if let Some(frame) = frame {
            take(frame, peer, common).await?;
        }
    }
}

/// A frame counts only if its peer said it; what is none costs the connection.
async fn take(Frame { kind, content }: Frame, peer: PublicKey, common: &Common) -> io::Result<()> {
    match kind {
        Kind::Greeting => Err(fault("a second greeting".to_owned())),
        Kind::Packet => {
            let opened = common.handle.gate().open(&content);
            let packet = opened.map_err(|unopened| fault(unopened.to_string()))?;
            if packet.sender != peer {
                return Err(fault(format!("a packet of {}", packet.sender)));
            }
            // A full inbox and a refusing screen are not the peer's fault.
            let _dropped = common.handle.authenticated(packet, content.len());
            Ok(())
        }
        Kind::Message => {
            let ours = common.key.public_key();
            let said = message::open(&common.chain, &peer, &ours, &content)
                .ok_or_else(|| fault("no message of this peer".to_owned()))?;
            let _stopped = common.hub.send(Command::Heard(said)).await;
            Ok(())
        }
    }
}
