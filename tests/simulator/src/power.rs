//! Nodes that lose power, are stopped, start again, or get another disk.

use std::time::Duration;

use mokka_consensus::{Event, Input};
use mokka_types::{Mark, MarkReason, SafetyRecord, ValidatorSet};

use crate::{
    Fault,
    desk::{LastWrite, Power, Syncing},
    disk::{Disk, Entry},
    node::Waiting,
    trace::{Name, Names},
    world::{Happening, Outcome, World},
};

/// Who is told to stop hands over what it leads (§5.7), for at most so long.
const HANDOVER_LIMIT: Duration = Duration::from_secs(2);
/// How soon we look again whether a node may end whose disk is busy.
const SOON: Duration = Duration::from_millis(10);

/// How much of what was not synced survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCut {
    /// Nothing: only the synced part of the log.
    LosingUnsyncedWrites,
    /// A part of it, cut anywhere.
    Torn,
}

/// What the operator says when a node's disk is replaced by an old copy of it (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoring {
    /// That its state is lost, as `mokka init --lost-state` does: the key is marked.
    Declared,
    /// Nothing: only the node itself can find out.
    Silent,
}

impl World {
    /// A copy of this node's disk is put aside; it replaces the one before it.
    pub fn back_up(&mut self, node: usize) {
        self.note(format_args!("{} is backed up", Name(node)));
        let disk = self.nodes[node].desk.notes().disk.bytes().to_vec();
        self.nodes[node].backup = Some(Disk::holding(disk));
    }

    /// Power is gone at this node, and its disk is replaced by the copy.
    ///
    /// # Panics
    /// Where there is no copy.
    pub fn restore(&mut self, node: usize, restoring: Restoring) {
        self.crash(node, PowerCut::LosingUnsyncedWrites);
        // Invariant: the caller has made one.
        let mut disk = self.nodes[node].backup.clone().expect("a backup");
        // Invariant: a tail that was torn when the copy was made is cut off, and no more is broken.
        disk.open().expect("a log");
        if restoring == Restoring::Declared {
            let mark = Mark { key: self.nodes[node].public, reason: MarkReason::Declared };
            disk.write(&Entry::Record(SafetyRecord::Mark(Some(mark))));
            disk.sync();
        }
        let desk = self.nodes[node].desk.clone();
        desk.notes().disk = disk;
        // Invariant: it was opened before.
        desk.reopen().expect("a log");
        let mut notes = desk.notes();
        notes.uncertain.clear();
        self.oracle.restored(node, notes.chain.tip(), &notes.durable);
        drop(notes);
        self.count(Fault::Restored);
        self.note(format_args!("{} gets an old disk, {restoring:?}", Name(node)));
    }

    /// Its disk takes up to so long to sync.
    pub fn slow_disk(&mut self, node: usize, by: Duration) {
        self.note(format_args!("{}'s disk takes up to {by:.0?} to sync", Name(node)));
        self.nodes[node].syncs_in = by;
        self.nodes[node].desk.notes().syncs =
            if by.is_zero() { Syncing::AtOnce } else { Syncing::Later };
    }

    pub(crate) fn has_backup(&self, node: usize) -> bool {
        self.nodes[node].backup.is_some()
    }

    /// Whether every set that there may ever be keeps a quorum if this node signs no more.
    pub(crate) fn can_do_without(&self, node: usize) -> bool {
        let gone = |at: usize| at == node || self.oracle.is_marked(at) || self.is_liar(at);
        let out = |set: &&ValidatorSet| {
            let member = |at: &usize| set.index_of(&self.nodes[*at].public).is_some();
            (0..self.validators()).filter(|at| member(at) && gone(*at)).count()
        };
        self.sets.iter().all(|set| out(&set) <= set.quorum().crashes())
    }

    /// Power is gone at this node; nothing of what was in memory remains.
    pub fn crash(&mut self, node: usize, cut: PowerCut) {
        if self.nodes[node].engine.is_some() {
            let syncing = self.nodes[node].syncing.is_some();
            self.power_fails(node, cut, if syncing { Fault::CrashInSync } else { Fault::Crash });
        }
    }

    fn power_fails(&mut self, node: usize, cut: PowerCut, how: Fault) {
        self.count(how);
        let unsynced = self.nodes[node].desk.notes().disk.unsynced();
        let kept = match cut {
            PowerCut::LosingUnsyncedWrites => 0,
            PowerCut::Torn => self.random.index(unsynced + 1),
        };
        self.nodes[node].forget();
        self.nodes[node].desk.crash(kept);
        if kept < unsynced {
            self.count(Fault::LostWrite);
        }
        let moment = match how {
            Fault::CrashInTurn => " in the middle of a turn",
            Fault::CrashInSync => " while its disk syncs",
            _ => "",
        };
        let survives = match unsynced {
            0 => String::new(),
            _ => format!(": of {unsynced} bytes not synced {kept} survive"),
        };
        self.note(format_args!("{} CRASHES{moment}{survives}", Name(node)));
    }

    pub(crate) fn drawn_cut(&mut self) -> PowerCut {
        match self.random.per_mille(500) {
            true => PowerCut::Torn,
            false => PowerCut::LosingUnsyncedWrites,
        }
    }

    /// Power fails, if the node runs then, and comes back.
    pub(crate) fn fails(&mut self, node: usize) {
        let cut = self.drawn_cut();
        self.crash(node, cut);
    }

    /// Power will fail at this node after so many more actions of its engine, in the middle of a
    /// turn; a write under way may reach the log, unsynced.
    pub fn fail_after(&mut self, node: usize, actions: u64) {
        let last_write = match self.random.per_mille(500) {
            true => LastWrite::Unsynced,
            false => LastWrite::Lost,
        };
        self.nodes[node].desk.notes().power = Power::Failing(actions, last_write);
    }

    /// Power will fail at this node while its disk syncs, which takes its time.
    pub(crate) fn fail_in_sync(&mut self, node: usize) {
        self.nodes[node].fails_in_sync = true;
    }

    /// No power failure is on its way any more.
    pub(crate) fn secure_power(&mut self) {
        for node in &mut self.nodes {
            node.fails_in_sync = false;
            node.desk.notes().power = Power::On;
        }
    }

    /// Power failed within a turn: what was done before shows, and no more.
    pub(crate) fn went_dark(&mut self, node: usize, events: &[Event]) -> Outcome {
        self.nodes[node].stopping = false;
        self.nodes[node].desk.notes().sync_pending();
        self.after_turn(node, events)?;
        let cut = self.drawn_cut();
        self.power_fails(node, cut, Fault::CrashInTurn);
        let after = self.random.millis(1, 2500);
        self.restart_after(node, after);
        Ok(())
    }

    /// These crash and start again, so many times in quick succession.
    pub(crate) fn restart_storm(&mut self, nodes: &[usize], times: u64, length: Duration) {
        self.count(Fault::RestartStorm);
        self.note(format_args!("{} go down {times} times", Names(nodes)));
        for node in nodes.iter().copied() {
            for _ in 0..times {
                let fails = self.random.between(Duration::ZERO, length);
                let starts = fails + self.random.millis(1, 300);
                self.schedule(fails, Happening::Fails { node });
                self.schedule(starts, Happening::Starts { node });
            }
        }
    }

    /// The operator stops this node: it hands over what it leads, ends, and starts again after so
    /// long.
    pub(crate) fn try_stop(&mut self, node: usize) -> Outcome {
        if self.nodes[node].engine.is_none() || self.nodes[node].stopping {
            return Ok(());
        }
        self.count(Fault::OrderlyStop);
        self.note(format_args!("{} is told to stop", Name(node)));
        self.nodes[node].stopping = true;
        let life = self.nodes[node].life;
        self.schedule(HANDOVER_LIMIT, Happening::Ends { node, life });
        self.comes(node, Waiting::Told(Input::Stop))
    }

    /// Whoever was told to stop is gone.
    pub(crate) fn cut_stops_short(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].stopping {
                self.crash(node, PowerCut::LosingUnsyncedWrites);
            }
        }
    }

    /// Its patience is over.
    pub(crate) fn ends(&mut self, node: usize, life: u64) -> Outcome {
        if self.nodes[node].life != life || !self.nodes[node].stopping {
            return Ok(());
        }
        if self.nodes[node].syncing.is_some() {
            self.schedule(SOON, Happening::Ends { node, life });
            return Ok(());
        }
        self.end(node)
    }

    pub(crate) fn ends_if_it_may(&mut self, node: usize) -> Outcome {
        let now = self.own_time(node);
        let engine = self.nodes[node].engine.as_ref();
        match engine.is_some_and(|engine| self.nodes[node].stopping && engine.may_end(now)) {
            true => self.end(node),
            false => Ok(()),
        }
    }

    /// The second word of its operator ends it; what it wrote is left to the operating system,
    /// which loses nothing.
    fn end(&mut self, node: usize) -> Outcome {
        self.nodes[node].stopping = false;
        self.turn(node, Input::Stop)?;
        if self.nodes[node].engine.is_none() {
            return Ok(());
        }
        if let Some(events) = self.nodes[node].syncing.take() {
            self.after_turn(node, &events)?;
        }
        self.nodes[node].desk.notes().sync();
        self.nodes[node].forget();
        self.note(format_args!("{} ends", Name(node)));
        let after = self.random.millis(1, 1500);
        self.restart_after(node, after);
        Ok(())
    }
}
