//! What each method does. One file per subject; `eth.rs` maps methods to them.

mod calls;
mod eth;
mod fees;
mod logs;
mod mokka;
mod reads;
mod subscriptions;
mod workers;

use std::sync::Arc;

use alloy_consensus::{Header, Sealed};
use alloy_eips::{BlockId, BlockNumberOrTag};
use jsonrpsee::RpcModule;

use crate::api::{EthApiServer, MokkaApiServer, NetApiServer, Web3ApiServer};
use crate::config::{Identity, RpcConfig};
use crate::error::RpcError;
use crate::seams::Node;
use workers::Workers;

/// Answers every method. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Handlers {
    node: Node,
    identity: Arc<Identity>,
    config: Arc<RpcConfig>,
    /// For the disk.
    readers: Workers,
    /// For the EVM.
    runners: Workers,
}

impl Handlers {
    pub(crate) fn new(node: Node, identity: Identity, config: Arc<RpcConfig>) -> Self {
        let readers = Workers::new(config.max_reads, config.queue_patience, config.read_timeout);
        let runners = Workers::new(config.max_evm_runs, config.queue_patience, config.evm_timeout);
        Self { node, identity: Arc::new(identity), config, readers, runners }
    }

    /// All methods, to be served.
    pub(crate) fn into_module(self) -> RpcModule<()> {
        let mut module = RpcModule::new(());
        let parts = [
            EthApiServer::into_rpc(self.clone()),
            NetApiServer::into_rpc(self.clone()),
            Web3ApiServer::into_rpc(self.clone()),
            MokkaApiServer::into_rpc(self),
        ];
        for part in parts {
            // Invariant: the namespaces differ, so no name occurs twice.
            module.merge(part).expect("two methods have one name");
        }
        module
    }

    /// The number a block parameter stands for, or `None` if this chain has no such block (yet).
    fn number_of(&self, block: BlockId) -> Result<Option<u64>, RpcError> {
        match block {
            BlockId::Number(tag) => Ok(self.number_of_tag(tag)),
            BlockId::Hash(hash) => Ok(self.node.chain.number_of(hash.block_hash)?),
        }
    }

    /// Every tag but `earliest` is the head: what is committed is final.
    fn number_of_tag(&self, tag: BlockNumberOrTag) -> Option<u64> {
        let head = self.node.chain.head().number;
        match tag {
            BlockNumberOrTag::Number(number) => (number <= head).then_some(number),
            BlockNumberOrTag::Earliest => Some(0),
            BlockNumberOrTag::Latest
            | BlockNumberOrTag::Safe
            | BlockNumberOrTag::Finalized
            | BlockNumberOrTag::Pending => Some(head),
        }
    }

    /// The header a block parameter stands for; an error if there is none.
    fn header_of(&self, block: BlockId) -> Result<Sealed<Header>, RpcError> {
        let head = self.node.chain.head();
        let Some(number) = self.number_of(block)? else {
            return Err(match block {
                BlockId::Hash(hash) => RpcError::UnknownHash(hash.block_hash),
                BlockId::Number(tag) => RpcError::AboveHead {
                    asked: tag.as_number().unwrap_or_default(),
                    head: head.number,
                },
            });
        };
        if number == head.number {
            return Ok(head);
        }
        self.node.chain.header_at(number)?.ok_or_else(|| self.pruned(number))
    }

    /// A committed block is not here any more.
    fn pruned(&self, asked: u64) -> RpcError {
        RpcError::HistoryPruned { asked, oldest: self.node.chain.oldest_block() }
    }
}
