//! `eth_getLogs`.

use std::ops::RangeInclusive;

use alloy_consensus::{Header, ReceiptEnvelope, Sealed};
use alloy_eips::BlockNumberOrTag;
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};

use super::Handlers;
use crate::error::RpcError;
use crate::seams::{Cancel, StoredBlock};
use crate::shape;

/// Addresses in one filter, and topics at one position, as in geth.
const MAX_ALTERNATIVES: usize = 1000;

impl Handlers {
    pub(super) async fn read_logs(&self, filter: Filter) -> Result<Vec<Log>, RpcError> {
        check_filter(&filter)?;
        let this = self.clone();
        self.readers.run(move |cancel| this.search_logs(&filter, cancel)).await
    }

    fn search_logs(&self, filter: &Filter, cancel: &Cancel) -> Result<Vec<Log>, RpcError> {
        let range = self.range_of(filter)?;
        let mut found = Vec::new();
        for number in range.clone() {
            if cancel.is_cancelled() {
                return Err(RpcError::TimedOut { limit: self.config.read_timeout });
            }
            let header = self.header_of(number.into())?;
            if !filter.matches_bloom(header.logs_bloom) {
                continue;
            }
            let (stored, receipts) = (self.stored_at(number)?, self.receipts_at(number)?);
            collect(&stored, &receipts, filter, &mut found);
            if found.len() > self.config.max_logs && range.start() != range.end() {
                return Err(self.too_many_logs(&range, number));
            }
        }
        Ok(found)
    }

    /// The blocks to search.
    fn range_of(&self, filter: &Filter) -> Result<RangeInclusive<u64>, RpcError> {
        let (from, to) = match filter.block_option {
            FilterBlockOption::AtBlockHash(hash) => {
                let number = self.node.chain.number_of(hash)?;
                let number = number.ok_or(RpcError::UnknownHash(hash))?;
                return Ok(number..=number);
            }
            FilterBlockOption::Range { from_block, to_block } => {
                let latest = BlockNumberOrTag::Latest;
                (from_block.unwrap_or(latest), to_block.unwrap_or(latest))
            }
        };
        let head = self.node.chain.head().number;
        let number_of = |tag: BlockNumberOrTag| {
            self.number_of_tag(tag).ok_or_else(|| {
                let asked = tag.as_number().unwrap_or_default();
                RpcError::InvalidParams(format!(
                    "block range extends beyond current head block: asked for {asked}, head {head}"
                ))
            })
        };
        let (from, to) = (number_of(from)?, number_of(to)?);
        if from > to {
            return Err(RpcError::InvalidParams(format!(
                "invalid block range params: fromBlock {from} is above toBlock {to}"
            )));
        }
        let (blocks, limit) = (to - from + 1, self.config.max_log_blocks);
        if blocks > limit {
            return Err(RpcError::TooMuch(format!(
                "query exceeds max block range {limit}: {from} to {to} are {blocks} blocks. \
                 Try with this block range [{from:#x}, {:#x}].",
                from + limit - 1
            )));
        }
        Ok(from..=to)
    }

    /// The words that clients parse to split their query.
    fn too_many_logs(&self, range: &RangeInclusive<u64>, reached: u64) -> RpcError {
        let (from, limit) = (*range.start(), self.config.max_logs);
        let to = reached.saturating_sub(1).max(from);
        RpcError::TooMuch(format!(
            "query returned more than {limit} results. \
             Try with this block range [{from:#x}, {to:#x}]."
        ))
    }
}

/// The logs of one block that match, each with its index in the block.
pub(super) fn collect(
    stored: &StoredBlock,
    receipts: &[ReceiptEnvelope],
    filter: &Filter,
    found: &mut Vec<Log>,
) {
    let header: Sealed<Header> = stored.sealed_header();
    let mut log_index = 0;
    let transactions = stored.block.body.transactions.iter();
    for (index, (transaction, receipt)) in transactions.zip(receipts).enumerate() {
        for log in receipt.logs() {
            if filter.matches(log) {
                let hash = *transaction.hash();
                found.push(shape::log_entry(&header, hash, index, log_index, log.clone()));
            }
            log_index += 1;
        }
    }
}

/// Bounds what a filter costs.
pub(super) fn check_filter(filter: &Filter) -> Result<(), RpcError> {
    let longest = filter.topics.iter().map(|topic| topic.len()).max().unwrap_or_default();
    if filter.address.len().max(longest) > MAX_ALTERNATIVES {
        return Err(RpcError::InvalidParams(format!(
            "exceed max addresses or topics per search position: {MAX_ALTERNATIVES}"
        )));
    }
    Ok(())
}
