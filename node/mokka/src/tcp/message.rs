//! What users say to each other beside consensus: the original's packets with the user's `data`.

use std::collections::BTreeMap;

use mokka_crypto::{SecretKey, digest, verify};
use mokka_types::{Body, ChainHash, PublicKey, RunNumber, Signature, codec};
use serde::{Deserialize, Serialize};

/// The most that one message may hold.
pub const MAX_MESSAGE_BYTES: usize = 128 << 10;
/// What a message may have around its bytes.
pub(crate) const MESSAGE_OVERHEAD: usize = 256;

/// What a message is about, so that users of one network need not read each other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Topic(u16);

impl Topic {
    /// The entries of [`crate::log`].
    pub(crate) const LOG: Self = Self(u16::MAX);

    /// A topic of the user's own; 65,535 is the log's.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }
}

/// Who is to get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recipient {
    /// Every member that is connected.
    All,
    /// This one.
    One(PublicKey),
}

/// A message as it arrived. Its sender is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub from: PublicKey,
    /// To whom.
    pub to: Recipient,
    /// What it is about.
    pub topic: Topic,
    /// What was said.
    pub bytes: Body,
}

/// More than a message may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are more than the {MAX_MESSAGE_BYTES} of a message; say it in several")]
pub struct MessageTooLong(pub usize);

/// What the sender of a message signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    from: PublicKey,
    run: RunNumber,
    number: u64,
    to: Recipient,
    topic: Topic,
    bytes: Body,
}

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SealedMessage {
    said: Said,
    signature: Signature,
}

/// Numbers and signs the messages of one member.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) run: RunNumber,
    pub(crate) last: u64,
}

impl Sender {
    /// The next message.
    pub(crate) fn seal(
        &mut self,
        (key, chain): (&SecretKey, &ChainHash),
        to: Recipient,
        topic: Topic,
        bytes: Body,
    ) -> SealedMessage {
        self.last += 1;
        let (from, run, number) = (key.public_key(), self.run, self.last);
        let said = Said { from, run, number, to, topic, bytes };
        let signature = key.sign(&digest::message(chain, &codec::encode(&said)));
        SealedMessage { said, signature }
    }
}

/// Tells new messages from repeated ones: numbers of a sender only grow.
#[derive(Debug, Default)]
pub(crate) struct Heard(BTreeMap<PublicKey, (RunNumber, u64)>);

impl Heard {
    /// The message, if it is newer than the last one of its sender.
    pub(crate) fn take(&mut self, said: Said) -> Option<Message> {
        let Said { from, run, number, to, topic, bytes } = said;
        let last = self.0.entry(from).or_default();
        if *last >= (run, number) {
            return None;
        }
        *last = (run, number);
        Some(Message { from, to, topic, bytes })
    }
}

/// A message that `peer` said to `ours`, or to all; its number is not looked at.
pub(crate) fn open(
    chain: &ChainHash,
    peer: &PublicKey,
    ours: &PublicKey,
    content: &[u8],
) -> Option<Said> {
    let SealedMessage { said, signature } = codec::decode(content).ok()?;
    let is_for_us = matches!(said.to, Recipient::All) || said.to == Recipient::One(*ours);
    let fits = said.bytes.as_bytes().len() <= MAX_MESSAGE_BYTES;
    let statement = digest::message(chain, &codec::encode(&said));
    (fits && is_for_us && said.from == *peer && verify(peer, &statement, &signature))
        .then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: ChainHash = ChainHash::new([7; 32]);

    fn secret(number: u8) -> SecretKey {
        SecretKey::from_bytes([number; 32]).expect("a secret key")
    }

    #[test]
    fn a_message_is_taken_once_and_only_by_whom_it_names() {
        let (key, ours, other) = (secret(1), secret(2).public_key(), secret(3).public_key());
        let mut sender = Sender { run: RunNumber::new(5), last: 0 };
        let to = Recipient::One(ours);
        let sealed = sender.seal((&key, &CHAIN), to, Topic::new(1), Body::new(*b"hi"));
        let (peer, bytes) = (key.public_key(), codec::encode(&sealed));
        let said = open(&CHAIN, &peer, &ours, &bytes).expect("a message");
        let mut heard = Heard::default();
        assert_eq!(heard.take(said.clone()).expect("new").bytes.as_bytes(), b"hi");
        assert_eq!(heard.take(said), None, "a repetition");
        assert_eq!(open(&CHAIN, &peer, &other, &bytes), None, "not for this member");
        assert_eq!(open(&CHAIN, &other, &ours, &bytes), None, "not from this peer");
        assert_eq!(open(&ChainHash::new([8; 32]), &peer, &ours, &bytes), None, "another chain");
    }
}
