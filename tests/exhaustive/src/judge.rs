//! What must hold in every state (§13), and what should be met in some of them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use mokka_types::{Base, BlockHash, Height, Phase, PublicKey, View};

use crate::{
    liar::Liar,
    model::{Model, State},
    node::Node,
};

/// Shows that a search reaches what is worth searching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Milestone {
    /// A term has a leader.
    Elected,
    /// A second term has one.
    ElectedAgain,
    /// The liar leads a term.
    LiarElected,
    /// Nodes that differ by a block: one has it, and another does not.
    Committed,
    /// A block prepared in one term was proposed again by the leader of another.
    ProposedAgain,
    /// A second block is final.
    CommittedTwice,
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elected => "a leader",
            Self::ElectedAgain => "a second leader",
            Self::LiarElected => "the liar leads",
            Self::Committed => "a final block",
            Self::ProposedAgain => "proposed again",
            Self::CommittedTwice => "a second final block",
        })
    }
}

/// The one thing in each place, over all nodes.
#[derive(Default)]
struct Court {
    finals: BTreeMap<Height, BlockHash>,
    proofs: BTreeMap<View, (PublicKey, Base)>,
    certificates: BTreeMap<(Phase, View, Height), BlockHash>,
    liar_leads: bool,
    proposed_again: bool,
}

impl Court {
    fn hear(&mut self, node: &Node) -> Result<(), String> {
        let at = node.at;
        if let Some(wrong) = &node.ledger.wrong {
            return Err(format!("node {at} {wrong}"));
        }
        for block in &node.blocks {
            let first = *self.finals.entry(block.id.height).or_insert(block.id.hash);
            if first != block.id.hash {
                let (height, ours) = (block.id.height, block.id.hash);
                return Err(format!("FORK at height {height}: {first:?}, node {at} has {ours:?}"));
            }
        }
        for (view, proof) in &node.ledger.proofs {
            self.prove(*view, *proof)?;
        }
        for (slot, hash) in &node.ledger.certificates {
            self.certify(*slot, *hash)?;
        }
        self.proposed_again |= node.ledger.proposed_again;
        Ok(())
    }

    fn hear_the_liar(&mut self, liar: &Liar) -> Result<(), String> {
        for proof in liar.proofs() {
            self.liar_leads = true;
            self.prove(proof.view, (proof.candidate, proof.base))?;
        }
        for (phase, view, id) in liar.certificates.keys() {
            self.certify((*phase, *view, id.height), id.hash)?;
        }
        Ok(())
    }

    fn prove(&mut self, view: View, proof: (PublicKey, Base)) -> Result<(), String> {
        let first = *self.proofs.entry(view).or_insert(proof);
        match first == proof {
            true => Ok(()),
            false => Err(format!("two proofs in {view}: {first:?}, {proof:?}")),
        }
    }

    fn certify(&mut self, slot: (Phase, View, Height), hash: BlockHash) -> Result<(), String> {
        let first = *self.certificates.entry(slot).or_insert(hash);
        let (phase, view, height) = slot;
        if first != hash {
            return Err(format!("two {phase:?} certificates in {view} at height {height}"));
        }
        if phase == Phase::Commit {
            let first = *self.finals.entry(height).or_insert(hash);
            if first != hash {
                return Err(format!(
                    "FORK at height {height}: {first:?} and {hash:?} are certified"
                ));
            }
        }
        Ok(())
    }

    fn milestones(&self) -> impl Iterator<Item = Milestone> {
        let met = [
            (Milestone::Elected, !self.proofs.is_empty()),
            (Milestone::ElectedAgain, self.proofs.len() > 1),
            (Milestone::LiarElected, self.liar_leads),
            (Milestone::Committed, !self.finals.is_empty()),
            (Milestone::ProposedAgain, self.proposed_again),
            (Milestone::CommittedTwice, self.finals.len() > 1),
        ];
        met.into_iter().filter_map(|(milestone, met)| met.then_some(milestone))
    }
}

/// What this state shows, or what is wrong with it.
pub(crate) fn judge(model: &Model, state: &State) -> Result<Vec<Milestone>, String> {
    let mut court = Court::default();
    for at in model.law.honest() {
        let node: Arc<Node> = model.nodes.get(state.nodes[usize::from(at)]);
        court.hear(&node)?;
    }
    if let Some(at) = model.law.liar() {
        court.hear_the_liar(&model.liars.get(state.nodes[usize::from(at)]))?;
    }
    Ok(court.milestones().collect())
}
