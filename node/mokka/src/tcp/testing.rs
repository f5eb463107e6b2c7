//! What reads sockets, fed with bytes instead: for fuzzing, with the feature `testing`.

use std::{
    io,
    pin::pin,
    task::{Context, Poll, Waker},
};

use mokka_crypto::SecretKey;
use mokka_types::{Body, ChainHash, PublicKey, RunNumber, codec};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    frame::{self, Frame, Kind},
    greeting::{self, Answer, Hello, Side},
    message::{self, Recipient, Sender, Topic},
};

/// Takes a frame off the bytes: what it is and holds, or `None` for a sign of life.
///
/// # Errors
/// When the connection would end.
pub fn take_frame(bytes: &mut &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    let frame = at_once(frame::read(bytes, limit))?;
    Ok(frame.map(|Frame { kind, content }| [vec![kind.byte()], content].concat()))
}

/// What opens a greeting, and the same as it would be written.
pub fn take_hello(bytes: &[u8]) -> Option<Vec<u8>> {
    take::<Hello>(bytes)
}

/// What answers a hello, and the same as it would be written.
pub fn take_answer(bytes: &[u8]) -> Option<Vec<u8>> {
    take::<Answer>(bytes)
}

fn take<T: Serialize + DeserializeOwned>(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let value: T = at_once(greeting::read(&mut bytes)).ok()?;
    Some(frame::encode(Kind::Greeting, &value).to_vec())
}

/// Greets somebody who says these bytes whatever it hears: who that proved to be, and what it was
/// told.
///
/// # Panics
/// When no runtime can be made.
pub fn greet(key: &SecretKey, chain: ChainHash, mut said: &[u8]) -> (Option<PublicKey>, Vec<u8>) {
    let mut told = Vec::new();
    let mut stream = tokio::io::join(&mut said, &mut told);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    // Invariant: a runtime without sockets needs nothing that could be used up.
    let runtime = runtime.expect("a clock and a thread");
    let admits = |_: &PublicKey| Ok(());
    let greeted =
        runtime.block_on(greeting::greet(&mut stream, Side::Accepted, key, chain, admits));
    (greeted.ok(), told)
}

/// Whether these bytes are a message of this peer to this member, with what it says.
pub fn open_message(
    chain: &ChainHash,
    peer: &PublicKey,
    ours: &PublicKey,
    content: &[u8],
) -> Option<Vec<u8>> {
    message::open(chain, peer, ours, content).map(|said| codec::encode(&said))
}

/// A message to all, as it travels.
pub fn seal_message(key: &SecretKey, chain: &ChainHash, bytes: &[u8]) -> Vec<u8> {
    let mut sender = Sender { run: RunNumber::new(1), last: 0 };
    let sealed = sender.seal((key, chain), Recipient::All, Topic::new(7), Body::new(bytes));
    codec::encode(&sealed)
}

/// Bytes in memory make nobody wait.
fn at_once<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
