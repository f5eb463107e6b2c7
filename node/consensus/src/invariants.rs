//! Relations that hold after every step, in every build whose assertions are on.

use mokka_types::PreparedRecord;

use crate::{
    consensus::Consensus,
    faults::Rule,
    role::{Role, Work},
};

pub(crate) fn check(node: &Consensus) {
    let Consensus { promise, committed, prepared, last_led, loaded_promise, .. } = node;
    debug_assert!(promise.view.epoch == node.epoch(), "a promise of another epoch: {promise:?}");
    if let Some(certificate) = &node.certificate {
        debug_assert!(certificate.id == *committed, "{certificate:?} does not prove {committed:?}");
    }
    if let Some(PreparedRecord { id, .. }) = prepared {
        debug_assert!(id.height > committed.height, "prepared {id:?} at or below {committed:?}");
    }
    if let Some(leader) = &node.leader {
        debug_assert!(leader.proof.view <= promise.view, "follows a term above the promise");
    }
    if node.mark.is_some() && !node.lacks(Rule::MarkObeyed) {
        debug_assert!(node.me.is_none(), "a marked node takes part");
    }
    match &node.role {
        Role::Follower => {}
        Role::Candidate(candidacy) => {
            debug_assert!(node.me.is_some(), "an observer stands");
            debug_assert!(candidacy.ballot.view >= promise.view, "stands for a promised-over term");
        }
        Role::Leader(leadership) => {
            debug_assert!(node.me.is_some(), "an observer leads");
            let view = leadership.view();
            debug_assert!(view == promise.view, "leads {view} but promised {}", promise.view);
            let new = view > *last_led && view > *loaded_promise || node.lacks(Rule::NoTermAgain);
            debug_assert!(new, "leads an old term {view}");
            if let Work::InFlight(block) = &leadership.work {
                let above = Some(block.id.height) == committed.height.next();
                debug_assert!(above, "{:?} is in flight above {committed:?}", block.id);
            }
        }
    }
    let validators = node.quorum().validators();
    debug_assert!(node.granted.len() <= validators, "more grants than candidates");
    debug_assert!(node.held.len() <= validators, "more held votes than candidates");
}
