//! What a commit of 2,000 transfers costs on this disk, and what an fsync does.
//!
//! `cargo run -p mokka-storage --example commit_cost [DIR]`; the blocks are not executed and their
//! signatures mean nothing, but every column that a real block writes is written.

use std::{
    env,
    error::Error,
    fs,
    ops::Range,
    path::PathBuf,
    time::{Duration, Instant},
};

use alloy_consensus::{
    BlockBody, Header, Receipt, ReceiptEnvelope, SignableTransaction, TxEnvelope, TxLegacy,
};
use alloy_primitives::{Address, B256, Signature as TxSignature, U256, keccak256};
use mokka_runtime::{Account, Block, Executed, StateChanges, TreeChanges};
use mokka_storage::{BlockCommit, DiskStore, GenesisCommit, Store};
use mokka_types::{
    BlockHash, BlockId, Body, Certificate, ChainHash, CrashModel, Height, Phase, PublicKey,
    SafetyRecord, SetDigest, Signature, Signers, ValidatorSet, View,
};

const TRANSFERS: u64 = 2_000;
const ACCOUNTS: u64 = 100_000;
const BLOCKS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = env::args().nth(1).map_or_else(|| env::temp_dir().join("commit_cost"), PathBuf::from);
    let chain = ChainHash::new([1; 32]);
    let validators = ValidatorSet::new(CrashModel::Bft, [PublicKey::new([2; 33])])?;
    let mut tip = block(None, 0..ACCOUNTS, 0);
    let genesis = GenesisCommit { chain, executed: &tip, validators: &validators };
    let store = DiskStore::create(&dir, &genesis)?;

    let (mut syncs, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..BLOCKS {
        let first = (tip.number() * 4_001) % (ACCOUNTS - 2 * TRANSFERS);
        tip = block(Some(&tip), first..first + 2 * TRANSFERS, TRANSFERS);
        let id = id(&tip);
        let body = Body::new(alloy_rlp::encode(&tip.block));
        let view = View::default();
        let record = SafetyRecord::Prepared { view, id, body, certificate: None };
        syncs.push(timed(|| store.append_safety(&[record]))?);
        let certificate = &certificate(id);
        let commit = BlockCommit { executed: &tip, certificate, next_set: None };
        commits.push(timed(|| store.commit_block(&commit))?);
    }
    let reads = timed(|| {
        let latest = store.latest();
        (0..ACCOUNTS).try_for_each(|at| latest.state.account(address(at)).map(drop))
    })?;
    let middle = Height::new(BLOCKS as u64 / 2);
    let past = timed(|| {
        let state = store.state_at(middle).ok_or("no state")?;
        (0..ACCOUNTS).try_for_each(|at| state.account(address(at)).map(drop))?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    drop(store);
    let opened = timed(|| DiskStore::open(&dir, chain))?;
    report("synced record with the block's body", &mut syncs);
    report("commit of 2,000 transfers, 4,000 accounts", &mut commits);
    println!("one account of the newest state: {:?}", reads / u32::try_from(ACCOUNTS)?);
    println!("one account 50 blocks ago: {:?}", past / u32::try_from(ACCOUNTS)?);
    println!("close and open: {opened:?}");
    let status = fs::read_to_string("/proc/self/status")?;
    status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    fs::remove_dir_all(&dir)?;
    Ok(())
}

fn timed<T, F>(work: impl FnOnce() -> Result<T, F>) -> Result<Duration, F> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("{what}: median {:?}, p95 {:?}, max {:?}", at(50), at(95), at(100));
}

fn address(number: u64) -> Address {
    Address::from_word(keccak256(number.to_be_bytes()))
}

/// Touches these accounts, with a tree node of 200 bytes for each.
fn block(parent: Option<&Executed>, touched: Range<u64>, transfers: u64) -> Executed {
    let number = parent.map_or(0, |parent| parent.number() + 1);
    let header = Header {
        number,
        parent_hash: parent.map_or(B256::ZERO, |parent| parent.hash),
        ..Header::default()
    };
    let mut changes = StateChanges::default();
    let mut tree = TreeChanges::default();
    for at in touched {
        let balance = U256::from(1_000_000 + number);
        let account = Account { nonce: number, balance, ..Account::default() };
        changes.accounts.insert(address(at), Some(account));
        tree.0.insert(address(at).to_vec(), Some(vec![number.to_be_bytes()[7]; 200]));
    }
    let transactions = (0..transfers).map(|nonce| {
        let (to, value) = (address(nonce).into(), U256::from(number));
        let transfer = TxLegacy { nonce, to, value, gas_limit: 21_000, ..TxLegacy::default() };
        let signature = TxSignature::new(U256::MAX, U256::MAX, false);
        TxEnvelope::Legacy(transfer.into_signed(signature))
    });
    let receipt = || {
        let receipt = Receipt { status: true.into(), cumulative_gas_used: 21_000, logs: vec![] };
        ReceiptEnvelope::Legacy(receipt.with_bloom())
    };
    let transactions = transactions.collect();
    let body = BlockBody { transactions, ommers: vec![], withdrawals: Some(vec![].into()) };
    Executed {
        hash: header.hash_slow(),
        senders: (0..transfers).map(address).collect(),
        receipts: (0..transfers).map(|_| receipt()).collect(),
        block: Block::new(header, body),
        changes,
        tree,
    }
}

fn id(executed: &Executed) -> BlockId {
    BlockId { height: Height::new(executed.number()), hash: BlockHash::new(executed.hash.0) }
}

fn certificate(id: BlockId) -> Certificate {
    Certificate {
        phase: Phase::Commit,
        view: View::default(),
        id,
        next_set: SetDigest::default(),
        signers: Signers::NONE,
        signatures: vec![Signature::new([0; 64]); 3],
    }
}
