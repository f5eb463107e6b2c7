//! What the application is asked about bodies, and what it answers (§6.2).

use mokka_types::{BlockId, Body, PublicKey};

use crate::{
    at_height::{Checked, Known},
    consensus::Consensus,
    io::{
        Action, CheckRequest, CheckTicket, CheckedBlock, Fatal, Ignored, Origin, Output, PeerFault,
        Verdict,
    },
};

impl Consensus {
    /// Has the application look at a body, unless it does or did already.
    pub(crate) fn inspect(
        &mut self,
        id: BlockId,
        body: Body,
        origin: Origin,
        from: PublicKey,
        out: &mut Output,
    ) {
        // What broke a rule of the moment when it was fresh may be owed now.
        let again = |known: &Known| match known.state {
            Checked::TooEarly => true,
            Checked::Invalid => known.origin != origin,
            Checked::Asked(_) | Checked::Valid(_) => false,
        };
        if self.next.known.get(&id).is_some_and(|known| !again(known)) {
            return;
        }
        self.next.make_room(self.prepared.as_ref().map(|at| &at.id));
        let certified = self.next.arriving.as_ref().is_some_and(|at| at.certificate.id == id);
        let origin = if certified { Origin::Certified } else { origin };
        let state = Checked::Asked(self.ask_check(id, self.committed, body.clone(), origin, out));
        self.next.known.insert(id, Known { body, origin, from, state });
    }

    pub(crate) fn ask_check(
        &mut self,
        id: BlockId,
        parent: BlockId,
        body: Body,
        origin: Origin,
        out: &mut Output,
    ) -> CheckTicket {
        self.tickets += 1;
        let ticket = CheckTicket(self.tickets);
        out.act(Action::CheckBlock(Box::new(CheckRequest { ticket, id, parent, body, origin })));
        ticket
    }

    /// The application looked at a block.
    pub(crate) fn on_checked(&mut self, checked: CheckedBlock, out: &mut Output) {
        if self.checked_ahead(checked) {
            return;
        }
        let asked = Checked::Asked(checked.ticket);
        let known = self.next.known.iter_mut().find(|(_, known)| known.state == asked);
        let Some((id, known)) = known else { return out.ignore(Ignored::Stale) };
        let (id, from) = (*id, known.from);
        match checked.verdict {
            Verdict::Valid { next_set } => known.state = Checked::Valid(next_set),
            Verdict::NotThisBlock => {
                self.next.known.remove(&id);
                self.next.asked.remove(&from);
                self.distrust(from);
                out.accuse(from, PeerFault::WrongBody);
            }
            Verdict::TooEarly => known.state = Checked::TooEarly,
            Verdict::Invalid => {
                known.state = Checked::Invalid;
                out.accuse(from, PeerFault::InvalidBlock);
            }
        }
    }

    /// Looks again at a block that is certified although it was found invalid or only checked as a
    /// fresh proposal: rules of the moment do not apply to it.
    pub(crate) fn recheck_as_certified(&mut self, id: BlockId, out: &mut Output) {
        let Some(known) = self.next.known.get(&id) else { return };
        if known.origin == Origin::Certified {
            return self.halt(Fatal::Diverged(id), out);
        }
        let body = known.body.clone();
        let ticket = self.ask_check(id, self.committed, body, Origin::Certified, out);
        if let Some(known) = self.next.known.get_mut(&id) {
            known.origin = Origin::Certified;
            known.state = Checked::Asked(ticket);
        }
    }
}
