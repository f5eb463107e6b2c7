//! What can be done to a world, and seen in it, from outside.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use mokka_consensus::{RoleName, Status};
use mokka_types::{BlockId, Envelope, Epoch, FinalBlock, Height, Packet, RunNumber, View};

use crate::{
    Failure, Fate, Fault, Passing, Report, Weather,
    clock::Clock,
    trace::{Name, Names},
    world::{Happening, World},
};

/// A node's state, printed, may have so many bytes: nothing grows beyond its bound.
const MOST_STATE: usize = 4 << 20;

impl World {
    /// Whether this node runs and knows that its key must sign nothing (§8).
    pub fn is_marked(&self, node: usize) -> bool {
        self.status(node).is_some_and(|status| status.mark.is_some())
    }

    /// Its application takes up to so much longer for every answer.
    pub fn slow_down(&mut self, node: usize, by: Duration) {
        if by > Duration::ZERO {
            self.note(format_args!("{}'s application takes up to {by:.0?}", Name(node)));
        }
        self.nodes[node].slowness = by;
    }

    /// Its clock shows so many milliseconds in a second, and its wall clock is ahead; it has not
    /// started yet.
    pub(crate) fn set_clock(&mut self, node: usize, rate: u64, ahead: Duration) {
        self.note(format_args!(
            "{}'s clock shows {rate} ms in a second, its wall clock is ahead by {ahead:?}",
            Name(node)
        ));
        self.nodes[node].clock = Clock::new(rate, self.now).ahead_by(ahead);
    }

    pub(crate) fn clock_rate(&self, node: usize) -> u64 {
        self.nodes[node].clock.rate
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
        self.note(format_args!("work {work} waits everywhere"));
        for node in 0..self.nodes.len() {
            self.nodes[node].desk.notes().chain.take_in(work);
            self.tell_of_work(node).map_err(|what| self.failure(what))?;
        }
        Ok(work)
    }

    /// Members want the next epoch, if there is one: the next block announces it, once a quorum of
    /// its validators is level (§9).
    pub(crate) fn try_want_epoch(&mut self) -> Result<(), Failure> {
        if self.wanted_epoch + 1 >= self.sets.len() {
            return Ok(());
        }
        self.wanted_epoch += 1;
        self.count(Fault::ChangeOfSet);
        let wanted = self.wanted_epoch;
        self.note(format_args!("members want epoch {wanted}"));
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
        let sides: Vec<_> = groups.iter().map(|group| Names(group).to_string()).collect();
        self.note(format_args!("PARTITION: {}", sides.join(" | ")));
        for (from, to) in self.pairs() {
            if !groups.iter().any(|group| group.contains(&from) && group.contains(&to)) {
                self.links.cut(from, to);
            }
        }
    }

    /// What `from` sends no longer reaches `to`; the other direction stays.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.note(format_args!("CUT: {} → {}", Name(from), Name(to)));
        self.links.cut(from, to);
    }

    /// What `from` sends takes so much longer to reach `to`; the other direction stays.
    pub fn slow_link(&mut self, from: usize, to: usize, by: Duration) {
        self.note(format_args!("SLOW: {} → {} takes {by:.0?} more", Name(from), Name(to)));
        self.links.slow_down(from, to, by);
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let all = 0..self.nodes.len();
        all.clone().flat_map(|from| all.clone().map(move |to| (from, to))).collect()
    }

    /// All links work again, the weather is calm, and nothing judges packets any more.
    pub fn heal(&mut self) -> &mut Self {
        self.note(format_args!("HEAL"));
        self.links.heal();
        self.weather = Weather::CALM;
        self.judge = None;
        self.end_ambush();
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

    /// How often something of this kind went wrong so far.
    pub fn faults(&self, fault: Fault) -> u64 {
        self.report.faults.get(&fault).copied().unwrap_or_default()
    }

    /// How many leaders there were so far to whom the one before handed over.
    pub fn handovers(&self) -> u64 {
        self.oracle.handovers()
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
        let mut leading: Vec<_> = (0..self.nodes.len())
            .filter_map(|at| self.status(at).map(|status| (status, at)))
            .filter(|(status, _)| status.role == RoleName::Leader)
            .map(|(status, at)| (status.promise, at))
            .collect();
        leading.sort_unstable_by(|a, b| b.cmp(a));
        leading.into_iter().map(|(_, at)| at).collect()
    }

    /// Whom this node follows, itself where it leads.
    pub fn follows(&self, node: usize) -> Option<usize> {
        self.status(node)?.leader.and_then(|leader| self.place(&leader))
    }

    /// The term in which this node bound itself; none where it is down.
    pub fn promise(&self, node: usize) -> Option<View> {
        Some(self.status(node)?.promise)
    }

    fn status(&self, node: usize) -> Option<Status> {
        Some(self.nodes[node].engine.as_ref()?.status(self.own_time(node)))
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
            handovers: self.handovers(),
            lies: self.lies(),
            conspired: self.lies_told_together(),
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
