//! Hellos: who is let in, and who is told why not.

use std::{sync::atomic::Ordering, time::Instant};

use bytes::Bytes;
use libp2p::{
    PeerId,
    request_response::{Event, Message, OutboundFailure, OutboundRequestId, ResponseChannel},
};
use mokka_types::{Height, PublicKey, codec};

use super::Service;
use crate::{
    Admitted, Fault, Hello, NetworkEvent, Reason, RefusedBy,
    frames::Frame,
    hello::{self, Answer, Role},
    limits::{HELLO_TIMEOUT, MAX_REMEMBERED, REFUSAL_LINGER},
    peer::{Leaving, Shown},
};

impl Service {
    /// Shows a peer who we are.
    pub(super) fn say_hello(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let committed = Height::new(self.inputs.committed.load(Ordering::Relaxed));
        let bytes = codec::encode(&Hello { committed, ..self.hello.clone() });
        let request = Frame::from(Bytes::from(bytes));
        let asked = self.swarm.behaviour_mut().hello.send_request(&id, request);
        peer.asked = Some(asked);
    }

    pub(super) fn on_hello_event(&mut self, event: Event<Frame, Bytes>) {
        match event {
            Event::Message { peer, message, .. } => match message {
                Message::Request { request, channel, .. } => {
                    self.on_hello(peer, &request.bytes, channel);
                }
                Message::Response { request_id, response } => {
                    self.on_answer(peer, request_id, &response);
                }
            },
            Event::OutboundFailure { peer, request_id, error, .. } => {
                self.on_hello_failure(peer, request_id, &error);
            }
            Event::InboundFailure { peer, .. } => self.on_told(peer),
            Event::ResponseSent { peer, .. } => self.on_told(peer),
        }
    }

    fn on_hello(&mut self, id: PeerId, bytes: &[u8], channel: ResponseChannel<Bytes>) {
        let considered = self.consider(id, bytes);
        let answer = match considered {
            Ok(()) => Answer::Welcome { session: self.hello.session },
            Err(reason) => Answer::Refused(reason),
        };
        let answer = Bytes::from(codec::encode(&answer));
        // It fails only when the connection is gone, which is reported by itself.
        let _ = self.swarm.behaviour_mut().hello.send_response(channel, answer);
        match considered {
            Ok(()) => self.announce_if_up(id),
            Err(reason) => {
                self.refuse(id, reason);
                if matches!(reason, Reason::Malformed | Reason::BadBinding) {
                    self.fault(id, Fault::Unauthenticated);
                }
            }
        }
    }

    /// Lets a peer in, or says why not.
    fn consider(&mut self, id: PeerId, bytes: &[u8]) -> Result<(), Reason> {
        let peer = self.peers.get(&id).ok_or(Reason::Silent)?;
        if let Some(leaving) = peer.leaving {
            return Err(leaving.reason);
        }
        let hello = hello::read(bytes)?;
        let role = self.judge(&id, &hello)?;
        let peer = self.peers.get(&id).ok_or(Reason::Silent)?;
        if peer.shown.as_ref().is_some_and(|shown| shown.hello.session != hello.session) {
            // It restarted, and its old connection is not gone yet. Protocols remember what they
            // told the old process, so both sides begin anew.
            tracing::info!(peer_id = %id, "the peer has restarted");
            self.hang_up(id);
            return Ok(());
        }
        self.give_speech(id, role)?;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.shown = Some(Shown { role, hello });
        }
        self.set_gate(&id);
        Ok(())
    }

    /// Decides about a hello by what holds now.
    fn judge(&self, id: &PeerId, hello: &Hello) -> Result<Role, Reason> {
        hello::judge(&self.hello, hello, id, &self.admitted).map_err(|reason| {
            let was = hello.binding.is_some_and(|at| self.former.contains(&at.validator.x()));
            match reason {
                Reason::Stranger if was => Reason::NoLongerAdmitted,
                other => other,
            }
        })
    }

    /// From now on the peer speaks for the key of its role, if it has one. Where two nodes speak
    /// for one key, the higher sequence stays.
    fn give_speech(&mut self, id: PeerId, role: Role) -> Result<(), Reason> {
        let Some((key, sequence)) = role.claim() else { return Ok(()) };
        let other = self.speakers.get(&key.x()).copied().filter(|other| *other != id);
        if let Some(other) = other {
            let shown = self.peers.get(&other).and_then(|peer| peer.shown.as_ref());
            match shown.and_then(|shown| shown.role.claim()) {
                Some((_, current)) if current >= sequence => {
                    return Err(Reason::Superseded { current });
                }
                Some(_) | None => {
                    self.refuse(other, Reason::Superseded { current: sequence });
                    self.hang_up(other);
                }
            }
        }
        self.speakers.insert(key.x(), id);
        Ok(())
    }

    fn on_answer(&mut self, id: PeerId, request: OutboundRequestId, bytes: &[u8]) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.asked == Some(request) {
            peer.asked = None;
        }
        match codec::decode(bytes) {
            Ok(Answer::Welcome { session }) => {
                peer.welcomed = Some(session);
                self.set_gate(&id);
                self.announce_if_up(id);
                self.part_if_done(id);
            }
            Ok(Answer::Refused(reason)) => self.on_refusal(id, reason),
            Err(_) => self.fault(id, Fault::Malformed),
        }
    }

    fn on_refusal(&mut self, id: PeerId, reason: Reason) {
        self.stats.refused_by_them += 1;
        if self.is_worth_logging(id) {
            tracing::warn!(peer_id = %id, "the peer refuses this node: {reason}");
        }
        if self.refusals.len() < MAX_REMEMBERED {
            self.refusals.insert(id, (reason, Instant::now()));
        }
        self.tell(NetworkEvent::Refused { peer: id, by: RefusedBy::Them, reason });
        self.dialing_refused(id);
        self.hang_up(id);
    }

    fn on_hello_failure(
        &mut self,
        id: PeerId,
        request: OutboundRequestId,
        error: &OutboundFailure,
    ) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.asked == Some(request)) else {
            return;
        };
        peer.asked = None;
        if peer.leaving.is_some() {
            return self.part_if_done(id);
        }
        match error {
            // One of two connections was closed; the other is as good.
            OutboundFailure::ConnectionClosed if !peer.connections.is_empty() => self.say_hello(id),
            OutboundFailure::UnsupportedProtocols => {
                tracing::debug!(peer_id = %id, "the peer is no node of this network");
                self.hang_up(id);
            }
            // The time limit of the hello decides.
            OutboundFailure::ConnectionClosed
            | OutboundFailure::DialFailure
            | OutboundFailure::Timeout
            | OutboundFailure::Io(_) => {}
        }
    }

    /// From here on each side accepts what the other sends.
    pub(super) fn announce_if_up(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_up()) else { return };
        let Some(shown) = peer.shown.clone() else { return };
        let Shown { role, hello: Hello { session, agent, committed, .. } } = shown;
        if peer.announced.replace(session) == Some(session) {
            return;
        }
        let connection = peer.connections.last().cloned();
        let validator = role.key();
        self.refusals.remove(&id);
        tracing::info!(
            peer_id = %id,
            role = role.name(),
            validator = validator.map(|key| key.to_string()),
            address = connection.as_ref().map(|of| of.address.to_string()),
            direction = connection.as_ref().map(|of| of.direction.name()),
            agent,
            height = %committed,
            "peer connected"
        );
        self.set_gate(&id);
        self.dialing_succeeded(id, validator);
        self.tell(NetworkEvent::PeerConnected { peer: id, validator, committed });
        self.tell_records(id);
    }

    /// Cuts a peer as soon as it had a chance to read why.
    pub(super) fn refuse(&mut self, id: PeerId, reason: Reason) {
        let now = Instant::now();
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.leaving.is_none()) else {
            return;
        };
        peer.leaving = Some(Leaving { deadline: now + REFUSAL_LINGER, told: false, reason });
        let address = peer.connections.last().map(|connection| connection.address.clone());
        self.stats.refused_by_us += 1;
        if self.is_worth_logging(id) {
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            tracing::warn!(peer_id = %id, address, "peer refused: {reason}");
        }
        self.set_gate(&id);
        self.lose(id);
        self.dialing_refused(id);
        self.tell(NetworkEvent::Refused { peer: id, by: RefusedBy::Us, reason });
    }

    /// Our answer has left, or never will.
    fn on_told(&mut self, id: PeerId) {
        if let Some(leaving) = self.peers.get_mut(&id).and_then(|peer| peer.leaving.as_mut()) {
            leaving.told = true;
        }
        self.part_if_done(id);
    }

    /// A refused peer goes once both hellos are answered.
    fn part_if_done(&mut self, id: PeerId) {
        let done = self.peers.get(&id).is_some_and(|peer| {
            peer.asked.is_none() && peer.leaving.is_some_and(|leaving| leaving.told)
        });
        if done {
            self.hang_up(id);
        }
    }

    /// Cuts who took too long to say hello, or to read why it must go.
    pub(super) fn enforce_time_limits(&mut self, now: Instant) {
        let mut silent = Vec::new();
        let mut gone = Vec::new();
        for (id, peer) in &self.peers {
            match peer.leaving {
                Some(leaving) if leaving.deadline <= now => gone.push(*id),
                Some(_) => {}
                None if !peer.is_up() && peer.hello_deadline <= now => silent.push(*id),
                None => {}
            }
        }
        for id in silent {
            tracing::debug!(peer_id = %id, "no hello within {HELLO_TIMEOUT:?}");
            self.refuse(id, Reason::Silent);
            self.hang_up(id);
        }
        gone.into_iter().for_each(|id| self.hang_up(id));
    }

    /// The list has changed: each peer is judged again by the hello that it showed.
    pub(super) fn on_admitted_changed(&mut self) {
        let now = self.inputs.admitted.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.admitted, now);
        self.former.extend(self.admitted.gone_since(&before));
        while self.former.len() > MAX_REMEMBERED {
            self.former.pop_first();
        }
        self.former.retain(|x| !self.admitted.has_validator(x));
        self.records.retain(&self.admitted);
        self.dialer.retain_said(|x| self.records.has(x));
        let staying = self.peers.iter().filter(|(_, peer)| peer.leaving.is_none());
        let shown: Vec<_> =
            staying.filter_map(|(id, peer)| Some((*id, peer.shown.clone()?))).collect();
        for (id, Shown { role, hello }) in shown {
            match self.judge(&id, &hello) {
                Ok(other) if other != role => self.change_role(id, role, other),
                Ok(_) => {}
                Err(_) => {
                    self.refuse(id, Reason::NoLongerAdmitted);
                    self.hang_up(id);
                }
            }
        }
        self.begin_anew(&before);
    }

    /// Who may be let in since a moment ago does not wait for what was refused before.
    fn begin_anew(&mut self, before: &Admitted) {
        let admitted = &self.admitted;
        let is_new =
            |key: &PublicKey| admitted.member(key).is_some() && before.member(key).is_none();
        let are_we = self.hello.binding.is_some_and(|own| is_new(&own.validator));
        self.dialer.hurry(|key| are_we || is_new(key), Instant::now());
        // Their next connection is judged by the new list.
        let refused = self.peers.iter().filter(|(_, peer)| {
            peer.leaving.is_some_and(|leaving| leaving.told && leaving.reason == Reason::Stranger)
        });
        let refused: Vec<_> = refused.map(|(id, _)| *id).collect();
        refused.into_iter().for_each(|id| self.hang_up(id));
    }

    /// The peer stays connected as somebody else.
    fn change_role(&mut self, id: PeerId, before: Role, now: Role) {
        let (was, is) = (before.name(), now.name());
        tracing::info!(peer_id = %id, validator = ?now.key(), "the peer was {was} and is {is} now");
        if before.key() != now.key() {
            self.lose(id);
        }
        if let Err(reason) = self.give_speech(id, now) {
            return self.refuse(id, reason);
        }
        if let Some(shown) = self.peers.get_mut(&id).and_then(|peer| peer.shown.as_mut()) {
            shown.role = now;
        }
        self.announce_if_up(id);
    }
}
