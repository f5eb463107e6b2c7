//! `Alive`: a follower lives, or has promised more than a leader knows (§3).

use mokka_types::{Alive, Monotonic, Packet, ValidatorIndex};

use crate::{
    consensus::{Consensus, Knowledge},
    io::{Action, Output},
};

impl Consensus {
    /// Tells a leader whose term is below our promise, at most once a heartbeat (§3).
    pub(crate) fn tell_promise(&mut self, now: Monotonic, index: ValidatorIndex, out: &mut Output) {
        // Observers only ask.
        if self.me.is_none() {
            return;
        }
        let span = self.config.settings.heartbeat;
        let peer = self.peers.of(index);
        if peer.told_at.is_some_and(|at| now.since(at) < span) {
            return;
        }
        peer.told_at = Some(now);
        let packet = Packet::Alive(self.alive());
        out.act(Action::Send { to: self.key_of(index), packet });
    }

    pub(crate) fn alive(&self) -> Alive {
        Alive { promise: self.promise.view, committed: self.committed }
    }

    pub(crate) fn on_alive(
        &mut self,
        now: Monotonic,
        index: ValidatorIndex,
        alive: Alive,
        out: &mut Output,
    ) {
        self.note_promise(index, alive.promise);
        self.show_height(now, index, alive.committed, out);
        let empty = alive.promise.term.get() == 0;
        if empty && self.knowledge == Knowledge::Enough {
            self.tell_promise(now, index, out);
        }
    }
}
