//! One member of a cluster, put together.

use std::{io, sync::Arc};

use mokka_consensus::{Event, Restored};
use mokka_crypto::SecretKey;
use mokka_types::{Envelope, PublicKey, Vote};
use tokio::sync::broadcast::{self, error::RecvError};
use tracing::{debug, info, trace, warn};

use crate::{
    Cluster, Handle, Inbox, LocalSigner, Notice, Passage, Plugs, Running, SafetyStore, Screen,
    Start, StateMachine, Transport, UnfitCluster, driver,
    screen::Screened,
    vote_rule::{Ruled, VoteRule},
};

/// One member of a [`Cluster`]: the original's `new Mokka({…})`.
///
/// It has an inbox from the beginning, because transport and state machine need its
/// [`handle`](Self::handle) before it can [start](Self::start) with them.
#[derive(Debug)]
pub struct Member {
    cluster: Cluster,
    key: Arc<SecretKey>,
    inbox: Inbox,
    handle: Handle,
    outgoing: Option<Screen>,
    vote_rule: Option<VoteRule>,
}

impl Member {
    /// A member with this key. Where the key is not among the members of the cluster, it observes:
    /// it follows and checks everything, and votes on nothing.
    ///
    /// # Errors
    /// When the settings of the cluster do not fit together.
    pub fn new(cluster: Cluster, key: impl Into<Arc<SecretKey>>) -> Result<Self, UnfitCluster> {
        let cluster = cluster.checked()?;
        let (inbox, handle) = driver::inbox(cluster.chain(), cluster.settings());
        let key = key.into();
        Ok(Self { cluster, key, inbox, handle, outgoing: None, vote_rule: None })
    }

    /// Looks at every authentic packet that comes in, before the engine does: the original's
    /// `reqMiddleware`. To be set before anybody takes a [`handle`](Self::handle).
    #[must_use]
    pub fn incoming(mut self, ask: impl Fn(&Envelope) -> Passage + Send + Sync + 'static) -> Self {
        self.handle = self.handle.screened(Screen::new(ask));
        self
    }

    /// Looks at every packet that is about to leave: the original's `resMiddleware`.
    #[must_use]
    pub fn outgoing(mut self, ask: impl Fn(&Envelope) -> Passage + Send + Sync + 'static) -> Self {
        self.outgoing = Some(Screen::new(ask));
        self
    }

    /// Says of each candidate whether it may lead, beside the rules of the protocol (§5.2): the
    /// original's `customVoteRule`. It must not block.
    #[must_use]
    pub fn vote_rule(mut self, ask: impl Fn(&Vote) -> bool + Send + Sync + 'static) -> Self {
        self.vote_rule = Some(VoteRule::new(ask));
        self
    }

    /// Where everybody else reaches this member, now and once it runs: packets and answers go in,
    /// notices and the status come out.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The rules that it shares with the others.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The public half of its key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// The key itself, for a transport that signs for it.
    pub(crate) const fn key(&self) -> &Arc<SecretKey> {
        &self.key
    }

    /// Starts it on a thread of its own: the original's `connect()`. [`Handle::stop`] ends it, the
    /// original's `disconnect()`. To be called within a tokio runtime, in which what happens is
    /// logged through `tracing`.
    ///
    /// # Errors
    /// When the operating system gives no thread or timer.
    pub fn start(
        self,
        transport: impl Transport + 'static,
        machine: impl StateMachine + 'static,
        store: impl SafetyStore + 'static,
        restored: Restored,
    ) -> io::Result<Running> {
        let Self { cluster, key, inbox, handle, outgoing, vote_rule } = self;
        let chain = cluster.chain();
        let transport: Box<dyn Transport> = match outgoing {
            Some(screen) => Box::new(Screened { screen, transport: Box::new(transport) }),
            None => Box::new(transport),
        };
        let machine: Box<dyn StateMachine> = match vote_rule {
            Some(rule) => Box::new(Ruled { rule, machine: Box::new(machine) }),
            None => Box::new(machine),
        };
        let signer = Box::new(LocalSigner::new(chain, key));
        let plugs = Plugs { transport, machine, store: Box::new(store), signer };
        let start = Start {
            chain,
            genesis: cluster.genesis(),
            settings: *cluster.settings(),
            seed: rand::random(),
            wall_clock: driver::wall_clock(),
            restored,
        };
        tokio::spawn(log(handle.notices()));
        driver::spawn(inbox, plugs, start)
    }
}

/// Logs what happens until the member is gone.
async fn log(mut notices: broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(Notice::Joined(member)) => info!(%member, "joined"),
            Ok(Notice::Left(member)) => info!(%member, "left"),
            Ok(Notice::Event(event)) => log_event(&event),
            Ok(Notice::Accused(accused)) => {
                warn!(member = %accused.who, fault = ?accused.fault, "protocol broken");
            }
            Ok(Notice::Ignored(reason)) => trace!(?reason, "ignored"),
            Err(RecvError::Lagged(missed)) => debug!(missed, "notices were missed"),
            Err(RecvError::Closed) => return,
        }
    }
}

fn log_event(event: &Event) {
    match event {
        Event::Leader { view, leader } => info!(term = %view, %leader, "leader"),
        Event::Resigned { view, reason } => info!(term = %view, ?reason, "resigned"),
        Event::Epoch(epoch) => info!(%epoch, "the members have changed"),
        Event::Evidence(evidence) => {
            let what = evidence.misdeed.name();
            warn!(member = %evidence.culprit, term = %evidence.view(), what, "signed twice");
        }
        Event::ClockBehind(view) => warn!(term = %view, "the clock is behind: set it"),
        Event::Marked(mark) => warn!(key = %mark.key, "{}: it must sign nothing", mark.reason),
        Event::Final(block) => debug!(height = %block.height, "final"),
        Event::HeartbeatTimeout
        | Event::State(_)
        | Event::Standing(_)
        | Event::NotElected(_)
        | Event::VotesMissing(_) => debug!(?event, "consensus"),
    }
}
