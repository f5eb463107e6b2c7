//! Whole nodes in one process: real network, real store, real RPC.
#![allow(clippy::unwrap_used)]

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    time::{Duration, Instant},
};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use mokka_crypto::SecretKey;
use mokka_genesis::{Draft, NodeAddress, Validator};
use mokka_node::{
    Contents, DataDir, Networking, Node, NodeOptions, NodeSettings, Place, address_of,
};
use mokka_rpc::{
    api::{EthApiClient, MokkaApiClient},
    client::HttpClient,
};
use mokka_types::CrashModel;

/// How long a thing may take before it counts as not happening.
const LIMIT: Duration = Duration::from_secs(60);

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).unwrap()
}

fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn settings(p2p_listen: SocketAddr) -> NodeSettings {
    NodeSettings {
        p2p_listen,
        rpc_listen: anywhere(),
        metrics_listen: anywhere(),
        ..NodeSettings::default()
    }
}

/// One coin of `sender` to `to`.
fn transfer(sender: &SecretKey, nonce: u64, to: Address) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: 1337,
        nonce,
        gas_limit: 21_000,
        to: TxKind::Call(to),
        value: U256::from(1),
        ..TxEip1559::default()
    };
    let (bytes, parity) = sender.sign_recoverable(&transaction.signature_hash());
    let signature = Signature::from_bytes_and_parity(&bytes, parity);
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

async fn receipt(client: &HttpClient, hash: B256) -> u64 {
    let started = Instant::now();
    loop {
        if let Some(receipt) = EthApiClient::receipt(client, hash).await.unwrap() {
            return receipt.block_number.unwrap();
        }
        assert!(started.elapsed() < LIMIT, "no receipt of {hash} in {LIMIT:?}");
        tokio::task::yield_now().await;
    }
}

fn client(node: &Node) -> HttpClient {
    mokka_rpc::client::http(&format!("http://{}", node.addresses().rpc)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_one_makes_a_block_as_soon_as_a_transaction_comes() {
    let rich = key(9);
    let genesis = Draft::new(1337, CrashModel::Bft)
        .validator(Validator::new(key(1).public_key()))
        .fund(address_of(&rich.public_key()).unwrap(), U256::from(10).pow(U256::from(20)))
        .check()
        .unwrap();
    let options = NodeOptions {
        genesis,
        place: Place::Memory,
        key: Some(key(1)),
        settings: settings(anywhere()),
        networking: Networking::Off,
    };
    let node = Node::start(options).await.unwrap();
    let client = client(&node);
    for nonce in 0..5 {
        let started = Instant::now();
        let raw = transfer(&rich, nonce, Address::repeat_byte(7));
        let hash = EthApiClient::send_raw_transaction(&client, raw).await.unwrap();
        let block = receipt(&client, hash).await;
        println!("transfer {nonce} is final in block {block} after {:?}", started.elapsed());
    }
    let balance = EthApiClient::balance(&client, Address::repeat_byte(7), None).await.unwrap();
    assert_eq!(balance, U256::from(5));
    node.stop_handle().cancel();
    node.ended().await.unwrap();
}

/// Four nodes on free ports of this machine, each in a directory of its own.
struct Four {
    ports: Vec<u16>,
    genesis: String,
    rich: SecretKey,
}

impl Four {
    fn new(model: CrashModel) -> Self {
        // Held together, so that all are different; free again before the nodes take them.
        let held: Vec<_> = (0..4).map(|_| TcpListener::bind(anywhere()).unwrap()).collect();
        let ports: Vec<_> = held.iter().map(|one| one.local_addr().unwrap().port()).collect();
        let rich = key(9);
        let mut draft = Draft::new(1337, model)
            .fund(address_of(&rich.public_key()).unwrap(), U256::from(10).pow(U256::from(20)));
        for (number, port) in (1u8..).zip(&ports) {
            let address: NodeAddress = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
            draft = draft.validator(Validator::new(key(number).public_key()).at(address));
        }
        Self { ports, genesis: draft.check().unwrap().to_json(), rich }
    }

    fn create(&self, root: &Path) {
        for (at, port) in self.ports.iter().enumerate() {
            let settings = settings(SocketAddr::from((Ipv4Addr::LOCALHOST, *port)));
            let contents = Contents { genesis: &self.genesis, key_file: None, settings: &settings };
            DataDir::create(&root.join(at.to_string()), &contents).unwrap();
        }
    }

    async fn start(&self, root: &Path, at: usize) -> Node {
        let dir = DataDir::open(&root.join(at.to_string())).unwrap();
        let options = NodeOptions {
            genesis: dir.genesis().unwrap(),
            settings: dir.settings().unwrap(),
            place: Place::Disk(dir),
            key: Some(key(u8::try_from(at).unwrap() + 1)),
            networking: Networking::On,
        };
        Node::start(options).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_validators_agree_and_go_on_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let four = Four::new(CrashModel::Bft);
    four.create(root.path());
    let mut last = B256::ZERO;
    for round in 0..2u64 {
        let mut nodes = Vec::new();
        for at in 0..4 {
            nodes.push(four.start(root.path(), at).await);
        }
        let clients: Vec<_> = nodes.iter().map(client).collect();
        if round > 0 {
            receipt(&clients[3], last).await;
        }
        for nonce in round * 3..round * 3 + 3 {
            let started = Instant::now();
            let raw = transfer(&four.rich, nonce, Address::repeat_byte(7));
            let at = usize::try_from(nonce).unwrap() % 4;
            last = EthApiClient::send_raw_transaction(&clients[at], raw).await.unwrap();
            for client in &clients {
                receipt(client, last).await;
            }
            println!("transfer {nonce} is final everywhere after {:?}", started.elapsed());
        }
        let status = MokkaApiClient::status(&clients[0]).await.unwrap();
        assert_eq!((status.validators, status.quorum), (4, 3));
        for node in nodes {
            node.stop_handle().cancel();
            node.ended().await.unwrap();
        }
    }
}
