//! State and block as a caller of `eth_call` wants them to be.

use alloy_evm::EvmEnv;
use alloy_primitives::{Address, KECCAK256_EMPTY, keccak256};
use alloy_rpc_types_eth::{
    BlockOverrides,
    state::{AccountOverride, StateOverride},
};
use revm::{context_interface::block::BlobExcessGasAndPrice, state::Bytecode};

use crate::{call::CallError, working::Working};

/// Puts the accounts into `working`; returns the precompiles to move, from and to.
pub(crate) fn apply_state(
    overrides: &StateOverride,
    working: &mut Working<'_>,
) -> Result<Vec<(Address, Address)>, CallError> {
    let mut moves = Vec::new();
    for (address, account) in overrides {
        apply_account(*address, account, working)?;
        if let Some(to) = account.move_precompile_to {
            moves.push((*address, to));
        }
    }
    moves.sort_unstable();
    Ok(moves)
}

fn apply_account(
    address: Address,
    wanted: &AccountOverride,
    working: &mut Working<'_>,
) -> Result<(), CallError> {
    if wanted.state.is_some() && wanted.state_diff.is_some() {
        return Err(CallError::StateAndStateDiff { address });
    }
    let mut account = working.account(address)?.unwrap_or_default();
    let code = match &wanted.code {
        Some(code) => {
            account.code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(code) };
            Bytecode::new_raw_checked(code.clone())
                .map_err(|error| CallError::Code { address, reason: error.to_string() })?
        }
        None => working.code_of(&account)?,
    };
    account.nonce = wanted.nonce.unwrap_or(account.nonce);
    account.balance = wanted.balance.unwrap_or(account.balance);
    working.pretend_account(address, account, code);
    if wanted.state.is_some() {
        working.pretend_no_storage(address);
    }
    for (slot, value) in wanted.state.iter().chain(&wanted.state_diff).flatten() {
        working.pretend_storage(address, (*slot).into(), (*value).into());
    }
    Ok(())
}

/// Changes the block in which the call finds itself.
pub(crate) fn apply_block(
    wanted: &BlockOverrides,
    environment: &mut EvmEnv,
    working: &mut Working<'_>,
) {
    let block = &mut environment.block_env;
    block.number = wanted.number.unwrap_or(block.number);
    block.difficulty = wanted.difficulty.unwrap_or(block.difficulty);
    block.timestamp = wanted.time.map_or(block.timestamp, alloy_primitives::U256::from);
    block.gas_limit = wanted.gas_limit.unwrap_or(block.gas_limit);
    block.beneficiary = wanted.coinbase.unwrap_or(block.beneficiary);
    block.prevrandao = wanted.random.or(block.prevrandao);
    block.basefee = wanted.base_fee.map_or(block.basefee, |fee| fee.saturating_to());
    if let Some(price) = wanted.blob_base_fee {
        block.blob_excess_gas_and_price = Some(BlobExcessGasAndPrice {
            excess_blob_gas: 0,
            blob_gasprice: price.saturating_to(),
        });
    }
    for (number, hash) in wanted.block_hash.iter().flatten() {
        working.pretend_hash(*number, *hash);
    }
}
