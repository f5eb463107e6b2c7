//! The next block, built from what the pool offers.

use alloy_consensus::{
    BlockBody, Header, TxEnvelope, proofs::calculate_transaction_root, transaction::Recovered,
};
use alloy_primitives::{Address, B256, Sealed};
use alloy_rlp::Encodable;
use mokka_types::PublicKey;

use crate::{
    block::Roots,
    executed::{Block, Executed},
    execution::{Fatal, OpenBlock, Refusal},
    header::{HeaderError, draft},
    spec::{ChainSpec, HEADER_ROOM},
    stamp::{Plan, Stamp},
    state::{StateReader, TreeReader},
    transaction::TxError,
};

/// The least gas that any transaction uses: with less left a block is full.
const LEAST_GAS: u64 = 21_000;

/// Why a transaction is not in the block. The block is as it was before.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PushError {
    /// The transaction is at fault, or the block is full.
    #[error(transparent)]
    Refused(#[from] TxError),
    /// Our own node is at fault.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// A transaction that was offered and left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its hash.
    pub hash: B256,
    /// Who sent it.
    pub sender: Address,
    /// Why.
    pub error: TxError,
}

/// A block that grows transaction by transaction.
///
/// It has no clock and no order of its own: the pool decides what comes first, and a closure when
/// it is time to stop.
pub struct BlockBuilder<'a> {
    spec: ChainSpec,
    header: Header,
    open: OpenBlock<'a>,
    transactions: Vec<TxEnvelope>,
    senders: Vec<Address>,
    bytes_left: usize,
    state: &'a dyn StateReader,
    tree: &'a dyn TreeReader,
}

impl<'a> BlockBuilder<'a> {
    /// Begins a block on `parent`, whose state the readers show. Any set of validators may be
    /// announced.
    ///
    /// # Errors
    /// The store could not be read, or the plan's stamp is not after the parent's.
    pub fn new(
        spec: &ChainSpec,
        parent: &Sealed<Header>,
        plan: Plan,
        state: &'a dyn StateReader,
        tree: &'a dyn TreeReader,
    ) -> Result<Self, BuildError> {
        Self::announcing(&|_| true, spec, parent, plan, state, tree)
    }

    /// Begins a block in which the validators change only to keys that `may_validate` (§9):
    /// transactions that announce others are refused as [`TxError::NotLevel`].
    ///
    /// # Errors
    /// As [`BlockBuilder::new`].
    pub fn announcing(
        may_validate: &'a (dyn Fn(&[PublicKey]) -> bool + Sync),
        spec: &ChainSpec,
        parent: &Sealed<Header>,
        plan: Plan,
        state: &'a dyn StateReader,
        tree: &'a dyn TreeReader,
    ) -> Result<Self, BuildError> {
        let spec = spec.in_force(state).map_err(Fatal::State)?;
        let parent_ms = Stamp::of(parent).map_or(0, |stamp| stamp.ms);
        if plan.stamp.ms <= parent_ms {
            let found = plan.stamp.ms;
            return Err(HeaderError::MillisecondsDoNotGrow { found, parent: parent_ms }.into());
        }
        let header = draft(&spec, parent, plan)?;
        let open = OpenBlock::open(&spec, &header, state, may_validate)?;
        Ok(Self {
            spec,
            header,
            open,
            transactions: Vec::new(),
            senders: Vec::new(),
            bytes_left: spec.max_block_bytes.saturating_sub(HEADER_ROOM),
            state,
            tree,
        })
    }

    /// Executes a transaction on top of the others, and adds it if that is possible.
    pub fn push(&mut self, transaction: Recovered<TxEnvelope>) -> Result<(), PushError> {
        let (tx, sender) = transaction.into_parts();
        let size = tx.length();
        if size > self.bytes_left {
            let limit = self.spec.max_block_bytes.saturating_sub(HEADER_ROOM);
            return Err(if size > limit {
                TxError::TooLarge { size, limit }.into()
            } else {
                TxError::NoBytesLeft { size, left: self.bytes_left }.into()
            });
        }
        self.open.execute(&tx, sender).map_err(|refusal| match refusal {
            Refusal::Transaction(error) => PushError::Refused(error),
            Refusal::Fatal(fatal) => PushError::Fatal(fatal),
        })?;
        self.bytes_left -= size;
        self.transactions.push(tx);
        self.senders.push(sender);
        Ok(())
    }

    /// Takes transactions from `source` until it is empty, the block is full, or `stop` says so.
    /// Returns those that were left out; what was not taken from `source` is not among them.
    pub fn fill(
        &mut self,
        source: &mut dyn Iterator<Item = Recovered<TxEnvelope>>,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<Skipped>, Fatal> {
        let mut skipped = Vec::new();
        while !self.is_full() && !stop() {
            let Some(transaction) = source.next() else { break };
            let (hash, sender) = (*transaction.inner().tx_hash(), transaction.signer());
            match self.push(transaction) {
                Ok(()) => {}
                Err(PushError::Refused(error)) => skipped.push(Skipped { hash, sender, error }),
                Err(PushError::Fatal(fatal)) => return Err(fatal),
            }
        }
        Ok(skipped)
    }

    /// Whether no transaction fits any more, whatever it does.
    pub fn is_full(&self) -> bool {
        self.open.gas_left() < LEAST_GAS
    }

    /// How many transactions the block has so far.
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether the block has no transaction so far.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// Closes the block and computes its roots.
    pub fn finish(self) -> Result<Executed, Fatal> {
        let Self { mut header, open, transactions, senders, state, tree, .. } = self;
        let outcome = open.close();
        let (roots, transactions_root) = rayon::join(
            || Roots::of(&outcome, state, tree),
            || calculate_transaction_root(&transactions),
        );
        let roots = roots?;
        header.transactions_root = transactions_root;
        header.receipts_root = roots.receipts;
        header.state_root = roots.state;
        header.logs_bloom = outcome.logs_bloom;
        header.gas_used = outcome.gas_used;
        let hash = header.hash_slow();
        let block = Block::new(header, body(transactions));
        let (receipts, changes) = (outcome.receipts, outcome.changes);
        Ok(Executed { block, hash, senders, receipts, changes, tree: roots.tree })
    }
}

/// A body with these transactions, and the empty lists that every body has.
pub(crate) fn body(transactions: Vec<TxEnvelope>) -> BlockBody<TxEnvelope> {
    BlockBody { transactions, ommers: Vec::new(), withdrawals: Some(Vec::new().into()) }
}

/// Why a block cannot even be begun.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// The plan does not fit the parent; [`Stamp::after`] makes one that does.
    #[error("the plan does not fit the parent: {0}")]
    Plan(#[from] HeaderError),
    /// Our own node is at fault.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}
