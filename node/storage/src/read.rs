//! [`Store`] on a [`Chain`]: every read, and the small writes.

use std::sync::Arc;

use alloy_consensus::{BlockBody, Header, ReceiptEnvelope, TxEnvelope};
use alloy_primitives::{Address, B256, U256, keccak256};
use mokka_runtime::{Account, Block, StateReader};
use mokka_types::{
    BlockHash, BlockId, Body, Certificate, ChainHash, Epoch, FinalBlock, Height, Proof,
    SafetyRecord, SafetyState, ValidatorSet, View, codec,
};

use crate::{
    ActiveSet, Batch, BlockCommit, Chain, Column, Durability, Engine, Entry, Latest, Store,
    StoreError, StoredBlock, TransactionPlace,
    state::StateAt,
    tree::{Replaced, TreeAt},
    value::{Stored, block_rlp, epoch_key, height_key, slot_key, view_key},
};

impl<E: Engine> Store for Chain<E> {
    fn chain(&self) -> ChainHash {
        self.0.chain
    }

    fn head(&self) -> BlockId {
        self.0.tip().id
    }

    fn epoch(&self) -> Epoch {
        self.0.tip().epoch
    }

    fn commit_block(&self, commit: &BlockCommit<'_>) -> Result<(), StoreError> {
        self.commit(commit)
    }

    fn append_safety(&self, records: &[SafetyRecord]) -> Result<(), StoreError> {
        self.append(records)
    }

    fn safety(&self) -> Result<SafetyState, StoreError> {
        self.newest_records()
    }

    fn header(&self, height: Height) -> Result<Option<Header>, StoreError> {
        self.of_block(Column::Headers, height, |stored| {
            let header: Header = stored.rlp()?;
            match header.number == height.get() {
                true => Ok(header),
                false => Err(stored.corrupt(format_args!("block {} is there", header.number))),
            }
        })
    }

    fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        let Some(header) = self.header(height)? else { return Ok(None) };
        let key = height_key(height);
        let body: BlockBody<TxEnvelope> =
            self.0.must(Column::Bodies, &key, |stored| stored.rlp())?;
        let senders = self.0.must(Column::Senders, &key, |stored| {
            let senders = stored.addresses()?;
            match senders.len() == body.transactions.len() {
                true => Ok(senders),
                false => Err(stored.corrupt("not one sender for each transaction")),
            }
        })?;
        let hash = header.hash_slow();
        Ok(Some(StoredBlock { hash, block: Block::new(header, body), senders }))
    }

    fn receipts(&self, height: Height) -> Result<Option<Vec<ReceiptEnvelope>>, StoreError> {
        self.of_block(Column::Receipts, height, |stored| stored.rlp())
    }

    fn certificate(&self, height: Height) -> Result<Option<Certificate>, StoreError> {
        if height == Height::GENESIS {
            return Ok(None);
        }
        self.of_block(Column::Certificates, height, |stored| {
            let certificate: Certificate = stored.codec()?;
            match certificate.id.height == height {
                true => Ok(certificate),
                false => Err(stored.corrupt("the certificate is for another height")),
            }
        })
    }

    fn final_blocks(
        &self,
        from: Height,
        max_blocks: usize,
        max_bytes: usize,
    ) -> Result<Vec<FinalBlock>, StoreError> {
        let head = self.head().height.get();
        let mut blocks = Vec::new();
        let mut bytes = 0usize;
        for height in (from.get().max(1)..=head).take(max_blocks.max(1)) {
            let block = self.final_block(Height::new(height))?;
            bytes = bytes.saturating_add(block.body.as_bytes().len());
            if bytes > max_bytes && !blocks.is_empty() {
                break;
            }
            blocks.push(block);
        }
        Ok(blocks)
    }

    fn hash_at(&self, height: Height) -> Result<Option<B256>, StoreError> {
        self.of_block(Column::Headers, height, |stored| Ok(keccak256(stored.value)))
    }

    fn height_of(&self, hash: B256) -> Result<Option<Height>, StoreError> {
        let height = self.0.get(Column::Heights, &hash.0, |stored| stored.height())?;
        Ok(height.filter(|height| *height <= self.head().height))
    }

    fn transaction_place(&self, hash: B256) -> Result<Option<TransactionPlace>, StoreError> {
        let place = self.0.get(Column::Transactions, &hash.0, |stored| stored.place())?;
        Ok(place.filter(|place| place.height <= self.head().height))
    }

    fn latest(&self) -> Latest {
        // No commit is under way while we are the writer.
        let mut writer = self.0.writer();
        let id = self.head();
        let replaced = Arc::new(Replaced::default());
        writer.readers.push(Arc::downgrade(&replaced));
        drop(writer);
        let state = Box::new(StateAt { store: Arc::clone(&self.0), height: id.height });
        let tree = Box::new(TreeAt { store: Arc::clone(&self.0), replaced });
        Latest { id, state, tree }
    }

    fn state_at(&self, height: Height) -> Option<Box<dyn StateReader>> {
        let state = StateAt { store: Arc::clone(&self.0), height };
        (height <= self.head().height).then(|| Box::new(state) as Box<dyn StateReader>)
    }

    fn accounts(
        &self,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Account)>, StoreError> {
        let from = after.map(|address| above(address.as_slice())).unwrap_or_default();
        let entries = self.0.engine.scan(Column::Accounts, &from, None, limit)?;
        let read = |entry: &Entry| {
            let stored = Stored::entry(Column::Accounts, entry);
            Ok((Address::from(stored.key_bytes(0)?), stored.account()?))
        };
        entries.iter().map(read).collect()
    }

    fn account_storage(
        &self,
        address: Address,
        after: Option<U256>,
        limit: usize,
    ) -> Result<Vec<(U256, U256)>, StoreError> {
        let from = match after {
            Some(slot) => above(&slot_key(address, slot)),
            None => address.to_vec(),
        };
        let end = above(&slot_key(address, U256::MAX));
        let entries = self.0.engine.scan(Column::Storage, &from, Some(&end), limit)?;
        let read = |entry: &Entry| {
            let stored = Stored::entry(Column::Storage, entry);
            Ok((U256::from_be_bytes(stored.key_bytes::<32>(20)?), stored.word()?))
        };
        entries.iter().map(read).collect()
    }

    fn validator_set(&self, epoch: Epoch) -> Result<Option<ActiveSet>, StoreError> {
        self.0.get(Column::ValidatorSets, &epoch_key(epoch), |stored| {
            let (from, validators) = stored.codec::<(Height, ValidatorSet)>()?;
            Ok(ActiveSet { from, validators })
        })
    }

    fn put_leader_proof(&self, proof: &Proof) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(Column::LeaderProofs, view_key(proof.view), codec::encode(proof));
        self.0.engine.write(batch, Durability::Buffered)
    }

    fn leader_proof(&self, view: View) -> Result<Option<Proof>, StoreError> {
        self.0.get(Column::LeaderProofs, &view_key(view), |stored| {
            let proof: Proof = stored.codec()?;
            match proof.view == view {
                true => Ok(proof),
                false => Err(stored.corrupt("the proof is for another term")),
            }
        })
    }

    fn put_evidence(&self, evidence: &[u8]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(Column::Evidence, keccak256(evidence).0, evidence);
        self.0.engine.write(batch, Durability::Buffered)
    }

    fn evidence(&self, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let entries = self.0.engine.scan(Column::Evidence, &[], None, limit)?;
        Ok(entries.into_iter().map(|(_, evidence)| evidence).collect())
    }
}

impl<E: Engine> Chain<E> {
    /// What every committed block has; `None` above the head.
    fn of_block<T>(
        &self,
        column: Column,
        height: Height,
        read: impl FnOnce(&Stored<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if height > self.head().height {
            return Ok(None);
        }
        self.0.must(column, &height_key(height), read).map(Some)
    }

    fn final_block(&self, height: Height) -> Result<FinalBlock, StoreError> {
        let key = height_key(height);
        let header = self.0.must(Column::Headers, &key, |stored| Ok(stored.value.to_vec()))?;
        let body = self.0.must(Column::Bodies, &key, |stored| block_rlp(&header, stored))?;
        let certificate = self.certificate(height)?;
        let certificate =
            certificate.ok_or_else(|| StoreError::missing(Column::Certificates, &key))?;
        let hash = BlockHash::new(keccak256(&header).0);
        Ok(FinalBlock { id: BlockId { height, hash }, body: Body::new(body), certificate })
    }
}

/// The first key above one of fixed length.
fn above(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}
