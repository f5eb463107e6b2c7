//! `eth_`: Ethereum's own methods.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind, SubscriptionResult};
use alloy_rpc_types_eth::state::StateOverride;
use alloy_rpc_types_eth::{
    Block, BlockOverrides, FeeHistory, Filter, Index, Log, SyncStatus, Transaction,
    TransactionReceipt, TransactionRequest,
};
use jsonrpsee::core::{RpcResult, SubscriptionResult as Accepted};
use jsonrpsee::proc_macros::rpc;

use super::params::BlockCount;

/// `eth_`: Ethereum's own methods.
///
/// A block is a number, a tag, a hash, or an object as in EIP-1898. `latest`, `safe`, `finalized`
/// and `pending` are the newest block: what is in a block is final. A block parameter that is left
/// out is `latest`. A number above the head is an error, or `null` where a block, transaction or
/// receipt is asked for.
#[rpc(server, client, namespace = "eth")]
pub trait EthApi {
    /// What transactions must be signed for.
    #[method(name = "chainId")]
    fn chain_id(&self) -> RpcResult<U64>;

    /// The number of the newest block.
    #[method(name = "blockNumber")]
    fn block_number(&self) -> RpcResult<U64>;

    /// Always empty: this node keeps no accounts for others. Sign in the wallet.
    #[method(name = "accounts")]
    fn accounts(&self) -> RpcResult<Vec<Address>>;

    /// `false`, or how far this node has come if it is behind.
    #[method(name = "syncing")]
    fn syncing(&self) -> RpcResult<SyncStatus>;

    /// Where the rewards of this node's blocks go. An error on a node that makes none.
    #[method(name = "coinbase")]
    fn coinbase(&self) -> RpcResult<Address>;

    /// The version of the protocol that this node speaks with its peers.
    #[method(name = "protocolVersion")]
    fn protocol_version(&self) -> RpcResult<U64>;

    /// A block by number or tag, with full transactions or only their hashes.
    #[method(name = "getBlockByNumber")]
    async fn block_by_number(
        &self,
        number: BlockNumberOrTag,
        full: Option<bool>,
    ) -> RpcResult<Option<Block>>;

    /// A block by hash, with full transactions or only their hashes.
    #[method(name = "getBlockByHash")]
    async fn block_by_hash(&self, hash: B256, full: Option<bool>) -> RpcResult<Option<Block>>;

    /// How many transactions a block has.
    #[method(name = "getBlockTransactionCountByNumber")]
    async fn transaction_count_by_number(&self, number: BlockNumberOrTag)
    -> RpcResult<Option<U64>>;

    /// How many transactions a block has.
    #[method(name = "getBlockTransactionCountByHash")]
    async fn transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>>;

    /// All receipts of a block, in order.
    #[method(name = "getBlockReceipts")]
    async fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<TransactionReceipt>>>;

    /// Always 0: there are no uncles. `null` for a block that does not exist.
    #[method(name = "getUncleCountByBlockNumber")]
    async fn uncle_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>>;

    /// Always 0: there are no uncles. `null` for a block that does not exist.
    #[method(name = "getUncleCountByBlockHash")]
    async fn uncle_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>>;

    /// Always `null`: there are no uncles.
    #[method(name = "getUncleByBlockNumberAndIndex")]
    fn uncle_by_number(&self, number: BlockNumberOrTag, index: Index) -> RpcResult<Option<Block>>;

    /// Always `null`: there are no uncles.
    #[method(name = "getUncleByBlockHashAndIndex")]
    fn uncle_by_hash(&self, hash: B256, index: Index) -> RpcResult<Option<Block>>;

    /// A transaction that is in a block, or waits in this node's pool.
    #[method(name = "getTransactionByHash")]
    async fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<Transaction>>;

    /// A transaction by its place.
    #[method(name = "getTransactionByBlockNumberAndIndex")]
    async fn transaction_by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: Index,
    ) -> RpcResult<Option<Transaction>>;

    /// A transaction by its place.
    #[method(name = "getTransactionByBlockHashAndIndex")]
    async fn transaction_by_hash_and_index(
        &self,
        hash: B256,
        index: Index,
    ) -> RpcResult<Option<Transaction>>;

    /// What became of a transaction: `null` until it is in a block, which is final.
    #[method(name = "getTransactionReceipt")]
    async fn receipt(&self, hash: B256) -> RpcResult<Option<TransactionReceipt>>;

    /// The next nonce of an account. At `pending` it counts what waits in this node's pool.
    #[method(name = "getTransactionCount")]
    async fn nonce(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64>;

    /// In wei.
    #[method(name = "getBalance")]
    async fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256>;

    /// A contract's code, empty for other accounts.
    #[method(name = "getCode")]
    async fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes>;

    /// One storage value of a contract, always 32 bytes.
    #[method(name = "getStorageAt")]
    async fn storage(
        &self,
        address: Address,
        slot: U256,
        block: Option<BlockId>,
    ) -> RpcResult<B256>;

    /// Runs a call on the state after a block, without changing anything. State and block may be
    /// overridden, as in geth.
    #[method(name = "call")]
    async fn call(
        &self,
        transaction: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
        block_overrides: Option<Box<BlockOverrides>>,
    ) -> RpcResult<Bytes>;

    /// The gas a transaction needs, found by search. Fails as the transaction would.
    #[method(name = "estimateGas")]
    async fn estimate_gas(
        &self,
        transaction: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
        block_overrides: Option<Box<BlockOverrides>>,
    ) -> RpcResult<U64>;

    /// A gas price with which a transaction is taken soon: base fee and tip.
    #[method(name = "gasPrice")]
    async fn gas_price(&self) -> RpcResult<U256>;

    /// A tip with which a transaction is taken soon.
    #[method(name = "maxPriorityFeePerGas")]
    async fn tip(&self) -> RpcResult<U256>;

    /// Base fees, fullness and tips of up to 1024 blocks that end with `newest`.
    #[method(name = "feeHistory")]
    async fn fee_history(
        &self,
        count: BlockCount,
        newest: BlockNumberOrTag,
        percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory>;

    /// The price of blob gas. Always 1, its least: this chain has no blobs.
    #[method(name = "blobBaseFee")]
    fn blob_base_fee(&self) -> RpcResult<U256>;

    /// Takes a signed transaction and answers its hash, or says why not.
    #[method(name = "sendRawTransaction")]
    async fn send_raw_transaction(&self, raw: Bytes) -> RpcResult<B256>;

    /// Logs of a block, or of a range of blocks, that match a filter.
    #[method(name = "getLogs")]
    async fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>>;

    /// Over WebSocket: `newHeads`, `logs` with a filter, or `newPendingTransactions` with `true`
    /// for whole transactions. A subscriber that does not keep up loses its subscription, with a
    /// last notification that says so.
    #[subscription(
        name = "subscribe" => "subscription",
        unsubscribe = "unsubscribe",
        item = SubscriptionResult
    )]
    async fn subscribe_to(&self, kind: SubscriptionKind, params: Option<Params>) -> Accepted;
}
