//! What can be done to a world, and seen in it, from outside.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use mokka_consensus::RoleName;
use mokka_types::{
    BlockId, Envelope, Epoch, FinalBlock, Height, Mark, MarkReason, Packet, RunNumber,
    SafetyRecord, ValidatorSet, View,
};

use crate::{
    Failure, Fate, Passing, Report, Weather,
    disk::{Disk, Entry},
    world::{Happening, Node, World},
};

/// A node's state, printed, may have so many bytes: nothing grows beyond its bound.
const MOST_STATE: usize = 4 << 20;

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
    /// As `mokka db restore` does: the key is marked.
    Declared,
    /// Nothing: only the node itself can find out.
    Silent,
}

impl World {
    /// A copy of this node's disk is put aside; it replaces the one before it.
    pub fn back_up(&mut self, node: usize) {
        self.note(&format!("{node} is backed up"));
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
        let notes = desk.notes();
        self.oracle.restored(node, notes.chain.tip(), &notes.durable);
        drop(notes);
        self.report.restored += 1;
        self.note(&format!("{node} is restored, {restoring:?}"));
    }

    pub(crate) fn has_backup(&self, node: usize) -> bool {
        self.nodes[node].backup.is_some()
    }

    /// Whether this node runs and knows that its key must sign nothing (§8).
    pub fn is_marked(&self, node: usize) -> bool {
        let engine = self.nodes[node].engine.as_ref();
        engine.is_some_and(|engine| engine.status(self.now).mark.is_some())
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
        if self.nodes[node].engine.take().is_none() {
            return;
        }
        let unsynced = self.nodes[node].desk.notes().disk.unsynced();
        let kept = match cut {
            PowerCut::LosingUnsyncedWrites => 0,
            PowerCut::Torn => self.random.index(unsynced + 1),
        };
        self.nodes[node].life += 1;
        self.nodes[node].wakes_at = None;
        self.nodes[node].held = None;
        self.nodes[node].desk.crash(kept);
        self.report.crashes += 1;
        self.report.crashes_that_lost_a_write += u64::from(kept < unsynced);
        self.note(&format!("{node} crashes: {unsynced} bytes not synced, {kept} kept"));
    }

    /// Its application takes up to so much longer for every answer.
    pub fn slow_down(&mut self, node: usize, by: Duration) {
        self.nodes[node].slowness = by;
    }

    /// Its application gives no answer until [`World::release_answers`].
    pub fn hold_answers(&mut self, node: usize) {
        self.nodes[node].held.get_or_insert_default();
    }

    /// Its application gives all answers that it owes, at once.
    pub fn release_answers(&mut self, node: usize) {
        let life = self.nodes[node].life;
        for asked in self.nodes[node].held.take().unwrap_or_default() {
            self.schedule(Duration::ZERO, Happening::Answered { node, life, asked });
        }
    }

    /// The node starts again after so long, from what is on its disk.
    pub fn restart_after(&mut self, node: usize, after: Duration) {
        self.schedule(after, Happening::Starts { node });
    }

    /// A new piece of work reaches every pool.
    pub(crate) fn try_submit(&mut self) -> Result<u64, Failure> {
        let work = self.works;
        self.works += 1;
        self.note(&format!("work {work} waits"));
        for node in 0..self.nodes.len() {
            self.nodes[node].desk.notes().chain.take_in(work);
            self.tell_of_work(node).map_err(|what| self.failure(what))?;
        }
        Ok(work)
    }

    /// Members want the next epoch, if there is one: the next block announces it, once a quorum of
    /// its validators is level (§9).
    pub(crate) fn try_want_epoch(&mut self) -> Result<(), Failure> {
        self.wanted_epoch = (self.wanted_epoch + 1).min(self.sets.len() - 1);
        self.note(&format!("members want epoch {}", self.wanted_epoch));
        for node in 0..self.nodes.len() {
            self.tell_of_members(node).map_err(|what| self.failure(what))?;
        }
        Ok(())
    }

    /// The epoch of the next block of a node.
    pub fn epoch(&self, node: usize) -> Epoch {
        self.nodes[node].desk.notes().chain.epoch().0
    }

    /// Groups that cannot reach each other; who is in no group is alone.
    pub fn partition(&mut self, groups: &[&[usize]]) {
        self.note(&format!("partition {groups:?}"));
        for (from, to) in self.links() {
            if !groups.iter().any(|group| group.contains(&from) && group.contains(&to)) {
                self.cuts.cut(from, to);
            }
        }
    }

    /// What `from` sends no longer reaches `to`; the other direction stays.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.note(&format!("cut {from} -> {to}"));
        self.cuts.cut(from, to);
    }

    fn links(&self) -> Vec<(usize, usize)> {
        let all = 0..self.nodes.len();
        all.clone().flat_map(|from| all.clone().map(move |to| (from, to))).collect()
    }

    /// All links work again, the weather is calm, and nothing judges packets any more.
    pub fn heal(&mut self) -> &mut Self {
        self.note("heal");
        self.cuts.heal();
        self.weather = Weather::CALM;
        self.judge = None;
        self
    }

    /// Another weather from now on.
    pub const fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// From now on every packet is judged before the weather sees it.
    pub fn judge(&mut self, judge: impl FnMut(&Passing<'_>) -> Fate + 'static) {
        self.judge = Some(Box::new(judge));
    }

    /// How many validators there are; a twin is none beside its other half.
    pub const fn validators(&self) -> usize {
        self.scenario.validators
    }

    /// How many nodes there are, twins included.
    pub(crate) const fn machines(&self) -> usize {
        self.nodes.len()
    }

    /// Whether this node runs.
    pub fn is_up(&self, node: usize) -> bool {
        self.nodes[node].engine.is_some()
    }

    /// The newest final block of a node.
    pub fn committed(&self, node: usize) -> BlockId {
        self.nodes[node].desk.notes().chain.tip()
    }

    /// The highest final block anywhere.
    pub fn height(&self) -> Height {
        self.oracle.height()
    }

    /// How many terms had a leader so far.
    pub fn elections(&self) -> usize {
        self.oracle.elections()
    }

    /// Whether a piece of work is in a final block of this node.
    pub fn has_done(&self, node: usize, work: u64) -> bool {
        self.nodes[node].desk.notes().chain.has_done(work)
    }

    /// Who thinks that it leads, the highest term first.
    pub fn leaders(&self) -> Vec<usize> {
        let status = |node: &Node| node.engine.as_ref().map(|engine| engine.status(self.now));
        let mut leading: Vec<_> = (0..self.nodes.len())
            .filter_map(|at| status(&self.nodes[at]).map(|status| (status, at)))
            .filter(|(status, _)| status.role == RoleName::Leader)
            .map(|(status, at)| (status.promise, at))
            .collect();
        leading.sort_unstable_by(|a, b| b.cmp(a));
        leading.into_iter().map(|(_, at)| at).collect()
    }

    /// Whom this node follows, itself where it leads.
    pub fn follows(&self, node: usize) -> Option<usize> {
        let status = self.nodes[node].engine.as_ref()?.status(self.now);
        status.leader.and_then(|leader| self.place(&leader))
    }

    /// The term in which this node bound itself; none where it is down.
    pub fn promise(&self, node: usize) -> Option<View> {
        Some(self.nodes[node].engine.as_ref()?.status(self.now).promise)
    }

    /// How many validators decide.
    pub fn quorum(&self) -> usize {
        self.sets[0].quorum().votes()
    }

    /// The virtual time since the beginning.
    pub const fn time(&self) -> Duration {
        self.now.elapsed()
    }

    /// What the run was like so far. Also demands that no node's state grew beyond all bounds.
    pub(crate) fn try_report(&self) -> Result<Report, Failure> {
        let mut text = String::new();
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(engine) = &node.engine {
                text.clear();
                let written = write!(text, "{:?}", engine.core());
                if written.is_err() || text.len() > MOST_STATE {
                    return Err(self.failure(format!("node {at}'s state has {} bytes", text.len())));
                }
            }
        }
        Ok(Report {
            time: self.time(),
            blocks: self.height().get(),
            epochs: self.oracle.epoch().get(),
            elections: u64::try_from(self.elections()).unwrap_or(u64::MAX),
            lies: self.lies(),
            trace: *self.trace.finalize().as_bytes(),
            ..self.report.clone()
        })
    }

    /// A validator, in truth some liar with its key, says something to one node.
    pub fn say_as(&mut self, liar: usize, run: RunNumber, to: usize, packet: Packet) {
        let sender = self.nodes[liar].public;
        let envelope = Envelope { sender, run, counter: self.happened, packet };
        let (_, packet) = self.nodes[liar].key.seal(&self.chain, envelope);
        self.schedule(self.weather.fastest, Happening::Arrives { to, packet: Arc::new(packet) });
    }

    /// The final blocks of a node from a height on.
    pub fn blocks(&self, node: usize, from: Height) -> Vec<FinalBlock> {
        self.nodes[node].desk.notes().chain.from(from)
    }
}
