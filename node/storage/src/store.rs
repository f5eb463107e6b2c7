//! What the rest of the node sees of the store.

use alloy_consensus::{Header, ReceiptEnvelope};
use alloy_primitives::{Address, B256, U256};
use mokka_runtime::{Account, Block, Executed, StateReader, TreeReader};
use mokka_types::{
    BlockId, Certificate, ChainHash, Epoch, FinalBlock, Height, Proof, SafetyRecord, SafetyState,
    ValidatorSet, View,
};

use crate::StoreError;

/// What survives a crash. Every write is atomic; all writes share one log, so that a crash keeps a
/// prefix of them (`consensus.md` §6.5). Everything here blocks on the disk: never call it from an
/// async thread.
pub trait Store: Send + Sync + 'static {
    /// The chain that this store belongs to.
    fn chain(&self) -> ChainHash;

    /// The newest block. Answers from memory.
    fn head(&self) -> BlockId;

    /// The epoch of the next block. Answers from memory.
    fn epoch(&self) -> Epoch;

    /// Block, receipts, certificate, state and tree, and the new head land together or not at all.
    /// Not synced: the next promise does that, for everything before it.
    ///
    /// # Errors
    /// When the block does not extend the head, its parts contradict each other, or the disk fails.
    fn commit_block(&self, commit: &BlockCommit<'_>) -> Result<(), StoreError>;

    /// Returns only after fsync: call before sending what the records promise (§8). Each record
    /// replaces the newest of its kind. A tool that makes a store from lost state writes the mark
    /// of its key; one that lifts it writes [`SafetyRecord::Mark`] of none.
    ///
    /// # Errors
    /// When a record names a height or epoch whose predecessor is not committed (§6.5), or the disk
    /// fails.
    fn append_safety(&self, records: &[SafetyRecord]) -> Result<(), StoreError>;

    /// The newest record of each kind.
    ///
    /// # Errors
    /// When the disk fails or its bytes are damaged; so for every method that reads.
    fn safety(&self) -> Result<SafetyState, StoreError>;

    /// The header at a height, or `None` above the head.
    fn header(&self, height: Height) -> Result<Option<Header>, StoreError>;

    /// The block at a height, or `None` above the head.
    fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError>;

    /// The receipts of the block at a height, in order, or `None` above the head.
    fn receipts(&self, height: Height) -> Result<Option<Vec<ReceiptEnvelope>>, StoreError>;

    /// What proves the block at a height; genesis needs no proof.
    fn certificate(&self, height: Height) -> Result<Option<Certificate>, StoreError>;

    /// Blocks with their proofs from a height on, in order: at most `max_blocks`, as many as fit
    /// into `max_bytes`, and at least one where there is one. Genesis is left out: all have it.
    fn final_blocks(
        &self,
        from: Height,
        max_blocks: usize,
        max_bytes: usize,
    ) -> Result<Vec<FinalBlock>, StoreError>;

    /// The hash of the block at a height, or `None` above the head.
    fn hash_at(&self, height: Height) -> Result<Option<B256>, StoreError>;

    /// The height of a committed block.
    fn height_of(&self, hash: B256) -> Result<Option<Height>, StoreError>;

    /// Where a committed transaction is.
    fn transaction_place(&self, hash: B256) -> Result<Option<TransactionPlace>, StoreError>;

    /// The newest block with the state and the tree after it, all of one moment: commits that come
    /// later do not show. Drop it soon: while it lives, commits copy what they replace in the tree.
    fn latest(&self) -> Latest;

    /// The state after the block at a height, or `None` above the head.
    fn state_at(&self, height: Height) -> Option<Box<dyn StateReader>>;

    /// At most `limit` accounts of the newest state above `after`, by address. For checks and
    /// export, while nothing is committed.
    fn accounts(
        &self,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Account)>, StoreError>;

    /// At most `limit` slots of an account above `after` that are not zero. As for
    /// [`Store::accounts`].
    fn account_storage(
        &self,
        address: Address,
        after: Option<U256>,
        limit: usize,
    ) -> Result<Vec<(U256, U256)>, StoreError>;

    /// The validator set of an epoch.
    fn validator_set(&self, epoch: Epoch) -> Result<Option<ActiveSet>, StoreError>;

    /// Keeps what made a leader. Not synced.
    ///
    /// # Errors
    /// When the disk fails.
    fn put_leader_proof(&self, proof: &Proof) -> Result<(), StoreError>;

    /// What made the leader of a term.
    fn leader_proof(&self, view: View) -> Result<Option<Proof>, StoreError>;

    /// Keeps evidence of misbehaviour (§10); the same evidence is kept once. Not synced.
    ///
    /// # Errors
    /// When the disk fails.
    fn put_evidence(&self, evidence: &[u8]) -> Result<(), StoreError>;

    /// At most `limit` pieces of evidence.
    fn evidence(&self, limit: usize) -> Result<Vec<Vec<u8>>, StoreError>;
}

/// Block 0 and the state that it begins with.
#[derive(Clone, Copy, Debug)]
pub struct GenesisCommit<'a> {
    /// The chain and its rules.
    pub chain: ChainHash,
    /// Block 0 with its accounts and their tree, as [`mokka_runtime::genesis_block`] makes it.
    pub executed: &'a Executed,
    /// The validators of epoch 0.
    pub validators: &'a ValidatorSet,
}

/// A final block and what its execution produced.
#[derive(Clone, Copy, Debug)]
pub struct BlockCommit<'a> {
    /// The block with senders, receipts and changes.
    pub executed: &'a Executed,
    /// What makes it final.
    pub certificate: &'a Certificate,
    /// The set of the epoch that begins above it, where it ends its own.
    pub next_set: Option<&'a ValidatorSet>,
}

/// A committed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Keccak of the header's RLP.
    pub hash: B256,
    /// Header and body.
    pub block: Block,
    /// Who sent each transaction.
    pub senders: Vec<Address>,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionPlace {
    /// Its block.
    pub height: Height,
    /// Its position in the block.
    pub index: u32,
}

/// A validator set and when it became active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveSet {
    /// The first height that it decides.
    pub from: Height,
    /// The validators.
    pub validators: ValidatorSet,
}

/// The newest block and the state after it: what the next block is executed on.
pub struct Latest {
    /// The block.
    pub id: BlockId,
    /// The state after it.
    pub state: Box<dyn StateReader>,
    /// The state tree after it.
    pub tree: Box<dyn TreeReader>,
}
