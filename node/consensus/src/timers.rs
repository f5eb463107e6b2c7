//! What is due now, and when to come back (§4).

use mokka_types::{Monotonic, Settings};

use crate::{
    consensus::{Consensus, Knowledge},
    io::Output,
    role::{Leadership, Life, Role, Round, Succession, Work},
};

impl Consensus {
    /// Does what is due. Runs in every step, so that a late timer is never missed.
    pub(crate) fn tick(&mut self, now: Monotonic, out: &mut Output) {
        match &self.role {
            Role::Follower => self.tick_follower(now, out),
            Role::Candidate(_) => self.tick_candidate(now, out),
            Role::Leader(_) => self.tick_leader(now, out),
        }
        self.tick_held(now, out);
        self.tick_farewell(now, out);
        self.tick_catchup(now, out);
        self.stand_in_own_turn(now);
    }

    /// When to call [`Consensus::step`] with [`crate::Input::DeadlineReached`].
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let role = match &self.role {
            Role::Follower => self.follower_deadline(),
            Role::Candidate(candidacy) => {
                let patience = match &candidacy.round {
                    Round::Granting(_) => None,
                    Round::Signing(round) => Some(round.patience_ends_at),
                };
                earliest([Some(candidacy.gives_up_at), Some(candidacy.repeats_at), patience])
            }
            Role::Leader(_) => self.leader_deadline(),
        };
        let held = self.held.values().map(|held| held.until).min();
        let listening = match self.knowledge {
            Knowledge::Listening { asks_at } => self.me.map(|_| asks_at),
            Knowledge::Enough => None,
        };
        let (blocks, polls) = (self.retry_blocks_at(), self.polls_at());
        earliest([role, held, listening, blocks, polls, self.body_due_at(), self.farewell_at])
    }

    /// Other rules from here on. What runs already ends when it was to end; but a proof ends for
    /// its leader when it does for all others.
    pub(crate) fn change_settings(&mut self, settings: Settings) {
        let Settings { max_block_bytes, .. } = self.config.settings;
        self.config.settings = Settings { max_block_bytes, ..settings };
        if let Role::Leader(leadership) = &mut self.role {
            leadership.proof_ends_at = leadership.since.after(settings.proof_lifetime);
        }
    }

    fn follower_deadline(&self) -> Option<Monotonic> {
        let leader = self.leader.as_ref().filter(|leader| Some(leader.index) != self.me);
        if self.me.is_none() {
            return leader.filter(|_| self.is_guest()).map(|_| self.alive_at);
        }
        let stand = Some(self.stand_at);
        let alive = leader.map(|_| self.alive_at);
        let owed = self.owed_since.map(|since| since.after(self.progress_timeout()));
        // Who does not count any more owes nothing: its instant has passed, and would come for
        // ever.
        let owing = leader.filter(|leader| leader.life != Life::CountedDead);
        let due = owing.and(self.block_due_at()).filter(|due| {
            let lifetime = self.config.settings.proof_lifetime;
            let ends = owing.map(|leader| leader.adopted_at.after(lifetime));
            self.owed_since.is_none() && ends.is_some_and(|ends| *due < ends)
        });
        earliest([stand, alive, owed, due])
    }

    fn succession_due_at(&self, leadership: &Leadership) -> Option<Monotonic> {
        match leadership.succession {
            Succession::NotDue if self.quorum().validators() == 1 => None,
            Succession::NotDue => Some(self.hands_over_at(leadership)),
            Succession::Asked { repeats_at, until, .. } => Some(repeats_at.min(until)),
            // What ends the block in flight is a step of its own.
            Succession::Finishing { .. } | Succession::Nobody => None,
        }
    }

    fn leader_deadline(&self) -> Option<Monotonic> {
        let Role::Leader(leadership) = &self.role else { return None };
        let work = match &leadership.work {
            Work::Idle if self.next.arriving.is_none() && !leadership.hands_over() => {
                self.block_due_at()
            }
            Work::InFlight(block) if block.certified.is_none() => Some(block.repeats_at),
            Work::Idle | Work::InFlight(_) | Work::Building { .. } => None,
        };
        earliest([
            Some(leadership.beats_at),
            Some(leadership.proof_ends_at),
            self.succession_due_at(leadership),
            self.isolated_at(),
            self.progress_ends_at(),
            work,
        ])
    }
}

fn earliest<const N: usize>(instants: [Option<Monotonic>; N]) -> Option<Monotonic> {
    instants.into_iter().flatten().min()
}
