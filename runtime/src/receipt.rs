//! What JSON-RPC shows about a transaction in a block, beyond its receipt.

use alloy_consensus::{ReceiptEnvelope, Transaction};
use alloy_primitives::Address;

use crate::{executed::Block, transaction::effective_gas_price};

/// Derived from a block and its receipts; never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptDetails {
    /// The gas that this transaction used alone.
    pub gas_used: u64,
    /// What its sender paid per gas.
    pub effective_gas_price: u128,
    /// Where it created a contract, or would have, had it not failed.
    pub contract_address: Option<Address>,
    /// How many logs come before its first one in the block.
    pub first_log_index: u64,
}

/// The details of every transaction of a block, in their order.
pub fn receipt_details(
    block: &Block,
    senders: &[Address],
    receipts: &[ReceiptEnvelope],
) -> Vec<ReceiptDetails> {
    let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
    let (mut gas_before, mut first_log_index) = (0, 0);
    let mut details = Vec::with_capacity(receipts.len());
    for ((tx, sender), receipt) in block.body.transactions.iter().zip(senders).zip(receipts) {
        let gas_after = receipt.cumulative_gas_used();
        details.push(ReceiptDetails {
            gas_used: gas_after.saturating_sub(gas_before),
            effective_gas_price: effective_gas_price(tx, base_fee),
            contract_address: tx.is_create().then(|| sender.create(tx.nonce())),
            first_log_index,
        });
        gas_before = gas_after;
        first_log_index += receipt.logs().len() as u64;
    }
    details
}
