//! Bytes on a connection: four bytes that say how many follow, then as many, the first of which
//! says what the others are.

use std::{io, sync::Arc};

use mokka_types::codec;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Before everything else.
const LENGTH_BYTES: usize = 4;
/// A buffer that is not filled yet; it grows with what really comes.
const FIRST_BUFFER: usize = 4096;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A greeting, or the answer to one.
    Greeting,
    /// A packet of the protocol.
    Packet,
    /// A message of a user.
    Message,
}

impl Kind {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Greeting => 0,
            Self::Packet => 1,
            Self::Message => 2,
        }
    }
}

/// What came in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) content: Vec<u8>,
}

/// A value as a frame, with its length in front.
pub(crate) fn encode<T: Serialize>(kind: Kind, value: &T) -> Arc<[u8]> {
    let content = codec::encode(value);
    // Invariant: every value sent is smaller than the 64 MiB of a body and its envelope.
    let length = u32::try_from(content.len() + 1).expect("frames are shorter than 4 GiB");
    let mut bytes = Vec::with_capacity(LENGTH_BYTES + 1 + content.len());
    bytes.extend(length.to_be_bytes());
    bytes.push(kind.byte());
    bytes.extend(content);
    bytes.into()
}

/// Sends a frame without content, which says only that its sender lives.
pub(crate) async fn write_sign_of_life(to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    to.write_all(&[0; LENGTH_BYTES]).await
}

/// Reads a frame; `None` where it is a sign of life. The buffer grows with what comes, never with
/// what is announced.
pub(crate) async fn read(
    from: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> io::Result<Option<Frame>> {
    let length = u64::from(from.read_u32().await?);
    if length == 0 {
        return Ok(None);
    }
    // One byte more than the content, for its kind.
    if length > u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1) {
        return Err(fault(format!("a frame of {length} bytes is above the {limit} allowed")));
    }
    let kind = match from.read_u8().await? {
        0 => Kind::Greeting,
        1 => Kind::Packet,
        2 => Kind::Message,
        other => return Err(fault(format!("no frame is of kind {other}"))),
    };
    let mut content = Vec::with_capacity(FIRST_BUFFER.min(limit));
    from.take(length - 1).read_to_end(&mut content).await?;
    if u64::try_from(content.len()).is_ok_and(|came| came == length - 1) {
        Ok(Some(Frame { kind, content }))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The other side does not keep to the form.
pub(crate) fn fault(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read() {
        let bytes = encode(Kind::Message, &(7u8, 300u16));
        let frame = read(&mut &bytes[..], 16).await.expect("a frame").expect("not empty");
        assert_eq!((frame.kind, frame.content), (Kind::Message, codec::encode(&(7u8, 300u16))));
        assert_eq!(read(&mut &[0u8; 4][..], 16).await.expect("a frame"), None);
    }

    #[tokio::test]
    async fn a_frame_is_refused_by_its_first_bytes_or_ends_with_what_came() {
        let too_long = [0, 0, 0, 18, 1];
        let unknown = [0, 0, 0, 2, 9, 9];
        let torn = [0, 0, 0, 9, 1, 5, 5];
        for (bytes, kind) in [
            (&too_long[..], io::ErrorKind::InvalidData),
            (&unknown[..], io::ErrorKind::InvalidData),
            (&torn[..], io::ErrorKind::UnexpectedEof),
            (&torn[..2], io::ErrorKind::UnexpectedEof),
        ] {
            let mut from = bytes;
            assert_eq!(read(&mut from, 16).await.expect_err("no frame").kind(), kind, "{bytes:?}");
        }
    }
}
