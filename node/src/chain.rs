//! The chain as the RPC reads it.

use std::sync::Arc;

use alloy_consensus::{Header, ReceiptEnvelope, Sealed};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use mokka_rpc::seams::{
    AccountView, ChainReader, CommittedBlock, HeadStream, ReadError, StateView, StoredBlock,
    TransactionPlace,
};
use mokka_runtime::{Executed, StateReader};
use mokka_storage::{Store, StoreError};
use mokka_types::Height;
use tokio::sync::{broadcast, watch};

/// Reads the store; knows the newest header without asking it.
pub(crate) struct Chain {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) head: watch::Receiver<Sealed<Header>>,
    pub(crate) heads: broadcast::Sender<Arc<CommittedBlock>>,
}

pub(crate) fn unreadable(error: &StoreError) -> ReadError {
    ReadError(error.to_string())
}

impl ChainReader for Chain {
    fn head(&self) -> Sealed<Header> {
        self.head.borrow().clone()
    }

    fn oldest_block(&self) -> u64 {
        0
    }

    fn oldest_state(&self) -> u64 {
        0
    }

    fn header_at(&self, number: u64) -> Result<Option<Sealed<Header>>, ReadError> {
        let height = Height::new(number);
        let header = self.store.header(height).map_err(|error| unreadable(&error))?;
        let hash = self.store.hash_at(height).map_err(|error| unreadable(&error))?;
        Ok(header.zip(hash).map(|(header, hash)| Sealed::new_unchecked(header, hash)))
    }

    fn number_of(&self, hash: B256) -> Result<Option<u64>, ReadError> {
        let height = self.store.height_of(hash).map_err(|error| unreadable(&error))?;
        Ok(height.map(Height::get))
    }

    fn block_at(&self, number: u64) -> Result<Option<Arc<StoredBlock>>, ReadError> {
        let found = self.store.block(Height::new(number)).map_err(|error| unreadable(&error))?;
        Ok(found.map(|block| {
            let senders = Some(block.senders);
            Arc::new(StoredBlock { hash: block.hash, block: block.block, senders })
        }))
    }

    fn receipts_at(&self, number: u64) -> Result<Option<Arc<Vec<ReceiptEnvelope>>>, ReadError> {
        let found = self.store.receipts(Height::new(number)).map_err(|error| unreadable(&error))?;
        Ok(found.map(Arc::new))
    }

    fn transaction_place(&self, hash: B256) -> Result<Option<TransactionPlace>, ReadError> {
        let found = self.store.transaction_place(hash).map_err(|error| unreadable(&error))?;
        Ok(found.map(|place| TransactionPlace {
            block: place.height.get(),
            index: place.index as usize,
        }))
    }

    fn state_after(&self, number: u64) -> Result<Option<Box<dyn StateView>>, ReadError> {
        let state = self.store.state_at(Height::new(number));
        Ok(state.map(|state| Box::new(StateAfter(state)) as Box<dyn StateView>))
    }
}

impl HeadStream for Chain {
    fn heads(&self) -> broadcast::Receiver<Arc<CommittedBlock>> {
        self.heads.subscribe()
    }
}

/// A committed block as the RPC tells of it.
pub(crate) fn committed_block(executed: &Executed) -> CommittedBlock {
    let block = StoredBlock {
        hash: executed.hash,
        block: executed.block.clone(),
        senders: Some(executed.senders.clone()),
    };
    CommittedBlock { block, receipts: executed.receipts.clone() }
}

struct StateAfter(Box<dyn StateReader>);

impl StateAfter {
    fn read<T>(result: Result<T, mokka_runtime::StateError>) -> Result<T, ReadError> {
        result.map_err(|error| ReadError(error.to_string()))
    }
}

impl StateView for StateAfter {
    fn account(&self, address: Address) -> Result<AccountView, ReadError> {
        let account = Self::read(self.0.account(address))?.unwrap_or_default();
        Ok(AccountView { nonce: account.nonce, balance: account.balance })
    }

    fn code(&self, address: Address) -> Result<Bytes, ReadError> {
        match Self::read(self.0.account(address))? {
            Some(account) if account.code_hash != KECCAK256_EMPTY => {
                Self::read(self.0.code(account.code_hash))
            }
            Some(_) | None => Ok(Bytes::new()),
        }
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, ReadError> {
        Self::read(self.0.storage(address, slot))
    }
}
