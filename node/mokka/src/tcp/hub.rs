//! Owns all peers of a network: who is let in, which connections there are, and where frames go.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mokka_types::PublicKey;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    dialer,
    greeting::{Refusal, Side},
    link::Link,
    message::{Heard, Message, Recipient, Said},
    network::{Common, Peers},
};

/// A frame and who is to get it.
pub(super) struct Carry {
    pub(super) to: Recipient,
    pub(super) frame: Arc<[u8]>,
}

/// What the hub is told.
pub(super) enum Command {
    Join {
        peer: PublicKey,
        address: String,
    },
    Part(PublicKey),
    /// A connection was greeted.
    Up {
        peer: PublicKey,
        side: Side,
        link: Link,
    },
    /// The connection of this number is over.
    Down {
        peer: PublicKey,
        side: Side,
        number: u64,
    },
    Heard(Said),
    Refused(Refusal),
}

/// What is known of one peer. It has two connections where both dialed at the same time.
struct Peer {
    dialed: Option<Link>,
    accepted: Option<Link>,
    is_up: watch::Sender<bool>,
    dialer: Option<CancellationToken>,
}

impl Peer {
    fn new() -> Self {
        Self { dialed: None, accepted: None, is_up: watch::Sender::new(false), dialer: None }
    }

    fn link(&self) -> Option<&Link> {
        self.dialed.as_ref().or(self.accepted.as_ref())
    }

    fn slot(&mut self, side: Side) -> &mut Option<Link> {
        match side {
            Side::Dialed => &mut self.dialed,
            Side::Accepted => &mut self.accepted,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let links = self.dialed.iter().chain(&self.accepted);
        links.for_each(|link| link.stop.cancel());
        self.dialer.iter().for_each(CancellationToken::cancel);
    }
}

/// The task that owns the peers.
pub(super) struct Hub {
    common: Arc<Common>,
    peers: BTreeMap<PublicKey, Peer>,
    heard: Heard,
    admitted: watch::Sender<BTreeSet<PublicKey>>,
    shown: watch::Sender<Peers>,
    messages: broadcast::Sender<Message>,
}

impl Hub {
    pub(super) fn new(
        common: Arc<Common>,
        admitted: watch::Sender<BTreeSet<PublicKey>>,
        shown: watch::Sender<Peers>,
        messages: broadcast::Sender<Message>,
    ) -> Self {
        let peers = admitted.borrow().iter().map(|key| (*key, Peer::new())).collect();
        Self { common, peers, heard: Heard::default(), admitted, shown, messages }
    }

    /// Runs until the network stops. It never waits for anybody.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut frames: mpsc::Receiver<Carry>,
    ) {
        loop {
            tokio::select! {
                biased;
                () = self.common.stop.cancelled() => return,
                Some(command) = commands.recv() => self.on_command(command),
                Some(carry) = frames.recv() => self.carry(&carry),
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Join { peer, address } => self.join(peer, address),
            Command::Part(peer) => {
                self.peers.remove(&peer);
                self.admit();
                self.show(peer);
            }
            Command::Up { peer, side, link } => self.up(peer, side, link),
            Command::Down { peer, side, number } => {
                if let Some(at) = self.peers.get_mut(&peer) {
                    let slot = at.slot(side);
                    slot.take_if(|link| link.number == number);
                    self.show(peer);
                }
            }
            Command::Heard(said) => {
                if let Some(message) = self.heard.take(said) {
                    let _read_by = self.messages.send(message);
                }
            }
            Command::Refused(refusal) => {
                warn!("{refusal}");
                self.shown.send_modify(|shown| shown.refusal = Some(refusal));
            }
        }
    }

    fn join(&mut self, peer: PublicKey, address: String) {
        if peer.x() == self.common.key.public_key().x() {
            return;
        }
        let at = self.peers.entry(peer).or_insert_with(Peer::new);
        let stop = self.common.stop.child_token();
        if let Some(before) = at.dialer.replace(stop.clone()) {
            before.cancel();
        }
        let target = dialer::Target { peer, address, is_up: at.is_up.subscribe(), stop };
        self.common.tasks.spawn(dialer::dial(target, Arc::clone(&self.common)));
        self.admit();
    }

    fn admit(&self) {
        let keys: BTreeSet<_> = self.peers.keys().copied().collect();
        self.admitted.send_if_modified(|known| {
            let changed = *known != keys;
            *known = keys;
            changed
        });
    }

    /// A newer connection replaces an older one of the same direction: the peer has lost that.
    fn up(&mut self, peer: PublicKey, side: Side, link: Link) {
        let Some(at) = self.peers.get_mut(&peer) else { return link.stop.cancel() };
        if let Some(before) = at.slot(side).replace(link) {
            before.stop.cancel();
        }
        self.show(peer);
    }

    /// Tells everybody who waits for it whether a peer is connected.
    fn show(&self, peer: PublicKey) {
        let at = self.peers.get(&peer);
        let is_up = at.is_some_and(|at| at.link().is_some());
        if let Some(at) = at {
            at.is_up.send_replace(is_up);
        }
        let changed = self.shown.send_if_modified(|shown| match is_up {
            true => shown.connected.insert(peer),
            false => shown.connected.remove(&peer),
        });
        match (changed, is_up) {
            (false, _) => {}
            (true, true) => self.common.handle.joined(peer),
            (true, false) => self.common.handle.left(peer),
        }
    }

    fn carry(&self, carry: &Carry) {
        let to = |at: Option<&Peer>| {
            let carried = at.and_then(Peer::link).is_some_and(|link| link.push(&carry.frame));
            if !carried {
                self.common.dropped.count();
            }
        };
        match carry.to {
            Recipient::One(peer) => to(self.peers.get(&peer)),
            Recipient::All => self.peers.values().for_each(|at| to(Some(at))),
        }
    }
}
