//! How the rest of the node speaks to the network.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use mokka_types::{Height, PublicKey};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Admitted, Culprit, Fault, NetworkConfig, NetworkEvent, NetworkStats, PeerInfo, Reason,
    StartError, Target, ValidationToken, Verdict, service,
};

/// An order for the network task.
#[derive(Debug)]
pub(crate) enum Command {
    Broadcast(Bytes),
    Send(PublicKey, Bytes),
    Ask(PublicKey, Bytes),
    ExpectsAnswer(PeerId, PublicKey),
    PublishTransactions(Vec<Bytes>),
    SendTransactions(PeerId, Vec<Bytes>),
    Validated(ValidationToken, Verdict),
    Report(Culprit, Fault),
}

/// What the network task publishes for everybody to read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) peers: Arc<[PeerInfo]>,
    pub(crate) refusals: Arc<[(PeerId, Reason)]>,
    pub(crate) stats: NetworkStats,
}

/// The ends of the task that the handle does not hold.
pub(crate) struct Inputs {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) admitted: watch::Receiver<Admitted>,
    pub(crate) targets: watch::Receiver<Vec<Target>>,
    pub(crate) snapshot: watch::Sender<Snapshot>,
    pub(crate) committed: Arc<AtomicU64>,
}

/// A running network.
#[derive(Debug)]
pub struct Network {
    /// Speaks to it.
    pub handle: NetworkHandle,
    /// Hears from it. Must be read; what does not fit is dropped and counted.
    pub events: mpsc::Receiver<NetworkEvent>,
    /// Ends after the token was cancelled or every handle was dropped, and at no other time.
    pub task: JoinHandle<()>,
}

impl Network {
    /// Listens, dials, and goes on until `stop`.
    ///
    /// # Errors
    /// When the address cannot be listened on, or blocks are larger than the network carries.
    pub async fn spawn(config: NetworkConfig, stop: CancellationToken) -> Result<Self, StartError> {
        service::spawn(config, stop).await
    }
}

/// Speaks to the network task; cheap to clone. No method waits: what the task cannot take at once
/// is dropped and counted.
#[derive(Clone, Debug)]
pub struct NetworkHandle {
    commands: mpsc::Sender<Command>,
    dropped: Arc<AtomicU64>,
    admitted: watch::Sender<Admitted>,
    targets: watch::Sender<Vec<Target>>,
    snapshot: watch::Receiver<Snapshot>,
    committed: Arc<AtomicU64>,
    peer_id: PeerId,
    listen_address: Multiaddr,
}

impl NetworkHandle {
    pub(crate) fn new(
        config: &NetworkConfig,
        listen_address: Multiaddr,
        queue: usize,
    ) -> (Self, Inputs) {
        let (commands, commands_out) = mpsc::channel(queue);
        let (admitted, admitted_out) = watch::channel(config.admitted.clone());
        let (targets, targets_out) = watch::channel(config.targets.clone());
        let (snapshot_in, snapshot) = watch::channel(Snapshot::default());
        let committed = Arc::new(AtomicU64::new(config.committed.get()));
        let inputs = Inputs {
            commands: commands_out,
            admitted: admitted_out,
            targets: targets_out,
            snapshot: snapshot_in,
            committed: Arc::clone(&committed),
        };
        let peer_id = config.node_key.peer_id();
        let dropped = Arc::default();
        let handle = Self {
            commands,
            dropped,
            admitted,
            targets,
            snapshot,
            committed,
            peer_id,
            listen_address,
        };
        (handle, inputs)
    }

    /// To everybody.
    pub fn broadcast(&self, packet: impl Into<Bytes>) {
        self.order(Command::Broadcast(packet.into()));
    }

    /// To one validator: directly where it is connected, else by way of everybody. To an observer
    /// that asked: directly or not at all.
    pub fn send(&self, to: PublicKey, packet: impl Into<Bytes>) {
        self.order(Command::Send(to, packet.into()));
    }

    /// What anybody can answer, to this node where it is connected, else to one that is: who takes
    /// no part in consensus is passed on by nobody (§7).
    pub fn ask(&self, to: PublicKey, packet: impl Into<Bytes>) {
        self.order(Command::Ask(to, packet.into()));
    }

    /// An observer asked, signing with this key: what is sent to the key goes to that peer. It has
    /// one such key at a time.
    pub fn expects_answer(&self, peer: PeerId, key: PublicKey) {
        self.order(Command::ExpectsAnswer(peer, key));
    }

    /// Transactions, to everybody.
    pub fn publish_transactions(&self, transactions: Vec<Bytes>) {
        self.order(Command::PublishTransactions(transactions));
    }

    /// Transactions, to one peer that is connected.
    pub fn send_transactions(&self, to: PeerId, transactions: Vec<Bytes>) {
        self.order(Command::SendTransactions(to, transactions));
    }

    /// The verdict on a message; until it comes, a broadcast is not passed on. [`Verdict::Reject`]
    /// costs the source score.
    pub fn validated(&self, token: ValidationToken, verdict: Verdict) {
        self.order(Command::Validated(token, verdict));
    }

    /// Somebody misbehaved in a way that only the node could see.
    pub fn report(&self, culprit: Culprit, fault: Fault) {
        self.order(Command::Report(culprit, fault));
    }

    /// Who may connect from now on, and as what: a peer whose part changes stays connected; whoever
    /// may not connect any more is heard no longer, and cut. To say the same again costs nothing.
    pub fn set_admitted(&self, admitted: Admitted) {
        replace(&self.admitted, admitted);
    }

    /// Whether this is the key of a validator.
    pub fn is_validator(&self, key: &PublicKey) -> bool {
        self.admitted.borrow().validator(key).is_some()
    }

    /// Whom to keep connected from now on; who is new is dialed at once, and who may not connect
    /// ([`NetworkHandle::set_admitted`]) when it may. To say the same again costs nothing.
    pub fn set_targets(&self, targets: Vec<Target>) {
        replace(&self.targets, targets);
    }

    /// Who refuses this node, and why: those whom it dialed lately without being let in.
    pub fn refusals(&self) -> Arc<[(PeerId, Reason)]> {
        Arc::clone(&self.snapshot.borrow().refusals)
    }

    /// The newest committed block, for the hellos to come.
    pub fn set_committed(&self, height: Height) {
        self.committed.store(height.get(), Ordering::Relaxed);
    }

    /// The peers that are connected and let in, as of a moment ago.
    pub fn peers(&self) -> Arc<[PeerInfo]> {
        Arc::clone(&self.snapshot.borrow().peers)
    }

    /// The counters, as of a moment ago.
    pub fn stats(&self) -> NetworkStats {
        let commands_dropped = self.dropped.load(Ordering::Relaxed);
        NetworkStats { commands_dropped, ..self.snapshot.borrow().stats }
    }

    /// The name of this node.
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// Where it really listens, also when port 0 was asked for.
    pub fn listen_address(&self) -> &Multiaddr {
        &self.listen_address
    }

    fn order(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn replace<T: PartialEq>(known: &watch::Sender<T>, new: T) {
    known.send_if_modified(|known| {
        let changed = *known != new;
        *known = new;
        changed
    });
}
