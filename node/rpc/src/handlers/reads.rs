//! Blocks, transactions, receipts and accounts.

use std::sync::Arc;

use alloy_consensus::ReceiptEnvelope;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::{Block, Transaction, TransactionReceipt};

use super::Handlers;
use crate::error::RpcError;
use crate::seams::{StateView, StoredBlock};
use crate::shape::{self, Detail};

impl Handlers {
    /// The block, `None` if this chain has no such block.
    fn stored(&self, block: BlockId) -> Result<Option<Arc<StoredBlock>>, RpcError> {
        let Some(number) = self.number_of(block)? else { return Ok(None) };
        self.stored_at(number).map(Some)
    }

    /// A block of this chain; an error if it is not here any more.
    pub(super) fn stored_at(&self, number: u64) -> Result<Arc<StoredBlock>, RpcError> {
        self.node.chain.block_at(number)?.ok_or_else(|| self.pruned(number))
    }

    /// The receipts of a block of this chain; an error if they are not here any more.
    pub(super) fn receipts_at(&self, number: u64) -> Result<Arc<Vec<ReceiptEnvelope>>, RpcError> {
        self.node.chain.receipts_at(number)?.ok_or_else(|| self.pruned(number))
    }

    pub(super) async fn read_block(
        &self,
        block: BlockId,
        detail: Detail,
    ) -> Result<Option<Block>, RpcError> {
        let this = self.clone();
        let read = move |_: &_| match this.stored(block)? {
            Some(stored) => shape::block(&stored, detail).map(Some),
            None => Ok(None),
        };
        self.readers.run(read).await
    }

    pub(super) async fn read_transaction_count(
        &self,
        block: BlockId,
    ) -> Result<Option<usize>, RpcError> {
        let this = self.clone();
        let count = |stored: Arc<StoredBlock>| stored.block.body.transactions.len();
        self.readers.run(move |_| Ok(this.stored(block)?.map(count))).await
    }

    pub(super) async fn read_block_receipts(
        &self,
        block: BlockId,
    ) -> Result<Option<Vec<TransactionReceipt>>, RpcError> {
        let this = self.clone();
        let read = move |_: &_| {
            let Some(stored) = this.stored(block)? else { return Ok(None) };
            let receipts = this.receipts_at(stored.block.header.number)?;
            shape::receipts(&stored, &receipts).map(Some)
        };
        self.readers.run(read).await
    }

    pub(super) async fn read_transaction_at(
        &self,
        block: BlockId,
        index: usize,
    ) -> Result<Option<Transaction>, RpcError> {
        let this = self.clone();
        let read = move |_: &_| match this.stored(block)? {
            Some(stored) => shape::transaction(&stored, index).transpose(),
            None => Ok(None),
        };
        self.readers.run(read).await
    }

    /// In a block, else in the pool, else in a block again: it may have moved in between.
    pub(super) async fn read_transaction(
        &self,
        hash: B256,
    ) -> Result<Option<Transaction>, RpcError> {
        if let Some(committed) = self.read_committed(hash).await? {
            return Ok(Some(committed));
        }
        if let Some(waiting) = self.node.pool.pending_transaction(hash).await {
            return Ok(Some(shape::pending(&waiting)));
        }
        self.read_committed(hash).await
    }

    async fn read_committed(&self, hash: B256) -> Result<Option<Transaction>, RpcError> {
        let this = self.clone();
        let read = move |_: &_| {
            let Some(place) = this.node.chain.transaction_place(hash)? else { return Ok(None) };
            let stored = this.stored_at(place.block)?;
            shape::transaction(&stored, place.index).transpose()
        };
        self.readers.run(read).await
    }

    pub(super) async fn read_receipt(
        &self,
        hash: B256,
    ) -> Result<Option<TransactionReceipt>, RpcError> {
        let this = self.clone();
        let read = move |_: &_| {
            let Some(place) = this.node.chain.transaction_place(hash)? else { return Ok(None) };
            let stored = this.stored_at(place.block)?;
            let receipts = this.receipts_at(place.block)?;
            shape::receipt_at(&stored, &receipts, place.index).transpose()
        };
        self.readers.run(read).await
    }

    /// Reads the state after a block.
    pub(super) async fn read_state<T, F>(
        &self,
        block: Option<BlockId>,
        read: F,
    ) -> Result<T, RpcError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn StateView) -> Result<T, RpcError> + Send + 'static,
    {
        let this = self.clone();
        self.readers.run(move |_| read(&*this.state_after(block)?)).await
    }

    pub(super) fn state_after(
        &self,
        block: Option<BlockId>,
    ) -> Result<Box<dyn StateView>, RpcError> {
        let number = self.header_of(block.unwrap_or_default())?.number;
        let chain = &self.node.chain;
        chain.state_after(number)?.ok_or_else(|| self.state_gone(number))
    }

    pub(super) fn state_gone(&self, asked: u64) -> RpcError {
        let chain = &self.node.chain;
        let (oldest, head) = (chain.oldest_state(), chain.head().number);
        RpcError::StateUnavailable { asked, oldest, head }
    }

    /// The next nonce: at `pending`, after those that wait in the pool.
    pub(super) async fn read_nonce(
        &self,
        address: Address,
        block: Option<BlockId>,
    ) -> Result<u64, RpcError> {
        // The pool first: a transaction that is committed meanwhile is then counted by the state.
        let waiting = match block {
            Some(BlockId::Number(BlockNumberOrTag::Pending)) => {
                self.node.pool.pending_nonce(address).await
            }
            _ => None,
        };
        let committed =
            self.read_state(block, move |state| Ok(state.account(address)?.nonce)).await?;
        Ok(waiting.map_or(committed, |nonce| nonce.max(committed)))
    }
}
