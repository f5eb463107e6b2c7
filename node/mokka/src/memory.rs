//! A transport and a store that live in one process, for tests and examples.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mokka_types::{PublicKey, SafetyRecord, SafetyState, SealedEnvelope, codec};
use tokio::sync::mpsc;

use crate::{Handle, SafetyStore, StoreFailure, Transport, Unopened};

/// Packets on the way to one node; what comes on top is lost, as on a real network.
const PACKETS_ON_THE_WAY: usize = 1024;

/// Carries packets, as bytes, to the other nodes of [`network`].
#[derive(Debug)]
pub struct MemoryTransport {
    peers: BTreeMap<PublicKey, mpsc::Sender<Arc<[u8]>>>,
    dropped: u64,
}

impl MemoryTransport {
    /// How many packets found no room.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Transport for MemoryTransport {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        let bytes = codec::encode(packet).into();
        let carried = self.peers.get(to).is_some_and(|peer| peer.try_send(bytes).is_ok());
        self.dropped += u64::from(!carried);
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        let bytes: Arc<[u8]> = codec::encode(packet).into();
        for peer in self.peers.values() {
            self.dropped += u64::from(peer.try_send(Arc::clone(&bytes)).is_err());
        }
    }
}

/// What arrives at one node of [`network`].
#[derive(Debug)]
pub struct MemoryReceiver {
    packets: mpsc::Receiver<Arc<[u8]>>,
}

impl MemoryReceiver {
    /// Hands packets to a node until all its peers are gone, and returns how many were none.
    pub async fn deliver_to(mut self, node: Handle) -> u64 {
        let mut refused = 0;
        while let Some(bytes) = self.packets.recv().await {
            let opened = node.packet(&bytes);
            refused +=
                u64::from(opened.is_err_and(|unopened: Unopened| unopened.is_senders_fault()));
        }
        refused
    }
}

/// A network of these nodes, each connected to each: one transport and one receiver for every key,
/// in the order given.
pub fn network(keys: &[PublicKey]) -> Vec<(MemoryTransport, MemoryReceiver)> {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        keys.iter().map(|_| mpsc::channel(PACKETS_ON_THE_WAY)).unzip();
    let transport = |own: usize| {
        let others = keys.iter().zip(&senders).enumerate().filter(|(at, _)| *at != own);
        let peers = others.map(|(_, (key, sender))| (*key, sender.clone())).collect();
        MemoryTransport { peers, dropped: 0 }
    };
    let receivers = receivers.into_iter().map(|packets| MemoryReceiver { packets });
    receivers.enumerate().map(|(own, receiver)| (transport(own), receiver)).collect()
}

/// Keeps records as long as a clone of it lives: an engine that starts from one goes on where the
/// last one stopped.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    records: Arc<Mutex<Vec<SafetyRecord>>>,
}

impl MemoryStore {
    /// All that was appended, put together.
    pub fn state(&self) -> SafetyState {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = SafetyState::default();
        records.iter().cloned().for_each(|record| state.apply(record));
        state
    }
}

impl SafetyStore for MemoryStore {
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure> {
        let mut kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(records);
        Ok(())
    }
}
