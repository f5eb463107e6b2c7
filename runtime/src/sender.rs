//! Who sent a transaction: recovered once, by libsecp256k1, in parallel where there are many.

use alloy_consensus::{TxEnvelope, transaction::SignerRecoverable};
use alloy_primitives::{Address, B256};
use rayon::prelude::*;

use crate::{block::WholeBlock, executed::Block, transaction::TxError};

/// Below this many, spreading the work costs more than it saves: a recovery takes about 30 µs.
const WORTH_SPREADING: usize = 8;

/// The signature belongs to nobody: whoever sent the transaction is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transaction {hash}: {}", TxError::InvalidSender)]
pub struct RecoverError {
    /// Of the transaction.
    pub hash: B256,
}

/// The sender of a transaction. Signatures with a high `s` are refused (EIP-2).
pub fn recover_sender(transaction: &TxEnvelope) -> Result<Address, RecoverError> {
    transaction.recover_signer().map_err(|_| RecoverError { hash: *transaction.tx_hash() })
}

/// The senders of many transactions, in their order.
pub fn recover_senders(transactions: &[TxEnvelope]) -> Result<Vec<Address>, RecoverError> {
    recover_unknown(transactions, &|_| None)
}

/// Senders, asking `known` first: a pool has recovered most of a block before it arrives.
fn recover_unknown(
    transactions: &[TxEnvelope],
    known: &(dyn Fn(B256) -> Option<Address> + Sync),
) -> Result<Vec<Address>, RecoverError> {
    let sender = |tx: &TxEnvelope| match known(*tx.tx_hash()) {
        Some(sender) => Ok(sender),
        None => recover_sender(tx),
    };
    if transactions.len() < WORTH_SPREADING {
        return transactions.iter().map(sender).collect();
    }
    transactions.par_iter().map(sender).collect()
}

/// A whole block with the senders that its signatures name: only recovery makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredBlock {
    block: Block,
    senders: Vec<Address>,
}

impl RecoveredBlock {
    /// Recovers every sender.
    pub fn recover(block: WholeBlock) -> Result<Self, RecoverError> {
        Self::recover_with(block, &|_| None)
    }

    /// Recovers every sender that `known` does not tell for a transaction hash. The hash covers
    /// the signature, so a sender that was recovered for it once is right for ever.
    pub fn recover_with(
        block: WholeBlock,
        known: &(dyn Fn(B256) -> Option<Address> + Sync),
    ) -> Result<Self, RecoverError> {
        let block = block.into_block();
        let senders = recover_unknown(&block.body.transactions, known)?;
        Ok(Self { block, senders })
    }

    /// The block itself.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// The sender of each transaction, in their order.
    pub fn senders(&self) -> &[Address] {
        &self.senders
    }

    pub(crate) fn into_parts(self) -> (Block, Vec<Address>) {
        (self.block, self.senders)
    }
}
