//! A token with events and custom errors, as an application uses it: over four nodes at once.

use alloy_network::TransactionBuilder;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_provider::{DynProvider, Provider};
use alloy_rpc_types_eth::{Filter, TransactionReceipt, TransactionRequest};
use alloy_sol_types::{SolCall, SolError, SolEvent, SolValue, sol};
use futures::StreamExt;
use tokio::time::timeout;

use crate::harness::{LIMIT, Network, Plan, account, receipt, report, until};

sol! {
    contract Token {
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        event Transfer(address indexed from, address indexed to, uint256 value);
        function balanceOf(address owner) external view returns (uint256);
        function transfer(address to, uint256 value) external returns (bool);
        function fail(string calldata reason) external pure;
        function divide(uint256 divisor) external view returns (uint256);
    }
}

const SUPPLY: u64 = 1_000_000;
const PAYEE: Address = Address::repeat_byte(0x70);

/// What `solc` made of `contracts/Token.sol`, with its constructor's argument.
fn creation() -> Bytes {
    let artifact: serde_json::Value =
        serde_json::from_str(include_str!("contracts/Token.json")).unwrap();
    let code: Bytes = artifact["bytecode"].as_str().unwrap().parse().unwrap();
    [code.as_ref(), &U256::from(SUPPLY).abi_encode()].concat().into()
}

fn call(token: Address, call: &impl SolCall) -> TransactionRequest {
    TransactionRequest::default().with_to(token).with_input(call.abi_encode())
}

fn transfer(token: Address, value: u64) -> TransactionRequest {
    call(token, &Token::transferCall { to: PAYEE, value: U256::from(value) })
}

async fn balance(client: &DynProvider, token: Address, owner: Address) -> U256 {
    let output = client.call(call(token, &Token::balanceOfCall { owner })).await.unwrap();
    Token::balanceOfCall::abi_decode_returns(&output).unwrap()
}

/// A network, a client of each node, and a token that account 0 made.
async fn deployed() -> (Network, Vec<DynProvider>, TransactionReceipt) {
    let network = Network::start(Plan::bft(4)).await;
    let mut clients = Vec::new();
    for at in 0..network.len() {
        clients.push(network.client(at).await);
    }
    let request = TransactionRequest::default().with_deploy_code(creation());
    let pending = clients[0].send_transaction(request).await.unwrap();
    // The client's own way of waiting.
    let created = timeout(LIMIT, pending.get_receipt()).await.unwrap().unwrap();
    assert!(created.status());
    for at in 0..network.len() {
        assert_eq!(receipt(network.node(at), created.transaction_hash).await, created);
    }
    (network, clients, created)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lives_on_all_nodes() {
    let (network, clients, created) = deployed().await;
    let token = created.contract_address.unwrap();
    let owner = account(0).address();
    let code = clients[0].get_code_at(token).await.unwrap();
    assert!(code.len() > 500, "{} bytes of code", code.len());
    for client in &clients {
        assert_eq!(client.get_code_at(token).await.unwrap(), code);
        assert_eq!(balance(client, token, owner).await, U256::from(SUPPLY));
    }

    // Account 0 owns all tokens, and sends some through its own node.
    let mut paid = 0;
    for value in 1..=3u64 {
        let hash = *clients[0].send_transaction(transfer(token, value)).await.unwrap().tx_hash();
        paid += value;
        for (at, client) in clients.iter().enumerate() {
            let receipt = receipt(network.node(at), hash).await;
            assert!(receipt.status());
            let event = Token::Transfer::decode_log(&receipt.logs()[0].inner).unwrap();
            assert_eq!((event.from, event.to), (owner, PAYEE));
            assert_eq!(event.value, U256::from(value));
            assert_eq!(balance(client, token, PAYEE).await, U256::from(paid));
        }
    }
    a_filter_finds_what_it_names(&clients, token, created.block_number.unwrap()).await;
    reverts_say_why(&clients, token).await;
    a_transaction_that_reverts_is_in_a_block(&network, &clients, token).await;
}

async fn a_filter_finds_what_it_names(clients: &[DynProvider], token: Address, from: u64) {
    let all = Filter::new().address(token).from_block(from);
    let to_payee = all.clone().event_signature(Token::Transfer::SIGNATURE_HASH);
    let to_payee = to_payee.topic2(PAYEE.into_word());
    for client in clients {
        let logs = client.get_logs(&all).await.unwrap();
        // The one of the constructor, and three transfers.
        assert_eq!(logs.len(), 4);
        assert!(logs.iter().all(|log| log.address() == token && !log.removed));
        let found = client.get_logs(&to_payee).await.unwrap();
        assert_eq!(found, logs[1..]);
        let block = found[0].block_hash.unwrap();
        let in_block = client.get_logs(&all.clone().at_block_hash(block)).await.unwrap();
        assert!(in_block.contains(&found[0]));
        assert!(in_block.iter().all(|log| log.block_hash == Some(block)));
        let nobody = all.clone().topic2(B256::repeat_byte(1));
        assert_eq!(client.get_logs(&nobody).await.unwrap(), []);
    }
}

async fn reverts_say_why(clients: &[DynProvider], token: Address) {
    let poor = account(5).address();
    for client in clients {
        let asked = client.call(transfer(token, 10).with_from(poor)).await.unwrap_err();
        let error = asked.as_error_resp().expect("an answer of the node");
        assert_eq!((error.code, error.message.as_ref()), (3, "execution reverted"));
        let decoded = error.as_decoded_error::<Token::ERC20InsufficientBalance>().unwrap();
        assert_eq!((decoded.sender, decoded.balance), (poor, U256::ZERO));
        assert_eq!(decoded.needed, U256::from(10));
        assert!(error.as_revert_data().unwrap().starts_with(&decoded.abi_encode()[..4]));

        let request = call(token, &Token::failCall { reason: "no luck".to_owned() });
        let asked = client.call(request.clone()).await.unwrap_err();
        let error = asked.as_error_resp().unwrap();
        assert_eq!((error.code, error.message.as_ref()), (3, "execution reverted: no luck"));
        let asked = client.estimate_gas(request).await.unwrap_err();
        assert_eq!(asked.as_error_resp().unwrap().message, "execution reverted: no luck");

        let request = call(token, &Token::divideCall { divisor: U256::ZERO });
        let asked = client.call(request).await.unwrap_err();
        let message = &asked.as_error_resp().unwrap().message;
        assert!(message.contains("division or modulo by zero"), "{message}");
    }
}

async fn a_transaction_that_reverts_is_in_a_block(
    network: &Network,
    clients: &[DynProvider],
    token: Address,
) {
    // With a gas limit given, the client does not ask for an estimate, which would revert.
    let request = transfer(token, 10).with_gas_limit(100_000);
    let hash = *clients[3].send_transaction(request).await.unwrap().tx_hash();
    for at in 0..network.len() {
        let receipt = receipt(network.node(at), hash).await;
        assert!(!receipt.status());
        assert_eq!(receipt.logs(), []);
        assert!(receipt.gas_used > 21_000 && receipt.gas_used < 100_000, "{}", receipt.gas_used);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_tell_of_blocks_logs_and_pending_transactions() {
    let (network, clients, created) = deployed().await;
    let token = created.contract_address.unwrap();
    // On a node other than the one that is sent to.
    let listener = network.node(2).websocket(account(9)).await;
    let mut heads = listener.subscribe_blocks().await.unwrap().into_stream();
    let filter = Filter::new().address(token);
    let mut logs = listener.subscribe_logs(&filter).await.unwrap().into_stream();
    let pending = listener.subscribe_pending_transactions().await.unwrap();
    let mut pending = pending.into_stream();

    let mut parent = None;
    for value in 1..=3u64 {
        let sent = std::time::Instant::now();
        let hash = *clients[0].send_transaction(transfer(token, value)).await.unwrap().tx_hash();
        let told = timeout(LIMIT, pending.next()).await.expect("no word of it").unwrap();
        assert_eq!(told, hash);
        let log = timeout(LIMIT, logs.next()).await.expect("no log").unwrap();
        assert_eq!(log.transaction_hash, Some(hash));
        let event = Token::Transfer::decode_log(&log.inner).unwrap();
        assert_eq!(event.value, U256::from(value));
        let head = timeout(LIMIT, heads.next()).await.expect("no head").unwrap();
        report(format_args!("block {} told {:?} after sending", head.number, sent.elapsed()));
        assert_eq!(log.block_hash, Some(head.hash), "the logs of one block, the head of another");
        assert!(parent.is_none_or(|parent| parent == head.parent_hash), "a head is missing");
        parent = Some(head.hash);
        let block = until("the block of a head", || async {
            listener.get_block_by_hash(head.hash).await.unwrap()
        });
        assert_eq!(block.await.0.header.inner, head.inner);
    }
}
