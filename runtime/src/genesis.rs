//! Block 0: the accounts with which a chain begins.

use std::collections::BTreeMap;

use alloy_eips::eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use mokka_types::Term;
use revm::state::Bytecode;

use crate::{
    builder::body,
    executed::{Block, Executed},
    execution::Fatal,
    header::blank,
    spec::{ChainSpec, MIN_BLOCK_BYTES},
    stamp::{Plan, Stamp},
    state::{Account, StateChanges, StateError, StateReader, TreeReader},
    system::{self, SystemRules},
    tree,
};

/// Why a chain cannot begin like this: the author of the genesis file is at fault.
#[derive(Clone, Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum GenesisError {
    /// EIP-161 would delete it, and its storage with it.
    #[error(
        "alloc {address} has storage but neither balance, nonce nor code; give it a nonce of 1"
    )]
    StorageWithoutAccount { address: Address },
    /// Code that no transaction could deploy, and that the machine cannot run.
    #[error("alloc {address} has code that cannot be executed: {reason}")]
    Code { address: Address, reason: String },
    /// More money than a balance can hold could come together in one account.
    #[error("the balances of alloc together do not fit into 256 bits; lower them")]
    SupplyOverflow,
    /// The milliseconds of the stamp would not fit.
    #[error("timestamp {timestamp} is too far in the future; it is in seconds since 1970")]
    Timestamp { timestamp: u64 },
    /// Hardly a transaction would fit.
    #[error("maxBlockBytes is {found}; it must be at least {MIN_BLOCK_BYTES}")]
    BlockBytes { found: usize },
    /// Our own node is at fault.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// Builds block 0 and the state after it. The EIP-2935 history contract is put in unless `alloc`
/// says what stands at its address; empty accounts of `alloc` are left out. With `system` the chain
/// has members, who can change it.
pub fn genesis_block(
    spec: &ChainSpec,
    alloc: &BTreeMap<Address, GenesisAccount>,
    system: Option<&SystemRules>,
    timestamp: u64,
) -> Result<Executed, GenesisError> {
    if spec.max_block_bytes < MIN_BLOCK_BYTES {
        return Err(GenesisError::BlockBytes { found: spec.max_block_bytes });
    }
    let ms = timestamp.checked_mul(1_000).ok_or(GenesisError::Timestamp { timestamp })?;
    let mut changes = StateChanges::default();
    let mut supply = U256::ZERO;
    for (address, account) in alloc {
        supply = supply.checked_add(account.balance).ok_or(GenesisError::SupplyOverflow)?;
        put(&mut changes, *address, account)?;
    }
    if !alloc.contains_key(&HISTORY_STORAGE_ADDRESS) {
        put(&mut changes, HISTORY_STORAGE_ADDRESS, &history_contract())?;
    }
    let system = system.map(system::accounts).transpose();
    for (address, account) in system.map_err(fault)?.into_iter().flatten() {
        put(&mut changes, address, &account)?;
    }
    let (state_root, tree) = tree::apply(&Nothing, &Nothing, &changes).map_err(Fatal::State)?;
    let stamp = Stamp { term: Term::new(0), ms };
    let mut header = blank(spec, Plan { stamp, beneficiary: Address::ZERO });
    header.state_root = state_root;
    let hash = header.hash_slow();
    let block = Block::new(header, body(Vec::new()));
    Ok(Executed { block, hash, senders: Vec::new(), receipts: Vec::new(), changes, tree })
}

/// A key of the rules that is no key was refused when they were checked.
fn fault(stop: system::Stop) -> GenesisError {
    Fatal::State(system::fault(stop)).into()
}

fn history_contract() -> GenesisAccount {
    GenesisAccount {
        nonce: Some(1),
        code: Some(HISTORY_STORAGE_CODE.clone()),
        ..GenesisAccount::default()
    }
}

fn put(
    changes: &mut StateChanges,
    address: Address,
    account: &GenesisAccount,
) -> Result<(), GenesisError> {
    let code = account.code.clone().unwrap_or_default();
    let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
    let basics =
        Account { nonce: account.nonce.unwrap_or_default(), balance: account.balance, code_hash };
    let slots = account.storage.iter().flatten().filter(|(_, value)| !value.is_zero());
    if basics == Account::default() {
        return match slots.count() {
            0 => Ok(()),
            _ => Err(GenesisError::StorageWithoutAccount { address }),
        };
    }
    changes.storage.extend(slots.map(|(slot, value)| ((address, (*slot).into()), (*value).into())));
    changes.accounts.insert(address, Some(basics));
    if !code.is_empty() {
        Bytecode::new_raw_checked(code.clone())
            .map_err(|error| GenesisError::Code { address, reason: error.to_string() })?;
        changes.code.insert(code_hash, code);
    }
    Ok(())
}

/// The state before block 0.
struct Nothing;

impl StateReader for Nothing {
    fn account(&self, _: Address) -> Result<Option<Account>, StateError> {
        Ok(None)
    }

    fn storage(&self, _: Address, _: U256) -> Result<U256, StateError> {
        Ok(U256::ZERO)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, StateError> {
        Err(StateError(format!("code {code_hash} is asked for before block 0")))
    }

    fn block_hash(&self, _: u64) -> Result<Option<B256>, StateError> {
        Ok(None)
    }
}

impl TreeReader for Nothing {
    fn node(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }
}
