//! What became of each transfer.

use std::{collections::BTreeMap, time::Duration};

/// Where a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Not due yet.
    Waiting,
    /// Due at this time since the start, and sent to this node.
    Sent { due: Duration, node: usize },
    /// Another node showed it so long after it was due.
    Final { latency: Duration },
    /// No node took it.
    Refused,
}

/// The book of all transfers. It owns every fate; everybody else tells it what happened.
#[derive(Debug)]
pub(super) struct Ledger {
    fates: Vec<Fate>,
    nodes: usize,
    open: usize,
    errors: BTreeMap<String, u64>,
}

impl Ledger {
    /// Nothing has happened yet.
    pub(super) fn new(transfers: usize, nodes: usize) -> Self {
        Self {
            fates: vec![Fate::Waiting; transfers],
            nodes,
            open: transfers,
            errors: BTreeMap::new(),
        }
    }

    /// A transfer goes to a node. It is due once; sending it again changes only the node.
    pub(super) fn sent(&mut self, place: u32, now: Duration, to: usize) {
        let fate = &mut self.fates[place as usize];
        match fate {
            Fate::Waiting => *fate = Fate::Sent { due: now, node: to },
            Fate::Sent { node, .. } => *node = to,
            Fate::Final { .. } | Fate::Refused => {}
        }
    }

    /// A node shows a transfer in a block. Tells whether that made it count.
    pub(super) fn shown(&mut self, place: u32, now: Duration, by: usize) -> bool {
        let fate = &mut self.fates[place as usize];
        match *fate {
            // With one node there is no other that could show it.
            Fate::Sent { due, node } if node != by || self.nodes == 1 => {
                *fate = Fate::Final { latency: now.saturating_sub(due) };
                self.open -= 1;
                true
            }
            Fate::Sent { .. } | Fate::Waiting | Fate::Final { .. } | Fate::Refused => false,
        }
    }

    /// No node takes a transfer. Tells whether it was still open.
    pub(super) fn refused(&mut self, place: u32) -> bool {
        let fate = &mut self.fates[place as usize];
        match fate {
            Fate::Waiting | Fate::Sent { .. } => {
                *fate = Fate::Refused;
                self.open -= 1;
                true
            }
            Fate::Final { .. } | Fate::Refused => false,
        }
    }

    /// An answer was an error, of this kind; the transfer may still be sent again.
    pub(super) fn error(&mut self, kind: String) {
        *self.errors.entry(kind).or_default() += 1;
    }

    /// How many transfers are neither final nor refused.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    /// Errors by kind.
    pub(super) const fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    /// The latencies of all that are final, in order.
    pub(super) fn latencies(&self) -> Vec<Duration> {
        let latencies = self.fates.iter().filter_map(|fate| match fate {
            Fate::Final { latency } => Some(*latency),
            Fate::Waiting | Fate::Sent { .. } | Fate::Refused => None,
        });
        let mut all: Vec<_> = latencies.collect();
        all.sort_unstable();
        all
    }

    /// How many were taken by a node and never shown by another.
    pub(super) fn lost(&self) -> u64 {
        let lost = |fate: &&Fate| matches!(fate, Fate::Sent { .. });
        self.fates.iter().filter(lost).count() as u64
    }

    /// How many no node took.
    pub(super) fn refusals(&self) -> u64 {
        self.fates.iter().filter(|fate| **fate == Fate::Refused).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_transfer_counts_when_another_node_shows_it_and_only_once() {
        let mut ledger = Ledger::new(2, 2);
        ledger.sent(0, at(10), 1);
        assert!(!ledger.shown(0, at(20), 1));
        assert!(ledger.shown(0, at(30), 0));
        assert!(!ledger.shown(0, at(40), 0));
        assert_eq!((ledger.open(), ledger.latencies()), (1, vec![at(20)]));
    }

    #[test]
    fn a_transfer_that_is_sent_again_was_due_the_first_time() {
        let mut ledger = Ledger::new(1, 2);
        ledger.sent(0, at(10), 1);
        ledger.sent(0, at(500), 0);
        assert!(!ledger.shown(0, at(510), 0));
        assert!(ledger.shown(0, at(520), 1));
        assert_eq!(ledger.latencies(), [at(510)]);
    }

    #[test]
    fn what_was_sent_and_never_shown_is_lost() {
        let mut ledger = Ledger::new(3, 1);
        ledger.sent(0, at(0), 0);
        ledger.sent(1, at(0), 0);
        assert!(ledger.shown(0, at(1), 0));
        assert!(ledger.refused(2));
        assert!(!ledger.refused(2));
        assert_eq!((ledger.lost(), ledger.refusals(), ledger.open()), (1, 1, 1));
    }
}
