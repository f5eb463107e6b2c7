//! One block, one batch: what a commit checks, and what it writes.

use std::sync::{Arc, Weak};

use alloy_primitives::B256;
use mokka_runtime::{Executed, StateChanges, TreeChanges};
use mokka_types::{BlockHash, BlockId, Epoch, Height, Phase, ValidatorSet, codec};

use crate::{
    Batch, BlockCommit, Chain, Column, Durability, Engine, GenesisCommit, StoreError,
    TransactionPlace,
    chain::Tip,
    value::{
        encode_account, encode_addresses, encode_block_id, encode_place, encode_rlp, epoch_key,
        height_key, history_key, meta, slot_key,
    },
};

/// A node that makes no promises syncs its log every so many blocks: that bounds what a power cut
/// takes from it, and how many links [`Chain`] checks when it opens.
const SYNC_EVERY: u64 = 256;

impl<E: Engine> Chain<E> {
    /// See [`crate::Store::commit_block`].
    pub(crate) fn commit(&self, commit: &BlockCommit<'_>) -> Result<(), StoreError> {
        let inner = &*self.0;
        let mut writer = inner.writer();
        let tip = inner.tip();
        let next = check(tip, commit)?;
        let mut batch = Batch::default();
        put_block(&mut batch, commit.executed)?;
        batch.put(
            Column::Certificates,
            height_key(next.id.height),
            codec::encode(commit.certificate),
        );
        if let Some(set) = commit.next_set {
            let from = after(next.id.height)?;
            batch.put(Column::ValidatorSets, epoch_key(next.epoch), encode_set(from, set));
        }
        self.put_history(&mut batch, next.id.height, &commit.executed.changes)?;
        put_state(&mut batch, &commit.executed.changes);
        put_tree(&mut batch, &commit.executed.tree);
        batch.put(Column::Meta, meta::HEAD, encode_block_id(&next.id));
        let durability = if writer.unsynced + 1 < SYNC_EVERY {
            Durability::Buffered
        } else {
            batch.put(Column::Meta, meta::SYNCED, height_key(next.id.height));
            Durability::Synced
        };

        self.keep_for_readers(&mut writer.readers, &commit.executed.tree)?;
        inner.begin(next.id.height);
        inner.engine.write(batch, durability)?;
        writer.unsynced = match durability {
            Durability::Buffered => writer.unsynced + 1,
            Durability::Synced => 0,
        };
        inner.finish(next);
        Ok(())
    }

    /// Notes what the block replaces, so that the state before it can still be read.
    fn put_history(
        &self,
        batch: &mut Batch,
        height: Height,
        changes: &StateChanges,
    ) -> Result<(), StoreError> {
        let accounts = changes
            .accounts
            .iter()
            .map(|(address, account)| (address.to_vec(), account.as_ref().map(encode_account)));
        self.put_replaced(batch, height, Column::Accounts, accounts)?;
        let slots = changes.storage.iter().map(|((address, slot), value)| {
            let value = (!value.is_zero()).then(|| value.to_be_bytes_vec());
            (slot_key(*address, *slot).to_vec(), value)
        });
        self.put_replaced(batch, height, Column::Storage, slots)
    }

    fn put_replaced(
        &self,
        batch: &mut Batch,
        height: Height,
        column: Column,
        changed: impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let history = match column {
            Column::Storage => Column::StorageHistory,
            _ => Column::AccountHistory,
        };
        let (keys, values): (Vec<_>, Vec<_>) = changed.unzip();
        let old = self.0.engine.get_many(column, &keys)?;
        for ((key, old), new) in keys.iter().zip(old).zip(values) {
            if old != new {
                let key = history_key(key, height.get());
                batch.put(history, key, old.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Copies the nodes that this commit replaces for every reader of the tree that still lives.
    fn keep_for_readers(
        &self,
        readers: &mut Vec<Weak<crate::tree::Replaced>>,
        tree: &TreeChanges,
    ) -> Result<(), StoreError> {
        readers.retain(|reader| reader.strong_count() > 0);
        let live: Vec<Arc<_>> = readers.iter().filter_map(Weak::upgrade).collect();
        if live.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = tree.0.keys().cloned().collect();
        let old = self.0.engine.get_many(Column::TreeNodes, &keys)?;
        live.iter().for_each(|reader| reader.keep(&keys, &old));
        Ok(())
    }
}

/// The commit belongs on the tip, and its parts belong together.
fn check(tip: Tip, commit: &BlockCommit<'_>) -> Result<Tip, StoreError> {
    let header = &commit.executed.block.header;
    let id = BlockId {
        height: Height::new(header.number),
        hash: BlockHash::new(commit.executed.hash.0),
    };
    let parent = BlockHash::new(header.parent_hash.0);
    if Some(id.height) != tip.id.height.next() || parent != tip.id.hash {
        return Err(StoreError::NotNext { head: tip.id, block: id, parent });
    }
    check_block(commit.executed)?;
    let wrong = |why: String| Err(StoreError::Inconsistent { height: id.height, why });
    let certificate = commit.certificate;
    if certificate.id != id {
        return wrong(format!("its certificate proves {}", certificate.id.hash));
    }
    if certificate.phase != Phase::Commit {
        return wrong("its certificate is of the prepare phase".into());
    }
    if certificate.view.epoch != tip.epoch {
        let found = certificate.view.epoch;
        return wrong(format!("its certificate is of epoch {found}, not {}", tip.epoch));
    }
    let epoch = match commit.next_set {
        None => Some(tip.epoch),
        Some(_) => tip.epoch.next(),
    };
    match epoch {
        Some(epoch) => Ok(Tip { id, epoch }),
        None => wrong("there is no further epoch".into()),
    }
}

/// The parts of a block belong together.
fn check_block(executed: &Executed) -> Result<(), StoreError> {
    let height = Height::new(executed.number());
    let wrong = |why: String| Err(StoreError::Inconsistent { height, why });
    let hash = executed.block.header.hash_slow();
    if hash != executed.hash {
        return wrong(format!("its header has hash {hash}, not {}", executed.hash));
    }
    let (transactions, receipts, senders) =
        (executed.block.body.transactions.len(), executed.receipts.len(), executed.senders.len());
    if receipts != transactions || senders != transactions {
        return wrong(format!(
            "{transactions} transactions with {receipts} receipts and {senders} senders"
        ));
    }
    Ok(())
}

/// Everything that block 0 writes but what identifies the chain.
pub(crate) fn genesis_batch(genesis: &GenesisCommit<'_>) -> Result<(Batch, Tip), StoreError> {
    let executed = genesis.executed;
    let height = Height::new(executed.number());
    if height != Height::GENESIS {
        let why = "genesis is block 0".into();
        return Err(StoreError::Inconsistent { height, why });
    }
    check_block(executed)?;
    let mut batch = Batch::default();
    put_block(&mut batch, executed)?;
    put_state(&mut batch, &executed.changes);
    put_tree(&mut batch, &executed.tree);
    let id = BlockId { height, hash: BlockHash::new(executed.hash.0) };
    Ok((batch, Tip { id, epoch: Epoch::default() }))
}

fn put_block(batch: &mut Batch, executed: &Executed) -> Result<(), StoreError> {
    let height = Height::new(executed.number());
    let key = height_key(height);
    batch.put(Column::Headers, key, encode_rlp(&executed.block.header));
    batch.put(Column::Bodies, key, encode_rlp(&executed.block.body));
    batch.put(Column::Senders, key, encode_addresses(&executed.senders));
    batch.put(Column::Receipts, key, encode_rlp(&executed.receipts));
    batch.put(Column::Heights, executed.hash.0, key);
    for (index, transaction) in executed.block.body.transactions.iter().enumerate() {
        let index = u32::try_from(index).map_err(|_| StoreError::Inconsistent {
            height,
            why: "more transactions than an index can name".into(),
        })?;
        let hash: &B256 = transaction.hash();
        batch.put(Column::Transactions, hash.0, encode_place(TransactionPlace { height, index }));
    }
    Ok(())
}

fn put_state(batch: &mut Batch, changes: &StateChanges) {
    for (address, account) in &changes.accounts {
        batch.set(Column::Accounts, address.as_slice(), account.as_ref().map(encode_account));
    }
    for ((address, slot), value) in &changes.storage {
        let value = (!value.is_zero()).then(|| value.to_be_bytes_vec());
        batch.set(Column::Storage, slot_key(*address, *slot), value);
    }
    for (hash, code) in &changes.code {
        batch.put(Column::Code, hash.0, code.as_ref());
    }
}

fn put_tree(batch: &mut Batch, tree: &TreeChanges) {
    for (key, node) in &tree.0 {
        batch.set(Column::TreeNodes, key.as_slice(), node.clone());
    }
}

/// A validator set and its first height as bytes.
pub(crate) fn encode_set(from: Height, set: &ValidatorSet) -> Vec<u8> {
    codec::encode(&(from, set))
}

fn after(height: Height) -> Result<Height, StoreError> {
    height.next().ok_or_else(|| StoreError::Inconsistent {
        height,
        why: "there is no further height".into(),
    })
}
