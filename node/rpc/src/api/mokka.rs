//! `mokka_`: consensus, its certificates and proofs, the node and its peers.

use alloy_eips::BlockId;
use alloy_primitives::B256;
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

use super::params::CertificateOptions;
use super::types::{
    CertificateView, LeaderView, NodeStatus, PeerView, ProofView, TransactionProofView,
    ValidatorView,
};

/// `mokka_`: consensus, its certificates and proofs, the node and its peers.
///
/// Numbers are plain JSON numbers; hashes, keys, signatures and encodings are hex.
#[rpc(server, client, namespace = "mokka")]
pub trait MokkaApi {
    /// Everything about this node that fits on one screen.
    #[method(name = "status")]
    fn status(&self) -> RpcResult<NodeStatus>;

    /// The active validator set, in its order.
    #[method(name = "validators")]
    fn validators(&self) -> RpcResult<Vec<ValidatorView>>;

    /// Whom this node follows, or `null` between leaders.
    #[method(name = "leader")]
    fn leader(&self) -> RpcResult<Option<LeaderView>>;

    /// The certificate that made a block final: checked offline with the validator set of its
    /// epoch. `null` for genesis, which needs none, and for blocks that do not exist. With
    /// `{"proof": true}` also what proves that set and the header, from the genesis file on.
    #[method(name = "getCertificate")]
    async fn certificate(
        &self,
        block: BlockId,
        options: Option<CertificateOptions>,
    ) -> RpcResult<Option<CertificateView>>;

    /// What proves a committed transaction and its receipt to who has nothing but the genesis file;
    /// `null` where no block has it.
    #[method(name = "getTransactionProof")]
    async fn transaction_proof(&self, hash: B256) -> RpcResult<Option<TransactionProofView>>;

    /// The proof that made the leader of a term, or `null` where this node saw none. Without
    /// `epoch`: of the epoch that is active.
    #[method(name = "getProof")]
    async fn proof(&self, term: u64, epoch: Option<u64>) -> RpcResult<Option<ProofView>>;

    /// Who is connected.
    #[method(name = "peers")]
    fn peers(&self) -> RpcResult<Vec<PeerView>>;
}
