//! What reads the wire, fed with bytes instead: with the feature `testing`.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures::{executor::block_on, io::Cursor};
use libp2p::{StreamProtocol, request_response::Codec};
use mokka_types::codec;
use tokio::sync::Semaphore;

use crate::{
    Hello, PeerRecord, Reason, batch,
    frames::{Frames, Size},
    hello::{self, Answer},
    record,
};

/// A hello, if it is one that is read.
pub fn read_hello(bytes: &[u8]) -> Option<Hello> {
    hello::read(bytes).ok()
}

/// What answers a hello: the session that it names, or the reason why the peer is refused.
pub fn read_answer(bytes: &[u8]) -> Option<Result<u64, Reason>> {
    match codec::decode(bytes).ok()? {
        Answer::Welcome { session } => Some(Ok(session)),
        Answer::Refused(reason) => Some(Err(reason)),
    }
}

/// An answer as it travels.
pub fn write_answer(answer: Result<u64, Reason>) -> Vec<u8> {
    codec::encode(&match answer {
        Ok(session) => Answer::Welcome { session },
        Err(reason) => Answer::Refused(reason),
    })
}

/// Records that a peer passes on.
pub fn read_records(bytes: &[u8]) -> Option<Vec<PeerRecord>> {
    let records = record::read(bytes).ok()?;
    Some(records.into_iter().map(|(record, _)| record).collect())
}

/// A batch of transactions.
pub fn unpack_batch(batch: &Bytes) -> Option<Vec<Bytes>> {
    batch::unpack(batch)
}

/// Batches with these transactions and this number.
pub fn pack_batches(transactions: &[Bytes], number: u64) -> Vec<Bytes> {
    batch::pack(transactions, || number).batches
}

/// A direct message off a stream; `None` where it is longer than `max`, and therefore not read.
///
/// # Errors
/// When the stream would be closed.
pub fn read_request(stream: &[u8], max: usize) -> io::Result<Option<Bytes>> {
    let mut frames = Frames::up_to(max, Arc::new(Semaphore::new(max)));
    let protocol = StreamProtocol::new("/testing");
    let frame = block_on(frames.read_request(&protocol, &mut Cursor::new(stream)))?;
    Ok((frame.size == Size::Fits).then_some(frame.bytes))
}
