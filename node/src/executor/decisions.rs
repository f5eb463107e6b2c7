//! What a block decides about members, and who may be announced by one (§9).

use std::{sync::Arc, time::Duration};

use mokka_runtime::{Executed, Overlay, system};
use mokka_storage::Latest;
use mokka_types::{PublicKey, Quorum, SetDigest, Settings};

use super::{Executor, text};
use crate::{members::Membership, pool::Message};

/// After so long a leader looks again whether the validators that a transaction announces are level
/// (§9): well within the time that followers give it for the block.
const LEVEL_AGAIN: Duration = Duration::from_millis(300);

impl Executor {
    /// What a block changes for members, if anything.
    pub(super) fn decided_by(
        &self,
        executed: &Executed,
        latest: &Latest,
    ) -> Result<Option<Membership>, String> {
        if !system::is_changed_by(&executed.changes) {
            return Ok(None);
        }
        let blocks = [executed];
        let after = Overlay::new(&*latest.state, &*latest.tree, &blocks);
        Membership::read(&after, &self.surroundings.genesis).map(Some).map_err(text)
    }

    /// Whether enough of these keys lately showed that they follow (§9).
    pub(super) fn is_level(&self, keys: &[PublicKey], level: &[PublicKey]) -> bool {
        let is_there = |key: &&PublicKey| level.iter().any(|there| there.x() == key.x());
        let quorum = Quorum::new(self.surroundings.genesis.crash_model(), keys.len());
        quorum.is_reached_by(keys.iter().filter(is_there).count())
    }

    /// Asks for another block in a moment: those who are not level now may be soon.
    pub(super) fn look_again(&self) {
        let pool = self.surroundings.pool.clone();
        self.surroundings.runtime.spawn(async move {
            tokio::time::sleep(LEVEL_AGAIN).await;
            pool.send(Message::Again).await;
        });
    }

    /// Tells consensus who may say that it is level before it is a validator (§9).
    pub(super) fn tell_approved(&self) {
        let members = self.surroundings.members.borrow().clone();
        let candidates = members.system.candidates.iter().map(|candidate| candidate.key);
        self.surroundings.engine.approved(candidates.collect());
    }

    /// Members decided something: from the next block on it holds. Says which settings changed.
    pub(super) fn adopt(&mut self, members: &Arc<Membership>, set: SetDigest) -> Option<Settings> {
        self.set = set;
        let before = self.surroundings.members.send_replace(Arc::clone(members));
        self.tell_approved();
        let settings = members.system.settings;
        (settings != before.system.settings).then_some(settings)
    }
}
