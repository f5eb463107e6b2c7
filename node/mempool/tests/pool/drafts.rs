//! Transactions and accounts for the tests. Signatures are not real: the pool gets senders
//! recovered.

use std::{sync::Arc, time::Duration};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope, transaction::Recovered};
use alloy_primitives::{Address, Bytes, Signature, TxHash, TxKind, U256};
use mokka_mempool::{
    AccountChange, Admitted, DropReason, Limits, Origin, Pool, Refusal, Rules, SenderAccount,
    Transaction,
};
use mokka_types::Monotonic;

pub(crate) const CHAIN: u64 = 1337;
pub(crate) const BLOCK_GAS: u64 = 100_000_000;
pub(crate) const RICH: u128 = 1_000_000_000_000_000_000;

pub(crate) const ALICE: Address = Address::repeat_byte(0xa1);
pub(crate) const BOB: Address = Address::repeat_byte(0xb0);
pub(crate) const CAROL: Address = Address::repeat_byte(0xc4);

pub(crate) fn address(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// A transfer of nothing with just enough gas, until changed.
pub(crate) struct Draft {
    pub(crate) tx: TxEip1559,
    sender: Address,
}

/// A transaction of this sender with this nonce, which pays a fee and tip of 10.
pub(crate) fn from(sender: Address, nonce: u64) -> Draft {
    let tx = TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 10,
        to: TxKind::Call(Address::repeat_byte(0x99)),
        value: U256::ZERO,
        access_list: Default::default(),
        input: Bytes::new(),
    };
    Draft { tx, sender }
}

impl Draft {
    /// Pays this fee, all of it as a tip.
    pub(crate) fn price(mut self, price: u128) -> Self {
        self.tx.max_fee_per_gas = price;
        self.tx.max_priority_fee_per_gas = price;
        self
    }

    pub(crate) fn value(mut self, value: u128) -> Self {
        self.tx.value = U256::from(value);
        self
    }

    /// Carries data, with gas to spare for it.
    pub(crate) fn data(mut self, bytes: usize) -> Self {
        self.tx.input = vec![1; bytes].into();
        self.tx.gas_limit = 21_000 + 40 * bytes as u64;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut TxEip1559)) -> Self {
        change(&mut self.tx);
        self
    }

    pub(crate) fn build(self) -> Arc<Transaction> {
        pooled(self.sender, self.tx)
    }
}

/// Any transaction, as if this sender had signed it.
pub(crate) fn pooled<T>(sender: Address, tx: T) -> Arc<Transaction>
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = Signature::new(U256::from_be_slice(sender.as_slice()), U256::from(1), false);
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    Arc::new(Transaction::new(Recovered::new_unchecked(envelope, sender)))
}

pub(crate) fn account(nonce: u64, balance: u128) -> SenderAccount {
    SenderAccount { nonce, balance: U256::from(balance), ..SenderAccount::default() }
}

pub(crate) fn change(address: Address, nonce: u64, balance: u128) -> AccountChange {
    AccountChange { address, nonce, balance: U256::from(balance) }
}

pub(crate) fn at(seconds: u64) -> Monotonic {
    Monotonic::since_start(Duration::from_secs(seconds))
}

pub(crate) fn rules() -> Rules {
    Rules::new(CHAIN, BLOCK_GAS, 0)
}

pub(crate) fn pool() -> Pool {
    Pool::new(Limits::default(), rules())
}

pub(crate) fn pool_of(transactions: usize) -> Pool {
    Pool::new(Limits { transactions, ..Limits::default() }, rules())
}

/// Admits by gossip, from a rich account that has sent nothing.
pub(crate) fn admit(pool: &mut Pool, tx: &Arc<Transaction>) -> Result<Admitted, Refusal> {
    pool.admit(Arc::clone(tx), Origin::Remote, &account(0, RICH), at(0))
}

/// Admits several that must all be taken.
pub(crate) fn fill(pool: &mut Pool, transactions: &[&Arc<Transaction>]) {
    for tx in transactions {
        admit(pool, tx).unwrap_or_else(|refusal| panic!("{refusal}"));
    }
}

/// Admits over RPC, from an account without a coin that has sent nothing.
pub(crate) fn admit_local(pool: &mut Pool, tx: &Arc<Transaction>) -> Result<Admitted, Refusal> {
    pool.admit(Arc::clone(tx), Origin::Local, &account(0, 0), at(0))
}

/// Who had to make room.
pub(crate) fn evicted(admitted: &Admitted) -> Vec<TxHash> {
    let evicted = admitted.dropped.iter().filter(|gone| gone.reason == DropReason::Evicted);
    evicted.map(|gone| gone.transaction.hash()).collect()
}

pub(crate) fn best(pool: &Pool) -> Vec<TxHash> {
    pool.best().map(|entry| entry.transaction().hash()).collect()
}

pub(crate) fn hashes<'a>(
    transactions: impl IntoIterator<Item = &'a Arc<Transaction>>,
) -> Vec<TxHash> {
    transactions.into_iter().map(|tx| tx.hash()).collect()
}
