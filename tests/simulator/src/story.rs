//! What a story says of a world. Every method panics, with the seed, where a rule of §13 breaks.

use std::time::Duration;

use mokka_types::View;

use crate::{Failure, LIVENESS_LIMIT, World};

/// A story that waits longer than this waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a waiting story looks.
const LOOK: Duration = Duration::from_millis(5);

impl World {
    /// So much time passes.
    pub fn run_for(&mut self, length: Duration) -> &mut Self {
        self.told(|world| world.try_run_for(length))
    }

    /// Time passes until this is so; returns how much.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let began = self.time();
        while !holds(self) {
            if self.time() - began > PATIENCE {
                let failure = self.failure(format!("never came: {what}"));
                panic!("{failure}");
            }
            self.run_for(LOOK);
        }
        self.time() - began
    }

    /// Time passes until somebody leads whom a quorum follows; returns its place.
    pub fn until_led(&mut self) -> usize {
        self.until("a leader whom a quorum follows", |world| world.led_by().is_some());
        // Invariant: that is what we waited for.
        self.led_by().expect("a leader")
    }

    /// New work for everybody; returns its name.
    pub fn submit(&mut self) -> u64 {
        match self.try_submit() {
            Ok(work) => work,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// Members want the next epoch (§9).
    pub fn want_epoch(&mut self) {
        self.told(Self::try_want_epoch);
    }

    /// The operator stops this node: it hands over what it leads, ends, and starts again a little
    /// later.
    pub fn stop(&mut self, node: usize) {
        self.told(|world| world.try_stop(node).map_err(|what| world.failure(what)));
    }

    /// New work is done in a final block at every node that runs, in time (§13); returns how long
    /// it took.
    pub fn expect_progress(&mut self) -> Duration {
        self.expect_progress_within(LIVENESS_LIMIT)
    }

    /// The same, where the rule allows more time.
    pub fn expect_progress_within(&mut self, limit: Duration) -> Duration {
        let work = self.submit();
        let took = self.until("the work is done everywhere", |world| world.all_have_done(work));
        if took > limit {
            let failure = self.failure(format!("progress took {took:?}, more than {limit:?}"));
            panic!("{failure}");
        }
        took
    }

    /// Whether this work is in a final block of every honest node that runs.
    pub fn all_have_done(&self, work: u64) -> bool {
        (0..self.validators())
            .filter(|node| self.is_up(*node) && !self.is_liar(*node))
            .all(|node| self.has_done(node, work))
    }

    /// The leader whom a quorum follows, itself included.
    pub fn led_by(&self) -> Option<usize> {
        let leader = *self.leaders().first()?;
        let term = self.promise(leader)?;
        let leader = self.place(&self.nodes[leader].public)?;
        let followers = (0..self.validators())
            .filter(|node| self.follows(*node) == Some(leader) && self.promise(*node) == Some(term))
            .count();
        (followers >= self.quorum()).then_some(leader)
    }

    /// The term that the leader leads.
    pub fn term(&self) -> View {
        self.led_by().and_then(|leader| self.promise(leader)).unwrap_or_default()
    }

    fn told(&mut self, part: impl FnOnce(&mut Self) -> Result<(), Failure>) -> &mut Self {
        match part(self) {
            Ok(()) => self,
            Err(failure) => panic!("{failure}"),
        }
    }
}
