//! Blocks that nobody executed: the store cares only that they hang together.

use std::path::Path;

use alloy_consensus::{
    BlockBody, Eip658Value, Header, Receipt, ReceiptEnvelope, SignableTransaction, TxEnvelope,
    TxLegacy,
};
use alloy_primitives::{Address, B256, Log, Signature as TxSignature, U256};
use mokka_runtime::{Account, Block, Executed, StateChanges, TreeChanges};
use mokka_types::{
    BlockHash, BlockId, Body, Certificate, ChainHash, CrashModel, Epoch, Height, Phase, PublicKey,
    SafetyRecord, SetDigest, Signature, Signers, Term, ValidatorSet, View,
};
use tempfile::TempDir;

use crate::{
    BlockCommit, Chain, DiskStore, Engine, GenesisCommit, MemoryDisk, OpenError, Store, StoreError,
};

pub(crate) const CHAIN: ChainHash = ChainHash::new([0xc4; 32]);

/// Where a store can be created and opened again.
pub(crate) trait Place: Default {
    type Engine: Engine;
    fn create(&self, genesis: &GenesisCommit<'_>) -> Result<Chain<Self::Engine>, OpenError>;
    fn open(&self, chain: ChainHash) -> Result<Chain<Self::Engine>, OpenError>;
}

impl Place for MemoryDisk {
    type Engine = crate::Memory;
    fn create(&self, genesis: &GenesisCommit<'_>) -> Result<Chain<Self::Engine>, OpenError> {
        MemoryDisk::create(self, genesis)
    }
    fn open(&self, chain: ChainHash) -> Result<Chain<Self::Engine>, OpenError> {
        MemoryDisk::open(self, chain)
    }
}

/// A directory that is removed at the end.
pub(crate) struct Directory(TempDir);

impl Default for Directory {
    fn default() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }
}

impl Directory {
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.0.path().join("chain")
    }
}

impl Place for Directory {
    type Engine = crate::Disk;
    fn create(&self, genesis: &GenesisCommit<'_>) -> Result<DiskStore, OpenError> {
        DiskStore::create(&self.path(), genesis)
    }
    fn open(&self, chain: ChainHash) -> Result<DiskStore, OpenError> {
        DiskStore::open(&self.path(), chain)
    }
}

/// Creates a store with the usual genesis.
pub(crate) fn fresh<P: Place>(place: &P) -> Chain<P::Engine> {
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    start(place, &genesis).expect("created")
}

/// Creates a store with this block 0.
pub(crate) fn start<P: Place>(
    place: &P,
    executed: &Executed,
) -> Result<Chain<P::Engine>, OpenError> {
    place.create(&GenesisCommit { chain: CHAIN, executed, validators: &validators(4) })
}

pub(crate) fn validators(count: u8) -> ValidatorSet {
    let keys = (1..=count).map(|number| {
        let mut key = [number; 33];
        key[0] = 2;
        PublicKey::new(key)
    });
    ValidatorSet::new(CrashModel::Bft, keys).expect("distinct keys")
}

pub(crate) fn address(number: u8) -> Address {
    Address::repeat_byte(number)
}

pub(crate) fn account(balance: u64) -> Account {
    Account { nonce: balance / 2, balance: U256::from(balance), ..Account::default() }
}

/// A block above `parent` with so many transactions and these changes.
pub(crate) fn block(
    parent: Option<&Executed>,
    transactions: u64,
    changes: StateChanges,
    tree: TreeChanges,
) -> Executed {
    let number = parent.map_or(0, |parent| parent.number() + 1);
    let header = Header {
        number,
        parent_hash: parent.map_or(B256::ZERO, |parent| parent.hash),
        timestamp: 1_000 + number,
        ..Header::default()
    };
    let body = BlockBody {
        transactions: (0..transactions).map(|nonce| transaction(number, nonce)).collect(),
        ommers: Vec::new(),
        withdrawals: Some(Vec::new().into()),
    };
    Executed {
        hash: header.hash_slow(),
        senders: (0..transactions).map(|at| address(u8::try_from(at % 250).unwrap())).collect(),
        receipts: (0..transactions).map(receipt).collect(),
        block: Block::new(header, body),
        changes,
        tree,
    }
}

fn transaction(number: u64, nonce: u64) -> TxEnvelope {
    let transaction = TxLegacy { nonce, gas_limit: 21_000 + number, ..TxLegacy::default() };
    let signature = TxSignature::new(U256::from(7), U256::from(9), false);
    TxEnvelope::Legacy(transaction.into_signed(signature))
}

fn receipt(at: u64) -> ReceiptEnvelope {
    let log = Log::new_unchecked(address(9), vec![B256::repeat_byte(8)], vec![7, 7].into());
    let receipt = Receipt {
        status: Eip658Value::Eip658(at.is_multiple_of(2)),
        cumulative_gas_used: 21_000 * (at + 1),
        logs: vec![log],
    };
    match at % 2 {
        0 => ReceiptEnvelope::Legacy(receipt.with_bloom()),
        _ => ReceiptEnvelope::Eip1559(receipt.with_bloom()),
    }
}

/// A block whose every value is its own height: account, slot and tree node.
pub(crate) fn marked(parent: &Executed) -> Executed {
    let height = parent.number() + 1;
    let mut changes = StateChanges::default();
    changes.accounts.insert(address(1), Some(account(height)));
    changes.storage.insert((address(1), U256::from(5)), U256::from(height));
    let mut tree = TreeChanges::default();
    tree.0.insert(b"root".to_vec(), Some(height.to_be_bytes().to_vec()));
    block(Some(parent), 2, changes, tree)
}

pub(crate) fn id(executed: &Executed) -> BlockId {
    BlockId { height: Height::new(executed.number()), hash: BlockHash::new(executed.hash.0) }
}

pub(crate) fn view(epoch: u64, term: u64) -> View {
    View::new(Epoch::new(epoch), Term::new(term))
}

pub(crate) fn certificate(executed: &Executed, epoch: u64) -> Certificate {
    Certificate {
        phase: Phase::Commit,
        view: view(epoch, 3),
        id: id(executed),
        next_set: SetDigest::new([4; 32]),
        signers: Signers::NONE,
        signatures: vec![Signature::new([5; 64]); 3],
    }
}

pub(crate) fn commit<E: Engine>(store: &Chain<E>, executed: &Executed) -> Result<(), StoreError> {
    let certificate = &certificate(executed, store.epoch().get());
    store.commit_block(&BlockCommit { executed, certificate, next_set: None })
}

pub(crate) fn prepared(height: u64, epoch: u64) -> SafetyRecord {
    SafetyRecord::Prepared {
        view: view(epoch, 1),
        id: BlockId { height: Height::new(height), hash: BlockHash::new([6; 32]) },
        body: Body::new(vec![1; 100]),
        certificate: None,
    }
}

/// Copies a directory as a power cut would find it: while it is open.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("created");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).expect("copied")),
        }
    }
}
