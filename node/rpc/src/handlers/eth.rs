//! `eth_`: each method, and where its work is done.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind};
use alloy_rpc_types_eth::state::StateOverride;
use alloy_rpc_types_eth::{
    Block, BlockOverrides, FeeHistory, Filter, Index, Log, SyncStatus, Transaction,
    TransactionReceipt, TransactionRequest,
};
use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::core::{RpcResult, SubscriptionResult as Accepted, async_trait};

use super::Handlers;
use super::calls::Asked;
use super::fees::BLOB_BASE_FEE;
use crate::api::EthApiServer;
use crate::api::params::BlockCount;
use crate::error::RpcError;

#[async_trait]
impl EthApiServer for Handlers {
    fn chain_id(&self) -> RpcResult<U64> {
        Ok(U64::from(self.identity.chain_id))
    }

    fn block_number(&self) -> RpcResult<U64> {
        Ok(U64::from(self.node.chain.head().number))
    }

    fn accounts(&self) -> RpcResult<Vec<Address>> {
        Ok(Vec::new())
    }

    fn syncing(&self) -> RpcResult<SyncStatus> {
        Ok(self.node.consensus.sync())
    }

    fn coinbase(&self) -> RpcResult<Address> {
        let none = || RpcError::Halted("this node makes no blocks, so it has no address".into());
        Ok(self.node.consensus.status().address.ok_or_else(none)?)
    }

    fn protocol_version(&self) -> RpcResult<U64> {
        Ok(U64::from(self.node.consensus.status().protocol_version))
    }

    async fn block_by_number(
        &self,
        number: BlockNumberOrTag,
        full: Option<bool>,
    ) -> RpcResult<Option<Block>> {
        Ok(self.read_block(number.into(), full.into()).await?)
    }

    async fn block_by_hash(&self, hash: B256, full: Option<bool>) -> RpcResult<Option<Block>> {
        Ok(self.read_block(hash.into(), full.into()).await?)
    }

    async fn transaction_count_by_number(
        &self,
        number: BlockNumberOrTag,
    ) -> RpcResult<Option<U64>> {
        Ok(self.read_transaction_count(number.into()).await?.map(U64::from))
    }

    async fn transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        Ok(self.read_transaction_count(hash.into()).await?.map(U64::from))
    }

    async fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<TransactionReceipt>>> {
        Ok(self.read_block_receipts(block).await?)
    }

    async fn uncle_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>> {
        Ok(self.read_transaction_count(number.into()).await?.map(|_| U64::ZERO))
    }

    async fn uncle_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        Ok(self.read_transaction_count(hash.into()).await?.map(|_| U64::ZERO))
    }

    fn uncle_by_number(&self, _: BlockNumberOrTag, _: Index) -> RpcResult<Option<Block>> {
        Ok(None)
    }

    fn uncle_by_hash(&self, _: B256, _: Index) -> RpcResult<Option<Block>> {
        Ok(None)
    }

    async fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<Transaction>> {
        Ok(self.read_transaction(hash).await?)
    }

    async fn transaction_by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: Index,
    ) -> RpcResult<Option<Transaction>> {
        Ok(self.read_transaction_at(number.into(), index.into()).await?)
    }

    async fn transaction_by_hash_and_index(
        &self,
        hash: B256,
        index: Index,
    ) -> RpcResult<Option<Transaction>> {
        Ok(self.read_transaction_at(hash.into(), index.into()).await?)
    }

    async fn receipt(&self, hash: B256) -> RpcResult<Option<TransactionReceipt>> {
        Ok(self.read_receipt(hash).await?)
    }

    async fn nonce(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64> {
        Ok(U64::from(self.read_nonce(address, block).await?))
    }

    async fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256> {
        let read = self.read_state(block, move |state| Ok(state.account(address)?.balance));
        Ok(read.await?)
    }

    async fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes> {
        Ok(self.read_state(block, move |state| Ok(state.code(address)?)).await?)
    }

    async fn storage(
        &self,
        address: Address,
        slot: U256,
        block: Option<BlockId>,
    ) -> RpcResult<B256> {
        let read = self.read_state(block, move |state| Ok(state.storage(address, slot)?));
        Ok(B256::from(read.await?))
    }

    async fn call(
        &self,
        transaction: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
        block_overrides: Option<Box<BlockOverrides>>,
    ) -> RpcResult<Bytes> {
        let asked = Asked { transaction, block, state_overrides, block_overrides };
        Ok(self.run_call(asked).await?)
    }

    async fn estimate_gas(
        &self,
        transaction: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
        block_overrides: Option<Box<BlockOverrides>>,
    ) -> RpcResult<U64> {
        let asked = Asked { transaction, block, state_overrides, block_overrides };
        Ok(U64::from(self.run_estimate(asked).await?))
    }

    async fn gas_price(&self) -> RpcResult<U256> {
        Ok(self.suggest_price().await?)
    }

    async fn tip(&self) -> RpcResult<U256> {
        Ok(U256::from(self.suggest_tip().await?))
    }

    async fn fee_history(
        &self,
        count: BlockCount,
        newest: BlockNumberOrTag,
        percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory> {
        Ok(self.read_fee_history(count.0, newest, percentiles).await?)
    }

    fn blob_base_fee(&self) -> RpcResult<U256> {
        Ok(U256::from(BLOB_BASE_FEE))
    }

    async fn send_raw_transaction(&self, raw: Bytes) -> RpcResult<B256> {
        Ok(self.node.pool.submit(raw).await.map_err(RpcError::from)?)
    }

    async fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>> {
        Ok(self.read_logs(filter).await?)
    }

    async fn subscribe_to(
        &self,
        pending: PendingSubscriptionSink,
        kind: SubscriptionKind,
        params: Option<Params>,
    ) -> Accepted {
        self.serve_subscription(pending, kind, params).await
    }
}
