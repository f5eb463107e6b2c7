//! What a user holds of a network.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mokka_crypto::SecretKey;
use mokka_types::{Body, ChainHash, PublicKey, RunNumber, SealedEnvelope};
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    sync::{broadcast, mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    frame::{self, Kind},
    greeting::Refusal,
    hub::{Carry, Command, Hub},
    listener,
    message::{MAX_MESSAGE_BYTES, Message, MessageTooLong, Recipient, Sender, Topic},
};
use crate::{Handle, Member, Transport, driver::wall_clock};

/// Frames on their way to the hub, which never waits: what comes on top is dropped.
const FRAMES_WAITING: usize = 256;
/// Commands that wait for the hub; who gives one waits for room.
const COMMANDS_WAITING: usize = 64;
/// Messages that a slow reader may be behind before it misses some: 32 MiB of the longest.
const MESSAGES_KEPT: usize = 256;

/// What the tasks of one network have in common.
pub(super) struct Common {
    pub(super) key: Arc<SecretKey>,
    pub(super) chain: ChainHash,
    pub(super) handle: Handle,
    pub(super) hub: mpsc::Sender<Command>,
    pub(super) admitted: watch::Receiver<BTreeSet<PublicKey>>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// Numbers the connections.
    pub(super) links: AtomicU64,
    pub(super) dropped: Dropped,
}

/// How many packets and messages found no room or no connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Dropped(Arc<AtomicU64>);

impl Dropped {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Who is connected, and who was not let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Those with a connection.
    pub connected: BTreeSet<PublicKey>,
    /// The last connection that did not come about because one side refused.
    pub refusal: Option<Refusal>,
}

/// Listens at an address, and lets in the members of the cluster. Whom to dial says
/// [`Network::join`].
///
/// # Errors
/// When the address cannot be listened at.
pub async fn listen(
    member: &Member,
    address: impl ToSocketAddrs,
) -> io::Result<(TcpTransport, Network)> {
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    let own = member.public_key();
    let members = member.cluster().members().keys().iter();
    let first: BTreeSet<_> = members.copied().filter(|key| *key != own).collect();
    let (hub, commands) = mpsc::channel(COMMANDS_WAITING);
    let (frames, frames_in) = mpsc::channel(FRAMES_WAITING);
    let (admitted, admitted_out) = watch::channel(first);
    let (peers, peers_out) = watch::channel(Peers::default());
    let (messages, _) = broadcast::channel(MESSAGES_KEPT);
    let common = Arc::new(Common {
        key: Arc::clone(member.key()),
        chain: member.cluster().chain(),
        handle: member.handle(),
        hub,
        admitted: admitted_out,
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
        links: AtomicU64::default(),
        dropped: Dropped::default(),
    });
    let hub = Hub::new(Arc::clone(&common), admitted, peers, messages.clone());
    common.tasks.spawn(hub.run(commands, frames_in));
    common.tasks.spawn(listener::accept(listener, Arc::clone(&common)));
    let transport = TcpTransport { frames: frames.clone(), dropped: common.dropped.clone() };
    let sender = Arc::new(Mutex::new(Sender { run: RunNumber::at(wall_clock()), last: 0 }));
    Ok((transport, Network { common, frames, messages, peers: peers_out, sender, local }))
}

/// The engine's end of a network.
#[derive(Debug)]
pub struct TcpTransport {
    frames: mpsc::Sender<Carry>,
    dropped: Dropped,
}

impl TcpTransport {
    fn carry(&self, to: Recipient, packet: &SealedEnvelope) {
        let frame = frame::encode(Kind::Packet, packet);
        if self.frames.try_send(Carry { to, frame }).is_err() {
            self.dropped.count();
        }
    }
}

impl Transport for TcpTransport {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        self.carry(Recipient::One(*to), packet);
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        self.carry(Recipient::All, packet);
    }
}

/// The user's end of a network. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    common: Arc<Common>,
    frames: mpsc::Sender<Carry>,
    messages: broadcast::Sender<Message>,
    peers: watch::Receiver<Peers>,
    sender: Arc<Mutex<Sender>>,
    local: SocketAddr,
}

impl Network {
    /// Names a peer and where it listens, `host:port`: it is let in, and dialed until it is there.
    /// A second address replaces the first.
    pub async fn join(&self, peer: PublicKey, address: impl Into<String>) {
        self.command(Command::Join { peer, address: address.into() }).await;
    }

    /// Cuts a peer off: it is neither dialed nor let in any more.
    pub async fn part(&self, peer: PublicKey) {
        self.command(Command::Part(peer)).await;
    }

    /// Says something to others: signed, once, in order, and lost where somebody is not connected
    /// or does not keep up.
    ///
    /// # Errors
    /// When it is too long.
    pub fn send(
        &self,
        to: Recipient,
        topic: Topic,
        bytes: impl Into<Arc<[u8]>>,
    ) -> Result<(), MessageTooLong> {
        let bytes = Body::new(bytes);
        let length = bytes.as_bytes().len();
        if length > MAX_MESSAGE_BYTES {
            return Err(MessageTooLong(length));
        }
        let signed_by = (&*self.common.key, &self.common.chain);
        // Numbered and handed on under one lock, so that they leave in order.
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = sender.seal(signed_by, to, topic, bytes);
        let frame = frame::encode(Kind::Message, &sealed);
        if self.frames.try_send(Carry { to, frame }).is_err() {
            self.common.dropped.count();
        }
        Ok(())
    }

    /// All messages from now on. A reader that lags misses the oldest ones.
    pub fn messages(&self) -> broadcast::Receiver<Message> {
        self.messages.subscribe()
    }

    /// Who is connected, and who was refused; each change can be waited for.
    pub fn peers(&self) -> watch::Receiver<Peers> {
        self.peers.clone()
    }

    /// Where it listens, with the port that the system chose where it was asked for port 0.
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// How many packets and messages found no room or no connection.
    pub fn dropped(&self) -> u64 {
        self.common.dropped.0.load(Ordering::Relaxed)
    }

    /// Closes all connections and the port, and returns when they are closed.
    pub async fn stop(&self) {
        self.common.stop.cancel();
        self.common.tasks.close();
        self.common.tasks.wait().await;
    }

    /// A network that has stopped has no use for commands.
    async fn command(&self, command: Command) {
        let _stopped = self.common.hub.send(command).await;
    }
}
