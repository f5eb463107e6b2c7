//! Why a transaction does not enter the pool.

use alloy_primitives::U256;
use mokka_runtime::TxError;

/// Each rule has its own refusal: those of the chain in the runtime's words, and here what only a
/// pool refuses, in geth's words where geth has some, because clients compare them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are no signed transaction.
    #[error("failed to decode signed transaction: {0}")]
    Undecodable(String),
    /// A rule of the chain.
    #[error(transparent)]
    Rule(#[from] TxError),
    /// The same transaction is here.
    #[error("already known")]
    AlreadyKnown,
    /// Names no chain, and this node demands one over RPC.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// The tip is below what this node asks.
    #[error("transaction gas price below minimum: gas tip cap {tip}, minimum needed {needed}")]
    TipTooLow {
        /// The most it tips.
        tip: u128,
        /// The least that this node takes.
        needed: u128,
    },
    /// The sender can pay for it, but not for all that is pending as well.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, queued cost {pending}, \
         tx cost {cost}, overshot {}",
        pending.saturating_add(*cost).saturating_sub(*balance)
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
    /// A name for programs, to match on and to count by: it never changes, the words may.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "undecodable",
            Self::Rule(error) => error.reason(),
            Self::AlreadyKnown => "already_known",
            Self::Unprotected => "unprotected",
            Self::TipTooLow { .. } => "tip_too_low",
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
            Self::Rule(
                TxError::NonceTooLow { .. }
                | TxError::NonceTooHigh { .. }
                | TxError::InsufficientFunds { .. }
                | TxError::SenderHasCode { .. }
                | TxError::NotListed { .. }
                | TxError::NotLevel,
            )
            | Self::InsufficientFundsForAll { .. } => RefusalKind::Account,
            Self::Rule(_) | Self::Undecodable(_) => RefusalKind::Invalid,
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
