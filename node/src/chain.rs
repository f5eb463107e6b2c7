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

impl Chain {
    /// A block is stored a moment before it is the head: who finds it by a hash asks for what is in
    /// it next, and must not hear that it lies above the head.
    fn is_visible(&self, number: u64) -> bool {
        number <= self.head.borrow().number
    }
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
        Ok(height.map(Height::get).filter(|number| self.is_visible(*number)))
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
        let found = found.filter(|place| self.is_visible(place.height.get()));
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

#[cfg(test)]
mod tests {
    use alloy_consensus::{SignableTransaction, TxEip1559, transaction::Recovered};
    use alloy_primitives::{Signature, TxKind};
    use mokka_crypto::SecretKey;
    use mokka_genesis::{Draft, Validator};
    use mokka_runtime::{BlockBuilder, Plan, Stamp};
    use mokka_storage::{BlockCommit, GenesisCommit, MemoryDisk};
    use mokka_types::{Certificate, CrashModel, Phase, Signers, Term, View};

    use super::*;
    use crate::executor::{id_of, now_ms};

    /// A block is there for clients when it is the head, not a moment before.
    #[test]
    fn what_is_stored_above_the_head_is_not_found() {
        let key = SecretKey::from_bytes([1; 32]).expect("a key").public_key();
        let sender = Address::repeat_byte(1);
        let draft = Draft::new(1337, CrashModel::Bft).validator(Validator::new(key));
        let genesis = draft.fund(sender, U256::from(1)).check().expect("a genesis file");
        let (spec, set) = (genesis.chain_spec(), genesis.validator_set());
        let beginning = genesis.begin().expect("block 0");
        let (chain, executed) = (beginning.chain_hash, &beginning.block);
        let commit = GenesisCommit { chain, executed, validators: &set };
        let store = Arc::new(MemoryDisk::new().create(&commit).expect("an empty disk"));

        let parent = executed.header();
        let stamp = Stamp::after(&parent, Term::default(), now_ms());
        let plan = Plan { stamp, beneficiary: sender };
        let latest = store.latest();
        let mut builder = BlockBuilder::new(&spec, &parent, plan, &*latest.state, &*latest.tree)
            .expect("a block after block 0");
        let to = TxKind::Call(sender);
        let call = TxEip1559 { chain_id: 1337, gas_limit: 21_000, to, ..TxEip1559::default() };
        let signed = call.into_signed(Signature::test_signature());
        let hash = *signed.hash();
        builder.push(Recovered::new_unchecked(signed.into(), sender)).expect("it is valid");
        let executed = builder.finish().expect("a block");
        let certificate = Certificate {
            phase: Phase::Commit,
            view: View::default(),
            id: id_of(&executed),
            next_set: mokka_crypto::digest::set(&set),
            signers: Signers::NONE,
            signatures: Vec::new(),
        };
        let commit = BlockCommit { executed: &executed, certificate: &certificate, next_set: None };
        let (newest, head) = watch::channel(parent);
        let chain = Chain { store, head, heads: broadcast::channel(1).0 };
        chain.store.commit_block(&commit).expect("the next block");

        let found = || (chain.number_of(executed.hash), chain.transaction_place(hash));
        let (number, place) = found();
        assert_eq!((number.expect("readable"), place.expect("readable")), (None, None));
        newest.send_replace(executed.header());
        let (number, place) = found();
        let at = TransactionPlace { block: 1, index: 0 };
        assert_eq!((number.expect("readable"), place.expect("readable")), (Some(1), Some(at)));
    }
}
