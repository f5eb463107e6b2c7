//! What this node can prove to somebody who trusts only the genesis file.

use mokka_rpc::{
    api::types::TransactionProofView,
    seams::{ReadError, TransactionPlace},
};
use mokka_runtime::proof::{EpochEnd, FinalityProof, TransactionProof};
use mokka_storage::{ActiveSet, Store, StoreError};
use mokka_types::{Epoch, Height, ValidatorSet};

use crate::chain::unreadable;

/// What proves the block at a height; `None` for genesis and above the head.
pub(crate) fn finality(
    store: &dyn Store,
    height: Height,
) -> Result<Option<FinalityProof>, ReadError> {
    let Some(certificate) = read(store.certificate(height))? else { return Ok(None) };
    let header = must(store.header(height), || format!("the header of block {height}"))?;
    let epochs = (1..=certificate.view.epoch.get()).map(|epoch| end_before(store, epoch));
    let epochs = epochs.collect::<Result<_, _>>()?;
    Ok(Some(FinalityProof { epochs, certificate, header }))
}

/// The end of the epoch before this one.
fn end_before(store: &dyn Store, epoch: u64) -> Result<EpochEnd, ReadError> {
    let ActiveSet { from, validators: next_set } = active(store, Epoch::new(epoch))?;
    let end = from.previous().unwrap_or_default();
    let certificate = must(store.certificate(end), || format!("the certificate of block {end}"))?;
    Ok(EpochEnd { certificate, next_set })
}

/// The set of an epoch that has begun.
pub(crate) fn set_of(store: &dyn Store, epoch: Epoch) -> Result<ValidatorSet, ReadError> {
    Ok(active(store, epoch)?.validators)
}

fn active(store: &dyn Store, epoch: Epoch) -> Result<ActiveSet, ReadError> {
    must(store.validator_set(epoch), || format!("the validator set of epoch {epoch}"))
}

/// What proves the transaction at a place and its receipt; `None` where nothing is there.
pub(crate) fn transaction(
    store: &dyn Store,
    place: TransactionPlace,
) -> Result<Option<TransactionProofView>, ReadError> {
    let height = Height::new(place.block);
    let Some(finality) = finality(store, height)? else { return Ok(None) };
    let block = must(store.block(height), || format!("block {height}"))?.block;
    let receipts = must(store.receipts(height), || format!("the receipts of block {height}"))?;
    let proof = TransactionProof::new(finality, &block, &receipts, place.index);
    Ok(proof.map(|proof| TransactionProofView {
        finality: proof.finality.encode().into(),
        index: proof.index,
        transaction: proof.transaction,
        transaction_proof: proof.transaction_nodes,
        receipt: proof.receipt,
        receipt_proof: proof.receipt_nodes,
    }))
}

fn read<T>(found: Result<T, StoreError>) -> Result<T, ReadError> {
    found.map_err(|error| unreadable(&error))
}

/// What a certified block cannot be without.
fn must<T>(
    found: Result<Option<T>, StoreError>,
    what: impl FnOnce() -> String,
) -> Result<T, ReadError> {
    read(found)?.ok_or_else(|| ReadError(format!("{} is not in the store", what())))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alloy_consensus::{SignableTransaction, TxEip1559, transaction::Recovered};
    use alloy_primitives::{Address, Signature, TxKind, U256};
    use mokka_crypto::{SecretKey, digest};
    use mokka_genesis::{Draft, Validator};
    use mokka_runtime::{BlockBuilder, Executed, Plan, Stamp, proof::Anchor};
    use mokka_storage::{BlockCommit, GenesisCommit, MemoryDisk};
    use mokka_types::{Certificate, CrashModel, Phase, Term, View};

    use super::*;
    use crate::executor::{id_of, now_ms};

    const SENDER: Address = Address::repeat_byte(1);

    /// Four blocks of one transaction each; the second one ends epoch 0.
    struct World {
        store: Arc<dyn Store>,
        anchor: Anchor,
        blocks: Vec<Executed>,
    }

    impl World {
        fn new() -> Self {
            let keys = [1, 2].map(|byte| SecretKey::from_bytes([byte; 32]).expect("a key"));
            let sets = keys.each_ref().map(|key| {
                ValidatorSet::new(CrashModel::Bft, [key.public_key()]).expect("a set of one")
            });
            let first = Validator::new(keys[0].public_key());
            let draft = Draft::new(1337, CrashModel::Bft).validator(first);
            let genesis = draft.fund(SENDER, U256::from(1)).check().expect("a genesis file");
            let (spec, beginning) = (genesis.chain_spec(), genesis.begin().expect("block 0"));
            let chain = beginning.chain_hash;
            let (executed, validators) = (&beginning.block, &sets[0]);
            let commit = GenesisCommit { chain, executed, validators };
            let store = Arc::new(MemoryDisk::new().create(&commit).expect("an empty disk"));
            let mut parent = executed.header();
            let mut blocks = Vec::new();
            for nonce in 0..4_u64 {
                let stamp = Stamp::after(&parent, Term::default(), now_ms());
                let plan = Plan { stamp, beneficiary: SENDER };
                let latest = store.latest();
                let (state, tree) = (&*latest.state, &*latest.tree);
                let mut builder =
                    BlockBuilder::new(&spec, &parent, plan, state, tree).expect("the next block");
                let to = TxKind::Call(SENDER);
                let (chain_id, gas_limit) = (1337, 21_000);
                let call = TxEip1559 { chain_id, nonce, gas_limit, to, ..TxEip1559::default() };
                let signed = call.into_signed(Signature::test_signature());
                let sent = Recovered::new_unchecked(signed.into(), SENDER);
                builder.push(sent).expect("it is valid");
                let executed = builder.finish().expect("a block");

                let (epoch, next) = (usize::from(nonce > 1), usize::from(nonce > 0));
                let view = View::new(Epoch::new(epoch as u64), Term::new(1));
                let (id, next_set) = (id_of(&executed), digest::set(&sets[next]));
                let statement = digest::block_vote(&chain, Phase::Commit, view, &id, &next_set);
                let signers = sets[epoch].indices().collect();
                let signatures = vec![keys[epoch].sign(&statement)];
                let phase = Phase::Commit;
                let certificate = Certificate { phase, view, id, next_set, signers, signatures };
                let next_set = (epoch != next).then_some(&sets[next]);
                let commit =
                    BlockCommit { executed: &executed, certificate: &certificate, next_set };
                store.commit_block(&commit).expect("it extends the chain");
                parent = executed.header();
                blocks.push(executed);
            }
            let [validators, _] = sets;
            let anchor = Anchor { chain, genesis: beginning.id, validators };
            Self { store, anchor, blocks }
        }
    }

    #[test]
    fn every_block_is_proved_across_the_end_of_an_epoch() {
        let World { store, anchor, blocks } = World::new();
        for (block, epochs) in blocks.iter().zip([1, 1, 2, 2]) {
            let height = Height::new(block.number());
            let proof = finality(&*store, height).expect("readable").expect("it is there");
            let proved = proof.verify(&anchor).expect("it is genuine");
            assert_eq!((proved.id(), proved.eras().len()), (id_of(block), epochs));
        }
        for none in [0, 5] {
            assert_eq!(finality(&*store, Height::new(none)).expect("readable"), None);
        }
    }

    #[test]
    fn every_transaction_is_proved_by_what_the_rpc_shows() {
        let World { store, anchor, blocks } = World::new();
        for block in &blocks {
            let place = TransactionPlace { block: block.number(), index: 0 };
            let view = transaction(&*store, place).expect("readable").expect("it is there");
            let proof = TransactionProof {
                finality: FinalityProof::decode(&view.finality).expect("its own encoding"),
                index: view.index,
                transaction: view.transaction,
                transaction_nodes: view.transaction_proof,
                receipt: view.receipt,
                receipt_nodes: view.receipt_proof,
            };
            let proved = proof.verify(&anchor).expect("it is genuine");
            assert_eq!(proved.transaction, block.block.body.transactions[0]);
            assert_eq!(proved.receipt, block.receipts[0]);
        }
        let nothing = TransactionPlace { block: 2, index: 1 };
        assert_eq!(transaction(&*store, nothing).expect("readable"), None);
    }

    #[test]
    fn the_set_of_an_epoch_is_the_one_that_signed_in_it() {
        let World { store, anchor, .. } = World::new();
        let sets = [0, 1].map(|epoch| set_of(&*store, Epoch::new(epoch)).expect("readable"));
        assert_eq!(sets[0], anchor.validators);
        assert_ne!(sets[0], sets[1]);
        let unknown = set_of(&*store, Epoch::new(2)).expect_err("it has not begun");
        assert!(unknown.to_string().contains("validator set of epoch 2"), "{unknown}");
    }
}
