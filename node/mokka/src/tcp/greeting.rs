//! How two members prove to each other which key a connection belongs to.
//!
//! Both say at once who they are, on which chain, with 32 random bytes; then each signs both
//! hellos. A signature is therefore of use on this connection alone, and only in this direction.

use std::{fmt, io, time::Duration};

use mokka_crypto::{SecretKey, digest, verify};
use mokka_types::{ChainHash, PublicKey, Signature, codec};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::frame::{self, Frame, Kind, fault};

/// What is said between members; those of different versions part.
const VERSION: u32 = 1;
/// The largest greeting, with room for a later version to say more.
const GREETING_BYTES: usize = 512;
/// Longer than any greeting takes, so that strangers cannot stay at the door.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who a member says that it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    version: u32,
    chain: ChainHash,
    key: PublicKey,
    challenge: [u8; 32],
}

/// The answer to a hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// Signs both hellos.
    Proof(Signature),
    Refused(Reason),
}

/// Why a connection does not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// The two do not speak the same version.
    #[error("it speaks another version of the protocol; update the older of the two")]
    Version,
    /// They are of different clusters, or of one with different settings.
    #[error("the two have different rules: name, members, crash model and settings must be equal")]
    Chain,
    /// Neither a member nor named to [`super::Network::join`].
    #[error("it is a stranger here; its key can be let in by `join`")]
    Stranger,
    /// It shows the key of the one who refuses.
    #[error("it uses the same key; one key must run on one machine only")]
    OwnKey,
    /// Somebody else listens at this address.
    #[error("another member answers at this address")]
    OtherMember,
    /// It could not prove its key.
    #[error("its signature does not prove its key")]
    Unproved,
}

/// Who refused whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBy {
    /// This member refused the other.
    Us,
    /// The other refused this member.
    Them,
}

/// A connection that did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The key that the other side showed; without a proof, anybody's.
    pub peer: PublicKey,
    /// Who refused.
    pub by: RefusedBy,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, by, reason } = self;
        match by {
            RefusedBy::Us => write!(f, "{peer} was refused: {reason}"),
            RefusedBy::Them => write!(f, "{peer} refuses this member: {reason}"),
        }
    }
}

/// Why a greeting failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("{0}")]
    Refused(Refusal),
    #[error("the greeting broke off: {0}")]
    Io(#[from] io::Error),
}

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Dialed,
    Accepted,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Dialed => Self::Accepted,
            Self::Accepted => Self::Dialed,
        }
    }
}

/// Greets on a new connection and returns whose it is.
///
/// # Errors
/// When one of the two refuses, the other is no member at all, or it takes too long.
pub(crate) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    side: Side,
    key: &SecretKey,
    chain: ChainHash,
    admits: impl Fn(&PublicKey) -> Result<(), Reason>,
) -> Result<PublicKey, Failed> {
    let greeting = async {
        let ours =
            Hello { version: VERSION, chain, key: key.public_key(), challenge: rand::random() };
        write(stream, &ours).await?;
        let theirs: Hello = read(stream).await?;
        let peer = theirs.key;
        let refusal = |by, reason| Failed::Refused(Refusal { peer, by, reason });
        if let Err(reason) = consider(&ours, &theirs, admits) {
            write(stream, &Answer::Refused(reason)).await?;
            // Closing before its answer is read could take ours out of its hands.
            let _answer: io::Result<Answer> = read(stream).await;
            return Err(refusal(RefusedBy::Us, reason));
        }
        let statement = statement(side, &ours, &theirs);
        let signature = key.sign(&digest::greeting(&chain, &statement));
        write(stream, &Answer::Proof(signature)).await?;
        let statement = self::statement(side.other(), &theirs, &ours);
        match read(stream).await? {
            Answer::Refused(reason) => Err(refusal(RefusedBy::Them, reason)),
            Answer::Proof(signature)
                if verify(&peer, &digest::greeting(&chain, &statement), &signature) =>
            {
                Ok(peer)
            }
            Answer::Proof(_) => Err(refusal(RefusedBy::Us, Reason::Unproved)),
        }
    };
    match timeout(PATIENCE, greeting).await {
        Ok(greeted) => greeted,
        Err(_) => Err(Failed::Io(io::ErrorKind::TimedOut.into())),
    }
}

fn consider(
    ours: &Hello,
    theirs: &Hello,
    admits: impl Fn(&PublicKey) -> Result<(), Reason>,
) -> Result<(), Reason> {
    if theirs.version != ours.version {
        Err(Reason::Version)
    } else if theirs.chain != ours.chain {
        Err(Reason::Chain)
    } else if theirs.key.x() == ours.key.x() {
        Err(Reason::OwnKey)
    } else {
        admits(&theirs.key)
    }
}

/// What one side signs: its hello, the other's, and which end of the connection it is.
fn statement(side: Side, signer: &Hello, other: &Hello) -> Vec<u8> {
    codec::encode(&(side == Side::Dialed, signer, other))
}

async fn write<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), value: &T) -> io::Result<()> {
    to.write_all(&frame::encode(Kind::Greeting, value)).await
}

pub(super) async fn read<T: Serialize + DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<T> {
    match frame::read(from, GREETING_BYTES).await? {
        Some(Frame { kind: Kind::Greeting, content }) => {
            codec::decode(&content).map_err(|error| fault(error.to_string()))
        }
        _ => Err(fault("a greeting comes first".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const CHAIN: ChainHash = ChainHash::new([7; 32]);

    fn anybody(_: &PublicKey) -> Result<(), Reason> {
        Ok(())
    }

    async fn meet(
        chains: [ChainHash; 2],
        admits: impl Fn(&PublicKey) -> Result<(), Reason>,
    ) -> [Result<PublicKey, Failed>; 2] {
        let keys = [SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32])];
        let [one, two] = keys.map(|key| key.expect("a secret key"));
        let (mut here, mut there) = duplex(1024);
        let (here, there) = tokio::join!(
            greet(&mut here, Side::Dialed, &one, chains[0], anybody),
            greet(&mut there, Side::Accepted, &two, chains[1], admits),
        );
        [here, there]
    }

    fn refusal(greeted: &Result<PublicKey, Failed>) -> (RefusedBy, Reason) {
        match greeted {
            Err(Failed::Refused(refusal)) => (refusal.by, refusal.reason),
            other => panic!("no refusal: {other:?}"),
        }
    }

    #[tokio::test]
    async fn two_members_learn_each_others_keys() {
        let [here, there] = meet([CHAIN, CHAIN], anybody).await;
        let key = |number| SecretKey::from_bytes([number; 32]).expect("a key").public_key();
        assert_eq!(here.expect("greeted"), key(2));
        assert_eq!(there.expect("greeted"), key(1));
    }

    #[tokio::test]
    async fn both_sides_learn_why_a_stranger_is_refused() {
        let [here, there] = meet([CHAIN, CHAIN], |_| Err(Reason::Stranger)).await;
        assert_eq!(refusal(&here), (RefusedBy::Them, Reason::Stranger));
        assert_eq!(refusal(&there), (RefusedBy::Us, Reason::Stranger));
    }

    #[tokio::test]
    async fn clusters_with_different_rules_part() {
        let [here, there] = meet([CHAIN, ChainHash::new([8; 32])], anybody).await;
        assert_eq!(refusal(&here), (RefusedBy::Us, Reason::Chain));
        assert_eq!(refusal(&there), (RefusedBy::Us, Reason::Chain));
    }

    /// Whoever passes a greeting on to somebody else proves nothing with what comes back.
    #[tokio::test]
    async fn a_signature_of_another_connection_proves_nothing() {
        let key = SecretKey::from_bytes([1; 32]).expect("a key");
        let (mut here, mut there) = duplex(1024);
        let thief = async {
            let victim = SecretKey::from_bytes([2; 32]).expect("a key");
            let theirs: Hello = read(&mut there).await.expect("a hello");
            let shown = Hello { key: victim.public_key(), ..theirs.clone() };
            write(&mut there, &shown).await.expect("written");
            let elsewhere = Hello { challenge: [9; 32], ..shown };
            let statement = statement(Side::Accepted, &elsewhere, &theirs);
            let signature = victim.sign(&digest::greeting(&CHAIN, &statement));
            write(&mut there, &Answer::Proof(signature)).await.expect("written");
            read::<Answer>(&mut there).await.expect("the victim's own proof");
        };
        let (greeted, ()) =
            tokio::join!(greet(&mut here, Side::Dialed, &key, CHAIN, anybody), thief);
        assert_eq!(refusal(&greeted), (RefusedBy::Us, Reason::Unproved));
    }
}
