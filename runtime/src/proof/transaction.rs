//! A transaction and its receipt, proved by the roots in a final header.

use std::fmt;

use alloy_consensus::{ReceiptEnvelope, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes};
use mokka_types::Height;

use super::{
    finality::{Anchor, FinalityError, FinalityProof, ProvedBlock},
    inclusion,
};
use crate::{Block, RecoverError, recover_sender};

/// Shows that a transaction is in a final block, and what became of it. Worth nothing before
/// [`TransactionProof::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionProof {
    /// Shows that the block is final.
    pub finality: FinalityProof,
    /// Its place in the block, from 0.
    pub index: u64,
    /// The transaction in EIP-2718's encoding.
    pub transaction: Bytes,
    /// The nodes of the trie from `transactionsRoot` to it, the root first.
    pub transaction_nodes: Vec<Bytes>,
    /// Its receipt in EIP-2718's encoding.
    pub receipt: Bytes,
    /// The nodes of the trie from `receiptsRoot` to it, the root first.
    pub receipt_nodes: Vec<Bytes>,
}

/// A transaction in a final block. Only [`TransactionProof::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvedTransaction {
    /// Its block.
    pub block: ProvedBlock,
    /// Its place in the block, from 0.
    pub index: u64,
    /// The transaction.
    pub transaction: TxEnvelope,
    /// Who signed it.
    pub sender: Address,
    /// What became of it.
    pub receipt: ReceiptEnvelope,
}

/// What a block has one list of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What was sent.
    Transaction,
    /// What became of it.
    Receipt,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transaction => "transaction",
            Self::Receipt => "receipt",
        })
    }
}

/// Why a transaction is not proved. All are the fault of whoever made the proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum TransactionProofError {
    /// Its block is not final.
    #[error(transparent)]
    Finality(#[from] FinalityError),
    /// The root in the header is that of other items.
    #[error(
        "block {height} has another {part} at index {index}, or none: the nodes do not lead \
             from {root} in its header to the one shown"
    )]
    NotInBlock { height: Height, part: Part, index: u64, root: B256 },
    /// Final, but nothing that this version knows.
    #[error("the {part} at index {index} of block {height} is none that can be read: {why}")]
    Undecodable { height: Height, part: Part, index: u64, why: String },
    /// Nobody sent it.
    #[error(transparent)]
    Sender(#[from] RecoverError),
}

impl TransactionProof {
    /// The proof for the transaction at an index of a block, whose finality is shown already;
    /// `None` where the block has no such transaction or its receipts are not these.
    pub fn new(
        finality: FinalityProof,
        block: &Block,
        receipts: &[ReceiptEnvelope],
        index: usize,
    ) -> Option<Self> {
        let transactions = &block.body.transactions;
        Some(Self {
            finality,
            index: index as u64,
            transaction: transactions.get(index)?.encoded_2718().into(),
            transaction_nodes: inclusion::prove(transactions, index)?,
            receipt: receipts.get(index)?.encoded_2718().into(),
            receipt_nodes: inclusion::prove(receipts, index)?,
        })
    }

    /// Checks finality and both places, with nothing but what follows from the genesis file.
    ///
    /// # Errors
    /// When a rule is broken: the proof then proves nothing at all.
    pub fn verify(&self, anchor: &Anchor) -> Result<ProvedTransaction, TransactionProofError> {
        let block = self.finality.verify(anchor)?;
        let (header, index) = (block.header(), self.index);
        let root = header.transactions_root;
        self.check(&block, Part::Transaction, root, &self.transaction, &self.transaction_nodes)?;
        let root = header.receipts_root;
        self.check(&block, Part::Receipt, root, &self.receipt, &self.receipt_nodes)?;
        let transaction = self.decode(&block, Part::Transaction, &self.transaction)?;
        let receipt = self.decode(&block, Part::Receipt, &self.receipt)?;
        let sender = recover_sender(&transaction)?;
        Ok(ProvedTransaction { block, index, transaction, sender, receipt })
    }

    fn check(
        &self,
        block: &ProvedBlock,
        part: Part,
        root: B256,
        item: &[u8],
        nodes: &[Bytes],
    ) -> Result<(), TransactionProofError> {
        let (height, index) = (block.id().height, self.index);
        match inclusion::holds(root, index, item, nodes) {
            true => Ok(()),
            false => Err(TransactionProofError::NotInBlock { height, part, index, root }),
        }
    }

    fn decode<T: Decodable2718>(
        &self,
        block: &ProvedBlock,
        part: Part,
        bytes: &[u8],
    ) -> Result<T, TransactionProofError> {
        let (height, index) = (block.id().height, self.index);
        T::decode_2718_exact(bytes).map_err(|error| {
            let why = error.to_string();
            TransactionProofError::Undecodable { height, part, index, why }
        })
    }
}
