//! A validator that makes a block which no honest one would make.
//!
//! It has a validator's key, speaks to the others through the real network, follows the protocol,
//! and checks nothing. When it leads, it puts a transaction of a sender that is on no list into a
//! block.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alloy_consensus::{BlockBody, Header, TxEnvelope, proofs::calculate_transaction_root};
use alloy_eips::eip4895::Withdrawals;
use alloy_network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy_primitives::{Address, B256, U256};
use alloy_provider::Provider;
use alloy_rlp::Decodable;
use alloy_rpc_types_eth::TransactionRequest;
use mokka::{
    Handle, LocalSigner, Plugs, RangeLimit, Start, StateMachine, Transport, memory::MemoryStore,
};
use mokka_consensus::{
    BuildRequest, BuiltBlock, CheckRequest, CheckedBlock, FinalizeBlock, FinalizedBlock,
    ProposedBlock, Restored, Verdict, WorkWaiting,
};
use mokka_crypto::{SecretKey, digest, keyfile};
use mokka_genesis::Genesis;
use mokka_network::{
    Admitted, Binding, Network as Peers, NetworkConfig, NetworkEvent, NetworkHandle, NodeKey,
    Rates, Target,
};
use mokka_node::address_of;
use mokka_runtime::{Block, Stamp, prev_randao};
use mokka_types::{
    BlockHash, BlockId, Body, Epoch, FinalBlock, Height, PublicKey, SealedEnvelope, SetDigest,
    codec,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::harness::{CHAIN_ID, Ledger, Network, Plan, account, report, until};

/// The forger stands ten times sooner than others: it leads whenever nobody does.
const HASTE: u32 = 10;
/// On no list.
const STRANGER: u32 = 1;
/// Alone on the list: account 0.
const ADMIN: [&str; 2] = ["--transactions-admin", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"];

/// Believes everything, and makes one kind of block.
struct Machine {
    engine: Handle,
    set: SetDigest,
    beneficiary: Address,
    /// The newest block.
    head: Header,
    forged: TxEnvelope,
    /// How many blocks were made.
    made: watch::Sender<usize>,
}

impl Machine {
    /// A block on the newest one: all as it should be, but for the transaction in it.
    fn forge(&self, request: &BuildRequest) -> ProposedBlock {
        let parent_hash = B256::new(*request.parent.hash.as_bytes());
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let stamp = Stamp::after(&self.head, request.view.term, now.try_into().unwrap());
        let transactions = vec![self.forged.clone()];
        let header = Header {
            parent_hash,
            number: self.head.number + 1,
            beneficiary: self.beneficiary,
            timestamp: stamp.ms / 1000,
            extra_data: stamp.extra_data(),
            mix_hash: prev_randao(parent_hash, request.view.term),
            transactions_root: calculate_transaction_root(&transactions),
            gas_used: 21_000,
            ..self.head.clone()
        };
        let hash = BlockHash::new(header.hash_slow().0);
        let withdrawals = Some(Withdrawals::default());
        let block: Block =
            Block::new(header, BlockBody { transactions, ommers: vec![], withdrawals });
        let height = request.parent.height.next().unwrap();
        let body = Body::new(alloy_rlp::encode(block));
        ProposedBlock { id: BlockId { height, hash }, body, next_set: self.set }
    }
}

impl StateMachine for Machine {
    fn build(&mut self, request: BuildRequest) {
        let block = Some(self.forge(&request));
        let BuildRequest { view, parent, .. } = request;
        self.engine.built(BuiltBlock { view, parent, block });
        self.made.send_modify(|made| *made += 1);
    }

    fn check(&mut self, request: CheckRequest) {
        let verdict = Verdict::Valid { next_set: self.set };
        self.engine.checked(CheckedBlock { ticket: request.ticket, verdict });
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        self.head = Block::decode(&mut block.body.as_bytes()).unwrap().header;
        let finalized = FinalizedBlock { id: block.id, next_set: None, next_settings: None };
        self.engine.finalized(finalized);
    }

    fn blocks(&mut self, _from: Height, _limit: RangeLimit) -> Vec<FinalBlock> {
        Vec::new()
    }

    fn body(&mut self, _id: &BlockId) -> Option<Body> {
        None
    }
}

struct Carrier(NetworkHandle);

impl Transport for Carrier {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        self.0.send(*to, codec::encode(packet));
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        self.0.broadcast(codec::encode(packet));
    }
}

/// The forger while it runs; it ends when this is dropped.
struct Forger {
    engine: Handle,
    made: watch::Receiver<usize>,
    /// How many others it is connected with.
    reaches: watch::Receiver<usize>,
    _running: mokka::Running,
    stop: CancellationToken,
}

impl Drop for Forger {
    fn drop(&mut self) {
        self.engine.stop();
        self.stop.cancel();
    }
}

impl Forger {
    /// Takes the place of a validator that does not run.
    async fn start(network: &Network, place: usize, forged: TxEnvelope) -> Self {
        let root = network.root();
        let text = std::fs::read_to_string(root.join("genesis.json")).unwrap();
        let genesis = Genesis::parse(&text).unwrap();
        let beginning = genesis.begin().unwrap();
        let chain = beginning.chain_hash;
        let file = root.join(format!("key-{place}.json"));
        let key = Arc::new(keyfile::read(&file, "a good password").unwrap());
        let stop = CancellationToken::new();
        let peers = Peers::spawn(peers(&genesis, &key, u64::MAX / 2), stop.clone()).await.unwrap();
        let mut settings = *genesis.settings();
        let (inbox, engine) = mokka::inbox(chain, &settings);
        settings.heartbeat /= HASTE;
        let set = genesis.validator_set();
        let (made_in, made) = watch::channel(0);
        let machine = Machine {
            engine: engine.clone(),
            set: digest::set(&set),
            beneficiary: address_of(&key.public_key()).unwrap(),
            head: beginning.block.block.header.clone(),
            forged,
            made: made_in,
        };
        let store = MemoryStore::default();
        let restored = Restored {
            safety: store.state(),
            committed: beginning.id,
            certificate: None,
            epoch: Epoch::default(),
            set,
            began: beginning.id,
        };
        let plugs = Plugs {
            transport: Box::new(Carrier(peers.handle.clone())),
            machine: Box::new(machine),
            store: Box::new(store),
            signer: Box::new(LocalSigner::new(chain, key)),
        };
        let wall_clock = Duration::from_millis(u64::MAX / 2);
        let genesis = beginning.id;
        let start = Start { chain, genesis, settings, seed: 1, wall_clock, restored };
        let running = mokka::spawn(inbox, plugs, start).unwrap();
        let Peers { mut events, .. } = peers;
        let to = engine.clone();
        let (reaches_in, reaches) = watch::channel(0);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    NetworkEvent::Packet(packet) => {
                        // It hears what it can; the rest would be for an honest node to judge.
                        let _unheard = to.packet(&packet.bytes);
                        peers.handle.validated(packet.token, mokka_network::Verdict::Accept);
                    }
                    NetworkEvent::PeerConnected { .. } => reaches_in.send_modify(|now| *now += 1),
                    NetworkEvent::PeerLost { .. } => reaches_in.send_modify(|now| *now -= 1),
                    NetworkEvent::Transactions(_) | NetworkEvent::Refused { .. } => {}
                }
            }
        });
        Self { engine, made, reaches, _running: running, stop }
    }

    fn committed(&self) -> u64 {
        let status = self.engine.status();
        let status = status.borrow();
        status.as_ref().map_or(0, |status| status.committed.height.get())
    }
}

/// How somebody with a validator's key connects with the others, in place of its node.
pub(crate) fn peers(genesis: &Genesis, key: &SecretKey, sequence: u64) -> NetworkConfig {
    let beginning = genesis.begin().unwrap();
    let (node_key, chain) = (NodeKey::generate(), beginning.chain_hash);
    let digest = Binding::digest(&chain, &node_key.peer_id(), sequence);
    let validator = key.public_key();
    let addresses = genesis.validators().iter();
    let targets = addresses.filter(|one| one.public_key != validator).map(|one| Target {
        validator: one.public_key,
        addresses: vec![one.address.as_ref().unwrap().as_str().parse().unwrap()],
    });
    NetworkConfig {
        binding: Some(Binding { validator, sequence, signature: key.sign(&digest) }),
        node_key,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        chain,
        agent: "forger".into(),
        record: None,
        committed: Height::GENESIS,
        max_block_bytes: genesis.settings().max_block_bytes as usize,
        admitted: Admitted::new(genesis.validator_set().keys().iter().copied(), []),
        targets: targets.collect(),
        rates: Rates::default(),
    }
}

/// A transfer of an account that may not send.
async fn forbidden() -> TxEnvelope {
    let request = TransactionRequest::default()
        .with_to(Address::repeat_byte(9))
        .with_value(U256::from(1))
        .with_nonce(0)
        .with_chain_id(CHAIN_ID)
        .with_gas_limit(21_000)
        .with_max_fee_per_gas(0)
        .with_max_priority_fee_per_gas(0);
    request.build(&EthereumWallet::from(account(STRANGER))).await.unwrap()
}

/// Who is on no list does not send, whatever a validator puts into its block.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_with_a_forbidden_transaction_is_refused_by_the_others() {
    const FORGER: usize = 3;
    let mut network = Network::start_without(FORGER, Plan::bft(4).more(&ADMIN)).await;
    let mut ledger = Ledger::default();
    for _ in 0..3 {
        ledger.transfer(&network, 0).await;
    }
    let transfer = forbidden().await;
    let hash = *transfer.tx_hash();
    let forger = Forger::start(&network, FORGER, transfer).await;
    let level = || std::future::ready((forger.committed() >= 3).then_some(()));
    until("the forger is level", level).await;
    // Else another would be elected without it.
    let reaches = || std::future::ready((*forger.reaches.borrow() == FORGER).then_some(()));
    until("the forger reaches all others", reaches).await;
    forger.engine.work_waiting(WorkWaiting::Yes);

    let leader = network.leader().await;
    network.node_mut(leader).kill();
    let made = || std::future::ready((*forger.made.borrow() > 0).then_some(()));
    let took = until("the forger has made a block", made).await.1;
    report(format_args!("a forged block {took:?} after the leader was killed"));
    let honest: Vec<_> = (0..FORGER).filter(|at| *at != leader).collect();
    for at in honest {
        let said = network.node(at).logs(&["a proposed block is invalid"]).await;
        let name = hash.to_string();
        for word in [&name, "not on the allow list", &account(STRANGER).address().to_string()] {
            assert!(said.contains(word), "{said}");
        }
    }
    drop(forger);
    network.node_mut(leader).start().await;
    let took = ledger.transfer(&network, 0).await;
    report(format_args!("a receipt {took:?} after the forger is gone"));
    ledger.holds_everywhere(&network).await;
    for (_, node) in network.running() {
        let reader = node.reader().await;
        assert!(reader.get_transaction_receipt(hash).await.unwrap().is_none());
        let sender = account(STRANGER).address();
        assert_eq!(reader.get_transaction_count(sender).await.unwrap(), 0);
    }
}
