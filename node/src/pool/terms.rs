//! What a leader had time to include, and left out (§5.6).
//!
//! What our own builder leaves out, it says itself. Of other leaders only this is seen: a block was
//! due, nothing was in flight, and the term ended without one. Then all that had been ready for as
//! long as a leader may go without progress was left out. Without this each validator would have to
//! lead twice, and be counted dead twice, before all ignore a transaction that nobody can execute.

use std::time::Duration;

use mokka_types::{Monotonic, Settings, View};

/// Leaders as they come and go.
#[derive(Debug)]
pub(super) struct Terms {
    /// How long a leader has for a transaction: as long as its followers wait for it, less a
    /// heartbeat, by which they differ in what they know.
    patience: Duration,
    block_interval: Duration,
    committed_at: Monotonic,
    view: Option<View>,
    /// Since when it could have proposed; `None` while a block is in flight, for who may get one
    /// through leaves out nothing that we know of.
    idle_since: Option<Monotonic>,
    silent_since: Option<Monotonic>,
}

impl Terms {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            patience: settings.progress_timeout.saturating_sub(settings.heartbeat),
            block_interval: settings.block_interval,
            committed_at: Monotonic::default(),
            view: None,
            idle_since: None,
            silent_since: None,
        }
    }

    /// Members changed the settings.
    pub(super) fn follow(&mut self, settings: &Settings) {
        self.patience = settings.progress_timeout.saturating_sub(settings.heartbeat);
        self.block_interval = settings.block_interval;
    }

    /// A leader is followed, so the one before it has ended. Says what that one left out: all that
    /// was ready by then.
    pub(super) fn begin(&mut self, view: View, now: Monotonic) -> Option<(View, Monotonic)> {
        if self.view == Some(view) {
            return None;
        }
        let ended = self.view.replace(view).zip(self.left_out_by(now));
        self.idle_since = Some(self.committed_at.after(self.block_interval).max(now));
        self.silent_since = None;
        ended
    }

    /// The leader was silent for too long: from now on it leaves out nothing, it may be dead.
    pub(super) fn silence(&mut self, now: Monotonic) {
        self.silent_since.get_or_insert(now);
    }

    /// A valid block was proposed, by the leader or by us.
    pub(super) fn in_flight(&mut self) {
        (self.idle_since, self.silent_since) = (None, None);
    }

    /// A block is final.
    pub(super) fn committed(&mut self, now: Monotonic) {
        self.committed_at = now;
        self.idle_since = Some(now.after(self.block_interval));
        self.silent_since = None;
    }

    fn left_out_by(&self, now: Monotonic) -> Option<Monotonic> {
        let end = self.silent_since.unwrap_or(now);
        let by = Monotonic::since_start(end.elapsed().checked_sub(self.patience)?);
        self.idle_since.is_some_and(|since| since <= by).then_some(by)
    }
}
