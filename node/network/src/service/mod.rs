//! The task that owns the swarm.
//!
//! Each file adds one subject to [`Service`]: [`start`] sets it up, [`connections`] looks after
//! connections and dialing, [`admission`] exchanges hellos, [`traffic`] carries packets and
//! transactions, [`records`] says where validators are, [`conduct`] keeps scores and bans.

mod admission;
mod conduct;
mod connections;
mod records;
mod start;
mod traffic;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use futures::StreamExt;
use libp2p::{PeerId, Swarm, swarm::SwarmEvent};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub(crate) use start::spawn;

use crate::{
    Admitted, Hello, NetworkEvent, NetworkStats, PeerRecord, Rates, Reason,
    behaviour::{Behaviour, BehaviourEvent, Gate, Topics},
    dialer::Dialer,
    handle::{Command, Inputs, Snapshot},
    limits::{PUBLISH_INTERVAL, REFUSAL_MEMORY, TICK},
    outbox::{Outbox, Put},
    peer::{Channel, Peer},
    score::Scores,
    service::records::Records,
};

/// Everything the task owns.
pub(crate) struct Service {
    swarm: Swarm<Behaviour>,
    topics: Topics,
    max_packet: usize,
    rates: Rates,
    /// What we say of ourselves; the height is filled in when it is said.
    hello: Hello,
    inputs: Inputs,
    admitted: Admitted,
    /// Were validators a while ago, by x coordinate: they are told so.
    former: BTreeSet<[u8; 32]>,
    dialer: Dialer,
    own_record: Option<PeerRecord>,
    records: Records,
    outbox: Outbox,
    peers: BTreeMap<PeerId, Peer>,
    /// Which peer speaks for a validator or candidate, by x coordinate (§3); only peers whose hello
    /// was accepted.
    speakers: BTreeMap<[u8; 32], PeerId>,
    /// Who of those that are connected is asked next, where anybody can answer.
    turn: usize,
    /// Who refused us, and when.
    refusals: BTreeMap<PeerId, (Reason, Instant)>,
    scores: Scores,
    /// Until when a peer is kept out.
    bans: BTreeMap<PeerId, Instant>,
    /// When a refusal of a peer was last logged.
    logged: BTreeMap<PeerId, Instant>,
    stats: NetworkStats,
    /// Numbers of batches; starts at random.
    batch_number: u64,
    published: Instant,
}

impl Service {
    /// Runs until `stop`, or until nobody can give orders any more.
    async fn run(mut self, stop: CancellationToken) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                command = self.inputs.commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                Ok(()) = self.inputs.admitted.changed() => self.on_admitted_changed(),
                Ok(()) = self.inputs.targets.changed() => self.on_targets_changed(),
                () = self.outbox.room(), if self.outbox.is_behind() => self.outbox.drain(),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Broadcast(packet) => self.broadcast(packet),
            Command::Send(to, packet) => self.send(&to, packet),
            Command::Ask(to, packet) => self.ask(&to, packet),
            Command::ExpectsAnswer(peer, key) => self.on_expects_answer(peer, &key),
            Command::PublishTransactions(transactions) => self.publish_transactions(&transactions),
            Command::SendTransactions(to, transactions) => {
                self.send_transactions(to, &transactions);
            }
            Command::Validated(token, verdict) => self.on_verdict(token, verdict),
            Command::Report(culprit, fault) => self.on_report(culprit, fault),
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                tracing::debug!(%peer_id, ?cause, "connection closed");
                self.on_disconnected(peer_id, connection_id);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(%send_back_addr, %error, "an inbound connection came to nothing");
                self.stats.handshakes_failed += 1;
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                tracing::debug!(%error, "dialing failed");
                self.on_dial_failed(connection_id, &error);
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "accepting connections failed; trying again");
            }
            SwarmEvent::ListenerClosed { reason, .. } => {
                tracing::error!(?reason, "no longer listening for peers");
            }
            // Addresses that peers observe or announce are not trusted, and nothing else is news.
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Hello(event) => self.on_hello_event(event),
            BehaviourEvent::Packets(event) => self.on_direct_event(Channel::Packets, event),
            BehaviourEvent::Transactions(event) => {
                self.on_direct_event(Channel::Transactions, event);
            }
            BehaviourEvent::Records(event) => self.on_direct_event(Channel::Records, event),
            BehaviourEvent::Identify(_) => {}
            BehaviourEvent::Blocked(never) | BehaviourEvent::Limits(never) => match never {},
        }
    }

    fn on_tick(&mut self, now: Instant) {
        self.dial_due(now);
        self.enforce_time_limits(now);
        self.lift_bans(now);
        if now.saturating_duration_since(self.published) >= PUBLISH_INTERVAL {
            self.publish_snapshot(now);
        }
    }

    /// Shows everybody the peers and counters of now.
    fn publish_snapshot(&mut self, now: Instant) {
        self.published = now;
        let recent = |at| now.saturating_duration_since(at) < REFUSAL_MEMORY;
        self.refusals.retain(|_, (_, at)| recent(*at));
        let refusals = self.refusals.iter().map(|(id, (reason, _))| (*id, *reason)).collect();
        let up = self.peers.iter().filter(|(_, peer)| peer.is_up());
        let peers: Vec<_> =
            up.filter_map(|(id, peer)| peer.info(*id, self.scores.of(id, now))).collect();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.stats.peers = count(peers.len());
        let validators = self.peers.values().filter(|peer| peer.is_up() && peer.is_validator());
        self.stats.validators = count(validators.count());
        self.stats.connections = count(self.peers.values().map(|p| p.connections.len()).sum());
        let (peers, stats) = (peers.into(), self.stats);
        self.inputs.snapshot.send_replace(Snapshot { peers, refusals, stats });
    }

    /// Tells the node what it must learn, once everybody can see the peers and counters that go
    /// with it.
    fn tell(&mut self, event: NetworkEvent) {
        self.publish_snapshot(Instant::now());
        if self.outbox.tell(event) == Put::Dropped {
            self.stats.events_lost += 1;
        }
    }

    /// Sets what gossipsub may do with a peer, from what we know of it.
    fn set_gate(&mut self, id: &PeerId) {
        let gate = match self.peers.get(id) {
            Some(peer) if peer.is_up() => Gate::Open,
            Some(peer) if peer.is_admitted() => Gate::Listening,
            _ => Gate::Shut,
        };
        self.swarm.behaviour_mut().gossip.set_application_score(id, gate.score());
    }
}
