//! How events reach the node without ever making the network wait.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::{Semaphore, mpsc};

use crate::{
    NetworkEvent,
    event::Queued,
    limits::{EVENT_BACKLOG, EVENT_QUEUE, MAX_QUEUED_BYTES},
};

/// Packets are dropped when the node does not keep up; comings and goings wait for their turn.
pub(crate) struct Outbox {
    sender: mpsc::Sender<NetworkEvent>,
    backlog: VecDeque<NetworkEvent>,
    memory: Arc<Semaphore>,
}

/// Whether an event found its way.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    Dropped,
}

impl Outbox {
    pub(crate) fn new() -> (Self, mpsc::Receiver<NetworkEvent>) {
        let (sender, receiver) = mpsc::channel(EVENT_QUEUE);
        let memory = Arc::new(Semaphore::new(MAX_QUEUED_BYTES));
        (Self { sender, backlog: VecDeque::new(), memory }, receiver)
    }

    /// Memory for something of this size that is on its way to the node.
    pub(crate) fn reserve(&self, size: usize) -> Option<Queued> {
        let permits = u32::try_from(size.max(1)).ok()?;
        Arc::clone(&self.memory).try_acquire_many_owned(permits).ok().map(Queued)
    }

    /// A packet or transactions: now or never.
    pub(crate) fn offer(&mut self, event: NetworkEvent) -> Put {
        if !self.backlog.is_empty() {
            return Put::Dropped; // Order: the sender's arrival is announced before its packets.
        }
        match self.sender.try_send(event) {
            Ok(()) => Put::Done,
            Err(_) => Put::Dropped,
        }
    }

    /// Something that the node must learn.
    pub(crate) fn tell(&mut self, event: NetworkEvent) -> Put {
        self.backlog.push_back(event);
        self.drain();
        if self.backlog.len() > EVENT_BACKLOG {
            self.backlog.pop_front();
            return Put::Dropped;
        }
        Put::Done
    }

    pub(crate) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Hands over what waits, as far as there is room.
    pub(crate) fn drain(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return self.backlog.clear(),
            }
        }
    }

    /// Waits until there is room; may be dropped at any time.
    pub(crate) fn room(&self) -> impl Future<Output = ()> + use<> {
        let sender = self.sender.clone();
        async move {
            drop(sender.reserve().await);
        }
    }
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;

    fn lost() -> NetworkEvent {
        NetworkEvent::PeerLost { peer: PeerId::random(), validator: None }
    }

    #[test]
    fn packets_are_dropped_and_comings_and_goings_wait() {
        let (mut outbox, mut receiver) = Outbox::new();
        for _ in 0..EVENT_QUEUE {
            assert_eq!(outbox.offer(lost()), Put::Done);
        }
        assert_eq!(outbox.offer(lost()), Put::Dropped);
        assert_eq!(outbox.tell(lost()), Put::Done);
        assert!(outbox.is_behind());
        receiver.try_recv().unwrap();
        assert_eq!(outbox.offer(lost()), Put::Dropped, "not before what waits");
        outbox.drain();
        assert!(!outbox.is_behind());
        let mut waiting = 0;
        while receiver.try_recv().is_ok() {
            waiting += 1;
        }
        assert_eq!(waiting, EVENT_QUEUE);
    }

    #[test]
    fn memory_is_given_back_when_the_node_is_done() {
        let (outbox, _receiver) = Outbox::new();
        let first = outbox.reserve(MAX_QUEUED_BYTES).unwrap();
        assert!(outbox.reserve(1).is_none());
        drop(first);
        assert!(outbox.reserve(1).is_some());
    }
}
