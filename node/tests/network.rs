//! Whole nodes in one process: real network, real store, real RPC.
#![allow(clippy::unwrap_used)]

use std::{
    fmt::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use mokka_crypto::SecretKey;
use mokka_genesis::{Draft, NodeAddress, Validator};
use mokka_node::{
    Addresses, Contents, DataDir, Networking, Node, NodeEnded, NodeOptions, NodeSettings, Past,
    Place, address_of,
};
use mokka_rpc::{
    api::{EthApiClient, MokkaApiClient},
    client::HttpClient,
};
use mokka_storage::{DiskStore, GenesisCommit};
use mokka_types::CrashModel;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

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
            let contents = Contents {
                genesis: &self.genesis,
                key_file: None,
                settings: &settings,
                past: Past::None,
            };
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

/// The errors that this process has logged.
static ERRORS: Mutex<String> = Mutex::new(String::new());

/// Collects [`ERRORS`].
struct ErrorLog;

impl Subscriber for ErrorLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let mut errors = ERRORS.lock().unwrap();
        writeln!(errors, "{}", line.0).unwrap();
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

/// What has been logged as error since the first call.
fn errors() -> String {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| tracing::subscriber::set_global_default(ErrorLog).unwrap());
    ERRORS.lock().unwrap().clone()
}

/// A node that somebody watches, as `mokka run` does.
struct Watched {
    addresses: Addresses,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), NodeEnded>>,
}

impl Watched {
    fn new(node: Node) -> Self {
        let (addresses, stop) = (node.addresses().clone(), node.stop_handle());
        Self { addresses, stop, ended: tokio::spawn(node.ended()) }
    }

    fn client(&self) -> HttpClient {
        mokka_rpc::client::http(&format!("http://{}", self.addresses.rpc)).unwrap()
    }

    /// The answer to an operator's question.
    async fn page(&self, name: &str) -> String {
        let mut stream = TcpStream::connect(self.addresses.metrics).await.unwrap();
        let request = format!("GET {name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn stops_in_order(self) {
        assert!(!self.ended.is_finished(), "it ended by itself");
        self.stop.cancel();
        self.ended.await.unwrap().unwrap();
    }
}

impl Four {
    /// Makes the database of a node anew, as a disk may give it back: the right chain, but one coin
    /// too many in one account.
    fn damage(&self, root: &Path, at: usize) {
        let dir = DataDir::open(&root.join(at.to_string())).unwrap();
        let genesis = dir.genesis().unwrap();
        let mut beginning = genesis.begin().unwrap();
        let rich = address_of(&self.rich.public_key()).unwrap();
        let account = beginning.block.changes.accounts.get_mut(&rich).unwrap().as_mut().unwrap();
        account.balance += U256::from(1);
        std::fs::remove_dir_all(dir.database()).unwrap();
        let (chain, executed) = (beginning.chain_hash, &beginning.block);
        let validators = &genesis.validator_set();
        let commit = GenesisCommit { chain, executed, validators };
        drop(DiskStore::create(&dir.database(), &commit).unwrap());
    }
}

/// What a node whose state is not the others' says, and what it leaves to them.
async fn is_out_of_the_chain_but_readable(node: &Watched, others: &[HttpClient], last: B256) {
    let reader = node.client();
    let started = Instant::now();
    let status = loop {
        let status = MokkaApiClient::status(&reader).await.unwrap();
        if status.warnings.iter().any(|warning| warning.contains("differs from the others'")) {
            break status;
        }
        assert!(started.elapsed() < LIMIT, "it notices nothing: {status:?}");
        tokio::task::yield_now().await;
    };
    println!("a node knows that its state differs after {:?}", started.elapsed());
    for name in ["/health", "/ready"] {
        let answer = node.page(name).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        for words in ["differs", "send clients to another node", "keep this data directory"] {
            assert!(answer.contains(words), "{words}: {answer}");
        }
    }
    assert_eq!(status.head.number, 0, "it holds a block that it cannot have computed");
    assert!(EthApiClient::receipt(&reader, last).await.unwrap().is_none());
    let block_0 = |client: HttpClient| async move {
        EthApiClient::block_by_number(&client, 0u64.into(), Some(false)).await.unwrap().unwrap()
    };
    let (here, there) = (block_0(reader.clone()).await, block_0(others[0].clone()).await);
    assert_eq!(here.header.hash, there.header.hash);

    let ours = status.validator.unwrap();
    let head = MokkaApiClient::status(&others[0]).await.unwrap().head.number;
    assert!(head > 0);
    for number in 1..=head {
        let found =
            MokkaApiClient::certificate(&others[0], number.into(), None).await.unwrap().unwrap();
        let voted: Vec<_> = found.signatures.iter().map(|one| one.validator.index).collect();
        assert!(voted.len() == 3 && !voted.contains(&ours.index), "block {number}: {voted:?}");
    }
}

/// §6.2, §6.3: what a node does not compute itself it neither votes for nor commits, whoever has
/// certified it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_damaged_state_takes_no_part_but_can_be_read() {
    errors();
    let root = tempfile::tempdir().unwrap();
    let four = Four::new(CrashModel::Bft);
    four.create(root.path());
    four.damage(root.path(), 3);
    let mut nodes = Vec::new();
    for at in 0..4 {
        nodes.push(four.start(root.path(), at).await);
    }
    let others: Vec<_> = nodes[..3].iter().map(client).collect();
    let mut last = B256::ZERO;
    for nonce in 0..3 {
        let raw = transfer(&four.rich, nonce, Address::repeat_byte(7));
        last = EthApiClient::send_raw_transaction(&others[0], raw).await.unwrap();
        for client in &others {
            receipt(client, last).await;
        }
    }
    let damaged = Watched::new(nodes.pop().unwrap());
    is_out_of_the_chain_but_readable(&damaged, &others, last).await;
    let rich = address_of(&four.rich.public_key()).unwrap().to_string();
    for words in [rich.as_str(), "as this node computes it", "compare the accounts"] {
        let started = Instant::now();
        while !errors().contains(words) {
            assert!(started.elapsed() < LIMIT, "{words:?} is not in: {}", errors());
            tokio::task::yield_now().await;
        }
    }

    // A restart heals nothing, and must not look as if it did.
    damaged.stops_in_order().await;
    let damaged = Watched::new(four.start(root.path(), 3).await);
    is_out_of_the_chain_but_readable(&damaged, &others, last).await;
    damaged.stops_in_order().await;
    for node in nodes {
        node.stop_handle().cancel();
        node.ended().await.unwrap();
    }
}
