//! From what is stored to what Ethereum's tools expect.

use alloy_consensus::TxEnvelope;
use alloy_consensus::transaction::{Recovered, SignerRecoverable};
use alloy_consensus::{Header as ConsensusHeader, ReceiptEnvelope, Sealed, Transaction as _};
use alloy_primitives::{Address, B256, U256};
use alloy_rlp::Encodable;
use alloy_rpc_types_eth::{
    Block, BlockTransactions, Header, Log, Transaction, TransactionInfo, TransactionReceipt,
};

use crate::error::RpcError;
use crate::seams::StoredBlock;

/// Whether a block shows its transactions or their hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Hashes,
    Full,
}

impl From<Option<bool>> for Detail {
    fn from(full: Option<bool>) -> Self {
        if full == Some(true) { Self::Full } else { Self::Hashes }
    }
}

/// A block, in RPC's shape.
pub(crate) fn block(stored: &StoredBlock, detail: Detail) -> Result<Block, RpcError> {
    let size = U256::from(stored.block.length());
    let header = Header::from_consensus(stored.sealed_header(), None, Some(size));
    let count = stored.block.body.transactions.len();
    let transactions = match detail {
        Detail::Hashes => BlockTransactions::Hashes(
            stored.block.body.transactions.iter().map(|transaction| *transaction.hash()).collect(),
        ),
        Detail::Full => BlockTransactions::Full(
            (0..count).filter_map(|index| transaction(stored, index)).collect::<Result<_, _>>()?,
        ),
    };
    let withdrawals = stored.block.body.withdrawals.clone();
    Ok(Block { header, uncles: Vec::new(), transactions, withdrawals })
}

/// A header as `newHeads` tells it.
pub(crate) fn header(stored: &StoredBlock) -> Header {
    Header::from_consensus(stored.sealed_header(), None, None)
}

/// Who sent a transaction of a block.
fn sender(stored: &StoredBlock, index: usize) -> Result<Address, RpcError> {
    if let Some(sender) = stored.senders.as_ref().and_then(|senders| senders.get(index)) {
        return Ok(*sender);
    }
    stored.block.body.transactions[index].recover_signer_unchecked().map_err(|error| {
        let (number, hash) = (stored.block.header.number, stored.hash);
        RpcError::Internal(format!(
            "transaction {index} of block {number} ({hash}) has no valid signature: {error}"
        ))
    })
}

/// One transaction of a block, or `None` if it has not as many.
pub(crate) fn transaction(
    stored: &StoredBlock,
    index: usize,
) -> Option<Result<Transaction, RpcError>> {
    let envelope = stored.block.body.transactions.get(index)?;
    Some(sender(stored, index).map(|sender| {
        let info = TransactionInfo {
            hash: Some(*envelope.hash()),
            index: Some(index as u64),
            block_hash: Some(stored.hash),
            block_number: Some(stored.block.header.number),
            block_timestamp: Some(stored.block.header.timestamp),
            base_fee: stored.block.header.base_fee_per_gas,
        };
        Transaction::from_transaction(Recovered::new_unchecked(envelope.clone(), sender), info)
    }))
}

/// A transaction that waits.
pub(crate) fn pending(transaction: &Recovered<TxEnvelope>) -> Transaction {
    Transaction::from_transaction(transaction.clone(), TransactionInfo::default())
}

/// All receipts of a block.
pub(crate) fn receipts(
    stored: &StoredBlock,
    receipts: &[ReceiptEnvelope],
) -> Result<Vec<TransactionReceipt>, RpcError> {
    let mut position = Position::default();
    let mut shaped = Vec::with_capacity(receipts.len());
    for (index, stored_receipt) in receipts.iter().enumerate() {
        shaped.push(receipt(stored, stored_receipt, index, position)?);
        position = position.after(stored_receipt);
    }
    Ok(shaped)
}

/// One receipt of a block, or `None` if it has not as many.
pub(crate) fn receipt_at(
    stored: &StoredBlock,
    receipts: &[ReceiptEnvelope],
    index: usize,
) -> Option<Result<TransactionReceipt, RpcError>> {
    let found = receipts.get(index)?;
    let before = receipts[..index].iter().fold(Position::default(), |p, r| p.after(r));
    Some(receipt(stored, found, index, before))
}

/// What the receipts before one add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    gas_used: u64,
    logs: u64,
}

impl Position {
    fn after(self, receipt: &ReceiptEnvelope) -> Self {
        Self {
            gas_used: receipt.cumulative_gas_used(),
            logs: self.logs + receipt.logs().len() as u64,
        }
    }
}

fn receipt(
    stored: &StoredBlock,
    receipt: &ReceiptEnvelope,
    index: usize,
    before: Position,
) -> Result<TransactionReceipt, RpcError> {
    let Some(envelope) = stored.block.body.transactions.get(index) else {
        return Err(RpcError::Internal(format!(
            "block {} has more receipts than transactions",
            stored.block.header.number
        )));
    };
    let from = sender(stored, index)?;
    let header = stored.sealed_header();
    let mut log_index = before.logs;
    let inner = receipt.clone().map_logs(|log| {
        let shaped = log_entry(&header, *envelope.hash(), index, log_index, log);
        log_index += 1;
        shaped
    });
    let creates = envelope.to().is_none();
    Ok(TransactionReceipt {
        inner,
        transaction_hash: *envelope.hash(),
        transaction_index: Some(index as u64),
        block_hash: Some(stored.hash),
        block_number: Some(header.number),
        gas_used: receipt.cumulative_gas_used().saturating_sub(before.gas_used),
        effective_gas_price: envelope.effective_gas_price(header.base_fee_per_gas),
        blob_gas_used: None,
        blob_gas_price: None,
        from,
        to: envelope.to(),
        contract_address: creates.then(|| from.create(envelope.nonce())),
    })
}

/// One log at its place. `log_index` counts over the whole block.
pub(crate) fn log_entry(
    header: &Sealed<ConsensusHeader>,
    transaction: B256,
    transaction_index: usize,
    log_index: u64,
    log: alloy_primitives::Log,
) -> Log {
    Log {
        inner: log,
        block_hash: Some(header.hash()),
        block_number: Some(header.number),
        block_timestamp: Some(header.timestamp),
        transaction_hash: Some(transaction),
        transaction_index: Some(transaction_index as u64),
        log_index: Some(log_index),
        removed: false,
    }
}
