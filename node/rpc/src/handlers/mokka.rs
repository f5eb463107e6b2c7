//! `mokka_`, `net_` and `web3_`.

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U64, keccak256};
use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::core::{RpcResult, SubscriptionResult as Accepted, async_trait};

use super::Handlers;
use crate::api::members::{MembersSubscription, PermissionsView, ProposalView};
use crate::api::params::CertificateOptions;
use crate::api::types::{
    CertificateView, EvidenceView, LeaderView, NodeStatus, PeerView, ProofView,
    TransactionProofView, ValidatorView,
};
use crate::api::{MokkaApiServer, NetApiServer, Web3ApiServer};
use crate::error::RpcError;

#[async_trait]
impl MokkaApiServer for Handlers {
    fn status(&self) -> RpcResult<NodeStatus> {
        Ok(self.node.consensus.status())
    }

    async fn validators(&self, block: Option<BlockId>) -> RpcResult<Vec<ValidatorView>> {
        let Some(block) = block else { return Ok(self.node.consensus.validators()) };
        let this = self.clone();
        let read = move |_: &_| {
            let number = this.header_of(block)?.number;
            let found = this.node.members.validators_after(number)?;
            found.ok_or_else(|| this.state_gone(number))
        };
        Ok(self.readers.run(read).await?)
    }

    async fn proposals(&self) -> RpcResult<Vec<ProposalView>> {
        let members = self.node.members.clone();
        Ok(self.readers.run(move |_| Ok(members.proposals()?)).await?)
    }

    async fn permissions(&self, account: Option<Address>) -> RpcResult<PermissionsView> {
        let members = self.node.members.clone();
        Ok(self.readers.run(move |_| Ok(members.permissions(account)?)).await?)
    }

    fn leader(&self) -> RpcResult<Option<LeaderView>> {
        Ok(self.node.consensus.leader())
    }

    async fn certificate(
        &self,
        block: BlockId,
        options: Option<CertificateOptions>,
    ) -> RpcResult<Option<CertificateView>> {
        let this = self.clone();
        let options = options.unwrap_or_default();
        let read = move |_: &_| {
            let Some(number) = this.number_of(block)? else { return Ok(None) };
            let consensus = &this.node.consensus;
            let Some(mut certificate) = consensus.certificate(number)? else { return Ok(None) };
            if options.proof {
                certificate.proof = consensus.finality_proof(number)?;
            }
            Ok(Some(certificate))
        };
        Ok(self.readers.run(read).await?)
    }

    async fn transaction_proof(&self, hash: B256) -> RpcResult<Option<TransactionProofView>> {
        let this = self.clone();
        let read = move |_: &_| match this.node.chain.transaction_place(hash)? {
            Some(place) => Ok(this.node.consensus.transaction_proof(place)?),
            None => Ok(None),
        };
        Ok(self.readers.run(read).await?)
    }

    async fn proof(&self, term: u64, epoch: Option<u64>) -> RpcResult<Option<ProofView>> {
        let this = self.clone();
        let read = move |_: &_| this.node.consensus.proof(epoch, term).map_err(RpcError::from);
        Ok(self.readers.run(read).await?)
    }

    async fn evidence(&self) -> RpcResult<Vec<EvidenceView>> {
        let consensus = self.node.consensus.clone();
        Ok(self.readers.run(move |_| Ok(consensus.evidence()?)).await?)
    }

    fn peers(&self) -> RpcResult<Vec<PeerView>> {
        Ok(self.node.consensus.peers())
    }

    async fn subscribe_members(
        &self,
        pending: PendingSubscriptionSink,
        kind: MembersSubscription,
    ) -> Accepted {
        match kind {
            MembersSubscription::Members => self.serve_members(pending).await,
        }
    }
}

impl NetApiServer for Handlers {
    fn version(&self) -> RpcResult<String> {
        Ok(self.identity.chain_id.to_string())
    }

    fn listening(&self) -> RpcResult<bool> {
        Ok(true)
    }

    fn peer_count(&self) -> RpcResult<U64> {
        Ok(U64::from(self.node.consensus.peers().len()))
    }
}

impl Web3ApiServer for Handlers {
    fn client_version(&self) -> RpcResult<String> {
        Ok(self.identity.client_version.clone())
    }

    fn sha3(&self, data: Bytes) -> RpcResult<B256> {
        Ok(keccak256(data))
    }
}
