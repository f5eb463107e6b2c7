//! Turns: the newest terms belong to one validator each, in rotation (decision 8).
//!
//! Whoever signs for a candidate takes no part in the terms below (§5.3). So a liar that binds a
//! validator to a term of its own, just when somebody else needs that one's signature, can keep
//! everybody from being elected. It cannot where the terms above are not its own:
//! ```text
//! the wall clock   … |  turn of 2  |  turn of 3  |  turn of 0  |▷ now
//! terms            ── anybody's ──▷|   only 3's  |   only 0's  |  nobody's yet (§5.2 rule 2)
//! ```
//! Who has its turn, and has heard no leader for as long as makes anybody eligible (§5.5), stands
//! for the first term of it, above all that others could bind anybody to.

use mokka_types::{Monotonic, Term, ValidatorIndex, View};

use crate::{
    consensus::{Consensus, Operation},
    faults::Rule,
    role::Role,
};

/// How far above the newest term that had a leader those of its turn are anybody's: after a leader
/// that was elected in its turn there is another.
const NEXT_TERMS: u64 = 16;

impl Consensus {
    /// Whether this term is this one's to stand for: its own, or anybody's.
    pub(crate) fn may_stand_for(
        &self,
        now: Monotonic,
        candidate: ValidatorIndex,
        view: View,
    ) -> bool {
        let turn = self.turn_of(view.term);
        // Whose proof we saw before a restart, we do not remember.
        let led = self.highest_seen.max(self.loaded_promise).term;
        let is_next =
            self.turn_of(led) == turn && view.term.get() <= led.get().saturating_add(NEXT_TERMS);
        !self.takes_turns()
            || turn.saturating_add(1) < self.present_turn(now)
            || is_next
            || self.has_turn(now, candidate, view)
    }

    /// Whether this is a term of this one's present turn, or of the last. The end of a turn is left
    /// to those who lead next.
    pub(crate) fn has_turn(&self, now: Monotonic, candidate: ValidatorIndex, view: View) -> bool {
        let turn = self.turn_of(view.term);
        let next = Term::new(view.term.get().saturating_add(NEXT_TERMS));
        self.takes_turns()
            && turn.saturating_add(1) >= self.present_turn(now)
            && self.turn_of(next) == turn
            && self.owner_of(turn) == candidate.get()
    }

    /// The first term of our turn, where we have it, can stand, and nobody leads.
    pub(crate) fn own_turn(&self, now: Monotonic) -> Option<Term> {
        let turn = self.present_turn(now);
        let ours = self.stands_in_turns().is_some_and(|me| self.owner_of(turn) == me.get());
        let begins = ours && now >= self.turn_is_free_at(now);
        begins.then(|| Term::new(turn.saturating_mul(self.length_of_turns())))
    }

    /// Whoever has its turn, or gets it before its leader timeout or backoff is over, does not wait
    /// for that; where it has blocks at hand, it stands on the last of them (§5.4).
    pub(crate) fn stand_in_own_turn(&mut self, now: Monotonic) {
        let waits = self.role == Role::Follower && !self.is_syncing();
        let Some(me) = self.stands_in_turns().filter(|_| waits) else { return };
        let from = now.max(self.turn_is_free_at(now));
        let turn = self.present_turn(from);
        let validators = self.quorum().validators() as u64;
        let turns = (me.get() as u64 + validators - self.owner_of(turn) as u64) % validators;
        let begins = self.clock.reaches((turn + turns).saturating_mul(self.length_of_turns()));
        let last_vote_at = self.last_vote_at.unwrap_or_default();
        let paced = last_vote_at.after(self.config.settings.heartbeat);
        self.stand_at = self.stand_at.min(begins.max(from).max(paced));
    }

    /// Whether the leader has owed a block for longer than blocks take. The time does not grow with
    /// our patience: a liar whose help it needs to lead, and not to make blocks, makes it fail.
    pub(crate) fn block_is_overdue(&self, now: Monotonic) -> bool {
        let owed_since = match &self.role {
            Role::Leader(leadership) => leadership.work.uncertified_since(),
            Role::Follower | Role::Candidate(_) => self.owed_since,
        };
        let enough = self.config.settings.progress_timeout / 2;
        owed_since.is_some_and(|since| now >= since.after(enough))
    }

    /// When nobody has led for so long that we take our turn. Where we have asked others to sign in
    /// it, they are bound to us, and whoever led meanwhile lacks them: there its silence is enough.
    fn turn_is_free_at(&self, now: Monotonic) -> Monotonic {
        let present = self.present_turn(now);
        let has_begun = self.asked_to_sign.is_some_and(|asked| {
            asked.view > self.highest_seen && self.turn_of(asked.view.term) == present
        });
        let silent_at = self.conduct.leader_lived_at.after(self.config.settings.heartbeat * 3 / 2);
        if has_begun && !self.leads() { silent_at } else { self.anybody_may_lead_at(now) }
    }

    /// Our place, where we may stand in turns.
    fn stands_in_turns(&self) -> Option<ValidatorIndex> {
        let may = self.takes_turns() && self.operation == Operation::Running;
        self.takes_part().filter(|_| may)
    }

    /// Where nobody is taken to lie, nobody has to be kept from a term.
    fn takes_turns(&self) -> bool {
        self.quorum().byzantine() > 0 && !self.lacks(Rule::TurnsTaken)
    }

    fn present_turn(&self, now: Monotonic) -> u64 {
        self.turn_of(self.clock.newest_term(now))
    }

    fn turn_of(&self, term: Term) -> u64 {
        term.get() / self.length_of_turns()
    }

    fn owner_of(&self, turn: u64) -> usize {
        let validators = self.quorum().validators() as u64;
        usize::try_from(turn % validators).unwrap_or_default()
    }

    /// In terms, of which there is one for each millisecond: several candidacies, as clocks differ.
    fn length_of_turns(&self) -> u64 {
        let length = self.config.settings.election_timeout * 5;
        u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}
