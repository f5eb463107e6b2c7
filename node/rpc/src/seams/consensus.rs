//! Who leads, who validates, who is connected.

use alloy_primitives::Bytes;
use alloy_rpc_types_eth::SyncStatus;

use super::{ReadError, TransactionPlace};
use crate::api::types::{
    CertificateView, EvidenceView, LeaderView, NodeStatus, PeerView, ProofView,
    TransactionProofView, ValidatorView,
};

/// What consensus and network show. All but those that return a [`ReadError`] answer from memory
/// and must not wait; those read the disk and are called on blocking threads.
pub trait ConsensusView: Send + Sync + 'static {
    /// Everything about this node that fits on one screen.
    fn status(&self) -> NodeStatus;
    /// The set that is active now, in its order.
    fn validators(&self) -> Vec<ValidatorView>;
    /// Whom this node follows, or `None` between leaders.
    fn leader(&self) -> Option<LeaderView>;
    /// The commit certificate of a block, or `None` for genesis and where it is not kept.
    fn certificate(&self, number: u64) -> Result<Option<CertificateView>, ReadError>;
    /// What proves a block from the genesis file on, in its canonical encoding; `None` as for
    /// [`ConsensusView::certificate`].
    fn finality_proof(&self, number: u64) -> Result<Option<Bytes>, ReadError>;
    /// What proves a committed transaction from the genesis file on, or `None` where nothing is at
    /// this place.
    fn transaction_proof(
        &self,
        place: TransactionPlace,
    ) -> Result<Option<TransactionProofView>, ReadError>;
    /// The proof that elected the leader of a term, in this epoch unless another is named.
    fn proof(&self, epoch: Option<u64>, term: u64) -> Result<Option<ProofView>, ReadError>;
    /// What proves that validators broke the protocol.
    fn evidence(&self) -> Result<Vec<EvidenceView>, ReadError>;
    /// Who is connected.
    fn peers(&self) -> Vec<PeerView>;
    /// How far behind this node is.
    fn sync(&self) -> SyncStatus;
}
