//! What the pool tells the peers: what is new here, and again what no block takes.

use std::time::Duration;

use alloy_eips::Encodable2718;
use alloy_primitives::bytes::Bytes;
use mokka_mempool::{Arrival, Entry, Origin, Readiness};
use mokka_types::Monotonic;

use super::{Message, Owner, PoolHandle};

/// Bytes of transactions gossiped in one message.
const BATCH_BYTES: usize = 256 << 10;
/// A transaction that is ready for so long is told again, once in so long: whoever leads may have
/// missed it, or had no room for it.
pub(super) const ROUND: Duration = Duration::from_secs(2);

/// Wakes the pool when nobody else does.
pub(crate) async fn rounds(pool: PoolHandle) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        pool.send(Message::Round).await;
    }
}

impl Owner {
    /// Tells everybody what is new here.
    pub(super) fn gossip(&mut self) {
        let batches = self.batches_after(self.announced);
        self.announced = self.pool.newest_arrival();
        batches.into_iter().for_each(|batch| self.publish(batch));
    }

    /// Tells everybody again what no block has taken.
    pub(super) fn repeat(&mut self) {
        let batch = self.overdue(self.now());
        if !batch.is_empty() {
            self.publish(batch);
        }
    }

    fn publish(&self, batch: Vec<Bytes>) {
        if let Some(network) = &self.surroundings.network {
            network.publish_transactions(batch);
        }
    }

    /// Transactions of our own clients that have been ready for a [`ROUND`]: one batch, and the
    /// next time those after it, so that what stays for ever does not hide the rest.
    pub(super) fn overdue(&mut self, now: Monotonic) -> Vec<Bytes> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut last = self.repeated;
        for entry in self.pool.arrivals_after(self.repeated) {
            if !is_overdue(entry, now) {
                continue;
            }
            let encoded = entry.transaction().envelope().encoded_2718();
            bytes += encoded.len();
            if bytes > BATCH_BYTES && !batch.is_empty() {
                self.repeated = last;
                return batch;
            }
            batch.push(Bytes::from(encoded));
            last = entry.arrival();
        }
        self.repeated = Arrival::default();
        batch
    }

    /// Local transactions, and those of others where a peer may have missed them.
    pub(super) fn batches_after(&self, cursor: Arrival) -> Vec<Vec<Bytes>> {
        let everything = cursor == Arrival::default();
        let mut batches = vec![Vec::new()];
        let mut bytes = 0;
        for entry in self.pool.arrivals_after(cursor) {
            if !everything && entry.origin() == Origin::Remote {
                continue;
            }
            let encoded = entry.transaction().envelope().encoded_2718();
            if bytes + encoded.len() > BATCH_BYTES {
                batches.push(Vec::new());
                bytes = 0;
            }
            bytes += encoded.len();
            if let Some(batch) = batches.last_mut() {
                batch.push(Bytes::from(encoded));
            }
        }
        batches.retain(|batch| !batch.is_empty());
        batches
    }
}

fn is_overdue(entry: &Entry, now: Monotonic) -> bool {
    match (entry.origin(), entry.readiness()) {
        (Origin::Local, Readiness::Ready { since }) => now.since(since) >= ROUND,
        (Origin::Local, Readiness::Queued { .. }) | (Origin::Remote, _) => false,
    }
}
