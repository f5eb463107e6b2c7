//! Transfers that were final once, and must stay it.

use std::time::Duration;

use alloy_network::TransactionBuilder;
use alloy_primitives::{Address, B256, U256};
use alloy_provider::Provider;
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};

use super::{network::Network, node::NodeProcess, plan::account, wait::until};

/// Where all transfers go.
const PAYEE: Address = Address::repeat_byte(7);

/// Every receipt that any node gave.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    receipts: Vec<TransactionReceipt>,
}

impl Ledger {
    /// Sends one coin through a node, waits for the receipt there; how long that took.
    pub(crate) async fn transfer(&mut self, network: &Network, at: usize) -> Duration {
        self.transfer_by(network.node(at), u32::try_from(at).unwrap()).await
    }

    /// The same through any node, from an account that no other node's client uses.
    pub(crate) async fn transfer_by(&mut self, node: &NodeProcess, from: u32) -> Duration {
        let client = node.http(account(from)).await;
        let request = TransactionRequest::default().with_to(PAYEE).with_value(U256::from(1));
        let sent = std::time::Instant::now();
        let hash = *client.send_transaction(request).await.unwrap().tx_hash();
        self.receipts.push(receipt(node, hash).await);
        sent.elapsed()
    }

    /// Waits until a node has every receipt, and checks that it is the same. How long that took.
    pub(crate) async fn holds_on(&self, node: &NodeProcess) -> Duration {
        let started = std::time::Instant::now();
        for known in &self.receipts {
            let here = receipt(node, known.transaction_hash).await;
            assert_eq!(&here, known, "a receipt has changed");
            assert!(here.status(), "a transfer failed");
        }
        let paid = node.reader().await.get_balance(PAYEE).await.unwrap();
        assert_eq!(paid, U256::from(self.receipts.len()), "something was lost or paid twice");
        started.elapsed()
    }

    /// The same on every node that runs.
    pub(crate) async fn holds_everywhere(&self, network: &Network) {
        for (_, node) in network.running() {
            self.holds_on(node).await;
        }
    }
}

/// Waits for a receipt on a node.
pub(crate) async fn receipt(node: &NodeProcess, hash: B256) -> TransactionReceipt {
    let reader = node.reader().await;
    until(&format!("a receipt of {hash}"), || async {
        reader.get_transaction_receipt(hash).await.unwrap()
    })
    .await
    .0
}
