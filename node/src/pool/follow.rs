//! What members decided, as the pool obeys it.

use mokka_mempool::Rules;
use mokka_runtime::{Executed, system};
use mokka_types::Monotonic;

use super::Owner;

impl Owner {
    /// What members decided holds from the next block on.
    pub(super) fn follow_members(&mut self, executed: &Executed, now: Monotonic) {
        if system::is_changed_by(&executed.changes) {
            let system = self.surroundings.members.borrow().system.clone();
            self.terms.follow(&system.settings);
            if system.gas_limit != self.pool.rules().block_gas_limit {
                let block_gas_limit = system.gas_limit;
                let rules = Rules { block_gas_limit, ..self.pool.rules().clone() };
                let changes = self.pool.set_rules(rules, now);
                self.report(&changes.dropped);
            }
        }
        if !system::changes_permissions(&executed.changes) {
            return;
        }
        let Some(state) = self.surroundings.store.state_at(self.committed) else { return };
        // Who cannot be read now is asked about again when it sends, or by whoever builds a block.
        let allowance = |sender| system::allowance(&*state, sender).unwrap_or_default();
        let changes = self.pool.on_allowances(allowance, now);
        self.report(&changes.dropped);
    }
}
