//! Whole nodes behind their RPC: what transactions and calls are told.
#![allow(missing_docs, clippy::unwrap_used)]

mod estimates;
mod members;
mod refusals;
mod visible;

use std::net::{Ipv4Addr, SocketAddr};

use alloy_consensus::{SignableTransaction, Signed, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex};
use mokka_crypto::SecretKey;
use mokka_genesis::{Draft, Validator};
use mokka_node::{Networking, Node, NodeOptions, NodeSettings, Place, address_of};
use mokka_rpc::client::{Error, HttpClient};
use mokka_types::CrashModel;

const CHAIN: u64 = 1337;
const BLOCK_GAS: u64 = 10_000_000;
const BASE_FEE: u64 = 7;
const MIN_TIP: u64 = 2;
/// What a transaction here pays per gas if nothing else is said.
const FEE: u64 = BASE_FEE + MIN_TIP;
/// The nonce of [`RICH`] in block 0.
const RICH_NONCE: u64 = 5;

const VALIDATOR: u8 = 1;
const RICH: u8 = 10;
const POOR: u8 = 11;
const POOR_BALANCE: u64 = 200_000;
/// Has code, although somebody holds its key.
const CONTRACT: u8 = 12;
const CROWD: u8 = 13;

const COUNTER: Address = Address::repeat_byte(0xc0);
const CALLER: Address = Address::repeat_byte(0xc1);
const ENDLESS: Address = Address::repeat_byte(0xc2);

/// Contracts written by hand.
const CODE: [(Address, &[u8]); 3] = [
    // Adds one to slot 0, leaves a log with topic 42, returns the sum; called with data, it reverts
    // with that data.
    (
        COUNTER,
        &hex!("36601857" "5f546001015f55" "602a5f5fa1" "5f545f5260205ff3" "5b365f5f37365ffd"),
    ),
    // Calls the contract whose address is in calldata with all the gas that EIP-150 lets it, and
    // reverts where that call fails: it needs more gas than it uses.
    (CALLER, &hex!("5f5f5f5f5f5f355af1" "600f57" "5f5ffd" "5b00")),
    // Never ends.
    (ENDLESS, &hex!("5b5f56")),
];

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).unwrap()
}

fn address(number: u8) -> Address {
    address_of(&key(number).public_key()).unwrap()
}

fn signature(number: u8, hash: B256) -> Signature {
    let (bytes, parity) = key(number).sign_recoverable(&hash);
    Signature::from_bytes_and_parity(&bytes, parity)
}

fn signed<T>(number: u8, transaction: T) -> Bytes
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<Signed<T>>,
{
    let signature = signature(number, transaction.signature_hash());
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

/// A transaction that would be taken.
fn transfer(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: FEE.into(),
        max_priority_fee_per_gas: MIN_TIP.into(),
        to: TxKind::Call(Address::repeat_byte(7)),
        value: U256::from(1),
        ..TxEip1559::default()
    }
}

/// An observer that knows nobody: what it takes stays in its pool.
async fn observer() -> (Node, HttpClient) {
    start(None).await
}

/// With the key of the only validator it makes blocks.
async fn start(validator: Option<SecretKey>) -> (Node, HttpClient) {
    let coins = U256::from(10).pow(U256::from(20));
    let mut draft = Draft::new(CHAIN, CrashModel::Bft)
        .validator(Validator::new(key(VALIDATOR).public_key()))
        .fund(address(VALIDATOR), coins)
        .fund(address(RICH), coins)
        .fund(address(POOR), U256::from(POOR_BALANCE))
        .fund(address(CONTRACT), coins)
        .fund(address(CROWD), coins);
    draft.gas_limit = BLOCK_GAS;
    draft.base_fee = BASE_FEE;
    draft.alloc.entry(address(RICH)).or_default().nonce = Some(RICH_NONCE);
    for (address, code) in CODE.into_iter().chain([(address(CONTRACT), &[0][..])]) {
        draft.alloc.entry(address).or_default().code = Some(Bytes::copy_from_slice(code));
    }
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let settings = NodeSettings {
        p2p_listen: anywhere,
        rpc_listen: anywhere,
        metrics_listen: anywhere,
        min_tip: MIN_TIP,
        ..NodeSettings::default()
    };
    let options = NodeOptions {
        genesis: draft.check().unwrap(),
        place: Place::Memory,
        key: validator,
        settings,
        networking: Networking::Off,
    };
    let node = Node::start(options).await.unwrap();
    let client = mokka_rpc::client::http(&format!("http://{}", node.addresses().rpc)).unwrap();
    (node, client)
}

async fn stop(node: Node) {
    node.stop_handle().cancel();
    node.ended().await.unwrap();
}

/// What a client is told that asks for what it cannot have.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    code: i32,
    words: String,
    /// `data`, as JSON.
    data: String,
}

impl Told {
    fn by(error: Error) -> Self {
        let Error::Call(object) = error else { panic!("no answer of the node: {error}") };
        Self {
            code: object.code(),
            words: object.message().to_owned(),
            data: object.data().map_or_else(String::new, |data| data.get().to_owned()),
        }
    }
}

/// `data` of a transaction's refusal.
fn because(reason: &str) -> String {
    format!("{{\"reason\":\"{reason}\"}}")
}
