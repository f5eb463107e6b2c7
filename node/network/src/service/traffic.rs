//! Packets and transactions, out and in.

use std::time::Instant;

use bytes::Bytes;
use libp2p::{
    PeerId,
    gossipsub::{self, MessageAcceptance, MessageId, PublishError, TopicHash},
    request_response::{self, Message},
};
use mokka_types::PublicKey;

use super::Service;
use crate::{
    Fault, NetworkEvent, Packet, Transactions, ValidationToken, Verdict, Way, batch,
    event::Queued,
    frames::{Frame, Size},
    limits::{MAX_BATCH_BYTES, MAX_RECORDS_BYTES},
    outbox::Put,
    peer::{Channel, Peer},
};

impl Service {
    /// Who speaks for no validator keeps silent: nobody would pass it on (§7).
    pub(super) fn broadcast(&mut self, packet: Bytes) {
        if self.hello.binding.is_some() && self.fits(packet.len()) {
            let topic = self.topics.consensus.hash();
            self.publish(topic, packet);
        }
    }

    /// Directly where the receiver is connected; a validator that is not is reached by way of
    /// everybody, if they pass on what we say. Everybody else asked over a connection, and is
    /// answered there or not at all.
    pub(super) fn send(&mut self, to: &PublicKey, packet: Bytes) {
        match self.connected_as(to) {
            Some(id) if self.fits(packet.len()) => self.send_direct(Channel::Packets, id, packet),
            Some(_) => {}
            None if self.is_passed_on() && self.admitted.validator(to).is_some() => {
                self.broadcast(packet);
            }
            None => self.stats.outbound_failed += 1,
        }
    }

    fn is_passed_on(&self) -> bool {
        let own = self.hello.binding.map(|own| own.validator);
        own.is_some_and(|own| self.admitted.validator(&own).is_some())
    }

    /// What anybody can answer: to this node where it is connected, else to one that is, in turns.
    pub(super) fn ask(&mut self, to: &PublicKey, packet: Bytes) {
        match self.connected_as(to).or_else(|| self.next_in_turn()) {
            Some(id) if self.fits(packet.len()) => self.send_direct(Channel::Packets, id, packet),
            Some(_) => {}
            None => self.stats.outbound_failed += 1,
        }
    }

    fn next_in_turn(&mut self) -> Option<PeerId> {
        let is_up = |id: &&PeerId| self.peers.get(*id).is_some_and(Peer::is_up);
        let up: Vec<_> = self.speakers.values().filter(is_up).copied().collect();
        self.turn = self.turn.wrapping_add(1);
        up.get(self.turn.checked_rem(up.len())?).copied()
    }

    /// The peer that speaks for this validator, or asks with this key.
    fn connected_as(&self, key: &PublicKey) -> Option<PeerId> {
        let speaker = self.speakers.get(&key.x()).copied();
        let asker = || {
            let mut peers = self.peers.iter();
            peers.find(|(_, peer)| peer.asks_as == Some(key.x())).map(|(id, _)| *id)
        };
        speaker.or_else(asker).filter(|id| self.peers.get(id).is_some_and(Peer::is_up))
    }

    pub(super) fn on_expects_answer(&mut self, id: PeerId, key: &PublicKey) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.asks_as = Some(key.x());
        }
    }

    pub(super) fn publish_transactions(&mut self, transactions: &[Bytes]) {
        for batch in self.pack(transactions) {
            let topic = self.topics.transactions.hash();
            self.publish(topic, batch);
        }
    }

    pub(super) fn send_transactions(&mut self, to: PeerId, transactions: &[Bytes]) {
        if !self.peers.get(&to).is_some_and(|peer| peer.is_up()) {
            return;
        }
        for batch in self.pack(transactions) {
            self.send_direct(Channel::Transactions, to, batch);
        }
    }

    fn pack(&mut self, transactions: &[Bytes]) -> Vec<Bytes> {
        let number = &mut self.batch_number;
        let packed = batch::pack(transactions, || {
            *number = number.wrapping_add(1);
            *number
        });
        self.stats.too_large += packed.too_large;
        packed.batches
    }

    fn fits(&mut self, size: usize) -> bool {
        let fits = size <= self.max_packet;
        if !fits {
            tracing::error!(size, max = self.max_packet, "packet too large, not sent");
            self.stats.too_large += 1;
        }
        fits
    }

    fn publish(&mut self, topic: TopicHash, message: Bytes) {
        let size = message.len();
        match self.swarm.behaviour_mut().gossip.publish(topic, message) {
            Ok(_) => {
                self.stats.packets_sent += 1;
                for peer in self.peers.values_mut().filter(|peer| peer.is_up()) {
                    peer.sent_bytes += count(size);
                    self.stats.bytes_sent += count(size);
                }
            }
            // Alone in the world, which is no error: n = 1 is legal (§2), and others may come.
            Err(PublishError::NoPeersSubscribedToTopic) => self.stats.broadcasts_unheard += 1,
            Err(PublishError::AllQueuesFull(peers)) => self.stats.outbound_dropped += count(peers),
            Err(PublishError::Duplicate) => tracing::debug!("not published a second time"),
            Err(error) => {
                tracing::error!(%error, "cannot publish");
                self.stats.outbound_failed += 1;
            }
        }
    }

    pub(super) fn send_direct(&mut self, channel: Channel, to: PeerId, message: Bytes) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let size = message.len();
        if !peer.in_flight.has_room(channel, size) {
            self.stats.outbound_dropped += 1;
            return;
        }
        let protocol = self.swarm.behaviour_mut().carrying(channel);
        peer.in_flight.add(channel, protocol.send_request(&to, Frame::from(message)), size);
        peer.sent_bytes += count(size);
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += count(size);
    }

    pub(super) fn on_direct_event(
        &mut self,
        channel: Channel,
        event: request_response::Event<Frame, Bytes>,
    ) {
        match event {
            request_response::Event::Message { peer: source, message, .. } => match message {
                Message::Request { request, .. } if request.size == Size::TooLong => {
                    self.fault(source, Fault::OutOfBounds);
                }
                Message::Request { request, channel: answer, .. } => {
                    let protocol = self.swarm.behaviour_mut().carrying(channel);
                    // It only says "arrived", and fails only when the connection is gone.
                    let _ = protocol.send_response(answer, Bytes::new());
                    self.receive(channel, source, None, request.bytes);
                }
                Message::Response { request_id, .. } => {
                    if let Some(peer) = self.peers.get_mut(&source) {
                        peer.in_flight.done(channel, request_id);
                    }
                }
            },
            request_response::Event::OutboundFailure { peer: id, request_id, error, .. } => {
                tracing::debug!(peer_id = %id, %error, "a direct message did not arrive");
                self.stats.outbound_failed += 1;
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.in_flight.done(channel, request_id);
                }
            }
            request_response::Event::InboundFailure { .. }
            | request_response::Event::ResponseSent { .. } => {}
        }
    }

    pub(super) fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let channel = if message.topic == self.topics.consensus.hash() {
                    Channel::Packets
                } else {
                    Channel::Transactions
                };
                self.receive(channel, propagation_source, Some(&message_id), message.data.into());
            }
            gossipsub::Event::SlowPeer { failed_messages, .. } => {
                self.stats.gossip_dropped +=
                    count(failed_messages.priority + failed_messages.non_priority);
            }
            gossipsub::Event::Subscribed { peer_id, topic } => self.on_subscribed(peer_id, &topic),
            gossipsub::Event::Unsubscribed { .. } => {}
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                tracing::debug!(%peer_id, "the peer does not gossip");
            }
        }
    }

    fn on_subscribed(&mut self, id: PeerId, topic: &TopicHash) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if *topic == self.topics.consensus.hash() {
            peer.hears.consensus = true;
        } else if *topic == self.topics.transactions.hash() {
            peer.hears.transactions = true;
        }
        self.set_gate(&id);
        self.announce_if_up(id);
    }

    /// Something came in; `gossip` names it if it was a broadcast.
    fn receive(
        &mut self,
        channel: Channel,
        source: PeerId,
        gossip: Option<&MessageId>,
        bytes: Bytes,
    ) {
        let (now, size) = (Instant::now(), bytes.len());
        let Some(peer) = self.peers.get_mut(&source).filter(|peer| peer.is_admitted()) else {
            self.stats.unadmitted += 1;
            return self.settle(source, gossip, Verdict::Ignore);
        };
        let (bucket, max) = match channel {
            Channel::Packets => (&mut peer.consensus, self.max_packet),
            Channel::Transactions => (&mut peer.transactions, MAX_BATCH_BYTES),
            Channel::Records => (&mut peer.records, MAX_RECORDS_BYTES),
        };
        if !bucket.take(size, now) {
            self.stats.rate_limited += 1;
            return match gossip {
                // Maybe it only passes on what others say: whoever opens it finds the culprit.
                Some(_) => self.settle(source, gossip, Verdict::Ignore),
                None => self.fault(source, Fault::Flood),
            };
        }
        peer.received_bytes += count(size);
        self.stats.bytes_received += count(size);
        if size > max {
            self.settle(source, gossip, Verdict::Reject);
            return self.fault(source, Fault::OutOfBounds);
        }
        match channel {
            Channel::Packets => self.deliver_packet(source, gossip, bytes),
            Channel::Transactions => self.deliver_transactions(source, gossip, &bytes),
            Channel::Records => self.on_records(source, &bytes),
        }
    }

    fn deliver_packet(&mut self, source: PeerId, gossip: Option<&MessageId>, bytes: Bytes) {
        self.stats.packets_received += 1;
        let Some(queued) = self.room_for(source, gossip, &bytes) else { return };
        let packet = Packet {
            bytes,
            source,
            speaks_for: self.peers.get(&source).and_then(Peer::speaks_for),
            way: if gossip.is_some() { Way::Broadcast } else { Way::Direct },
            token: ValidationToken { source, gossip: gossip.cloned() },
            _queued: queued,
        };
        self.offer(source, gossip, NetworkEvent::Packet(packet));
    }

    fn deliver_transactions(&mut self, source: PeerId, gossip: Option<&MessageId>, bytes: &Bytes) {
        self.stats.batches_received += 1;
        let Some(queued) = self.room_for(source, gossip, bytes) else { return };
        let Some(transactions) = batch::unpack(bytes) else {
            self.settle(source, gossip, Verdict::Reject);
            return self.fault(source, Fault::Malformed);
        };
        let token = ValidationToken { source, gossip: gossip.cloned() };
        let transactions = Transactions { transactions, source, token, _queued: queued };
        self.offer(source, gossip, NetworkEvent::Transactions(transactions));
    }

    fn room_for(
        &mut self,
        source: PeerId,
        gossip: Option<&MessageId>,
        bytes: &Bytes,
    ) -> Option<Queued> {
        let queued = self.outbox.reserve(bytes.len());
        if queued.is_none() {
            self.stats.inbound_dropped += 1;
            self.settle(source, gossip, Verdict::Ignore);
        }
        queued
    }

    fn offer(&mut self, source: PeerId, gossip: Option<&MessageId>, event: NetworkEvent) {
        if self.outbox.offer(event) == Put::Dropped {
            self.stats.inbound_dropped += 1;
            self.settle(source, gossip, Verdict::Ignore);
        }
    }

    /// Tells gossipsub what to do with a broadcast; a direct message needs nothing.
    pub(super) fn settle(&mut self, source: PeerId, gossip: Option<&MessageId>, verdict: Verdict) {
        let Some(id) = gossip else { return };
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let protocols = self.swarm.behaviour_mut();
        protocols.gossip.report_message_validation_result(id, &source, acceptance);
    }
}

pub(super) fn count(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
