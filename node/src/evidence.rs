//! What proves that a validator broke the protocol, as it is kept and shown (§10).

use mokka_rpc::api::types::{EvidenceView, StatementView, ValidatorRef};
use mokka_storage::{Store, StoreError};
use mokka_types::{BlockId, Evidence, Misdeed, PublicKey, Signature, codec};

use crate::view::block_ref;

/// So much is kept: enough to decide about a validator, whatever it does.
const MOST: usize = 1_000;

/// Keeps a piece, unless there are enough.
pub(crate) fn keep(store: &dyn Store, evidence: &Evidence) -> Result<(), StoreError> {
    match store.evidence(MOST)?.len() < MOST {
        true => store.put_evidence(&codec::encode(evidence)),
        false => Ok(()),
    }
}

/// Everything that is kept, and still understood.
pub(crate) fn kept(store: &dyn Store) -> Result<Vec<Evidence>, StoreError> {
    let pieces = store.evidence(MOST)?;
    Ok(pieces.iter().filter_map(|piece| codec::decode(piece).ok()).collect())
}

/// A piece as it is shown; `name` finds a validator of its epoch.
pub(crate) fn view(evidence: &Evidence, name: impl Fn(&PublicKey) -> ValidatorRef) -> EvidenceView {
    let signature = |signature: &Signature| signature.as_bytes().to_vec().into();
    let of_block = |id: &BlockId, signed: &Signature| StatementView {
        block: Some(block_ref(id)),
        candidate: None,
        signature: signature(signed),
    };
    let statements = match &evidence.misdeed {
        Misdeed::Proposals(two) => two.map(|it| of_block(&it.id, &it.signature)),
        Misdeed::BlockVotes(_, two) => two.map(|it| of_block(&it.id, &it.signature)),
        Misdeed::Ballots(two) => two.map(|it| StatementView {
            block: None,
            candidate: Some(name(&it.candidate)),
            signature: signature(&it.signature),
        }),
    };
    EvidenceView {
        epoch: evidence.view().epoch.get(),
        term: evidence.view().term.get(),
        culprit: name(&evidence.culprit),
        misdeed: evidence.misdeed.name().to_owned(),
        statements: statements.into(),
        encoded: codec::encode(evidence).into(),
    }
}
