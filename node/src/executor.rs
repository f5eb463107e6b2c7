//! The thread that executes blocks, and the state machine that consensus sees.
//!
//! One block at a time, in the order of the requests. What was executed is kept under its id until
//! a block is final at its height, so that a commit only writes.

mod decisions;
mod machine;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_consensus::{Header, Sealed};
use alloy_primitives::{Address, B256};
use mokka::Handle;
use mokka_consensus::{
    BuildRequest, BuiltBlock, CheckRequest, CheckedBlock, EmptyBlock, FinalizeBlock,
    FinalizedBlock, Origin, ProposedBlock, Verdict,
};
use mokka_genesis::Genesis;
use mokka_mempool::Budget;
use mokka_rpc::seams::CommittedBlock;
use mokka_runtime::{
    Block, BlockBuilder, BlockError, ChainSpec, Executed, FreshError, Plan, RecoveredBlock, Stamp,
    TxError, check_block, check_body, check_fresh, decode_block, encode_block,
};
use mokka_storage::{BlockCommit, Latest, Store};
use mokka_types::{BlockHash, BlockId, Body, Height, PublicKey, SetDigest};
use tokio::sync::{broadcast, watch};
use tracing::{error, info, warn};

use crate::{
    chain::committed_block,
    evidence,
    members::Membership,
    metrics::Metrics,
    participation::Participation,
    pool::{Message, PoolHandle},
    supervisor::Task,
    view::address_of,
};

use machine::Job;
pub(crate) use machine::{Keepsake, Machine};

/// Requests that wait for the executor. Consensus has a handful open at most.
const REQUESTS: usize = 64;
/// How long a builder goes on taking transactions (§6.6).
const BUILD_TIME: Duration = Duration::from_millis(50);
/// A transaction takes at least so much gas: bounds what the pool has to hand over.
const LEAST_GAS: u64 = 21_000;
/// Executions of one height that are kept; each height has one or two.
const EXECUTIONS_KEPT: usize = 8;
/// Transactions handed over for one block at most.
const MOST_CANDIDATES: usize = 10_000;
/// A block that was just committed, with all that its execution produced.
pub(crate) type Committed = Arc<Executed>;

/// What the executor works with.
pub(crate) struct Surroundings {
    pub(crate) spec: ChainSpec,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Handle,
    pub(crate) pool: PoolHandle,
    /// The newest committed header, for the RPC.
    pub(crate) head: watch::Sender<Sealed<Header>>,
    /// Tells the RPC of committed blocks.
    pub(crate) heads: broadcast::Sender<Arc<CommittedBlock>>,
    pub(crate) metrics: Arc<Metrics>,
    /// Who is paid for blocks that we build.
    pub(crate) beneficiary: Address,
    /// The chain's rules as they began.
    pub(crate) genesis: Genesis,
    /// What members decided, after the newest block.
    pub(crate) members: watch::Sender<Arc<Membership>>,
    /// Who signs.
    pub(crate) participation: Arc<Participation>,
    /// Wakes the pool after a while.
    pub(crate) runtime: tokio::runtime::Handle,
    /// Set when our state is not the others'.
    pub(crate) diverged: Arc<AtomicBool>,
}

/// Starts the executor's thread.
pub(crate) fn spawn(surroundings: Surroundings) -> std::io::Result<(Machine, Task)> {
    let (jobs, requests) = sync_channel(REQUESTS);
    let store = Arc::clone(&surroundings.store);
    let (ends, task) = Task::named("executor");
    let set = mokka_crypto::digest::set(&surroundings.members.borrow().set);
    let executor = Executor { executed: BTreeMap::new(), set, surroundings };
    thread::Builder::new().name("mokka-executor".into()).spawn(move || {
        match executor.run(&requests) {
            Ok(()) => ends.orderly(),
            Err(reason) => ends.with(reason),
        }
    })?;
    Ok((Machine { jobs, store }, task))
}

struct Executor {
    executed: BTreeMap<BlockId, Kept>,
    /// Names the validators of the next block (§6.7).
    set: SetDigest,
    surroundings: Surroundings,
}

/// A block that was executed, and what it changes for members, if anything.
#[derive(Clone)]
struct Kept {
    executed: Committed,
    decided: Option<Arc<Membership>>,
    /// Names the validators after it.
    set: SetDigest,
}

impl Executor {
    fn run(mut self, requests: &Receiver<Job>) -> Result<(), String> {
        self.tell_approved();
        while let Ok(job) = requests.recv() {
            match job {
                Job::Build(request) => self.build(&request)?,
                Job::Check(request) => self.check(&request)?,
                Job::Finalize(block) => self.finalize(&block)?,
                Job::Keep(Keepsake::Proof(proof)) => {
                    self.surroundings.store.put_leader_proof(&proof).map_err(text)?;
                }
                Job::Keep(Keepsake::Evidence(evidence)) => {
                    evidence::keep(&*self.surroundings.store, &evidence).map_err(text)?;
                }
            }
        }
        Ok(())
    }

    fn build(&mut self, request: &BuildRequest) -> Result<(), String> {
        let started = Instant::now();
        let BuildRequest { view, parent, .. } = *request;
        let latest = self.surroundings.store.latest();
        let executed = match latest.id == parent {
            true => self.build_on(request, &latest)?,
            // A block became final meanwhile; consensus asks again.
            false => None,
        };
        let block = match executed {
            None => None,
            Some(executed) => {
                self.surroundings.metrics.built(started.elapsed());
                let id = id_of(&executed);
                let body = Body::new(encode_block(&executed.block).to_vec());
                let next_set = self.keep(id, executed, &latest)?;
                Some(ProposedBlock { id, body, next_set })
            }
        };
        let outcome = if block.is_some() { Message::InFlight } else { Message::BuiltNothing };
        self.surroundings.engine.built(BuiltBlock { view, parent, block });
        self.surroundings.pool.tell(outcome);
        Ok(())
    }

    fn build_on(
        &self,
        request: &BuildRequest,
        latest: &Latest,
    ) -> Result<Option<Committed>, String> {
        let BuildRequest { view, empty, level, .. } = request;
        let Surroundings { spec, pool, store, .. } = &self.surroundings;
        let parent = sealed_header(&**store, latest.id)?;
        let gas_limit = self.surroundings.members.borrow().system.gas_limit;
        let most = usize::try_from(gas_limit / LEAST_GAS).unwrap_or(usize::MAX);
        let transactions = most.min(MOST_CANDIDATES);
        let mut candidates = pool.candidates(Budget { transactions, bytes: spec.max_block_bytes });
        let plan = Plan {
            stamp: Stamp::after(&parent, view.term, now_ms()),
            beneficiary: self.surroundings.beneficiary,
        };
        let is_level = |keys: &[PublicKey]| self.is_level(keys, level);
        let (state, tree) = (&*latest.state, &*latest.tree);
        let mut builder =
            BlockBuilder::announcing(&is_level, spec, &parent, plan, state, tree).map_err(text)?;
        let deadline = Instant::now() + BUILD_TIME;
        let (mut left_out, mut waits_for_level) = (Vec::new(), false);
        while !builder.is_full() && Instant::now() < deadline {
            let Some(next) = candidates.next() else { break };
            match builder.push(next.recovered().clone()) {
                Ok(()) => {}
                Err(mokka_runtime::PushError::Fatal(fatal)) => return Err(text(fatal)),
                Err(mokka_runtime::PushError::Refused(error)) => {
                    candidates.skip_sender(next.sender());
                    waits_for_level |= error == TxError::NotLevel;
                    if !is_moment(&error) {
                        left_out.push(next.hash());
                    }
                }
            }
        }
        if waits_for_level {
            self.look_again();
        }
        if !left_out.is_empty() {
            pool.tell(Message::LeftOut { view: *view, hashes: left_out });
        }
        if builder.is_empty() && *empty == EmptyBlock::NotDue {
            return Ok(None);
        }
        builder.finish().map(|executed| Some(Arc::new(executed))).map_err(text)
    }

    fn check(&mut self, request: &CheckRequest) -> Result<(), String> {
        let started = Instant::now();
        let verdict = self.verdict(request)?;
        self.surroundings.metrics.checked(started.elapsed());
        self.surroundings.engine.checked(CheckedBlock { ticket: request.ticket, verdict });
        if matches!(verdict, Verdict::Valid { .. }) {
            self.surroundings.pool.tell(Message::InFlight);
        }
        Ok(())
    }

    fn verdict(&mut self, request: &CheckRequest) -> Result<Verdict, String> {
        if let Some(kept) = self.executed.get(&request.id) {
            let same = *encode_block(&kept.executed.block) == *request.body.as_bytes();
            let valid = Verdict::Valid { next_set: kept.set };
            return Ok(if same { valid } else { Verdict::NotThisBlock });
        }
        let Surroundings { spec, store, .. } = &self.surroundings;
        let block = match decode_block(spec, request.body.as_bytes()) {
            Ok(block) if block.header.hash_slow().0 == *request.id.hash.as_bytes() => block,
            Ok(_) => return Ok(Verdict::NotThisBlock),
            Err(error) => {
                warn!(%error, height = %request.id.height, "a body is no block");
                return Ok(Verdict::NotThisBlock);
            }
        };
        let BlockId { height, hash: parent } = request.parent;
        let linked = block.header.parent_hash.0 == *parent.as_bytes()
            && Some(block.header.number) == height.next().map(Height::get);
        if !linked || block.header.number != request.id.height.get() {
            return Ok(Verdict::NotThisBlock);
        }
        if let Origin::Fresh { view, leader } = request.origin {
            let stamp = Stamp { term: view.term, ms: now_ms() };
            let beneficiary = address_of(&leader).unwrap_or_default();
            if let Err(error) = check_fresh(&block.header, &Plan { stamp, beneficiary }) {
                warn!(%error, height = %request.id.height, "a proposal is not fresh");
                return Ok(match error {
                    FreshError::Ahead { .. } => Verdict::TooEarly,
                    FreshError::NoStamp
                    | FreshError::Term { .. }
                    | FreshError::Beneficiary { .. } => Verdict::Invalid,
                });
            }
        }
        let latest = store.latest();
        if latest.id != request.parent {
            // Final meanwhile; consensus has forgotten the question.
            return Ok(Verdict::Invalid);
        }
        let parent = sealed_header(&**store, request.parent)?;
        match self.execute(block, &parent, &latest) {
            Ok(executed) => {
                let next_set = self.keep(request.id, Arc::new(executed), &latest)?;
                Ok(Verdict::Valid { next_set })
            }
            Err(BlockError::Fatal(fatal)) => Err(text(fatal)),
            Err(error) if error.is_of_other_body() => {
                warn!(%error, height = %request.id.height, "a body is not that of its header");
                Ok(Verdict::NotThisBlock)
            }
            Err(error) => {
                self.report_invalid(request, &error);
                Ok(Verdict::Invalid)
            }
        }
    }

    fn execute(
        &self,
        block: Block,
        parent: &Sealed<Header>,
        latest: &Latest,
    ) -> Result<Executed, BlockError> {
        let Surroundings { spec, pool, .. } = &self.surroundings;
        let block = check_body(spec, block)?;
        let transactions = &block.block().body.transactions;
        let hashes: Vec<B256> = transactions.iter().map(|tx| *tx.tx_hash()).collect();
        let known: BTreeMap<B256, Address> = hashes
            .iter()
            .zip(pool.senders(hashes.clone()))
            .filter_map(|(hash, sender)| Some((*hash, sender?)))
            .collect();
        let block = RecoveredBlock::recover_with(block, &|hash| known.get(&hash).copied())?;
        check_block(spec, parent, block, &*latest.state, &*latest.tree)
    }

    /// A certified block that we find invalid means that our state is not the others': its accounts
    /// go to the log, and health says so.
    fn report_invalid(&self, request: &CheckRequest, error: &BlockError) {
        let (height, hash) = (request.id.height, request.id.hash);
        if request.origin != Origin::Certified {
            return warn!(%error, %height, %hash, "a proposed block is invalid");
        }
        self.surroundings.diverged.store(true, Ordering::Relaxed);
        error!(%error, %height, %hash, "a certified block is invalid here: our state differs");
        if let BlockError::StateRoot { changes, .. } = error {
            for (address, account) in &changes.accounts {
                error!(%address, ?account, "an account as this node computes it");
            }
        }
    }

    /// What was executed when the block was checked; once more, where it made room for others.
    fn execution_of(&mut self, block: &FinalizeBlock) -> Result<Kept, String> {
        let id = block.id;
        if !self.executed.contains_key(&id) {
            let (body, origin) = (block.body.clone(), Origin::Certified);
            let (ticket, parent) = (Default::default(), self.surroundings.store.head());
            self.verdict(&CheckRequest { ticket, id, parent, body, origin })?;
        }
        let kept = self.executed.get(&id).cloned();
        kept.ok_or_else(|| format!("block {} is certified but invalid here", id.hash))
    }

    /// Keeps an execution; old ones of the same height make room. Names the validators after it.
    fn keep(
        &mut self,
        id: BlockId,
        executed: Committed,
        latest: &Latest,
    ) -> Result<SetDigest, String> {
        let decided = self.decided_by(&executed, latest)?.map(Arc::new);
        let set =
            decided.as_ref().map_or(self.set, |members| mokka_crypto::digest::set(&members.set));
        while self.executed.len() >= EXECUTIONS_KEPT {
            self.executed.pop_first();
        }
        self.executed.insert(id, Kept { executed, decided, set });
        Ok(set)
    }

    fn finalize(&mut self, block: &FinalizeBlock) -> Result<(), String> {
        let Kept { executed, decided, set } = self.execution_of(block)?;
        let next_set = decided.as_ref().filter(|_| set != self.set).map(|at| at.set.clone());
        let started = Instant::now();
        let certificate = &block.certificate;
        let commit = BlockCommit { executed: &executed, certificate, next_set: next_set.as_ref() };
        self.surroundings.store.commit_block(&commit).map_err(text)?;
        let signed_by = Arc::clone(&self.surroundings.members.borrow());
        self.surroundings.participation.note(certificate, &signed_by.set);
        // Before anybody hears of the block: whoever does asks `latest` next. The pool in
        // particular forgets its transactions, and a nonce is then what the head says.
        self.surroundings.head.send_replace(executed.header());
        let next_settings = decided.and_then(|members| self.adopt(&members, set));
        // Before anything that takes time: until then the pool weighs what comes on the old state.
        self.surroundings.pool.tell(Message::Committed(Arc::clone(&executed)));
        self.surroundings.metrics.committed(&executed, started.elapsed(), now_ms());
        self.executed.clear();
        info!(
            height = %block.id.height,
            hash = %block.id.hash,
            transactions = executed.block.body.transactions.len(),
            gas = executed.gas_used(),
            term = %certificate.view.term,
            "block is final"
        );
        if self.surroundings.heads.receiver_count() > 0 {
            // They may have left meanwhile.
            let _heard_by = self.surroundings.heads.send(Arc::new(committed_block(&executed)));
        }
        let finalized = FinalizedBlock { id: block.id, next_set, next_settings };
        self.surroundings.engine.finalized(finalized);
        Ok(())
    }
}

/// It was only not the moment: the block has no room left, or others are not there yet.
fn is_moment(error: &TxError) -> bool {
    matches!(error, TxError::NoGasLeft { .. } | TxError::NoBytesLeft { .. } | TxError::NotLevel)
}

fn sealed_header(store: &dyn Store, id: BlockId) -> Result<Sealed<Header>, String> {
    let header = store.header(id.height).map_err(text)?;
    let header = header.ok_or_else(|| format!("the header at height {} is missing", id.height))?;
    Ok(Sealed::new_unchecked(header, B256::new(*id.hash.as_bytes())))
}

/// How consensus names a block.
pub(crate) fn id_of(executed: &Executed) -> BlockId {
    let height = Height::new(executed.number());
    BlockId { height, hash: BlockHash::new(executed.hash.0) }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Milliseconds since 1970 on this machine's clock.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
