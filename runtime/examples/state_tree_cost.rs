//! What a block costs in the state tree: nodes, bytes and time for each changed value.
//!
//! ```text
//! cargo run -p mokka-runtime --example state_tree_cost -- 1000000
//! ```
//! The argument is the number of accounts before the block. Nodes lie in memory; the time spent on
//! reading them is told apart, so that the rest is the work of the tree itself.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use mokka_runtime::{
    Account, StateChanges, StateError, StateReader, TreeChanges, TreeKey, TreeReader, tree,
};

const DEFAULT_ACCOUNTS: u64 = 1_000_000;
/// Blocks of each kind; the quickest counts, because other programs disturb the rest.
const ROUNDS: u64 = 20;

#[derive(Default)]
struct Memory {
    nodes: HashMap<TreeKey, Vec<u8>>,
    reads: AtomicU64,
    reading: AtomicU64,
}

impl TreeReader for Memory {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let start = Instant::now();
        let node = self.nodes.get(key).cloned();
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.reading.fetch_add(nanos, Ordering::Relaxed);
        Ok(node)
    }
}

impl Memory {
    fn commit(&mut self, TreeChanges(nodes): TreeChanges) {
        for (key, node) in nodes {
            match node {
                Some(node) => drop(self.nodes.insert(key, node)),
                None => drop(self.nodes.remove(&key)),
            }
        }
    }
}

/// The tree asks the flat state for code alone, and no account here has any.
struct NoCode;

impl StateReader for NoCode {
    fn account(&self, _: Address) -> Result<Option<Account>, StateError> {
        Ok(None)
    }

    fn storage(&self, _: Address, _: U256) -> Result<U256, StateError> {
        Ok(U256::ZERO)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, StateError> {
        Err(StateError(format!("no code {code_hash}")))
    }

    fn block_hash(&self, _: u64) -> Result<Option<B256>, StateError> {
        Ok(None)
    }
}

fn address(number: u64) -> Address {
    Address::from_word(keccak256(number.to_be_bytes()))
}

fn balances(numbers: impl Iterator<Item = u64>, balance: u64) -> StateChanges {
    let account = |number| Account {
        nonce: balance,
        balance: U256::from(number) + U256::from(balance),
        ..Account::default()
    };
    let accounts = numbers.map(|number| (address(number), Some(account(number))));
    StateChanges { accounts: accounts.collect(), ..StateChanges::default() }
}

/// Balances of a token: each in a slot, and so in a stem, of its own.
fn token_balances(numbers: impl Iterator<Item = u64>, balance: u64) -> StateChanges {
    let slot = |number: u64| U256::from_be_bytes(keccak256(number.to_le_bytes()).0);
    let storage = numbers.map(|number| ((address(0), slot(number)), U256::from(balance)));
    StateChanges { storage: storage.collect(), ..StateChanges::default() }
}

fn main() -> Result<(), Box<dyn Error>> {
    let accounts = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => DEFAULT_ACCOUNTS,
    };
    let mut memory = Memory::default();
    let start = Instant::now();
    let (root, writes) = tree::apply(&memory, &NoCode, &balances(0..accounts, 1))?;
    println!("{accounts} accounts in one block: {:.1?}, root {root}", start.elapsed());
    memory.commit(writes);
    let bytes: usize = memory.nodes.iter().map(|(key, node)| key.len() + node.len()).sum();
    println!("{} nodes of {} bytes in all", memory.nodes.len(), bytes);

    memory.reads.store(0, Ordering::Relaxed);
    let start = Instant::now();
    tree::root(&memory)?;
    let reads = memory.reads.load(Ordering::Relaxed);
    println!("opening: {reads} read, {:.1?}\n", start.elapsed());

    println!("changed values       reads  writes   bytes  work     work per value");
    for size in [1, 100, 1000, 10_000] {
        let step = accounts / size;
        let spread = |round| (0..size).map(move |n| n * step + round);
        measure("accounts", size, &mut memory, |round| balances(spread(round), round + 2))?;
        measure("new slots", size, &mut memory, |round| token_balances(spread(round), 7))?;
        measure("slots", size, &mut memory, |round| token_balances(spread(round), 8))?;
    }
    Ok(())
}

/// Applies [`ROUNDS`] blocks and prints the quickest.
fn measure(
    kind: &str,
    size: u64,
    memory: &mut Memory,
    block: impl Fn(u64) -> StateChanges,
) -> Result<(), StateError> {
    let mut best: Option<(Duration, u64, usize, usize)> = None;
    for round in 0..ROUNDS {
        let changes = block(round);
        memory.reads.store(0, Ordering::Relaxed);
        memory.reading.store(0, Ordering::Relaxed);
        let start = Instant::now();
        let (_, writes) = tree::apply(memory, &NoCode, &changes)?;
        let threads = u64::try_from(rayon::current_num_threads()).unwrap_or(1);
        let reading = memory.reading.load(Ordering::Relaxed) / threads;
        let work = start.elapsed().saturating_sub(Duration::from_nanos(reading));
        let bytes =
            writes.0.iter().map(|(key, node)| key.len() + node.as_ref().map_or(0, Vec::len));
        let cost = (work, memory.reads.load(Ordering::Relaxed), writes.0.len(), bytes.sum());
        best = Some(best.map_or(cost, |best| best.min(cost)));
        memory.commit(writes);
    }
    if let Some((work, reads, writes, bytes)) = best {
        let each = work / u32::try_from(size).unwrap_or(u32::MAX);
        println!(
            "{size:>6} {kind:<10} {reads:>8}{writes:>8}{:>6}k  {:<7}  {:.2?}",
            bytes / 1000,
            format!("{work:.1?}"),
            each
        );
    }
    Ok(())
}
