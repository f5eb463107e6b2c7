//! What `mokka_` methods answer.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

/// What this node does in consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleView {
    /// Follows a leader, or waits for one.
    Follower,
    /// Stands for election.
    Candidate,
    /// Leads.
    Leader,
    /// Checks and keeps blocks, without a vote.
    Observer,
}

/// Which faults the chain survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CrashModelView {
    /// Validators may lie.
    Bft,
    /// Validators may only stop.
    Cft,
}

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockRef {
    /// Its position.
    pub number: u64,
    /// Keccak of its header.
    pub hash: B256,
}

/// A validator by its place in the set, key and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorRef {
    /// Its place in the set of the epoch.
    pub index: u32,
    /// Compressed, 33 bytes.
    pub public_key: Bytes,
    /// The name that genesis or governance gave it.
    pub name: Option<String>,
}

/// Whom a node follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaderView {
    /// Who leads.
    pub validator: ValidatorRef,
    /// In which epoch.
    pub epoch: u64,
    /// In which term.
    pub term: u64,
}

/// How far a node that is behind has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncView {
    /// The newest block here.
    pub current: u64,
    /// The newest block that a certificate shows.
    pub highest: u64,
}

/// Everything about a node that fits on one screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Name and version.
    pub client_version: String,
    /// The chain id of transactions.
    pub chain_id: u64,
    /// What every signature of consensus covers: two nodes with different ones part.
    pub chain_hash: B256,
    /// The hash of block 0.
    pub genesis_hash: B256,
    /// Which faults the chain survives.
    pub crash_model: CrashModelView,
    /// The version of the protocol spoken with peers.
    pub protocol_version: u64,
    /// This node as a validator; `None` for an observer.
    pub validator: Option<ValidatorRef>,
    /// Where this node's rewards go and what `eth_coinbase` answers.
    pub address: Option<Address>,
    /// Its name in the network, by which others let an observer in; `None` if it talks to nobody.
    pub peer_id: Option<String>,
    /// What it does now.
    pub role: RoleView,
    /// The epoch that is active.
    pub epoch: u64,
    /// The term of the leader it follows, or the last one.
    pub term: u64,
    /// Whom it follows.
    pub leader: Option<LeaderView>,
    /// The newest committed block.
    pub head: BlockRef,
    /// Its time, in milliseconds since 1970.
    pub head_timestamp_ms: u64,
    /// How many validators the set has.
    pub validators: u32,
    /// How many of them make a decision.
    pub quorum: u32,
    /// How many peers are connected.
    pub peers: u32,
    /// How many transactions wait here.
    pub pending_transactions: u64,
    /// How far it has come, if it is behind.
    pub sync: Option<SyncView>,
    /// How long it has been running.
    pub uptime_seconds: u64,
    /// What an operator should look at; empty when all is well.
    pub warnings: Vec<String>,
}

/// A validator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorView {
    /// Who it is.
    #[serde(flatten)]
    pub validator: ValidatorRef,
    /// The beneficiary of its blocks.
    pub address: Address,
    /// Where it can be reached, as multiaddr.
    pub endpoint: Option<String>,
    /// Whether this node hears it; always `true` for itself.
    pub connected: bool,
    /// Whether it leads now.
    pub leader: bool,
    /// The height it last told of.
    pub height: Option<u64>,
    /// The block that made it a validator; 0 for those of the genesis file.
    pub since: u64,
    /// The newest block whose certificate, as this node keeps it, has its signature; `None` where
    /// that is none of the last 1,000, or none since this node last started.
    pub last_signed: Option<u64>,
    /// The part that it signed, between 0 and 1, of those of the last 1,000 certificates that it
    /// could sign. A certificate is closed with a quorum, so all is well at less than 1. `None`
    /// before the first.
    pub signed_share: Option<f64>,
}

/// The two phases of BFT; CFT has only the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PhaseView {
    /// The first.
    Prepare,
    /// The second: the block is final.
    Commit,
}

/// One signature of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignatureView {
    /// Who signed.
    pub validator: ValidatorRef,
    /// BIP-340, 64 bytes.
    pub signature: Bytes,
}

/// What makes a block final: a quorum of signatures over one digest (§6.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// Always `commit` for a committed block.
    pub phase: PhaseView,
    /// Whose set signed.
    pub epoch: u64,
    /// In which term.
    pub term: u64,
    /// Which block.
    pub block: BlockRef,
    /// The digest of the set that is active after this block.
    pub next_set: B256,
    /// Who signed, in the order of the set.
    pub signatures: Vec<SignatureView>,
    /// The canonical encoding, for checking offline.
    pub encoded: Bytes,
    /// If it was asked for, the canonical encoding of `mokka_runtime::proof::FinalityProof`: the
    /// header, this certificate, and those of all blocks that ended an epoch below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Bytes>,
}

/// A transaction and its receipt in a final block, to be checked offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionProofView {
    /// Proves the block: as `proof` of [`CertificateView`].
    pub finality: Bytes,
    /// Its place in the block, from 0.
    pub index: u64,
    /// In EIP-2718's encoding.
    pub transaction: Bytes,
    /// The nodes from `transactionsRoot` to the transaction, the root first.
    pub transaction_proof: Vec<Bytes>,
    /// In EIP-2718's encoding.
    pub receipt: Bytes,
    /// The nodes from `receiptsRoot` to the receipt, the root first.
    pub receipt_proof: Vec<Bytes>,
}

/// The blocks a leader was elected to stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BaseView {
    /// Committed before the election.
    pub committed: BlockRef,
    /// Prepared above it, to be proposed again.
    pub prepared: Option<PreparedView>,
}

/// A block that some validators bound themselves to before the election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreparedView {
    /// In which term.
    pub term: u64,
    /// Which block.
    pub block: BlockRef,
}

/// What makes a leader: one MuSig2 signature of a quorum (§5.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofView {
    /// In which epoch.
    pub epoch: u64,
    /// The term it leads.
    pub term: u64,
    /// Who leads.
    pub candidate: ValidatorRef,
    /// What it stands on.
    pub base: BaseView,
    /// Who elected it, in the order of the set.
    pub signers: Vec<ValidatorRef>,
    /// Schnorr, 64 bytes, for the aggregated key of the signers.
    pub signature: Bytes,
    /// The canonical encoding, for checking offline.
    pub encoded: Bytes,
}

/// Proves that a validator broke the protocol (§10): checked offline with the set of its epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView {
    /// In which epoch.
    pub epoch: u64,
    /// In which term.
    pub term: u64,
    /// Who signed both statements.
    pub culprit: ValidatorRef,
    /// What they are: `two proposals`, `two prepare votes`, `two commit votes`, `two signatures for
    /// candidates`.
    pub misdeed: String,
    /// The two.
    pub statements: Vec<StatementView>,
    /// The canonical encoding, for checking offline.
    pub encoded: Bytes,
}

/// One of two statements that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementView {
    /// The block that was proposed or voted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockRef>,
    /// The candidate that was signed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<ValidatorRef>,
    /// BIP-340, 64 bytes, by the culprit.
    pub signature: Bytes,
}

/// Which side opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DirectionView {
    /// They called.
    Inbound,
    /// We called.
    Outbound,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerView {
    /// Its libp2p identity.
    pub peer_id: String,
    /// Which validator it showed to be; `None` for an observer.
    pub validator: Option<ValidatorRef>,
    /// Where it is, as multiaddr.
    pub address: String,
    /// Who called.
    pub direction: DirectionView,
    /// For how long it has been connected.
    pub connected_seconds: u64,
    /// The last measured round trip.
    pub round_trip_ms: Option<u64>,
    /// The height it last told of.
    pub height: Option<u64>,
}
