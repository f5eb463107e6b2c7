//! After the load: whether all nodes hold the same chain, and whether it holds what was sent.

use std::time::{Duration, Instant};

use alloy_eips::BlockId;
use alloy_primitives::{Address, U256};
use futures::{StreamExt, TryStreamExt, stream};
use mokka_rpc::api::{EthApiClient, types::BlockRef};
use serde::Serialize;

use super::{
    load::{Load, Senders, VALUE},
    pace::Run,
};
use crate::{
    endpoint::Endpoint,
    error::Failure,
    transfer::{TRANSFER_GAS, Terms},
};

/// How long nodes may need to have the same head.
const CATCHING_UP: Duration = Duration::from_secs(30);
/// How often we look.
const PERIOD: Duration = Duration::from_millis(100);
/// Questions to one node at a time.
const QUESTIONS: usize = 16;

/// What the comparison found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verdict {
    /// The block at which all were compared; `None` if they never had the same.
    pub(super) head: Option<Head>,
    /// Accounts of which a node said something else than the first one, or than was sent.
    pub(super) differences: Vec<String>,
    /// Transfers in the chain, by the nonces of their senders.
    pub(super) in_chain: u64,
}

/// A block by number and hash.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    /// Its number.
    pub(super) number: u64,
    /// Its hash.
    pub(super) hash: String,
}

/// What a node says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    nonce: u64,
    balance: U256,
}

/// Compares balances and nonces of all senders on all nodes.
pub(super) async fn compare(
    endpoints: &[Endpoint],
    senders: &Senders,
    load: &Load,
    run: &Run,
    terms: &Terms,
) -> Result<Verdict, Failure> {
    let head = same_head(endpoints).await?;
    let addresses: Vec<_> = senders.accounts.iter().map(|account| account.address).collect();
    let first = accounts(&endpoints[0], &addresses).await?;
    let mut differences = Vec::new();
    for endpoint in &endpoints[1..] {
        let other = accounts(endpoint, &addresses).await?;
        for ((address, here), there) in addresses.iter().zip(&first).zip(other) {
            if *here != there {
                differences.push(format!(
                    "{address}: {} says {here:?}, {} says {there:?}",
                    endpoints[0].url(),
                    endpoint.url()
                ));
            }
        }
    }
    let wrong = addresses.iter().zip(expected(&first, senders.balance, terms)).zip(&first);
    differences.extend(wrong.filter(|((_, balance), account)| *balance != account.balance).map(
        |((address, balance), account)| {
            format!("{address} should have {balance} after its transfers, but has {account:?}")
        },
    ));
    let in_chain = first.iter().map(|account| account.nonce).sum();
    let counted = run.ledger.latencies().len() as u64;
    if in_chain < counted || in_chain > load.transfers.len() as u64 {
        differences
            .push(format!("{counted} transfers were shown, but {in_chain} are in the chain"));
    }
    let head = head.map(|head| Head { number: head.number, hash: head.hash.to_string() });
    Ok(Verdict { head, differences, in_chain })
}

/// What each must have: what it had, less what it sent, plus what the one before it sent.
fn expected(accounts: &[Account], had: U256, terms: &Terms) -> Vec<U256> {
    let value = U256::from(VALUE);
    let cost = value + U256::from(terms.gas_price()) * U256::from(TRANSFER_GAS);
    let before = accounts.iter().cycle().skip(accounts.len().saturating_sub(1));
    let pairs = accounts.iter().zip(before);
    pairs
        .map(|(account, before)| {
            let received = had + value * U256::from(before.nonce);
            received.saturating_sub(cost * U256::from(account.nonce))
        })
        .collect()
}

/// Waits until all nodes have the same newest block.
async fn same_head(endpoints: &[Endpoint]) -> Result<Option<BlockRef>, Failure> {
    let began = Instant::now();
    loop {
        let mut heads = Vec::new();
        for endpoint in endpoints {
            heads.push(endpoint.status().await?.head);
        }
        match heads.iter().all(|head| *head == heads[0]) {
            true => return Ok(heads.first().copied()),
            false if began.elapsed() > CATCHING_UP => return Ok(None),
            false => tokio::time::sleep(PERIOD).await,
        }
    }
}

async fn accounts(endpoint: &Endpoint, addresses: &[Address]) -> Result<Vec<Account>, Failure> {
    let client = endpoint.client();
    let one = |address: Address| async move {
        let latest = Some(BlockId::latest());
        let nonce = endpoint.ask(EthApiClient::nonce(client, address, latest)).await?.to();
        let balance = endpoint.ask(EthApiClient::balance(client, address, latest)).await?;
        Ok(Account { nonce, balance })
    };
    stream::iter(addresses.iter().copied().map(one)).buffered(QUESTIONS).try_collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_of_senders_keeps_every_coin_but_the_fees() {
        let terms = Terms { chain_id: 1, base_fee: 2, tip: 1 };
        let account = |nonce| Account { nonce, balance: U256::ZERO };
        let had = U256::from(1_000_000);
        let after = expected(&[account(3), account(0), account(1)], had, &terms);
        let fee = 3 * TRANSFER_GAS;
        let text: Vec<_> = after.iter().map(ToString::to_string).collect();
        let of = |sent: u64, received: u64| (1_000_000 + received - sent * (fee + 1)).to_string();
        assert_eq!(text, [of(3, 1), of(0, 3), of(1, 0)]);
    }
}
