//! Prices: what is enough now, and what was paid.

use alloy_consensus::{Header, Sealed, Transaction as _};
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::U256;
use alloy_rpc_types_eth::FeeHistory;

use super::Handlers;
use crate::error::RpcError;
use crate::seams::Cancel;

/// Blocks that one `eth_feeHistory` covers at most, as in geth.
const MAX_HISTORY: u64 = 1024;
/// Percentiles that one `eth_feeHistory` answers at most, as in geth.
const MAX_PERCENTILES: usize = 100;
/// The least price of blob gas (EIP-4844): blocks here have no blobs, so it never rises.
pub(super) const BLOB_BASE_FEE: u128 = 1;
/// Blocks looked at to suggest a tip.
const TIP_BLOCKS: u64 = 20;
/// A block is full when this many percent of its gas are used: then tips decide who gets in.
const FULL_PERCENT: u128 = 90;
/// Among the tips of full blocks the suggestion is as high as this many percent of them.
const TIP_PERCENTILE: usize = 60;

/// A transaction's tip and gas.
struct Paid {
    tip: u128,
    gas: u64,
}

impl Handlers {
    pub(super) async fn suggest_price(&self) -> Result<U256, RpcError> {
        let head = self.node.chain.head();
        let base_fee = self.node.chain.base_fee_after(&head);
        Ok(U256::from(base_fee) + U256::from(self.suggest_tip().await?))
    }

    /// The lowest tip the pool takes, unless recent blocks were full: then what was paid in them.
    pub(super) async fn suggest_tip(&self) -> Result<u128, RpcError> {
        let this = self.clone();
        let read = move |cancel: &Cancel| {
            let head = this.node.chain.head().number;
            let oldest = head.saturating_sub(TIP_BLOCKS - 1).max(this.node.chain.oldest_block());
            let mut tips = Vec::new();
            for number in oldest..=head {
                let header = this.header_of(number.into())?;
                let full = u128::from(header.gas_limit) * FULL_PERCENT / 100;
                if u128::from(header.gas_used) >= full.max(1) && !cancel.is_cancelled() {
                    tips.extend(this.paid_in(&header)?.iter().map(|paid| paid.tip));
                }
            }
            tips.sort_unstable();
            let place = tips.len().saturating_sub(1) * TIP_PERCENTILE / 100;
            let floor = this.config.minimum_tip;
            Ok(tips.get(place).map_or(floor, |tip| floor.max(*tip)))
        };
        self.readers.run(read).await
    }

    pub(super) async fn read_fee_history(
        &self,
        count: u64,
        newest: BlockNumberOrTag,
        percentiles: Option<Vec<f64>>,
    ) -> Result<FeeHistory, RpcError> {
        if let Some(percentiles) = &percentiles {
            check_percentiles(percentiles)?;
        }
        if count == 0 {
            return Ok(FeeHistory::default());
        }
        let head = self.node.chain.head().number;
        let Some(newest) = self.number_of_tag(newest) else {
            return Err(RpcError::Halted(format!(
                "request beyond head block: requested {}, head {head}",
                newest.as_number().unwrap_or_default()
            )));
        };
        let this = self.clone();
        self.readers
            .run(move |cancel| this.fee_history_of(count, newest, percentiles.as_deref(), cancel))
            .await
    }

    fn fee_history_of(
        &self,
        count: u64,
        newest: u64,
        percentiles: Option<&[f64]>,
        cancel: &Cancel,
    ) -> Result<FeeHistory, RpcError> {
        let count = count.min(MAX_HISTORY).min(newest + 1);
        let oldest = (newest + 1 - count).max(self.node.chain.oldest_block().min(newest));
        let mut history = FeeHistory {
            oldest_block: oldest,
            reward: percentiles.map(|_| Vec::new()),
            ..Default::default()
        };
        let mut last = None;
        for number in oldest..=newest {
            if cancel.is_cancelled() {
                return Err(RpcError::TimedOut { limit: self.config.read_timeout });
            }
            let header = self.header_of(number.into())?;
            history.base_fee_per_gas.push(header.base_fee_per_gas.unwrap_or_default().into());
            history.gas_used_ratio.push(header.gas_used as f64 / header.gas_limit.max(1) as f64);
            history.base_fee_per_blob_gas.push(BLOB_BASE_FEE);
            history.blob_gas_used_ratio.push(0.0);
            if let (Some(rewards), Some(percentiles)) = (&mut history.reward, percentiles) {
                rewards.push(self.rewards(&header, percentiles)?);
            }
            last = Some(header);
        }
        if let Some(last) = last {
            history.base_fee_per_gas.push(self.base_fee_after(&last)?.into());
            history.base_fee_per_blob_gas.push(BLOB_BASE_FEE);
        }
        Ok(history)
    }

    /// The base fee of the next block: read where it exists, else told by the chain's rule.
    fn base_fee_after(&self, parent: &Sealed<Header>) -> Result<u64, RpcError> {
        if parent.number >= self.node.chain.head().number {
            return Ok(self.node.chain.base_fee_after(parent));
        }
        let next = self.header_of((parent.number + 1).into())?;
        Ok(next.base_fee_per_gas.unwrap_or_default())
    }

    /// The tips at the given percentiles of a block's gas, from its receipts.
    fn rewards(&self, header: &Header, percentiles: &[f64]) -> Result<Vec<u128>, RpcError> {
        let mut paid = if header.gas_used == 0 { Vec::new() } else { self.paid_in(header)? };
        paid.sort_by_key(|paid| paid.tip);
        Ok(tips_at(&paid, header.gas_used, percentiles))
    }

    fn paid_in(&self, header: &Header) -> Result<Vec<Paid>, RpcError> {
        let stored = self.stored_at(header.number)?;
        let receipts = self.receipts_at(header.number)?;
        let base_fee = header.base_fee_per_gas.unwrap_or_default();
        let mut gas_before = 0;
        let paid = stored.block.body.transactions.iter().zip(receipts.iter());
        Ok(paid
            .map(|(transaction, receipt)| {
                let gas = receipt.cumulative_gas_used().saturating_sub(gas_before);
                gas_before = receipt.cumulative_gas_used();
                let tip = transaction.effective_tip_per_gas(base_fee).unwrap_or_default();
                Paid { tip, gas }
            })
            .collect())
    }
}

/// For each percentile the tip of the transaction in which that part of the gas is reached.
fn tips_at(sorted: &[Paid], gas_used: u64, percentiles: &[f64]) -> Vec<u128> {
    let Some(first) = sorted.first() else { return vec![0; percentiles.len()] };
    let (mut index, mut reached) = (0, first.gas);
    percentiles
        .iter()
        .map(|percentile| {
            let threshold = gas_used as f64 * percentile / 100.0;
            while (reached as f64) < threshold && index + 1 < sorted.len() {
                index += 1;
                reached += sorted[index].gas;
            }
            sorted[index].tip
        })
        .collect()
}

fn check_percentiles(percentiles: &[f64]) -> Result<(), RpcError> {
    let refuse =
        |why: String| Err(RpcError::InvalidParams(format!("invalid reward percentile: {why}")));
    if percentiles.len() > MAX_PERCENTILES {
        return refuse(format!("over the query limit {MAX_PERCENTILES}"));
    }
    for (index, percentile) in percentiles.iter().enumerate() {
        if !(0.0..=100.0).contains(percentile) {
            return refuse(format!("{percentile} is not between 0 and 100"));
        }
        if index > 0 && *percentile <= percentiles[index - 1] {
            let before = percentiles[index - 1];
            return refuse(format!("#{}:{before} >= #{index}:{percentile}; sort them", index - 1));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tips_are_weighted_by_gas() {
        let paid = [Paid { tip: 1, gas: 10 }, Paid { tip: 5, gas: 80 }, Paid { tip: 9, gas: 10 }];
        let tips = tips_at(&paid, 100, &[0.0, 10.0, 10.1, 90.0, 90.1, 100.0]);
        assert_eq!(tips, [1, 1, 5, 5, 9, 9]);
        assert_eq!(tips_at(&[], 0, &[1.0, 2.0]), [0, 0]);
    }

    #[test]
    fn percentiles_are_sorted_and_between_0_and_100() {
        assert!(check_percentiles(&[0.0, 50.5, 100.0]).is_ok());
        for wrong in [vec![-1.0], vec![100.1], vec![f64::NAN], vec![5.0, 5.0], vec![1.0; 101]] {
            let error = check_percentiles(&wrong).unwrap_err();
            assert!(error.to_string().starts_with("invalid reward percentile"), "{error}");
        }
    }
}
