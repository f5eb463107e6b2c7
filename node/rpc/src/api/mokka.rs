//! `mokka_`: consensus, its certificates and proofs, members, the node and its peers.

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256};
use jsonrpsee::core::{RpcResult, SubscriptionResult as Accepted};
use jsonrpsee::proc_macros::rpc;

use super::members::{MemberEventView, MembersSubscription, PermissionsView, ProposalView};
use super::params::CertificateOptions;
use super::types::{
    CertificateView, EvidenceView, LeaderView, NodeStatus, PeerView, ProofView,
    TransactionProofView, ValidatorView,
};

/// `mokka_`: consensus, its certificates and proofs, members, the node and its peers.
///
/// Numbers are plain JSON numbers; hashes, keys, signatures and encodings are hex.
#[rpc(server, client, namespace = "mokka")]
pub trait MokkaApi {
    /// Everything about this node that fits on one screen.
    #[method(name = "status")]
    fn status(&self) -> RpcResult<NodeStatus>;

    /// The active validator set, in its order; with `block`, the set that is active above that
    /// block. What a validator does (`connected`, `leader`, `height`, `lastSigned`, `signedShare`)
    /// is said of now in either case. Fails with -32000 for a block that does not exist.
    #[method(name = "validators")]
    async fn validators(&self, block: Option<BlockId>) -> RpcResult<Vec<ValidatorView>>;

    /// What members have proposed and not decided, or decided and the new key has not accepted,
    /// oldest first; what has expired by this node's clock is left out.
    #[method(name = "proposals")]
    async fn proposals(&self) -> RpcResult<Vec<ProposalView>>;

    /// Who may send transactions, create contracts and observe, after the newest block; the roles
    /// of `account` on these lists if it is given. And how members decide.
    #[method(name = "permissions")]
    async fn permissions(&self, account: Option<Address>) -> RpcResult<PermissionsView>;

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

    /// What proves that validators broke the protocol: two statements of one validator of which an
    /// honest one makes one. It changes nothing by itself; members decide.
    #[method(name = "evidence")]
    async fn evidence(&self) -> RpcResult<Vec<EvidenceView>>;

    /// Who is connected.
    #[method(name = "peers")]
    fn peers(&self) -> RpcResult<Vec<PeerView>>;

    /// Over WebSocket: `members`, each event of the system contracts when its block is committed. A
    /// subscriber that does not keep up loses its subscription, with a last notification that says
    /// so.
    #[subscription(
        name = "subscribe" => "subscription",
        unsubscribe = "unsubscribe",
        item = MemberEventView
    )]
    async fn subscribe_members(&self, kind: MembersSubscription) -> Accepted;
}
