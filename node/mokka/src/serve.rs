//! Answers to nodes that catch up (§7) or miss a body (§6.8). They never reach the core.
//!
//! Blocks come from the state machine; the bodies of blocks that are not final yet from the last
//! few that passed through this engine. Each key has an allowance, so that asking costs the asker
//! more than us; whoever asks with many keys must be stopped where its connection is known.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use mokka_consensus::{CheckRequest, CheckTicket, CheckedBlock, Verdict};
use mokka_types::{
    BlockId, BlocksRequest, Body, BodyReply, BodyRequest, FinalBlock, Monotonic, Packet, PublicKey,
    Settings, codec,
};

use crate::{ByteLimit, RangeLimit, StateMachine};

/// So many requests at once from one peer; a lost answer may be asked for again.
const BURST: u32 = 16;
/// One more request each: ten ranges a second keep a node that catches up busy.
const REFILL: Duration = Duration::from_millis(100);
/// Peers with an allowance; more than validators and observers of any real network.
const MAX_PEERS: usize = 1024;
/// Blocks in one answer, whatever they weigh.
const MAX_BLOCKS: usize = 256;
/// Bodies that are proposed, checked or prepared at one time: one in flight, its successor, and
/// what a candidate takes over.
const RECENT_BODIES: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u32,
    counted_at: Monotonic,
}

impl Allowance {
    /// Takes one request out; false where none is left.
    fn take(&mut self, now: Monotonic) -> bool {
        let periods = now.since(self.counted_at).as_nanos() / REFILL.as_nanos();
        if let Some(periods) = u32::try_from(periods).ok().filter(|periods| *periods < BURST) {
            self.left = BURST.min(self.left + periods);
            self.counted_at = self.counted_at.after(REFILL * periods);
        } else {
            *self = Self { left: BURST, counted_at: now };
        }
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }
}

/// Answers requests within bounds.
#[derive(Debug)]
pub(crate) struct Server {
    limit: ByteLimit,
    allowances: BTreeMap<PublicKey, Allowance>,
    recent: VecDeque<(BlockId, Body)>,
    unchecked: VecDeque<(CheckTicket, BlockId, Body)>,
}

impl Server {
    pub(crate) fn new(settings: &Settings) -> Self {
        let limit = usize::try_from(settings.max_block_bytes).unwrap_or(usize::MAX);
        Self {
            limit: ByteLimit::new(limit),
            allowances: BTreeMap::new(),
            recent: VecDeque::with_capacity(RECENT_BODIES),
            unchecked: VecDeque::with_capacity(RECENT_BODIES),
        }
    }

    /// Remembers the body of a block that is not final yet, and of which we know that it is this
    /// one.
    pub(crate) fn remember(&mut self, id: BlockId, body: &Body) {
        if self.recent.iter().any(|(known, _)| *known == id) {
            return;
        }
        if self.recent.len() == RECENT_BODIES {
            self.recent.pop_front();
        }
        self.recent.push_back((id, body.clone()));
    }

    /// A block is being checked: its body may turn out to be worth remembering.
    pub(crate) fn checking(&mut self, request: &CheckRequest) {
        if self.unchecked.len() == RECENT_BODIES {
            self.unchecked.pop_front();
        }
        self.unchecked.push_back((request.ticket, request.id, request.body.clone()));
    }

    /// Remembers what was found valid: a prepare vote for it makes others ask us (§6.8).
    pub(crate) fn checked(&mut self, checked: &CheckedBlock) {
        let asked = self.unchecked.iter().position(|(ticket, ..)| *ticket == checked.ticket);
        if let Some((_, id, body)) = asked.and_then(|at| self.unchecked.remove(at))
            && matches!(checked.verdict, Verdict::Valid { .. })
        {
            self.remember(id, &body);
        }
    }

    /// Whether this peer may ask now.
    pub(crate) fn admits(&mut self, peer: PublicKey, now: Monotonic) -> bool {
        if self.allowances.len() >= MAX_PEERS && !self.allowances.contains_key(&peer) {
            self.allowances.retain(|_, seen| now.since(seen.counted_at) < REFILL * BURST);
            if self.allowances.len() >= MAX_PEERS {
                return false;
            }
        }
        let fresh = Allowance { left: BURST, counted_at: now };
        self.allowances.entry(peer).or_insert(fresh).take(now)
    }

    /// The answer to a request for blocks; none where we have nothing.
    pub(crate) fn blocks(
        &self,
        request: BlocksRequest,
        machine: &mut dyn StateMachine,
    ) -> Option<Packet> {
        let mut left = self.limit.bytes();
        let mut range: Vec<FinalBlock> = Vec::new();
        let mut height = Some(request.from);
        let most = RangeLimit { blocks: MAX_BLOCKS, bytes: self.limit };
        for block in machine.blocks(request.from, most).into_iter().take(MAX_BLOCKS) {
            let weight = codec::encode(&block).len();
            let in_order = Some(block.id.height) == height;
            if !in_order || (weight > left && !range.is_empty()) {
                break;
            }
            left = left.saturating_sub(weight);
            height = block.id.height.next();
            range.push(block);
        }
        (!range.is_empty()).then_some(Packet::Blocks(range))
    }

    /// The answer to a request for a body; none where we do not have it.
    pub(crate) fn body(
        &self,
        request: BodyRequest,
        machine: &mut dyn StateMachine,
    ) -> Option<Packet> {
        let id = request.id;
        let recent = self.recent.iter().rev().find(|(known, _)| *known == id);
        let body = recent.map(|(_, body)| body.clone()).or_else(|| machine.body(&id))?;
        Some(Packet::Body(BodyReply { id, body }))
    }
}
