//! Blocks that say who built them, when, and on what: so two of them are never the same by chance.

use mokka_consensus::{BuildRequest, BuiltBlock, CheckRequest, ProposedBlock, Verdict};
use mokka_crypto::digest;
use mokka_types::{BlockId, Body, View};

use crate::law::{Law, Place};

/// Its parent's hash, then its builder, its term, and which of its builder's blocks it is.
pub(crate) fn block(
    parent: &BlockId,
    builder: Place,
    view: View,
    which: u8,
) -> Option<(BlockId, Body)> {
    let term = u8::try_from(view.term.get()).ok()?;
    let body = Body::new([parent.hash.as_bytes().as_slice(), &[builder, term, which]].concat());
    Some((BlockId { height: parent.height.next()?, hash: digest::body(&body) }, body))
}

/// There is always work, up to the last block of this world.
pub(crate) fn build(law: &Law, builder: Place, request: &BuildRequest) -> BuiltBlock {
    let BuildRequest { view, parent, .. } = request;
    let wanted = parent.height.get() < law.world.blocks;
    let block = block(parent, builder, *view, 0).filter(|_| wanted);
    let next_set = law.committee.set_digest();
    let block = block.map(|(id, body)| ProposedBlock { id, body, next_set });
    BuiltBlock { view: *view, parent: *parent, block }
}

/// Whether the body is that of this block on this parent.
pub(crate) fn check(law: &Law, request: &CheckRequest) -> Verdict {
    let CheckRequest { id, parent, body, .. } = request;
    let is_this = digest::body(body) == id.hash
        && parent.height.next() == Some(id.height)
        && body.as_bytes().starts_with(parent.hash.as_bytes());
    match is_this {
        true => Verdict::Valid { next_set: law.committee.set_digest() },
        false => Verdict::NotThisBlock,
    }
}
