//! What the pool must know of the chain, of the sender, and of its own bounds.

use std::time::Duration;

use alloy_primitives::U256;
use mokka_runtime::system::Allowance;

/// The rules of the chain that decide whether a transaction can ever be valid, and what this node
/// asks beyond them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The chain that transactions must name (EIP-155).
    pub chain_id: u64,
    /// Gas that a block may use.
    pub block_gas_limit: u64,
    /// The base fee of the next block.
    pub base_fee: u64,
    /// The least tip per gas that this node accepts.
    pub min_tip: u128,
    /// The largest encoding of a transaction, in bytes. Not a rule of the chain: it protects the
    /// pool and the network.
    pub max_transaction_bytes: usize,
    /// Whether this node takes transactions over RPC that name no chain.
    pub replay_protection: ReplayProtection,
}

impl Rules {
    /// geth's limit for a transaction outside a block: four slots of 32 KiB.
    pub const DEFAULT_MAX_TRANSACTION_BYTES: usize = 128 << 10;

    /// The rules of a chain, with this node's own demands at their defaults.
    pub const fn new(chain_id: u64, block_gas_limit: u64, base_fee: u64) -> Self {
        Self {
            chain_id,
            block_gas_limit,
            base_fee,
            min_tip: 0,
            max_transaction_bytes: Self::DEFAULT_MAX_TRANSACTION_BYTES,
            replay_protection: ReplayProtection::Required,
        }
    }
}

/// What to do with transactions from before EIP-155, which can be replayed on any chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplayProtection {
    /// Refuse them over RPC, as geth does. Those that a peer admitted are valid and pass.
    #[default]
    Required,
    /// Accept them: tools that deploy with a key of nobody need it.
    Optional,
}

/// How a transaction came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// By gossip. May be evicted for a better one.
    Remote,
    /// Over the RPC of this node, which told its sender that it is in: never evicted while it is
    /// ready.
    Local,
}

/// The sender of a transaction on the committed state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderAccount {
    /// The nonce of its next transaction.
    pub nonce: u64,
    /// What it can spend.
    pub balance: U256,
    /// What lies in its code.
    pub code: SenderCode,
    /// What the chain lets it do.
    pub allowance: Allowance,
}

/// What lies in the code of a sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenderCode {
    /// Nothing.
    #[default]
    Empty,
    /// An EIP-7702 delegation: it may send.
    Delegation,
    /// A contract. It may not send, even if somebody holds its key (EIP-3607).
    Contract,
}

/// How much the pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Transactions, ready and queued.
    pub transactions: usize,
    /// Bytes of their encodings.
    pub bytes: usize,
    /// Transactions of one sender.
    pub per_sender: usize,
    /// Queued transactions: a part of `transactions`, so that nonces ahead of time cannot fill the
    /// pool.
    pub queued: usize,
    /// Bytes of queued transactions: a part of `bytes`, for the same reason.
    pub queued_bytes: usize,
    /// How long a queued transaction waits for the nonce or the funds that it lacks.
    pub queued_lifetime: Duration,
}

impl Default for Limits {
    /// 50,000 transactions and 64 MiB, 512 per sender; a fifth may be queued; three hours as in
    /// geth.
    fn default() -> Self {
        Self {
            transactions: 50_000,
            bytes: 64 << 20,
            per_sender: 512,
            queued: 10_000,
            queued_bytes: (64 << 20) / 5,
            queued_lifetime: Duration::from_secs(3 * 60 * 60),
        }
    }
}
