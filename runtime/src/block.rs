//! The check of a block that somebody else built: execute it, and compare every root.

use alloy_consensus::{
    Header,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::{B256, Bloom, Bytes, Sealed};
use alloy_rlp::{Decodable, Encodable};

use crate::{
    executed::{Block, Executed},
    execution::{Fatal, OpenBlock, Outcome, Refusal},
    header::{HeaderError, check_header},
    sender::{RecoverError, RecoveredBlock},
    spec::ChainSpec,
    state::{StateChanges, StateReader, TreeChanges, TreeReader},
    transaction::TxError,
    tree,
};

/// Why a block is not valid. All but [`BlockError::Fatal`] are the fault of whoever built it, or,
/// where q validators certified it, a sign that our own state is damaged.
#[derive(Clone, Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum BlockError {
    /// A rule of the header is broken.
    #[error("header: {0}")]
    Header(#[from] HeaderError),
    /// There are no ommers.
    #[error("the block has {found} ommers; this chain has none")]
    Ommers { found: usize },
    /// The list of withdrawals must be there and empty.
    #[error("the list of withdrawals is missing or not empty")]
    Withdrawals,
    /// It is too long.
    #[error("the block has {found} bytes; genesis allows {limit}")]
    TooLarge { found: usize, limit: usize },
    /// The body is another one.
    #[error("transactionsRoot is {found}, the transactions have {computed}")]
    TransactionsRoot { found: B256, computed: B256 },
    /// A transaction is nobody's.
    #[error(transparent)]
    Sender(#[from] RecoverError),
    /// A transaction cannot be executed.
    #[error("transaction {index} ({hash}): {error}")]
    Transaction { index: usize, hash: B256, error: Box<TxError> },
    /// Execution used other gas.
    #[error("gasUsed is {found}, execution used {computed}")]
    GasUsed { found: u64, computed: u64 },
    /// Execution left other receipts.
    #[error("receiptsRoot is {found}, execution gave {computed}")]
    ReceiptsRoot { found: B256, computed: B256 },
    /// Execution left other logs.
    #[error("logsBloom does not match the logs of execution")]
    LogsBloom { found: Box<Bloom>, computed: Box<Bloom> },
    /// Execution left another state. The changes are what to write to the log where q validators
    /// certified the block: somebody's state is damaged, and they show where.
    #[error("stateRoot is {found}, execution gave {computed}")]
    StateRoot { found: B256, computed: B256, changes: Box<StateChanges> },
    /// Our own node is at fault.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// Checks every rule of a block that needs no clock, and executes it on the state after `parent`.
pub fn check_block(
    spec: &ChainSpec,
    parent: &Sealed<Header>,
    block: RecoveredBlock,
    state: &dyn StateReader,
    tree: &dyn TreeReader,
) -> Result<Executed, BlockError> {
    let spec = &spec.in_force(state).map_err(Fatal::State)?;
    check_header(spec, parent, &block.block().header)?;
    let outcome = execute(spec, &block, state)?;
    let (block, senders) = block.into_parts();
    let tree = check_outcome(&block.header, &outcome, state, tree)?;
    let hash = block.header.hash_slow();
    let Outcome { receipts, changes, .. } = outcome;
    Ok(Executed { block, hash, senders, receipts, changes, tree })
}

impl BlockError {
    /// The body is not that of the header: whoever sent it is at fault, whoever built the block is
    /// not, and a certificate of the header says nothing about it.
    pub fn is_of_other_body(&self) -> bool {
        matches!(self, Self::Ommers { .. } | Self::Withdrawals | Self::TransactionsRoot { .. })
    }
}

/// A block whose body is the one that its header names: only [`check_body`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeBlock(Block);

impl WholeBlock {
    /// The block itself.
    pub fn block(&self) -> &Block {
        &self.0
    }

    pub(crate) fn into_block(self) -> Block {
        self.0
    }
}

/// Checks that a body is the one of its header, and not too long. Needs no state.
pub fn check_body(spec: &ChainSpec, block: Block) -> Result<WholeBlock, BlockError> {
    if !block.body.ommers.is_empty() {
        return Err(BlockError::Ommers { found: block.body.ommers.len() });
    }
    if block.body.withdrawals.as_ref().is_none_or(|list| !list.is_empty()) {
        return Err(BlockError::Withdrawals);
    }
    let found = block.header.transactions_root;
    let computed = calculate_transaction_root(&block.body.transactions);
    if found != computed {
        return Err(BlockError::TransactionsRoot { found, computed });
    }
    let (found, limit) = (block.length(), spec.max_block_bytes);
    if found > limit {
        return Err(BlockError::TooLarge { found, limit });
    }
    Ok(WholeBlock(block))
}

fn execute(
    spec: &ChainSpec,
    block: &RecoveredBlock,
    state: &dyn StateReader,
) -> Result<Outcome, BlockError> {
    let transactions = &block.block().body.transactions;
    // What q validators sign decides about sets of validators, not who checks (§9).
    let mut open = OpenBlock::open(spec, &block.block().header, state, &|_| true)?;
    for (index, (tx, sender)) in transactions.iter().zip(block.senders()).enumerate() {
        open.execute(tx, *sender).map_err(|refusal| match refusal {
            Refusal::Transaction(error) => {
                BlockError::Transaction { index, hash: *tx.tx_hash(), error: Box::new(error) }
            }
            Refusal::Fatal(fatal) => BlockError::Fatal(fatal),
        })?;
    }
    Ok(open.close())
}

fn check_outcome(
    header: &Header,
    outcome: &Outcome,
    state: &dyn StateReader,
    tree: &dyn TreeReader,
) -> Result<TreeChanges, BlockError> {
    if header.gas_used != outcome.gas_used {
        let (found, computed) = (header.gas_used, outcome.gas_used);
        return Err(BlockError::GasUsed { found, computed });
    }
    let roots = Roots::of(outcome, state, tree)?;
    if header.receipts_root != roots.receipts {
        let (found, computed) = (header.receipts_root, roots.receipts);
        return Err(BlockError::ReceiptsRoot { found, computed });
    }
    if header.logs_bloom != outcome.logs_bloom {
        let (found, computed) = (Box::new(header.logs_bloom), Box::new(outcome.logs_bloom));
        return Err(BlockError::LogsBloom { found, computed });
    }
    if header.state_root != roots.state {
        let (found, computed) = (header.state_root, roots.state);
        let changes = Box::new(outcome.changes.clone());
        return Err(BlockError::StateRoot { found, computed, changes });
    }
    Ok(roots.tree)
}

/// What execution commits to.
pub(crate) struct Roots {
    pub(crate) receipts: B256,
    pub(crate) state: B256,
    pub(crate) tree: TreeChanges,
}

impl Roots {
    /// Computes both roots, side by side.
    pub(crate) fn of(
        outcome: &Outcome,
        state: &dyn StateReader,
        tree: &dyn TreeReader,
    ) -> Result<Self, Fatal> {
        let (receipts, applied) = rayon::join(
            || calculate_receipt_root(&outcome.receipts),
            || tree::apply(tree, state, &outcome.changes),
        );
        let (root, tree) = applied?;
        Ok(Self { receipts, state: root, tree })
    }
}

/// Why bytes are not a block: whoever sent them is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than any block of this chain.
    #[error("{found} bytes are more than a block may have ({limit})")]
    TooLarge {
        /// How many there are.
        found: usize,
        /// `maxBlockBytes` of genesis.
        limit: usize,
    },
    /// Not RLP of a block.
    #[error("not a block: {0}")]
    Rlp(String),
    /// One block, two encodings: only the canonical one is taken.
    #[error("the encoding of the block is not canonical")]
    NotCanonical,
}

/// A block as it travels and is stored: Ethereum's RLP.
pub fn encode_block(block: &Block) -> Bytes {
    alloy_rlp::encode(block).into()
}

/// The block in `bytes`: parsed, encoded again, and refused unless that gives the same bytes.
pub fn decode_block(spec: &ChainSpec, bytes: &[u8]) -> Result<Block, DecodeError> {
    if bytes.len() > spec.max_block_bytes {
        let (found, limit) = (bytes.len(), spec.max_block_bytes);
        return Err(DecodeError::TooLarge { found, limit });
    }
    let mut rest = bytes;
    let block = Block::decode(&mut rest).map_err(|error| DecodeError::Rlp(error.to_string()))?;
    if alloy_rlp::encode(&block) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(block)
}
