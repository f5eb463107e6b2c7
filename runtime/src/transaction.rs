//! Why a transaction cannot be in a block, and the rules that need no state to judge it.

use alloy_consensus::{Transaction, TxEnvelope};
use alloy_eips::eip2718::EIP4844_TX_TYPE_ID;
use alloy_evm::EvmEnv;
use alloy_primitives::{Address, U256, U512};
use alloy_rlp::Encodable;
use revm::{
    Context, MainContext,
    context::TxEnv,
    context_interface::{Cfg, result::InvalidTransaction},
    database_interface::EmptyDB,
    handler::validation::{validate_initial_tx_gas, validate_tx_env},
};

use crate::{
    evm::{FORK, tx_env},
    spec::{ChainSpec, TX_GAS_LIMIT_CAP},
    system::{CONTRACTS, MEMBERS, NotListed},
};

/// Why a transaction cannot be executed: whoever sent it is at fault, or it came at a bad moment.
///
/// The pool refuses by the same words, and the RPC hands them on. Where geth has words, these are
/// they: tools match on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum TxError {
    /// A type that this chain does not execute.
    #[error(
        "transaction type not supported: {}; this chain takes legacy transactions and types 1, 2 \
         and 4",
        name_of(*ty)
    )]
    TypeNotSupported { ty: u8 },
    /// The signature belongs to no key, or has the high `s` that EIP-2 forbids.
    #[error("invalid sender: the signature names no account")]
    InvalidSender,
    /// Signed for another chain (EIP-155).
    #[error("invalid sender: invalid chain id for signer: have {found} want {expected}")]
    WrongChain { found: u64, expected: u64 },
    /// EIP-7825.
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas_limit})")]
    GasLimitOverCap { gas_limit: u64, cap: u64 },
    /// It fits into no block.
    #[error("exceeds block gas limit: gas {gas_limit}, block gas limit {block_gas_limit}")]
    GasLimitOverBlock { gas_limit: u64, block_gas_limit: u64 },
    /// It does not fit into this block any more.
    #[error("gas limit reached: have {left}, want {gas_limit}")]
    NoGasLeft { gas_limit: u64, left: u64 },
    /// It does not fit into this block any more.
    #[error("block is full: {left} bytes are left, the transaction has {size}")]
    NoBytesLeft { size: usize, left: usize },
    /// It fits into no block, or is larger than pools and the network carry.
    #[error("oversized data: transaction size {size}, limit {limit}")]
    TooLarge { size: usize, limit: usize },
    /// The sender used this nonce before.
    #[error("nonce too low: next nonce {expected}, tx nonce {found}")]
    NonceTooLow { found: u64, expected: u64 },
    /// Transactions before this one are missing.
    #[error("nonce too high: next nonce {expected}, tx nonce {found}")]
    NonceTooHigh { found: u64, expected: u64 },
    /// No nonce would follow (EIP-2681).
    #[error("nonce has max value: no transaction could follow it")]
    NonceMax,
    /// The sender cannot pay.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, \
         overshot {}",
        cost.saturating_sub(U512::from(*balance))
    )]
    InsufficientFunds { balance: U256, cost: U512 },
    /// `gas * price + value` is beyond 256 bits.
    #[error("insufficient funds for gas * price + value: the cost exceeds 256 bits")]
    CostOverflow,
    /// The base fee is not met.
    #[error(
        "max fee per gas less than block base fee: maxFeePerGas: {max_fee}, baseFee: {base_fee}"
    )]
    FeeBelowBaseFee { max_fee: u128, base_fee: u64 },
    /// EIP-1559.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, \
         maxFeePerGas: {max_fee}"
    )]
    TipAboveMaxFee { tip: u128, max_fee: u128 },
    /// The gas limit does not pay for the transaction itself.
    #[error("intrinsic gas too low: gas {gas_limit}, minimum needed {required}")]
    IntrinsicGas { gas_limit: u64, required: u64 },
    /// EIP-7623.
    #[error("insufficient gas for floor data gas cost: gas {gas_limit}, minimum needed {required}")]
    FloorGas { gas_limit: u64, required: u64 },
    /// EIP-3860.
    #[error("max initcode size exceeded: code size {size}, limit {limit}")]
    InitCodeTooLarge { size: usize, limit: usize },
    /// EIP-3607.
    #[error("sender not an eoa: address {sender} has code")]
    SenderHasCode { sender: Address },
    /// EIP-7702.
    #[error("set code tx must have at least one authorization tuple")]
    EmptyAuthorizationList,
    /// The chain lets only listed accounts do this.
    #[error("{}", not_listed(*sender, *refusal))]
    NotListed { sender: Address, refusal: NotListed },
    /// It announces validators of whom too few are connected and level (§9): it waits.
    #[error("too few of the validators that it announces are connected and level; it waits")]
    NotLevel,
    /// A rule for which there is no name here yet.
    #[error("invalid transaction: {0}")]
    Other(String),
}

/// The type as its users call it.
fn name_of(ty: u8) -> String {
    match ty {
        EIP4844_TX_TYPE_ID => "blob transactions (EIP-4844, type 3)".to_owned(),
        _ => format!("type {ty}"),
    }
}

/// Which list, and whom to ask.
fn not_listed(sender: Address, refusal: NotListed) -> String {
    let NotListed { list, ask } = refusal;
    let what = match list {
        CONTRACTS => "create contracts on",
        _ => "send transactions to",
    };
    let ask = match ask {
        Some(account) => format!("ask {account}, who manages it, for its setEnabled"),
        None => format!("ask the members for setRole of {MEMBERS}"),
    };
    format!("{sender} may not {what} this chain: it is not on the allow list {list}; {ask}")
}

impl TxError {
    /// A name for programs: it never changes, the words may.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TypeNotSupported { .. } => "type_not_supported",
            Self::InvalidSender => "invalid_sender",
            Self::WrongChain { .. } => "wrong_chain",
            Self::GasLimitOverCap { .. } => "gas_limit_too_high",
            Self::GasLimitOverBlock { .. } => "exceeds_block_gas_limit",
            Self::NoGasLeft { .. } => "no_gas_left",
            Self::NoBytesLeft { .. } => "no_bytes_left",
            Self::TooLarge { .. } => "oversized",
            Self::NonceTooLow { .. } => "nonce_too_low",
            Self::NonceTooHigh { .. } => "nonce_too_high",
            Self::NonceMax => "nonce_max",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::CostOverflow => "cost_overflow",
            Self::FeeBelowBaseFee { .. } => "fee_cap_below_base_fee",
            Self::TipAboveMaxFee { .. } => "tip_above_fee_cap",
            Self::IntrinsicGas { .. } => "intrinsic_gas",
            Self::FloorGas { .. } => "floor_gas",
            Self::InitCodeTooLarge { .. } => "init_code_too_large",
            Self::SenderHasCode { .. } => "sender_is_contract",
            Self::EmptyAuthorizationList => "no_authorization",
            Self::NotListed { .. } => "not_listed",
            Self::NotLevel => "not_level",
            Self::Other(_) => "other",
        }
    }

    /// Whether the same transaction may be valid in a later block, without any change to it.
    pub fn may_pass_later(&self) -> bool {
        match self {
            Self::NoGasLeft { .. }
            | Self::NoBytesLeft { .. }
            | Self::NonceTooHigh { .. }
            | Self::InsufficientFunds { .. }
            | Self::SenderHasCode { .. }
            | Self::NotListed { .. }
            | Self::NotLevel => true,
            Self::TypeNotSupported { .. }
            | Self::InvalidSender
            | Self::WrongChain { .. }
            | Self::GasLimitOverCap { .. }
            | Self::GasLimitOverBlock { .. }
            | Self::TooLarge { .. }
            | Self::NonceTooLow { .. }
            | Self::NonceMax
            | Self::CostOverflow
            | Self::FeeBelowBaseFee { .. }
            | Self::TipAboveMaxFee { .. }
            | Self::IntrinsicGas { .. }
            | Self::FloorGas { .. }
            | Self::InitCodeTooLarge { .. }
            | Self::EmptyAuthorizationList
            | Self::Other(_) => false,
        }
    }

    /// The words for what `revm` found wrong with `tx`.
    pub(crate) fn from_evm(error: InvalidTransaction, tx: &TxEnv, env: &EvmEnv) -> Self {
        use InvalidTransaction as Invalid;
        let rules = &env.cfg_env;
        match error {
            Invalid::PriorityFeeGreaterThanMaxFee => Self::TipAboveMaxFee {
                tip: tx.gas_priority_fee.unwrap_or_default(),
                max_fee: tx.gas_price,
            },
            Invalid::GasPriceLessThanBasefee => {
                Self::FeeBelowBaseFee { max_fee: tx.gas_price, base_fee: env.block_env.basefee }
            }
            Invalid::CallerGasLimitMoreThanBlock => Self::GasLimitOverBlock {
                gas_limit: tx.gas_limit,
                block_gas_limit: env.block_env.gas_limit,
            },
            Invalid::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
                Self::IntrinsicGas { gas_limit, required: initial_gas }
            }
            Invalid::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
                Self::FloorGas { gas_limit, required: gas_floor }
            }
            Invalid::RejectCallerWithCode => Self::SenderHasCode { sender: tx.caller },
            Invalid::LackOfFundForMaxFee { fee, balance } => {
                Self::InsufficientFunds { balance: *balance, cost: U512::from(*fee) }
            }
            Invalid::OverflowPaymentInTransaction => Self::CostOverflow,
            Invalid::NonceOverflowInTransaction => Self::NonceMax,
            Invalid::NonceTooHigh { tx, state } => {
                Self::NonceTooHigh { found: tx, expected: state }
            }
            Invalid::NonceTooLow { tx, state } => Self::NonceTooLow { found: tx, expected: state },
            Invalid::CreateInitCodeSizeLimit => {
                Self::InitCodeTooLarge { size: tx.data.len(), limit: rules.max_initcode_size() }
            }
            Invalid::InvalidChainId | Invalid::MissingChainId => {
                // Only what nobody signed names no chain, and it is given this one.
                let found = tx.chain_id.unwrap_or_default();
                Self::WrongChain { found, expected: rules.chain_id }
            }
            Invalid::TxGasLimitGreaterThanCap { gas_limit, cap } => {
                Self::GasLimitOverCap { gas_limit, cap }
            }
            Invalid::EmptyAuthorizationList => Self::EmptyAuthorizationList,
            other => Self::Other(other.to_string()),
        }
    }
}

/// Every rule that needs no state: what fails here can never be in a block of this chain.
pub fn check_transaction(spec: &ChainSpec, transaction: &TxEnvelope) -> Result<(), TxError> {
    check_kind(transaction)?;
    let size = transaction.length();
    let limit = spec.max_block_bytes.saturating_sub(crate::spec::HEADER_ROOM);
    if size > limit {
        return Err(TxError::TooLarge { size, limit });
    }
    let header = alloy_consensus::Header {
        gas_limit: spec.gas_limit,
        base_fee_per_gas: Some(spec.base_fee),
        ..alloy_consensus::Header::default()
    };
    let environment = crate::evm::environment(spec, &header);
    // The sender plays no role without state.
    let tx = tx_env(transaction, Address::ZERO);
    check_environment(&tx, &environment)
        .map_err(|error| TxError::from_evm(error, &tx, &environment))
}

/// Refuses by name the types that this chain does not have.
pub(crate) fn check_kind(transaction: &TxEnvelope) -> Result<(), TxError> {
    match transaction {
        TxEnvelope::Eip4844(_) => Err(TxError::TypeNotSupported { ty: EIP4844_TX_TYPE_ID }),
        TxEnvelope::Legacy(_)
        | TxEnvelope::Eip2930(_)
        | TxEnvelope::Eip1559(_)
        | TxEnvelope::Eip7702(_) => Ok(()),
    }
}

fn check_environment(tx: &TxEnv, environment: &EvmEnv) -> Result<(), InvalidTransaction> {
    let context = Context::mainnet()
        .with_db(EmptyDB::default())
        .with_cfg(environment.cfg_env.clone())
        .with_block(environment.block_env.clone())
        .with_tx(tx.clone());
    validate_tx_env(context, FORK)?;
    validate_initial_tx_gas(tx, FORK, false, false, TX_GAS_LIMIT_CAP, None)?;
    Ok(())
}

/// What the sender pays per gas in a block with this base fee.
pub(crate) fn effective_gas_price(transaction: &TxEnvelope, base_fee: u64) -> u128 {
    transaction.effective_gas_price(Some(base_fee))
}
