//! Transactions that wait.

use std::sync::Arc;

use alloy_consensus::TxEnvelope;
use alloy_consensus::transaction::Recovered;
use alloy_primitives::{Address, B256, U256};
use tokio::sync::broadcast;

use super::Answer;

/// A transaction in the pool, with its sender.
pub type PendingTransaction = Arc<Recovered<TxEnvelope>>;

/// Why a transaction is not taken: geth's words where geth has them, because tools match on them,
/// then what to do. [`TxRefusal::reason`] is a stable name for each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TxRefusal {
    /// It is in the pool already.
    #[error("already known")]
    AlreadyKnown,
    /// It is in a block, or another one with its nonce is.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The next nonce of the sender.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// Too far ahead of what the sender sent so far.
    #[error("nonce too high: next nonce {next}, tx nonce {nonce}; send the ones between first")]
    NonceTooHigh {
        /// The next nonce of the sender.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// The sender cannot pay for it.
    #[error("insufficient funds for gas * price + value: have {balance} want {cost}")]
    InsufficientFunds {
        /// What the sender has.
        balance: U256,
        /// What it could cost.
        cost: U256,
    },
    /// Less gas than the transaction costs before any code runs.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {minimum}")]
    IntrinsicGasTooLow {
        /// The transaction's gas limit.
        gas: u64,
        /// What it needs at least.
        minimum: u64,
    },
    /// More gas than its call data costs at least (EIP-7623).
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {minimum}")]
    FloorGasTooLow {
        /// The transaction's gas limit.
        gas: u64,
        /// What it needs at least.
        minimum: u64,
    },
    /// More gas than a block has.
    #[error("exceeds block gas limit: gas {gas}, limit {limit}")]
    ExceedsBlockGasLimit {
        /// The transaction's gas limit.
        gas: u64,
        /// The block's.
        limit: u64,
    },
    /// More gas than one transaction may have (EIP-7825).
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    GasLimitTooHigh {
        /// The transaction's gas limit.
        gas: u64,
        /// The most one may have.
        cap: u64,
    },
    /// Pays less than the base fee.
    #[error("max fee per gas less than block base fee: maxFeePerGas: {fee}, baseFee: {base_fee}")]
    FeeBelowBaseFee {
        /// What it pays at most.
        fee: u128,
        /// What a block asks for.
        base_fee: u64,
    },
    /// A tip above what it pays in all.
    #[error(
        "max priority fee per gas higher than max fee per gas: \
         maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee}"
    )]
    TipAboveFee {
        /// The tip.
        tip: u128,
        /// What it pays at most.
        fee: u128,
    },
    /// Pays less than this node asks for.
    #[error("transaction underpriced: gas tip cap {tip}, minimum needed {minimum}")]
    Underpriced {
        /// The tip it pays.
        tip: u128,
        /// The lowest this node takes.
        minimum: u128,
    },
    /// Another transaction with its nonce waits, and this one does not pay enough more.
    #[error("replacement transaction underpriced: raise both fees by at least {percent} %")]
    ReplacementUnderpriced {
        /// How much more a replacement must pay.
        percent: u32,
    },
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {found} want {expected}")]
    WrongChain {
        /// What it was signed for.
        found: u64,
        /// This chain's.
        expected: u64,
    },
    /// Its signature belongs to no key.
    #[error("invalid sender: {0}")]
    InvalidSender(String),
    /// Signed before EIP-155: valid on every chain, so anybody could replay it here.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    NotReplayProtected,
    /// A kind this chain does not have.
    #[error("transaction type not supported: {0}")]
    TypeNotSupported(String),
    /// More bytes than allowed.
    #[error("oversized data: transaction size {size}, limit {limit}")]
    Oversized {
        /// Its bytes.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
    /// Creates a contract with more code than allowed (EIP-3860).
    #[error("max initcode size exceeded: code size {size}, limit {limit}")]
    InitCodeTooLarge {
        /// Its bytes.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
    /// Its sender is a contract (EIP-3607).
    #[error("sender not an eoa: address {0} has code")]
    SenderNotEoa(Address),
    /// An EIP-7702 transaction that authorizes nobody.
    #[error("EIP-7702 transaction with empty auth list")]
    EmptyAuthorizationList,
    /// The sender has too many waiting.
    #[error("account limit exceeded: {limit} transactions of {sender} wait; send more later")]
    SenderLimit {
        /// Who.
        sender: Address,
        /// The most that may wait.
        limit: usize,
    },
    /// No room, and this one does not pay more than the ones that wait.
    #[error("txpool is full: {limit} transactions wait; raise the tip or send again later")]
    PoolFull {
        /// The most that may wait.
        limit: usize,
    },
    /// The chain's permissions forbid it.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// This node cannot take transactions now: it starts, stops, or is overloaded.
    #[error("this node takes no transactions now: {0}; send again later or to another node")]
    Unavailable(String),
    /// Any other rule.
    #[error("{0}")]
    Other(String),
}

impl TxRefusal {
    /// A name for programs: it never changes, the text may.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyKnown => "alreadyKnown",
            Self::NonceTooLow { .. } => "nonceTooLow",
            Self::NonceTooHigh { .. } => "nonceTooHigh",
            Self::InsufficientFunds { .. } => "insufficientFunds",
            Self::IntrinsicGasTooLow { .. } => "intrinsicGasTooLow",
            Self::FloorGasTooLow { .. } => "floorGasTooLow",
            Self::ExceedsBlockGasLimit { .. } => "exceedsBlockGasLimit",
            Self::GasLimitTooHigh { .. } => "gasLimitTooHigh",
            Self::FeeBelowBaseFee { .. } => "feeBelowBaseFee",
            Self::TipAboveFee { .. } => "tipAboveFee",
            Self::Underpriced { .. } => "underpriced",
            Self::ReplacementUnderpriced { .. } => "replacementUnderpriced",
            Self::WrongChain { .. } => "wrongChain",
            Self::InvalidSender(_) => "invalidSender",
            Self::NotReplayProtected => "notReplayProtected",
            Self::TypeNotSupported(_) => "typeNotSupported",
            Self::Oversized { .. } => "oversized",
            Self::InitCodeTooLarge { .. } => "initCodeTooLarge",
            Self::SenderNotEoa(_) => "senderNotEoa",
            Self::EmptyAuthorizationList => "emptyAuthorizationList",
            Self::SenderLimit { .. } => "senderLimit",
            Self::PoolFull { .. } => "poolFull",
            Self::NotPermitted(_) => "notPermitted",
            Self::Unavailable(_) => "unavailable",
            Self::Other(_) => "other",
        }
    }
}

/// The pool of transactions, owned by a task of the node.
pub trait TxPool: Send + Sync + 'static {
    /// Recovers the sender, checks everything, and keeps the transaction or says why not.
    fn submit(&self, transaction: TxEnvelope) -> Answer<'_, Result<B256, TxRefusal>>;
    /// The nonce after those of this sender that wait without a gap, or `None` if none waits.
    fn pending_nonce(&self, sender: Address) -> Answer<'_, Option<u64>>;
    /// A transaction that waits.
    fn pending_transaction(&self, hash: B256) -> Answer<'_, Option<PendingTransaction>>;
    /// Every transaction that the pool takes from now on. A receiver that falls behind is told so.
    fn arrivals(&self) -> broadcast::Receiver<PendingTransaction>;
}
