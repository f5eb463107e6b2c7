//! Who sends what: new accounts with coins, and transfers signed before the clock runs.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256};
use mokka_crypto::SecretKey;
use mokka_node::address_of;
use mokka_rpc::api::EthApiClient;

use crate::{
    accounts::Account,
    endpoint::Endpoint,
    error::Failure,
    transfer::{Signed, TRANSFER_GAS, Terms, Transfer},
};

/// What every measured transfer moves, in the smallest unit.
pub(super) const VALUE: u64 = 1;
/// Transfers of one payer that may wait at a time; pools take 512 of one sender.
const PAID_AT_ONCE: usize = 400;
/// How long the network may take for the coins of the senders.
const FUNDING: Duration = Duration::from_secs(60);
/// How often we look.
const PERIOD: Duration = Duration::from_millis(50);

/// Everything that is sent.
pub(super) struct Load {
    /// The transfers, in the order in which they are due: one of each sender in turn.
    pub(super) transfers: Vec<Signed>,
    /// The place of each transfer.
    pub(super) places: HashMap<B256, u32>,
    /// How many accounts send.
    senders: usize,
    /// How many nodes there are.
    nodes: usize,
}

impl Load {
    /// Which sender a transfer is of.
    pub(super) const fn sender(&self, place: u32) -> usize {
        place as usize % self.senders
    }

    /// Which node it goes to: always the same for one sender, so that its nonces stay in order.
    pub(super) const fn node(&self, place: u32) -> usize {
        self.sender(place) % self.nodes
    }
}

/// Senders in a ring: each sends to the next.
pub(super) struct Senders {
    /// The accounts.
    pub(super) accounts: Vec<Account>,
    /// What each had at the start, in the smallest unit.
    pub(super) balance: U256,
}

/// Makes new accounts and gives each the coins for `each` transfers.
pub(super) async fn fund(
    endpoint: &Endpoint,
    terms: &Terms,
    payers: &[Account],
    count: u32,
    each: u32,
) -> Result<Senders, Failure> {
    let fee = U256::from(terms.gas_price()) * U256::from(TRANSFER_GAS);
    let balance = (fee + U256::from(VALUE)) * U256::from(each);
    let accounts: Result<Vec<_>, _> = (0..count).map(|_| new_account()).collect();
    let senders = Senders { accounts: accounts?, balance };
    let addresses: Vec<_> = senders.accounts.iter().map(|account| account.address).collect();
    let share = addresses.len().div_ceil(payers.len());
    let mut left: Vec<_> = payers.iter().zip(addresses.chunks(share)).collect();
    while !left.is_empty() {
        let mut last = Vec::new();
        for (payer, receivers) in &mut left {
            let (now, later) = receivers.split_at(receivers.len().min(PAID_AT_ONCE));
            last.extend(pay(endpoint, terms, payer, now, balance).await?);
            *receivers = later;
        }
        wait_for(endpoint, &last).await?;
        left.retain(|(_, receivers)| !receivers.is_empty());
    }
    Ok(senders)
}

fn new_account() -> Result<Account, Failure> {
    let key = SecretKey::generate();
    match address_of(&key.public_key()) {
        Some(address) => Ok(Account { address, key }),
        None => Err(Failure::operator("a new key has no address")),
    }
}

/// Pays many from one account; answers the hash of the last transfer.
async fn pay(
    endpoint: &Endpoint,
    terms: &Terms,
    payer: &Account,
    receivers: &[Address],
    value: U256,
) -> Result<Option<B256>, Failure> {
    let client = endpoint.client();
    let pending = Some(alloy_eips::BlockId::pending());
    let next = endpoint.ask(EthApiClient::nonce(client, payer.address, pending)).await?;
    let mut last = None;
    for (nonce, to) in (next.to::<u64>()..).zip(receivers) {
        let transfer = Transfer { nonce, to: *to, value, gas_limit: TRANSFER_GAS };
        let signed = terms.sign(&payer.key, &transfer);
        endpoint.ask(EthApiClient::send_raw_transaction(client, signed.raw)).await.map_err(
            |failure| {
                Failure::rpc(format!(
                    "cannot pay the senders from {}: {failure}; pass the --mnemonic of accounts \
                     with coins",
                    payer.address
                ))
            },
        )?;
        last = Some(signed.hash);
    }
    Ok(last)
}

async fn wait_for(endpoint: &Endpoint, hashes: &[B256]) -> Result<(), Failure> {
    let began = Instant::now();
    for hash in hashes {
        let receipt = || endpoint.ask(EthApiClient::receipt(endpoint.client(), *hash));
        while receipt().await?.is_none() {
            if began.elapsed() > FUNDING {
                return Err(Failure::network(format!(
                    "the senders have no coins after {FUNDING:?}; see `mokka status`"
                )));
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
    Ok(())
}

/// Signs all transfers on all cores, so that signing does not limit what is measured.
pub(super) fn sign(senders: &Senders, terms: &Terms, count: u32, nodes: usize) -> Load {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let accounts = &senders.accounts;
    let one = |place: u32| {
        let at = place as usize % accounts.len();
        let transfer = Transfer {
            nonce: (place as usize / accounts.len()) as u64,
            to: accounts[(at + 1) % accounts.len()].address,
            value: U256::from(VALUE),
            gas_limit: TRANSFER_GAS,
        };
        terms.sign(&accounts[at].key, &transfer)
    };
    let places: Vec<u32> = (0..count).collect();
    let transfers: Vec<_> = std::thread::scope(|scope| {
        let parts = places.chunks(places.len().div_ceil(cores).max(1));
        let threads: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().map(|at| one(*at)).collect::<Vec<_>>()))
            .collect();
        // Invariant: signing does not panic; if it did, so should we.
        threads.into_iter().flat_map(|thread| thread.join().expect("signing ended")).collect()
    });
    let places = transfers.iter().map(|signed| signed.hash).zip(places).collect();
    Load { transfers, places, senders: accounts.len(), nodes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_are_due_in_turn_and_nonces_stay_at_one_node() {
        let accounts = (0..5).map(|_| new_account().unwrap()).collect();
        let senders = Senders { accounts, balance: U256::ZERO };
        let terms = Terms { chain_id: 1, base_fee: 0, tip: 0 };
        let load = sign(&senders, &terms, 23, 4);
        assert_eq!((load.transfers.len(), load.places.len()), (23, 23));
        for (place, signed) in (0u32..).zip(&load.transfers) {
            assert_eq!(load.places[&signed.hash], place);
            assert_eq!(load.node(place), load.node(place % 5));
        }
    }
}
