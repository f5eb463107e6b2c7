//! A socket that protects us from peers who ask and do not read.
//!
//! While something waits to be written, or all [`Turns`] are taken, nothing more is read, so a peer
//! can pile up neither answers nor requests; and when nothing could be written for a while the
//! connection fails, which frees everything it holds. A connection that carries nothing for long
//! ends as if the peer had closed it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use super::turns::Turns;

/// How long a connection may do nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// While something waits to be written.
    pub(super) writing: Duration,
    /// While nothing is carried in either direction.
    pub(super) idle: Duration,
}

/// A socket, and the connection slot it takes.
pub(super) struct Wire {
    socket: TcpStream,
    patience: Patience,
    turns: Arc<Turns>,
    /// When something was last read or written.
    moved_at: Instant,
    idle: Pin<Box<Sleep>>,
    stalled: Option<Stall>,
    /// Who reads, while reading waits for writing.
    reader: Option<Waker>,
    /// Something was just read: what it asks for is counted before more is read.
    just_read: bool,
    _slot: OwnedSemaphorePermit,
}

/// The peer takes nothing. Both directions watch the clock, as only one may be polled.
struct Stall {
    writing: Pin<Box<Sleep>>,
    reading: Pin<Box<Sleep>>,
}

impl Wire {
    pub(super) fn new(
        socket: TcpStream,
        patience: Patience,
        turns: Arc<Turns>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let moved_at = Instant::now();
        let idle = Box::pin(sleep_until(moved_at + patience.idle));
        Self {
            socket,
            patience,
            turns,
            moved_at,
            idle,
            stalled: None,
            reader: None,
            just_read: false,
            _slot: slot,
        }
    }

    /// Whether nothing was carried for too long; wakes the reader when it may be so.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.idle.as_mut().poll(cx).is_ready() {
            let end = self.moved_at + self.patience.idle;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            self.idle.as_mut().reset(end);
        }
        Poll::Pending
    }

    /// Judges the outcome of a write.
    fn after_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.moved_at = Instant::now();
            self.stalled = None;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
            return written;
        }
        let patience = self.patience.writing;
        let stall = self.stalled.get_or_insert_with(|| {
            let end = Instant::now() + patience;
            Stall { writing: Box::pin(sleep_until(end)), reading: Box::pin(sleep_until(end)) }
        });
        stall.writing.as_mut().poll(cx).map(|()| Err(too_slow(patience)))
    }
}

fn too_slow(patience: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the peer took nothing for {patience:?}"))
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(stall) = &mut this.stalled {
            this.reader = Some(cx.waker().clone());
            let patience = this.patience.writing;
            return stall.reading.as_mut().poll(cx).map(|()| Err(too_slow(patience)));
        }
        if std::mem::take(&mut this.just_read) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.turns.poll_free(cx).is_pending() {
            return Poll::Pending;
        }
        let read = Pin::new(&mut this.socket).poll_read(cx, buffer);
        if read.is_ready() {
            this.just_read = true;
            this.moved_at = Instant::now();
            return read;
        }
        // Nothing read and no error is the end of the stream.
        this.poll_idle(cx).map(Ok)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.after_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;

    /// Longer than any test.
    const LONG: Duration = Duration::from_secs(600);

    async fn pair(writing: Duration, idle: Duration) -> (Wire, TcpStream, Arc<Semaphore>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let slots = Arc::new(Semaphore::new(1));
        let slot = slots.clone().try_acquire_owned().unwrap();
        let turns = Arc::new(Turns::new(1));
        (Wire::new(socket, Patience { writing, idle }, turns, slot), peer, slots)
    }

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_cut_off_and_its_slot_is_free() {
        let (mut wire, _peer, slots) = pair(Duration::from_millis(50), LONG).await;
        let block = vec![0; 1 << 20];
        let error = loop {
            if let Err(error) = wire.write_all(&block).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(wire);
        assert_eq!(slots.available_permits(), 1);
    }

    #[tokio::test]
    async fn reading_waits_while_the_peer_takes_nothing_and_goes_on_when_it_does() {
        let (wire, mut peer, _slots) = pair(LONG, LONG).await;
        let (mut from_peer, mut to_peer) = tokio::io::split(wire);
        const TOTAL: usize = 32 << 20;
        let writing = tokio::spawn(async move {
            to_peer.write_all(&vec![7; TOTAL]).await.unwrap();
            to_peer
        });
        peer.write_all(b"ask").await.unwrap();
        let mut got = vec![0; TOTAL];
        peer.read_exact(&mut got).await.unwrap();
        writing.await.unwrap();
        let mut asked = [0; 3];
        from_peer.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"ask");
    }

    #[tokio::test]
    async fn reading_waits_while_all_turns_are_taken_and_goes_on_when_one_is_free() {
        let (mut wire, mut peer, _slots) = pair(LONG, LONG).await;
        let turns = Arc::clone(&wire.turns);
        let turn = turns.take().await;
        peer.write_all(b"ask").await.unwrap();
        wire.socket.readable().await.unwrap();
        let mut asked = [0; 3];
        let mut reading = std::pin::pin!(wire.read_exact(&mut asked));
        let polled = reading.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "{polled:?}");
        drop(turn);
        reading.await.unwrap();
        assert_eq!(&asked, b"ask");
    }

    #[tokio::test]
    async fn a_connection_that_carries_nothing_ends() {
        let idle = Duration::from_millis(50);
        let (mut wire, mut peer, _slots) = pair(LONG, idle).await;
        peer.write_all(b"x").await.unwrap();
        let began = Instant::now();
        let mut got = Vec::new();
        wire.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"x");
        assert!(began.elapsed() >= idle, "ended after {:?}", began.elapsed());
    }
}
