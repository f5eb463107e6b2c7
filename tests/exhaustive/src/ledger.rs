//! What one node has done in its whole life, across crashes: the ground of every property.
//!
//! Nothing here is code of the core, and no decision of a node depends on it.

use std::collections::BTreeMap;

use mokka_types::{
    Base, BaseDigest, BlockHash, Certificate, Height, Phase, Proof, PublicKey, View,
};

/// The one thing in each place where there may be only one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    /// The candidate and base that it signed for.
    ballots: BTreeMap<View, (PublicKey, BaseDigest)>,
    votes: BTreeMap<(Phase, View, Height), BlockHash>,
    proposals: BTreeMap<(View, Height), BlockHash>,
    /// The proofs that it made, which made it leader.
    pub(crate) proofs: BTreeMap<View, (PublicKey, Base)>,
    /// The certificates that it made.
    pub(crate) certificates: BTreeMap<(Phase, View, Height), BlockHash>,
    /// It proposed a block that had been prepared in an earlier term.
    pub(crate) proposed_again: bool,
    /// What it did that nobody may do.
    pub(crate) wrong: Option<String>,
}

fn only<K: Ord, V: PartialEq>(known: &mut BTreeMap<K, V>, place: K, new: V) -> bool {
    known.get(&place).is_none_or(|old| *old == new) && {
        known.insert(place, new);
        true
    }
}

impl Ledger {
    pub(crate) fn is_wrong(&mut self, what: impl FnOnce() -> String) {
        self.wrong.get_or_insert_with(what);
    }

    pub(crate) fn signed(&mut self, view: View, candidate: PublicKey, base: BaseDigest) {
        if !only(&mut self.ballots, view, (candidate, base)) {
            self.is_wrong(|| format!("signed for two candidates or bases in {view}"));
        }
    }

    pub(crate) fn voted(&mut self, phase: Phase, view: View, height: Height, hash: BlockHash) {
        if !only(&mut self.votes, (phase, view, height), hash) {
            self.is_wrong(|| format!("voted twice in {phase:?} of {view} at height {height}"));
        }
    }

    pub(crate) fn proposed(&mut self, proof: &Proof, height: Height, hash: BlockHash) {
        if !only(&mut self.proposals, (proof.view, height), hash) {
            self.is_wrong(|| format!("proposed two blocks in {} at height {height}", proof.view));
        }
        self.proposed_again |= proof.base.prepared.is_some_and(|owed| owed.id.hash == hash);
    }

    pub(crate) fn led(&mut self, proof: &Proof) {
        if !only(&mut self.proofs, proof.view, (proof.candidate, proof.base)) {
            self.is_wrong(|| format!("two proofs in {}", proof.view));
        }
    }

    pub(crate) fn certified(&mut self, certificate: &Certificate) {
        let Certificate { phase, view, id, .. } = certificate;
        if !only(&mut self.certificates, (*phase, *view, id.height), id.hash) {
            self.is_wrong(|| format!("two {phase:?} certificates in {view} at {}", id.height));
        }
    }
}
