//! Ethereum's list tries: which item has which index under a root.

use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes};
use alloy_trie::{
    HashBuilder, Nibbles,
    proof::{ProofRetainer, verify_proof},
    root::adjust_index_for_rlp,
};

fn key(index: u64) -> Nibbles {
    Nibbles::unpack(alloy_rlp::encode(index))
}

/// The nodes from the root of a list of transactions or receipts to one of them; `None` where the
/// list has none of this index.
pub(super) fn prove<T: Encodable2718>(items: &[T], index: usize) -> Option<Vec<Bytes>> {
    if index >= items.len() {
        return None;
    }
    let target = key(index as u64);
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for place in 0..items.len() {
        // The trie takes its leaves in the order of their keys, which is not that of the list.
        let at = adjust_index_for_rlp(place, items.len());
        builder.add_leaf(key(at as u64), &items[at].encoded_2718());
    }
    builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    Some(nodes.into_iter().map(|(_, node)| node).collect())
}

/// Whether exactly this item has this index in the list of this root.
pub(super) fn holds(root: B256, index: u64, item: &[u8], nodes: &[Bytes]) -> bool {
    verify_proof(root, key(index), Some(item.to_vec()), nodes).is_ok()
}
