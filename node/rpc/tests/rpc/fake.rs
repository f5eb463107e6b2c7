//! A chain, pool, EVM and consensus in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_consensus::transaction::Recovered;
use alloy_consensus::{
    Block, BlockBody, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Sealed,
    SignableTransaction, TxEip1559, TxEnvelope, TxLegacy,
};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{
    Address, B256, Bytes, Log, LogData, Signature, TxKind, U256, address, b256, logs_bloom,
};
use alloy_rpc_types_eth::SyncStatus;
use alloy_sol_types::SolError;
use mokka_rpc::api::members::*;
use mokka_rpc::api::types::*;
use mokka_rpc::seams::*;
use mokka_rpc::{Call, CallObserver, Identity, Node, RpcConfig, RpcServer};
use tokio::sync::broadcast;

pub(crate) const CHAIN_ID: u64 = 1337;
pub(crate) const BASE_FEE: u64 = 7;
pub(crate) const GAS_LIMIT: u64 = 1_000_000;
pub(crate) const ALICE: Address = address!("0x00000000000000000000000000000000000a11ce");
pub(crate) const BOB: Address = address!("0x0000000000000000000000000000000000000b0b");
pub(crate) const TOKEN: Address = address!("0x0000000000000000000000000000000000070c31");
pub(crate) const TRANSFER: B256 =
    b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// Events that a receiver may be behind.
pub(crate) const CHANNEL: usize = 16;

/// Code addresses that the fake EVM knows.
pub(crate) const ECHO: Address = Address::repeat_byte(0xe0);
pub(crate) const REVERTS: Address = Address::repeat_byte(0xe1);
pub(crate) const PANICS: Address = Address::repeat_byte(0xe2);
pub(crate) const HALTS: Address = Address::repeat_byte(0xe3);
pub(crate) const HUNGRY: Address = Address::repeat_byte(0xe4);
pub(crate) const ENDLESS: Address = Address::repeat_byte(0xe5);
pub(crate) const REVERTS_BARE: Address = Address::repeat_byte(0xe6);
/// Ends when the test lets one run end.
pub(crate) const PATIENT: Address = Address::repeat_byte(0xe7);
/// What [`HUNGRY`] needs.
pub(crate) const HUNGRY_GAS: u64 = 333_333;

/// One transaction to be committed.
pub(crate) struct Entry {
    pub(crate) transaction: TxEnvelope,
    pub(crate) sender: Address,
    pub(crate) gas: u64,
    pub(crate) success: bool,
    pub(crate) logs: Vec<Log>,
}

pub(crate) struct Fake {
    blocks: Mutex<Vec<Arc<CommittedBlock>>>,
    heads: broadcast::Sender<Arc<CommittedBlock>>,
    arrivals: broadcast::Sender<PendingTransaction>,
    waiting: Mutex<BTreeMap<B256, PendingTransaction>>,
    refusal: Mutex<Option<TxRefusal>>,
    pub(crate) keep_senders: AtomicBool,
    pub(crate) oldest_block: AtomicU64,
    pub(crate) oldest_state: AtomicU64,
    pub(crate) broken: AtomicBool,
    /// Of the blocks to come.
    pub(crate) base_fee: AtomicU64,
    pub(crate) cancelled_runs: AtomicU64,
    /// Runs of [`PATIENT`] now, the most there were at a time, and how many more may end.
    pub(crate) patient_runs: AtomicU64,
    pub(crate) most_patient_runs: AtomicU64,
    pub(crate) let_end: AtomicU64,
    pub(crate) last_call: Mutex<Option<CallRequest>>,
    pub(crate) sync: Mutex<Option<(u64, u64)>>,
    pub(crate) calls: Mutex<Vec<Call>>,
}

impl Fake {
    /// A chain with genesis only.
    pub(crate) fn new() -> Arc<Self> {
        let fake = Arc::new(Self {
            blocks: Mutex::default(),
            heads: broadcast::channel(CHANNEL).0,
            arrivals: broadcast::channel(CHANNEL).0,
            waiting: Mutex::default(),
            refusal: Mutex::default(),
            keep_senders: AtomicBool::new(true),
            oldest_block: AtomicU64::new(0),
            oldest_state: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            base_fee: AtomicU64::new(BASE_FEE),
            cancelled_runs: AtomicU64::new(0),
            patient_runs: AtomicU64::new(0),
            most_patient_runs: AtomicU64::new(0),
            let_end: AtomicU64::new(0),
            last_call: Mutex::default(),
            sync: Mutex::default(),
            calls: Mutex::default(),
        });
        fake.commit(Vec::new());
        fake
    }

    /// Genesis, two blocks with two transactions each, and an empty one.
    pub(crate) fn with_blocks() -> Arc<Self> {
        let fake = Self::new();
        fake.commit(vec![
            entry(legacy(0, 100, Some(BOB)), ALICE, 21_000, vec![]),
            entry(dynamic(1, 200, 3, None), ALICE, 50_000, vec![transfer(1), transfer(2)]),
        ]);
        let mut failed = entry(dynamic(1, 50, 1, Some(TOKEN)), BOB, 30_000, vec![]);
        failed.success = false;
        fake.commit(vec![
            entry(dynamic(0, 300, 9, Some(TOKEN)), BOB, 40_000, vec![transfer(3)]),
            failed,
        ]);
        fake.commit(Vec::new());
        fake
    }

    pub(crate) fn node(self: &Arc<Self>) -> Node {
        Node {
            chain: self.clone(),
            heads: self.clone(),
            pool: self.clone(),
            evm: self.clone(),
            consensus: self.clone(),
            members: self.clone(),
        }
    }

    pub(crate) async fn serve(self: &Arc<Self>, config: RpcConfig) -> RpcServer {
        let client_version = "Mokka/test".to_owned();
        let identity = Identity { chain_id: CHAIN_ID, client_version };
        mokka_rpc::start(self.node(), identity, config, self.clone()).await.unwrap()
    }

    pub(crate) fn commit(&self, entries: Vec<Entry>) -> Arc<CommittedBlock> {
        let mut blocks = self.blocks.lock().unwrap();
        let committed = Arc::new(self.next_block(blocks.last(), entries));
        blocks.push(committed.clone());
        drop(blocks);
        let _ = self.heads.send(committed.clone());
        committed
    }

    fn next_block(
        &self,
        parent: Option<&Arc<CommittedBlock>>,
        entries: Vec<Entry>,
    ) -> CommittedBlock {
        let mut gas_used = 0;
        let mut receipts = Vec::new();
        for entry in &entries {
            gas_used += entry.gas;
            let logs_bloom = logs_bloom(entry.logs.iter());
            let receipt = Receipt {
                status: entry.success.into(),
                cumulative_gas_used: gas_used,
                logs: entry.logs.clone(),
            };
            let receipt = ReceiptWithBloom { receipt, logs_bloom };
            receipts.push(ReceiptEnvelope::from_typed(entry.transaction.tx_type(), receipt));
        }
        let number = parent.map_or(0, |parent| parent.block.block.header.number + 1);
        let header = Header {
            number,
            parent_hash: parent.map_or(B256::ZERO, |parent| parent.block.hash),
            timestamp: 1_700_000_000 + number,
            gas_limit: GAS_LIMIT,
            gas_used,
            base_fee_per_gas: Some(self.base_fee.load(Ordering::Relaxed)),
            logs_bloom: logs_bloom(entries.iter().flat_map(|entry| &entry.logs)),
            beneficiary: ALICE,
            extra_data: Bytes::from(vec![0; 16]),
            withdrawals_root: Some(B256::ZERO),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(B256::ZERO),
            ..Default::default()
        };
        let senders = entries.iter().map(|entry| entry.sender).collect();
        let transactions = entries.into_iter().map(|entry| entry.transaction).collect();
        let withdrawals = Some(Default::default());
        let body = BlockBody { transactions, ommers: Vec::new(), withdrawals };
        let senders = self.keep_senders.load(Ordering::Relaxed).then_some(senders);
        let hash = header.hash_slow();
        CommittedBlock {
            block: StoredBlock { hash, block: Block { header, body }, senders },
            receipts,
        }
    }

    pub(crate) fn block(&self, number: usize) -> Arc<CommittedBlock> {
        self.blocks.lock().unwrap()[number].clone()
    }

    /// The pool takes it.
    pub(crate) fn arrive(&self, transaction: TxEnvelope, sender: Address) -> PendingTransaction {
        let transaction = Arc::new(Recovered::new_unchecked(transaction, sender));
        self.waiting.lock().unwrap().insert(*transaction.hash(), transaction.clone());
        let _ = self.arrivals.send(transaction.clone());
        transaction
    }

    /// The next submission is refused.
    pub(crate) fn refuse_next(&self, refusal: TxRefusal) {
        *self.refusal.lock().unwrap() = Some(refusal);
    }

    fn check(&self) -> Result<(), ReadError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(ReadError("the disk is on fire".to_owned()));
        }
        Ok(())
    }

    fn kept(&self, number: u64) -> Result<Option<Arc<CommittedBlock>>, ReadError> {
        self.check()?;
        let below = number < self.oldest_block.load(Ordering::Relaxed);
        let index = usize::try_from(number).unwrap();
        let found = self.blocks.lock().unwrap().get(index).cloned();
        Ok(found.filter(|_| !below))
    }
}

pub(crate) fn local() -> RpcConfig {
    RpcConfig { listen: "127.0.0.1:0".parse().unwrap(), ..Default::default() }
}

pub(crate) fn entry(tx: TxEnvelope, sender: Address, gas: u64, logs: Vec<Log>) -> Entry {
    Entry { transaction: tx, sender, gas, success: true, logs }
}

fn kind(to: Option<Address>) -> TxKind {
    to.map_or(TxKind::Create, TxKind::Call)
}

pub(crate) fn legacy(nonce: u64, gas_price: u128, to: Option<Address>) -> TxEnvelope {
    let to = kind(to);
    let chain_id = Some(CHAIN_ID);
    let value = U256::from(5);
    let tx = TxLegacy {
        chain_id,
        nonce,
        gas_price,
        gas_limit: 100_000,
        to,
        value,
        ..Default::default()
    };
    tx.into_signed(Signature::test_signature()).into()
}

pub(crate) fn dynamic(nonce: u64, fee: u128, tip: u128, to: Option<Address>) -> TxEnvelope {
    let tx = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: tip,
        to: kind(to),
        ..Default::default()
    };
    tx.into_signed(Signature::test_signature()).into()
}

pub(crate) fn transfer(amount: u8) -> Log {
    let topics = vec![TRANSFER, ALICE.into_word(), B256::with_last_byte(amount)];
    Log { address: TOKEN, data: LogData::new_unchecked(topics, Bytes::from(vec![amount])) }
}

impl ChainReader for Fake {
    fn head(&self) -> Sealed<Header> {
        self.blocks.lock().unwrap().last().unwrap().block.sealed_header()
    }
    fn oldest_block(&self) -> u64 {
        self.oldest_block.load(Ordering::Relaxed)
    }
    fn oldest_state(&self) -> u64 {
        self.oldest_state.load(Ordering::Relaxed)
    }
    fn header_at(&self, number: u64) -> Result<Option<Sealed<Header>>, ReadError> {
        Ok(self.kept(number)?.map(|committed| committed.block.sealed_header()))
    }
    fn number_of(&self, hash: B256) -> Result<Option<u64>, ReadError> {
        self.check()?;
        let blocks = self.blocks.lock().unwrap();
        Ok(blocks.iter().position(|committed| committed.block.hash == hash).map(|n| n as u64))
    }
    fn block_at(&self, number: u64) -> Result<Option<Arc<StoredBlock>>, ReadError> {
        Ok(self.kept(number)?.map(|committed| Arc::new(committed.block.clone())))
    }
    fn receipts_at(&self, number: u64) -> Result<Option<Arc<Vec<ReceiptEnvelope>>>, ReadError> {
        Ok(self.kept(number)?.map(|committed| Arc::new(committed.receipts.clone())))
    }
    fn transaction_place(&self, hash: B256) -> Result<Option<TransactionPlace>, ReadError> {
        self.check()?;
        for (block, committed) in self.blocks.lock().unwrap().iter().enumerate() {
            let mut transactions = committed.block.block.body.transactions.iter();
            if let Some(index) = transactions.position(|tx| *tx.hash() == hash) {
                return Ok(Some(TransactionPlace { block: block as u64, index }));
            }
        }
        Ok(None)
    }
    fn state_after(&self, number: u64) -> Result<Option<Box<dyn StateView>>, ReadError> {
        self.check()?;
        let kept = number >= self.oldest_state.load(Ordering::Relaxed);
        Ok(kept.then(|| Box::new(FakeState(number)) as Box<dyn StateView>))
    }
}

/// After block n everybody has nonce n, a balance of 1000 n, and n in slot 1.
struct FakeState(u64);

impl StateView for FakeState {
    fn account(&self, _: Address) -> Result<AccountView, ReadError> {
        Ok(AccountView { nonce: self.0, balance: U256::from(1000 * self.0) })
    }
    fn code(&self, address: Address) -> Result<Bytes, ReadError> {
        let code: &'static [u8] = if address == TOKEN { &[0x60, 0x80] } else { &[] };
        Ok(Bytes::from_static(code))
    }
    fn storage(&self, _: Address, slot: U256) -> Result<U256, ReadError> {
        Ok(if slot == U256::ONE { U256::from(self.0) } else { U256::ZERO })
    }
}

impl HeadStream for Fake {
    fn heads(&self) -> broadcast::Receiver<Arc<CommittedBlock>> {
        self.heads.subscribe()
    }
}

impl TxPool for Fake {
    fn submit(&self, raw: Bytes) -> Answer<'_, Result<B256, TxRefusal>> {
        Box::pin(async move {
            if let Some(refusal) = self.refusal.lock().unwrap().take() {
                return Err(refusal);
            }
            let transaction = TxEnvelope::decode_2718_exact(&raw).unwrap();
            Ok(*self.arrive(transaction, ALICE).hash())
        })
    }
    fn pending_nonce(&self, sender: Address) -> Answer<'_, Option<u64>> {
        let waiting = self.waiting.lock().unwrap();
        let of_sender = waiting.values().filter(|tx| tx.signer() == sender);
        let highest = of_sender.map(|tx| alloy_consensus::Transaction::nonce(&***tx) + 1).max();
        Box::pin(async move { highest })
    }
    fn pending_transaction(&self, hash: B256) -> Answer<'_, Option<PendingTransaction>> {
        let found = self.waiting.lock().unwrap().get(&hash).cloned();
        Box::pin(async move { found })
    }
    fn arrivals(&self) -> broadcast::Receiver<PendingTransaction> {
        self.arrivals.subscribe()
    }
}

impl Evm for Fake {
    fn call(&self, request: &CallRequest) -> Result<CallOutcome, CallFailure> {
        *self.last_call.lock().unwrap() = Some(request.clone());
        let transaction = &request.transaction;
        let gas = transaction.gas.unwrap_or(request.gas_cap);
        let input = transaction.input.input().cloned().unwrap_or_default();
        let gas_used = 21_000 + 16 * input.len() as u64;
        if gas < gas_used {
            let words = format!("intrinsic gas too low: gas {gas}, minimum needed {gas_used}");
            return Err(CallFailure::TooLittleGas(refusal("intrinsic_gas", &words)));
        }
        let reverted = |output: Vec<u8>| Ok(CallOutcome::Reverted { output: output.into() });
        match transaction.to.and_then(|to| to.into_to()) {
            Some(REVERTS) => reverted(alloy_sol_types::Revert::from("not today").abi_encode()),
            Some(PANICS) => reverted(alloy_sol_types::Panic::from(0x11).abi_encode()),
            Some(REVERTS_BARE) => reverted(Vec::new()),
            Some(HALTS) => Ok(CallOutcome::Halted(Halt::Other("invalid opcode: INVALID".into()))),
            Some(HUNGRY) if gas < HUNGRY_GAS => Ok(CallOutcome::Halted(Halt::OutOfGas)),
            Some(HUNGRY) => {
                Ok(CallOutcome::Returned { output: Bytes::new(), gas_used: HUNGRY_GAS / 2 })
            }
            Some(ENDLESS) => {
                while !request.cancel.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                self.cancelled_runs.fetch_add(1, Ordering::Relaxed);
                Err(CallFailure::Cancelled)
            }
            Some(PATIENT) => {
                let now = self.patient_runs.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_patient_runs.fetch_max(now, Ordering::SeqCst);
                let take_one = |left: u64| left.checked_sub(1);
                let order = Ordering::SeqCst;
                while self.let_end.fetch_update(order, order, take_one).is_err()
                    && !request.cancel.is_cancelled()
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                self.patient_runs.fetch_sub(1, Ordering::SeqCst);
                Ok(CallOutcome::Returned { output: input, gas_used })
            }
            _ => Ok(CallOutcome::Returned { output: input, gas_used }),
        }
    }
}

pub(crate) fn refusal(reason: &'static str, words: &str) -> TxRefusal {
    TxRefusal { reason, words: words.to_owned(), mistake: Mistake::Forbidden }
}

pub(crate) fn validator(index: u8) -> ValidatorRef {
    let public_key = Bytes::from(vec![index; 33]);
    ValidatorRef { index: index.into(), public_key, name: Some(format!("v{index}")) }
}

impl ConsensusView for Fake {
    fn status(&self) -> NodeStatus {
        let head = self.head();
        NodeStatus {
            client_version: "Mokka/test".to_owned(),
            chain_id: CHAIN_ID,
            chain_hash: B256::repeat_byte(1),
            genesis_hash: self.block(0).block.hash,
            crash_model: CrashModelView::Bft,
            protocol_version: 1,
            validator: Some(validator(0)),
            address: Some(ALICE),
            peer_id: Some("12D3KooWQ3Fw".to_owned()),
            role: RoleView::Follower,
            epoch: 1,
            term: 5,
            leader: self.leader(),
            head: BlockRef { number: head.number, hash: head.hash() },
            head_timestamp_ms: head.timestamp * 1000,
            validators: 4,
            quorum: 3,
            peers: 1,
            pending_transactions: self.waiting.lock().unwrap().len() as u64,
            sync: None,
            uptime_seconds: 9,
            warnings: Vec::new(),
        }
    }
    fn validators(&self) -> Vec<ValidatorView> {
        let view = |index| ValidatorView {
            validator: validator(index),
            address: ALICE,
            endpoint: None,
            connected: true,
            leader: index == 2,
            height: Some(3),
            since: 0,
            last_signed: Some(3),
            signed_share: Some(0.75),
        };
        (0..4).map(view).collect()
    }
    fn leader(&self) -> Option<LeaderView> {
        let (epoch, term) = (1, 5);
        Some(LeaderView { validator: validator(2), epoch, term })
    }
    fn certificate(&self, number: u64) -> Result<Option<CertificateView>, ReadError> {
        let Some(committed) = self.kept(number)?.filter(|_| number > 0) else { return Ok(None) };
        let signature = Bytes::from(vec![9; 64]);
        Ok(Some(CertificateView {
            phase: PhaseView::Commit,
            epoch: 1,
            term: 5,
            block: BlockRef { number, hash: committed.block.hash },
            next_set: B256::repeat_byte(2),
            signatures: vec![SignatureView { validator: validator(1), signature }],
            encoded: Bytes::from_static(&[1, 2, 3]),
            proof: None,
        }))
    }
    fn evidence(&self) -> Result<Vec<EvidenceView>, ReadError> {
        let statement = |number| StatementView {
            block: Some(BlockRef { number, hash: B256::repeat_byte(3) }),
            candidate: None,
            signature: Bytes::from(vec![9; 64]),
        };
        Ok(vec![EvidenceView {
            epoch: 1,
            term: 5,
            culprit: validator(3),
            misdeed: "two proposals".to_owned(),
            statements: vec![statement(4), statement(4)],
            encoded: Bytes::from_static(&[1, 2, 3]),
        }])
    }
    fn finality_proof(&self, number: u64) -> Result<Option<Bytes>, ReadError> {
        let committed = self.kept(number)?.filter(|_| number > 0);
        Ok(committed.map(|committed| Bytes::copy_from_slice(&committed.block.hash[..4])))
    }
    fn transaction_proof(
        &self,
        place: TransactionPlace,
    ) -> Result<Option<TransactionProofView>, ReadError> {
        let finality = self.finality_proof(place.block)?;
        Ok(finality.map(|finality| TransactionProofView {
            finality,
            index: place.index as u64,
            transaction: Bytes::from_static(&[5]),
            transaction_proof: vec![Bytes::from_static(&[6])],
            receipt: Bytes::from_static(&[7]),
            receipt_proof: vec![Bytes::from_static(&[8]), Bytes::from_static(&[9])],
        }))
    }
    fn proof(&self, epoch: Option<u64>, term: u64) -> Result<Option<ProofView>, ReadError> {
        self.check()?;
        let genesis = BlockRef { number: 0, hash: self.block(0).block.hash };
        Ok((epoch.unwrap_or(1) == 1 && term == 5).then(|| ProofView {
            epoch: 1,
            term: 5,
            candidate: validator(2),
            base: BaseView { committed: genesis, prepared: None },
            signers: vec![validator(0), validator(1), validator(2)],
            signature: Bytes::from(vec![8; 64]),
            encoded: Bytes::from_static(&[4, 5, 6]),
        }))
    }
    fn peers(&self) -> Vec<PeerView> {
        vec![PeerView {
            peer_id: "12D3Koo".to_owned(),
            validator: Some(validator(1)),
            address: "/ip4/127.0.0.1/tcp/30304".to_owned(),
            direction: DirectionView::Outbound,
            connected_seconds: 7,
            round_trip_ms: Some(1),
            height: Some(3),
        }]
    }
    fn sync(&self) -> SyncStatus {
        match *self.sync.lock().unwrap() {
            None => SyncStatus::None,
            Some((current, highest)) => SyncStatus::Info(Box::new(alloy_rpc_types_eth::SyncInfo {
                current_block: U256::from(current),
                highest_block: U256::from(highest),
                ..Default::default()
            })),
        }
    }
}

/// A contract whose events are about members; the fake chain has one.
pub(crate) const COUNCIL: Address = Address::repeat_byte(0x4d);
pub(crate) const VOTED: B256 = B256::repeat_byte(0x70);

pub(crate) fn council_log(topic: B256) -> Log {
    Log { address: COUNCIL, data: LogData::new_unchecked(vec![topic], Bytes::from_static(&[1])) }
}

/// Above block n there are n validators.
impl MembersView for Fake {
    fn validators_after(&self, number: u64) -> Result<Option<Vec<ValidatorView>>, ReadError> {
        self.check()?;
        let kept = number >= self.oldest_state.load(Ordering::Relaxed);
        let count = usize::try_from(number).unwrap();
        Ok(kept.then(|| self.validators().into_iter().take(count).collect()))
    }
    fn proposals(&self) -> Result<Vec<ProposalView>, ReadError> {
        self.check()?;
        let key = Bytes::from(vec![2; 33]);
        let other = Bytes::from(vec![3; 33]);
        let (name, endpoint) = ("new".to_owned(), "/dns/a.example/tcp/1".to_owned());
        let list = ListName::Transactions;
        let actions = [
            ActionView::AddValidator {
                public_key: key.clone(),
                name: name.clone(),
                endpoint: endpoint.clone(),
            },
            ActionView::RemoveValidator { public_key: key.clone() },
            ActionView::ReplaceKey { old_key: key.clone(), new_key: other },
            ActionView::DescribeValidator { public_key: key, name, endpoint },
            ActionView::ChangeSettings { changes: [("blockInterval".to_owned(), 500)].into() },
            ActionView::SwitchList { list, on: true },
            ActionView::SetRole { list, account: BOB, role: ListRole::Manager },
            ActionView::SetNode { peer_id: "12D3Koo".to_owned(), admitted: false },
        ];
        let proposals = (1..).zip(actions).map(|(id, action)| ProposalView {
            id,
            status: if id == 1 { ProposalStatus::Approved } else { ProposalStatus::Open },
            proposer: ALICE,
            opened_at: 1_700_000_000,
            expires_at: 1_700_000_600,
            voters: vec![
                VoterView { account: ALICE, validator: Some(validator(1)) },
                VoterView { account: BOB, validator: None },
            ],
            needed: 3,
            action,
            call: Bytes::from_static(&[1, 2, 3, 4]),
        });
        Ok(proposals.collect())
    }
    fn permissions(&self, account: Option<Address>) -> Result<PermissionsView, ReadError> {
        self.check()?;
        let role = account.map(|account| match account {
            ALICE => ListRole::Admin,
            _ => ListRole::None,
        });
        let list = |name| ListView {
            address: COUNCIL,
            name,
            on: name != ListName::Contracts,
            role,
            accounts: vec![ListedView { account: ALICE, role: ListRole::Admin }],
            total: 1,
        };
        Ok(PermissionsView {
            lists: [ListName::Transactions, ListName::Contracts, ListName::Observers]
                .map(list)
                .into(),
            nodes: vec!["12D3Koo".to_owned()],
            governance: GovernanceView {
                threshold: ThresholdView::TwoThirds,
                admin: None,
                votes_needed: 3,
                voting_period_seconds: 600,
                acceptance_period_seconds: 60,
            },
        })
    }
    fn contracts(&self) -> Vec<Address> {
        vec![COUNCIL]
    }
    fn event_name(&self, log: &Log) -> Option<&'static str> {
        (log.topics() == [VOTED]).then_some("Voted")
    }
}

impl CallObserver for Fake {
    fn answered(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }
}
