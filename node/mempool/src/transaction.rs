//! A transaction as the pool holds it.

use alloy_consensus::{Transaction as _, TxEnvelope, transaction::Recovered};
use alloy_eips::eip2718::{
    Decodable2718, EIP1559_TX_TYPE_ID, EIP2930_TX_TYPE_ID, EIP7702_TX_TYPE_ID, Encodable2718,
};
use alloy_primitives::{Address, TxHash, U256, U512};
use mokka_runtime::{TxError, recover_sender};

use crate::{Refusal, Rules};

/// A typed transaction begins with its type, below this; a legacy one is an RLP list, above.
const FIRST_RLP_BYTE: u8 = 0x80;

/// A decoded transaction with its sender, and what is asked about it again and again.
///
/// Built outside the pool, where many can be built in parallel: recovering a sender costs far more
/// than everything the pool does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    signed: Recovered<TxEnvelope>,
    hash: TxHash,
    encoded_len: usize,
    cost: U512,
}

impl Transaction {
    /// A transaction whose sender was recovered from its signature.
    pub fn new(signed: Recovered<TxEnvelope>) -> Self {
        let hash = *signed.tx_hash();
        let encoded_len = signed.encode_2718_len();
        let gas = U256::from(signed.gas_limit()) * U256::from(signed.max_fee_per_gas());
        let cost = U512::from(gas) + U512::from(signed.value());
        Self { signed, hash, encoded_len, cost }
    }

    /// Decodes what a client sends, and recovers its sender.
    ///
    /// # Errors
    /// When it is too long, has a type that this chain does not take, is no transaction, or as
    /// [`Transaction::recover`].
    pub fn decode(raw: &[u8], rules: &Rules) -> Result<Self, Refusal> {
        let (size, limit) = (raw.len(), rules.max_transaction_bytes);
        if size > limit {
            return Err(TxError::TooLarge { size, limit }.into());
        }
        match raw.first().copied() {
            None => return Err(Refusal::Undecodable("it is empty".to_owned())),
            Some(
                FIRST_RLP_BYTE.. | EIP2930_TX_TYPE_ID | EIP1559_TX_TYPE_ID | EIP7702_TX_TYPE_ID,
            ) => {}
            Some(ty) => return Err(TxError::TypeNotSupported { ty }.into()),
        }
        let envelope = TxEnvelope::decode_2718_exact(raw);
        Self::recover(envelope.map_err(|error| Refusal::Undecodable(error.to_string()))?)
    }

    /// Recovers the sender: the only expensive step of an admission.
    ///
    /// # Errors
    /// When the signature names nobody, or has the high `s` that EIP-2 forbids.
    pub fn recover(envelope: TxEnvelope) -> Result<Self, Refusal> {
        let sender = recover_sender(&envelope).map_err(|_| TxError::InvalidSender)?;
        Ok(Self::new(Recovered::new_unchecked(envelope, sender)))
    }

    /// Its name: keccak of its encoding.
    pub const fn hash(&self) -> TxHash {
        self.hash
    }

    /// Who signed it.
    pub const fn sender(&self) -> Address {
        self.signed.signer()
    }

    /// Its place among the transactions of its sender.
    pub fn nonce(&self) -> u64 {
        self.signed.nonce()
    }

    /// The signed transaction with its sender.
    pub const fn recovered(&self) -> &Recovered<TxEnvelope> {
        &self.signed
    }

    /// The signed transaction.
    pub const fn envelope(&self) -> &TxEnvelope {
        self.signed.inner()
    }

    /// Bytes of its EIP-2718 encoding: what it takes in a block and in the pool.
    pub const fn encoded_len(&self) -> usize {
        self.encoded_len
    }

    /// The most it can take from its sender: gas limit × fee cap + value. Wider than a balance, so
    /// that no transaction can make it overflow.
    pub const fn cost(&self) -> U512 {
        self.cost
    }

    /// What the proposer earns per gas at this base fee, or `None` when the fee cap is below it.
    pub fn tip(&self, base_fee: u64) -> Option<u128> {
        self.signed.effective_tip_per_gas(base_fee)
    }
}
