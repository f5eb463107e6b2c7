//! A steady load, as clients put it on a network whose nodes come and go.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_consensus::TxEnvelope;
use alloy_eips::Encodable2718;
use alloy_network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy_primitives::{Address, B256, U256};
use alloy_provider::{DynProvider, Provider};
use alloy_rpc_types_eth::TransactionRequest;
use tokio::task::JoinHandle;

use super::{
    node::NodeProcess,
    plan::{CHAIN_ID, account},
    wait::until,
};

/// Where all of it goes.
const PAYEE: Address = Address::repeat_byte(0x10);
/// The accounts that pay: the last of those that have coins.
const PAYERS: [u32; 4] = [6, 7, 8, 9];

/// Transfers at a constant rate, until [`Load::end`].
pub(crate) struct Load {
    targets: Targets,
    sent: Sent,
    stop: Arc<AtomicBool>,
    sending: JoinHandle<Vec<B256>>,
    began: u64,
}

/// The nodes that transfers go to, turn by turn: one connection each, as clients keep it.
type Targets = Arc<Mutex<Vec<DynProvider>>>;
/// Every transfer so far, as it is sent: the payers take turns, each from nonce 0.
type Sent = Arc<Mutex<Vec<Vec<u8>>>>;

impl Load {
    /// Begins to send `rate` transfers a second to these nodes, turn by turn.
    pub(crate) async fn begin(rate: u32, nodes: &[&NodeProcess]) -> Self {
        let began = nodes[0].reader().await.get_block_number().await.unwrap();
        let (targets, sent) = (Arc::new(Mutex::new(clients(nodes).await)), Sent::default());
        let stop = Arc::new(AtomicBool::new(false));
        let sending = send(rate, Arc::clone(&targets), Arc::clone(&sent), Arc::clone(&stop));
        Self { targets, sent, stop, sending: tokio::spawn(sending), began }
    }

    /// From now on it goes to these nodes.
    pub(crate) async fn aim(&self, nodes: &[&NodeProcess]) {
        let clients = clients(nodes).await;
        *self.targets.lock().unwrap() = clients;
    }

    /// What was taken and is not final yet is sent again: what waits does not outlive the loss of
    /// all nodes at once, and only clients still have it.
    pub(crate) async fn send_again(&self) {
        let reader = self.targets.lock().unwrap()[0].clone();
        for (at, index) in PAYERS.into_iter().enumerate() {
            let next = reader.get_transaction_count(account(index).address()).await.unwrap();
            let from = usize::try_from(next).unwrap() * PAYERS.len() + at;
            let lost: Vec<_> = {
                let sent = self.sent.lock().unwrap();
                let from = sent.iter().enumerate().skip(from);
                from.step_by(PAYERS.len()).map(|(at, raw)| (at, raw.clone())).collect()
            };
            for (number, raw) in lost {
                deliver(raw, number, Arc::clone(&self.targets)).await;
            }
        }
    }

    /// Stops, waits until all of it is final on a node, and gives the longest pause between two
    /// blocks, by their own time, with how much was sent.
    pub(crate) async fn end(self, node: &NodeProcess) -> (Duration, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let sent = self.sending.await.unwrap();
        let reader = node.reader().await;
        for hash in &sent {
            let find = || async { reader.get_transaction_receipt(*hash).await.unwrap() };
            let (receipt, _) = until(&format!("{hash} is final"), find).await;
            assert!(receipt.status(), "{hash} failed");
        }
        let paid = reader.get_balance(PAYEE).await.unwrap();
        assert_eq!(paid, U256::from(sent.len()), "something was lost or paid twice");
        (longest_pause(&reader, self.began).await, sent.len())
    }
}

/// The longest time between two blocks above one.
async fn longest_pause(reader: &DynProvider, from: u64) -> Duration {
    let head = reader.get_block_number().await.unwrap();
    let mut stamps = Vec::new();
    for number in from.max(1)..=head {
        let block = reader.get_block_by_number(number.into()).await.unwrap().unwrap();
        let extra: [u8; 16] = block.header.extra_data.as_ref().try_into().unwrap();
        stamps.push(u64::from_be_bytes(extra[8..].try_into().unwrap()));
    }
    let pauses = stamps.windows(2).skip(1).map(|pair| pair[1] - pair[0]);
    Duration::from_millis(pauses.max().unwrap_or_default())
}

async fn clients(nodes: &[&NodeProcess]) -> Vec<DynProvider> {
    let mut clients = Vec::new();
    for node in nodes {
        clients.push(node.reader().await);
    }
    clients
}

async fn send(rate: u32, targets: Targets, sent: Sent, stop: Arc<AtomicBool>) -> Vec<B256> {
    let wallets = PAYERS.map(|index| EthereumWallet::from(account(index)));
    let mut beat = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut sending = Vec::new();
    let mut number = 0usize;
    while !stop.load(Ordering::Relaxed) {
        beat.tick().await;
        let (payer, nonce) = (number % PAYERS.len(), (number / PAYERS.len()) as u64);
        let request = TransactionRequest::default()
            .with_to(PAYEE)
            .with_value(U256::from(1))
            .with_nonce(nonce)
            .with_chain_id(CHAIN_ID)
            .with_gas_limit(21_000)
            .with_max_fee_per_gas(0)
            .with_max_priority_fee_per_gas(0);
        let signed: TxEnvelope = request.build(&wallets[payer]).await.unwrap();
        let (hash, raw) = (*signed.tx_hash(), signed.encoded_2718());
        sent.lock().unwrap().push(raw.clone());
        sending.push((hash, tokio::spawn(deliver(raw, number, Arc::clone(&targets)))));
        number += 1;
    }
    let mut hashes = Vec::new();
    for (hash, task) in sending {
        task.await.unwrap();
        hashes.push(hash);
    }
    hashes
}

/// A client that is refused or cut off turns to the next node, as load balancers do.
async fn deliver(raw: Vec<u8>, number: usize, targets: Targets) {
    let turn = AtomicUsize::new(number);
    let send = || async {
        let target = {
            let targets = targets.lock().unwrap();
            targets[turn.fetch_add(1, Ordering::Relaxed) % targets.len()].clone()
        };
        let error = target.send_raw_transaction(&raw).await.err();
        // Refused as known or used, it came by way of another node, or is final already.
        let is_there = |words: String| {
            ["already known", "nonce too low"].iter().any(|known| words.contains(known))
        };
        error.is_none_or(|error| is_there(error.to_string())).then_some(())
    };
    until("a node takes a transfer", send).await;
}
