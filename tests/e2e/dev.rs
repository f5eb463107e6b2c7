//! `mokka dev`: a chain of one, for developing contracts and dapps.

use std::{net::SocketAddr, path::Path};

use alloy_network::TransactionBuilder;
use alloy_primitives::{Address, B256, U256};
use alloy_provider::{DynProvider, Provider, ProviderBuilder};
use alloy_rpc_types_eth::TransactionRequest;

use crate::harness::{Screen, account, mokka_fails, report, turn, until};

/// Starts `mokka dev` and reads where it listens.
async fn dev(dir: &Path, more: &[&str]) -> (Screen, SocketAddr) {
    let line: Vec<_> = ["dev", "--port", "0"].iter().chain(more).copied().collect();
    let mut screen = Screen::start(dir, &line);
    let find = |line: &str| {
        let (address, _) = line.strip_prefix("Listening on ")?.split_once(' ')?;
        address.parse().ok()
    };
    let rpc = screen.shows_what("where it listens", find).await;
    (screen, rpc)
}

async fn client(rpc: SocketAddr) -> DynProvider {
    let builder = ProviderBuilder::new().wallet(account(0));
    builder.connect(&format!("http://{rpc}")).await.unwrap().erased()
}

/// Sends a coin and waits for its receipt.
async fn transfer(rpc: SocketAddr) -> B256 {
    let client = client(rpc).await;
    let request = TransactionRequest::default().with_to(Address::repeat_byte(7));
    let request = request.with_value(U256::from(1));
    let hash = *client.send_transaction(request).await.unwrap().tx_hash();
    let what = format!("a receipt of {hash}");
    let receipt = || async { client.get_transaction_receipt(hash).await.unwrap() };
    let (receipt, took) = until(&what, receipt).await;
    assert!(receipt.status());
    report(format_args!("{what} after {took:?}"));
    hash
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_one_shows_each_block_and_is_gone_with_its_process() {
    let _turn = turn().await;
    let root = tempfile::tempdir().unwrap();
    let mut screen = Screen::start(root.path(), &["dev", "--port", "0", "--accounts", "2"]);
    screen.shows(&["(0) ", &account(0).address().to_string(), "10,000 coins"]).await;
    screen.shows(&["(1) ", &account(1).address().to_string()]).await;
    screen.shows(&["Private Keys"]).await;
    screen.shows(&["in memory: the chain ends with this process"]).await;
    screen.signal("INT");
    assert_eq!(screen.ends().await.code(), Some(0));

    for _ in 0..2 {
        let (mut screen, rpc) = dev(root.path(), &[]).await;
        assert_eq!(client(rpc).await.get_block_number().await.unwrap(), 0);
        for number in 1..3 {
            transfer(rpc).await;
            screen.shows(&[&format!("block {number} "), "1 tx ", "21,000 gas", "by dev"]).await;
        }
        let taken = mokka_fails(root.path(), &["dev", "--port", &rpc.port().to_string()]);
        assert!(taken.contains(&rpc.to_string()) && taken.contains("another"), "{taken}");
        screen.signal("INT");
        assert_eq!(screen.ends().await.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_one_in_a_directory_goes_on_where_it_was() {
    let _turn = turn().await;
    let root = tempfile::tempdir().unwrap();
    let (mut screen, rpc) = dev(root.path(), &["--data-dir", "chain"]).await;
    let hash = transfer(rpc).await;
    screen.shows(&["block 1 "]).await;
    let again = ["dev", "--port", "0", "--data-dir", "chain"];
    let locked = mokka_fails(root.path(), &again);
    assert!(locked.contains("another node is using") && locked.contains("chain"), "{locked}");
    screen.signal("TERM");
    assert_eq!(screen.ends().await.code(), Some(0));

    let other = [again.as_slice(), &["--chain-id", "7"]].concat();
    let other = mokka_fails(root.path(), &other);
    assert!(other.contains("holds another chain") && other.contains("--data-dir"), "{other}");

    let (mut screen, rpc) = dev(root.path(), &["--data-dir", "chain"]).await;
    let known = client(rpc).await.get_transaction_receipt(hash).await.unwrap();
    assert_eq!(known.unwrap().block_number, Some(1));
    transfer(rpc).await;
    screen.shows(&["block 2 "]).await;
    screen.signal("INT");
    assert_eq!(screen.ends().await.code(), Some(0));
}
