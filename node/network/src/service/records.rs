//! Where validators say that they are reached: kept, dialed, and passed on.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use libp2p::PeerId;

use super::Service;
use crate::{
    Admitted, Fault, PeerRecord,
    bucket::{Bucket, Rate},
    peer::Channel,
    record,
};

/// New records of one validator. It moves once in a while; who announces without end is not passed
/// on.
const AUTHOR: Rate = Rate { messages: 0.1, bytes: 1e6, burst_seconds: 60.0 };

/// The newest record of each member: no more than may connect.
#[derive(Debug, Default)]
pub(super) struct Records(BTreeMap<[u8; 32], Known>);

#[derive(Debug)]
struct Known {
    record: PeerRecord,
    news: Bucket,
}

/// What a record is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Novelty {
    New,
    /// We hold one that is as new, or its author says too much.
    Old,
    Forged,
}

impl Records {
    fn newest(&self, key: [u8; 32]) -> Option<u64> {
        self.0.get(&key).map(|known| known.record.sequence)
    }

    /// Keeps it; false where its author has had its share.
    fn keep(&mut self, record: PeerRecord, now: Instant) -> bool {
        let size = record.addresses.len();
        let x = record.validator.x();
        match self.0.get_mut(&x) {
            Some(known) => {
                let counts = known.news.take(size, now);
                if counts {
                    known.record = record;
                }
                counts
            }
            None => {
                let mut news = Bucket::new(AUTHOR, now);
                news.take(size, now);
                self.0.insert(x, Known { record, news });
                true
            }
        }
    }

    pub(super) fn has(&self, x: &[u8; 32]) -> bool {
        self.0.contains_key(x)
    }

    /// Who is no member any more is dialed no longer.
    pub(super) fn retain(&mut self, admitted: &Admitted) {
        self.0.retain(|_, known| admitted.member(&known.record.validator).is_some());
    }
}

impl Service {
    /// Tells a peer that has just connected what we know, our own record included.
    pub(super) fn tell_records(&mut self, id: PeerId) {
        let known = self.records.0.values().map(|known| known.record.clone());
        let all: Vec<_> = self.own_record.iter().cloned().chain(known).collect();
        for message in record::write(&all) {
            self.send_direct(Channel::Records, id, Bytes::from(message));
        }
    }

    /// A peer tells records. What is new is kept, dialed and passed on, once: so it ends.
    pub(super) fn on_records(&mut self, source: PeerId, bytes: &[u8]) {
        let now = Instant::now();
        let told = match record::read(bytes) {
            Ok(told) => told,
            Err(fault) => return self.fault(source, fault),
        };
        let mut news = Vec::new();
        for (record, addresses) in told {
            match self.novelty_of(&record) {
                Novelty::Forged => {
                    self.fault(source, Fault::Unauthenticated);
                    break;
                }
                Novelty::New if self.records.keep(record.clone(), now) => {
                    let (validator, sequence) = (record.validator, record.sequence);
                    let said = "a validator says where it is";
                    tracing::info!(%validator, sequence, ?addresses, "{said}");
                    self.dialer.learn(&validator, addresses, now);
                    news.push(record);
                }
                Novelty::New | Novelty::Old => {}
            }
        }
        let others = self.peers.iter().filter(|(id, peer)| **id != source && peer.is_up());
        let others: Vec<_> = others.map(|(id, _)| *id).collect();
        for message in record::write(&news) {
            let message = Bytes::from(message);
            for id in &others {
                self.send_direct(Channel::Records, *id, message.clone());
            }
        }
    }

    /// Nothing is verified that would not count. Sets differ for a moment while they change, so a
    /// record of somebody unknown is no fault.
    fn novelty_of(&self, record: &PeerRecord) -> Novelty {
        let key = record.validator;
        let ours = self.hello.binding.is_some_and(|own| own.validator.x() == key.x());
        let known = self.records.newest(key.x()).is_some_and(|newest| newest >= record.sequence);
        if ours || known || self.admitted.member(&key).is_none() {
            return Novelty::Old;
        }
        match record.is_genuine(&self.hello.chain) {
            true => Novelty::New,
            false => Novelty::Forged,
        }
    }
}
