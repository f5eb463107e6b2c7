//! How direct messages lie on a stream: four bytes of length, then the bytes.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{StreamProtocol, request_response::Codec};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{MAX_HELLO_BYTES, MAX_READING_BYTES, SMALL_FRAME};

/// A direct message, and its share of the memory that reading may take.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) size: Size,
    _reading: Option<OwnedSemaphorePermit>,
}

/// Whether a frame was as long as it may be. One that is too long is not read but still handed
/// over, without bytes: libp2p reports no failure to read, and the sender must answer for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Fits,
    TooLong,
}

impl From<Bytes> for Frame {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, size: Size::Fits, _reading: None }
    }
}

/// Memory for large messages that are being read, shared by all connections.
pub(crate) fn reading_budget() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_READING_BYTES))
}

/// Reads and writes frames up to a size; refuses longer ones by their length, before they are read.
#[derive(Clone)]
pub(crate) struct Frames {
    max_request: usize,
    budget: Arc<Semaphore>,
}

impl Frames {
    pub(crate) fn up_to(max_request: usize, budget: Arc<Semaphore>) -> Self {
        Self { max_request, budget }
    }

    fn reserve(&self, length: usize) -> io::Result<Option<OwnedSemaphorePermit>> {
        if length <= SMALL_FRAME {
            return Ok(None);
        }
        let permits = u32::try_from(length).map_err(io::Error::other)?;
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(permits);
        permit.map(Some).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))
    }
}

impl Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Frame;
    type Response = Bytes;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frame>
    where
        T: AsyncRead + Unpin + Send,
    {
        let Some(length) = read_length(io, self.max_request).await? else {
            return Ok(Frame { bytes: Bytes::new(), size: Size::TooLong, _reading: None });
        };
        let reading = self.reserve(length)?;
        let bytes = read_bytes(io, length).await?;
        Ok(Frame { bytes, size: Size::Fits, _reading: reading })
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Bytes>
    where
        T: AsyncRead + Unpin + Send,
    {
        let length = read_length(io, MAX_HELLO_BYTES).await?;
        let length = length.ok_or(io::ErrorKind::InvalidData)?;
        read_bytes(io, length).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        frame: Frame,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_bytes(io, &frame.bytes).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        answer: Bytes,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_bytes(io, &answer).await
    }
}

/// The announced length, unless it is more than allowed.
async fn read_length<T: AsyncRead + Unpin>(io: &mut T, max: usize) -> io::Result<Option<usize>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    Ok(usize::try_from(u32::from_le_bytes(length)).ok().filter(|length| *length <= max))
}

/// Memory grows with what has arrived, not with what was announced.
async fn read_bytes<T: AsyncRead + Unpin>(io: &mut T, length: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(length.min(64 * 1024));
    let limit = u64::try_from(length).map_err(io::Error::other)?;
    io.take(limit).read_to_end(&mut bytes).await?;
    if bytes.len() == length { Ok(bytes.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

async fn write_bytes<T: AsyncWrite + Unpin>(io: &mut T, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    io.write_all(&length.to_le_bytes()).await?;
    io.write_all(bytes).await
}

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, io::Cursor};

    use super::*;

    const PROTOCOL: StreamProtocol = StreamProtocol::new("/test");

    fn read(max: usize, budget: &Arc<Semaphore>, wire: Vec<u8>) -> io::Result<Frame> {
        let mut frames = Frames::up_to(max, Arc::clone(budget));
        block_on(frames.read_request(&PROTOCOL, &mut Cursor::new(wire)))
    }

    fn wire(bytes: &[u8]) -> Vec<u8> {
        let mut io = Cursor::new(Vec::new());
        block_on(write_bytes(&mut io, bytes)).unwrap();
        io.into_inner()
    }

    #[test]
    fn what_is_written_is_read() {
        let budget = reading_budget();
        for bytes in [vec![], vec![7; 10_000]] {
            assert_eq!(read(10_000, &budget, wire(&bytes)).unwrap().bytes, bytes);
        }
    }

    #[test]
    fn too_long_and_cut_frames_are_refused() {
        let budget = reading_budget();
        let long = read(9, &budget, wire(&[1; 10])).unwrap();
        assert_eq!((long.size, long.bytes.len()), (Size::TooLong, 0));
        let cut = read(10, &budget, wire(&[1; 10])[..12].to_vec()).err().unwrap();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn large_frames_share_one_budget_and_small_ones_need_none() {
        let budget = Arc::new(Semaphore::new(10_000));
        let first = read(20_000, &budget, wire(&[1; 9_000])).unwrap();
        let full = read(20_000, &budget, wire(&[1; 9_000])).err().unwrap();
        assert_eq!(full.kind(), io::ErrorKind::OutOfMemory);
        assert!(read(20_000, &budget, wire(&[1; SMALL_FRAME])).is_ok());
        drop(first);
        assert!(read(20_000, &budget, wire(&[1; 9_000])).is_ok());
    }
}
