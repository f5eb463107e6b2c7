//! Why a transaction does not enter the pool.

use alloy_primitives::{Address, B256, U256, U512};

/// Each rule has its own refusal. The words are geth's where geth has words: clients compare them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The same transaction is here.
    #[error("already known")]
    AlreadyKnown,
    /// A type that this chain does not execute.
    #[error(
        "transaction type not supported: blob transactions (type {ty}) are not part of this chain"
    )]
    TypeNotSupported {
        /// The EIP-2718 type.
        ty: u8,
    },
    /// Larger than the pool and the network carry.
    #[error("oversized data: transaction size {size}, limit {limit}")]
    Oversized {
        /// Its encoded length.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The code of a creation is too long (EIP-3860).
    #[error("max initcode size exceeded: code size {size} limit {limit}")]
    InitCodeTooLarge {
        /// Its length.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
    /// More gas than a transaction may have (EIP-7825).
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    GasLimitTooHigh {
        /// Its gas limit.
        gas: u64,
        /// The most allowed.
        cap: u64,
    },
    /// More gas than a block has.
    #[error("exceeds block gas limit: gas {gas}, block gas limit {limit}")]
    ExceedsBlockGasLimit {
        /// Its gas limit.
        gas: u64,
        /// The block's gas limit.
        limit: u64,
    },
    /// The tip is part of the fee and cannot exceed it.
    #[error(
        "max priority fee per gas higher than max fee per gas: address {sender}, \
         maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee_cap}"
    )]
    TipAboveFeeCap {
        /// Who sent it.
        sender: Address,
        /// The most it tips.
        tip: u128,
        /// The most it pays.
        fee_cap: u128,
    },
    /// The signature names nobody.
    #[error("invalid sender: the signature names no account")]
    InvalidSender,
    /// Signed for another chain.
    #[error("invalid sender: invalid chain id for signer: have {found} want {expected}")]
    WrongChain {
        /// The chain it names.
        found: u64,
        /// This chain.
        expected: u64,
    },
    /// Names no chain, and this node demands one over RPC.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// A contract cannot send (EIP-3607).
    #[error("sender not an eoa: address {sender}, codehash: {code_hash}")]
    SenderIsContract {
        /// The contract.
        sender: Address,
        /// The hash of its code.
        code_hash: B256,
    },
    /// No transaction could follow (EIP-2681).
    #[error("nonce has max value: address {sender}, nonce: {nonce}")]
    NonceMax {
        /// Who sent it.
        sender: Address,
        /// Its nonce.
        nonce: u64,
    },
    /// Too little gas even to start.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGas {
        /// Its gas limit.
        gas: u64,
        /// The least that starts it.
        needed: u64,
    },
    /// Too little gas for its data (EIP-7623).
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorGas {
        /// Its gas limit.
        gas: u64,
        /// The least for this much data.
        needed: u64,
    },
    /// An EIP-7702 transaction that authorises nobody.
    #[error("set code tx must have at least one authorization tuple")]
    NoAuthorization,
    /// The tip is below what this node asks.
    #[error("transaction gas price below minimum: gas tip cap {tip}, minimum needed {needed}")]
    TipTooLow {
        /// The most it tips.
        tip: u128,
        /// The least that this node takes.
        needed: u128,
    },
    /// No block of this chain could include it.
    #[error(
        "max fee per gas less than block base fee: address {sender}, maxFeePerGas: {fee_cap}, \
         baseFee: {base_fee}"
    )]
    FeeCapBelowBaseFee {
        /// Who sent it.
        sender: Address,
        /// The most it pays.
        fee_cap: u128,
        /// What every block asks.
        base_fee: u64,
    },
    /// Its nonce was used.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The nonce of the sender's next transaction.
        next: u64,
        /// Its nonce.
        nonce: u64,
    },
    /// The sender cannot pay for it.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, \
         overshot {}",
        cost - U512::from(*balance)
    )]
    InsufficientFunds {
        /// What the sender has.
        balance: U256,
        /// The most it may cost.
        cost: U512,
    },
    /// The sender can pay for it, but not for all that is pending as well.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, queued cost {pending}, \
         tx cost {cost}, overshot {}",
        U512::from(*pending) + U512::from(*cost) - U512::from(*balance)
    )]
    InsufficientFundsForAll {
        /// What the sender has.
        balance: U256,
        /// What its pending transactions may cost, without the one that this would replace.
        pending: U256,
        /// The most it may cost.
        cost: U256,
    },
    /// One sender has too many transactions here.
    #[error("account limit exceeded: pooled {pooled} txs")]
    AccountLimit {
        /// How many it has.
        pooled: usize,
    },
    /// Another transaction has this nonce, and this one does not pay enough more.
    #[error(
        "replacement transaction underpriced: fee cap {fee_cap} and tip {tip}, \
         minimum needed {needed_fee_cap} and {needed_tip}"
    )]
    ReplacementUnderpriced {
        /// The most it pays.
        fee_cap: u128,
        /// The most it tips.
        tip: u128,
        /// The least fee cap that replaces.
        needed_fee_cap: u128,
        /// The least tip that replaces.
        needed_tip: u128,
    },
    /// The pool is full of transactions that pay more.
    #[error("transaction underpriced: tip {tip}, the lowest here is {lowest}")]
    Underpriced {
        /// What it pays the proposer per gas.
        tip: u128,
        /// What the cheapest transaction that could make room pays.
        lowest: u128,
    },
    /// The pool is full, and nothing in it may make room.
    #[error("txpool is full: {transactions} transactions, {bytes} bytes; send it again later")]
    Full {
        /// How many are here.
        transactions: usize,
        /// Their encoded length.
        bytes: usize,
    },
}

/// Whose doing a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It can never be in a block of this chain, or no honest node relays it: whoever does is at
    /// fault.
    Invalid,
    /// The account's state forbids it now: honest nodes may relay it a moment too late or too
    /// early.
    Account,
    /// It is valid, but this pool has it or has no place for it.
    Pool,
}

impl Refusal {
    /// A short stable name, to count refusals by.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyKnown => "already_known",
            Self::TypeNotSupported { .. } => "type_not_supported",
            Self::Oversized { .. } => "oversized",
            Self::InitCodeTooLarge { .. } => "init_code_too_large",
            Self::GasLimitTooHigh { .. } => "gas_limit_too_high",
            Self::ExceedsBlockGasLimit { .. } => "exceeds_block_gas_limit",
            Self::TipAboveFeeCap { .. } => "tip_above_fee_cap",
            Self::InvalidSender => "invalid_sender",
            Self::WrongChain { .. } => "wrong_chain",
            Self::Unprotected => "unprotected",
            Self::SenderIsContract { .. } => "sender_is_contract",
            Self::NonceMax { .. } => "nonce_max",
            Self::IntrinsicGas { .. } => "intrinsic_gas",
            Self::FloorGas { .. } => "floor_gas",
            Self::NoAuthorization => "no_authorization",
            Self::TipTooLow { .. } => "tip_too_low",
            Self::FeeCapBelowBaseFee { .. } => "fee_cap_below_base_fee",
            Self::NonceTooLow { .. } => "nonce_too_low",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::InsufficientFundsForAll { .. } => "insufficient_funds_for_all",
            Self::AccountLimit { .. } => "account_limit",
            Self::ReplacementUnderpriced { .. } => "replacement_underpriced",
            Self::Underpriced { .. } => "underpriced",
            Self::Full { .. } => "full",
        }
    }

    /// Whose doing it is.
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::TypeNotSupported { .. }
            | Self::Oversized { .. }
            | Self::InitCodeTooLarge { .. }
            | Self::GasLimitTooHigh { .. }
            | Self::ExceedsBlockGasLimit { .. }
            | Self::TipAboveFeeCap { .. }
            | Self::InvalidSender
            | Self::WrongChain { .. }
            | Self::NonceMax { .. }
            | Self::IntrinsicGas { .. }
            | Self::FloorGas { .. }
            | Self::NoAuthorization
            | Self::FeeCapBelowBaseFee { .. } => RefusalKind::Invalid,
            Self::SenderIsContract { .. }
            | Self::NonceTooLow { .. }
            | Self::InsufficientFunds { .. }
            | Self::InsufficientFundsForAll { .. } => RefusalKind::Account,
            Self::AlreadyKnown
            | Self::Unprotected
            | Self::TipTooLow { .. }
            | Self::AccountLimit { .. }
            | Self::ReplacementUnderpriced { .. }
            | Self::Underpriced { .. }
            | Self::Full { .. } => RefusalKind::Pool,
        }
    }
}
