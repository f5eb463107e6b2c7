//! An honest node: the real core, with a disk, a signer and an application that can be copied.

use std::{collections::BTreeMap, time::Duration};

use mokka_consensus::{Consensus, Input, Restored, WorkWaiting};
use mokka_crypto::Verified;
use mokka_types::{
    BaseDigest, BlockId, Body, Envelope, Epoch, FinalBlock, Monotonic, Packet, PacketKind, Promise,
    PublicKey, RunNumber, SafetyState, SignedBallot, Term, View,
};

use crate::{
    law::{Disk, Law, Place},
    ledger::Ledger,
    perform::Turn,
    signer::Pages,
};

/// Longer than every timer but the life of a proof.
const LEAP: Duration = Duration::from_secs(10);

/// When a node starts, on its clock: there is a time before, at which somebody may have been heard.
const STARTED: Duration = LEAP;

/// A packet on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    pub(crate) to: Place,
    pub(crate) packet: Verified<Envelope>,
}

/// With what a world begins: everybody signed once for somebody in term 1, who is not here, so that
/// nobody listens first.
fn first_promise() -> Promise {
    let signed =
        Some(SignedBallot { candidate: PublicKey::new([1; 33]), base: BaseDigest::default() });
    Promise { view: View::new(Epoch::default(), Term::new(1)), signed }
}

/// Everything that one node is.
///
/// Its clock is its own and stands still but for timers that fire: clocks never matter for safety,
/// and of all the times at which something can happen the few that differ are enough.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) core: Consensus,
    pub(crate) now: Monotonic,
    pub(crate) run: RunNumber,
    pub(crate) counters: BTreeMap<PacketKind, u64>,
    pub(crate) pages: Pages,
    /// Bodies found valid or proposed in this run.
    pub(crate) bodies: BTreeMap<BlockId, Body>,
    pub(crate) durable: SafetyState,
    pub(crate) blocks: Vec<FinalBlock>,
    /// So many of the blocks survive a crash: a synced record makes all earlier writes durable.
    pub(crate) synced: usize,
    /// Its own state contradicts itself: it does nothing any more.
    pub(crate) halted: bool,
    pub(crate) ledger: Ledger,
}

impl Node {
    /// A node that has adopted the proof of term 1 and was then started anew: it knows enough to
    /// take part at once, and leads from term 2 on.
    pub(crate) fn first_start(law: &Law, at: Place) -> (Self, Vec<Flight>) {
        let (promise, run) = (first_promise(), RunNumber::new(1));
        let durable = SafetyState { promise, run, ..SafetyState::default() };
        Self::start(law, at, durable, Vec::new(), Ledger::default())
    }

    /// The one place where a core is made.
    fn start(
        law: &Law,
        at: Place,
        durable: SafetyState,
        blocks: Vec<FinalBlock>,
        ledger: Ledger,
    ) -> (Self, Vec<Flight>) {
        let newest = blocks.last();
        let restored = Restored {
            safety: durable.clone(),
            committed: newest.map_or(law.genesis, |block| block.id),
            certificate: newest.map(|block| block.certificate.clone()),
            epoch: Epoch::default(),
            set: law.committee.set().clone(),
            began: law.genesis,
        };
        let now = Monotonic::since_start(STARTED);
        let started = Consensus::start(law.config(at), restored, now);
        // Invariant: the keys of a law are points of the curve.
        let (core, output) = started.expect("a set of good keys");
        let node = Self {
            at,
            core,
            now,
            run: durable.run,
            counters: BTreeMap::new(),
            pages: Pages::default(),
            bodies: BTreeMap::new(),
            durable,
            synced: blocks.len(),
            blocks,
            halted: false,
            ledger,
        };
        let mut turn = Turn::of(law, node);
        turn.carry_out(output);
        turn.take(Input::WorkWaiting(WorkWaiting::Yes));
        turn.end()
    }

    /// A crash, and a start from what is durable.
    pub(crate) fn crashed(&self, law: &Law) -> (Self, Vec<Flight>) {
        let mut durable = self.durable.clone();
        match law.world.disk {
            Disk::Keeps => {}
            Disk::ForgetsPromises => durable.promise = first_promise(),
            Disk::ForgetsPrepared => durable.prepared = None,
        }
        durable.run = durable.run.next().unwrap_or(durable.run);
        let mut blocks = self.blocks.clone();
        blocks.truncate(self.synced);
        Self::start(law, self.at, durable, blocks, self.ledger.clone())
    }

    /// The next timer fires, on time.
    pub(crate) fn ticked(&self, law: &Law) -> Option<(Self, Vec<Flight>)> {
        let at = self.core.next_deadline()?;
        Some(self.woken(law, self.now.max(at)))
    }

    /// A long pause; and where its end only shows what time it is, the timer after it.
    pub(crate) fn leapt(&self, law: &Law) -> (Self, Vec<Flight>) {
        let (node, sent) = self.woken(law, self.now.after(LEAP));
        match sent.is_empty() {
            true => node.ticked(law).unwrap_or((node, sent)),
            false => (node, sent),
        }
    }

    fn woken(&self, law: &Law, at: Monotonic) -> (Self, Vec<Flight>) {
        let mut turn = Turn::of(law, Self { now: at, ..self.clone() });
        turn.take(Input::DeadlineReached);
        turn.end()
    }

    /// A packet arrives; nothing where it is ignored.
    pub(crate) fn heard(
        &self,
        law: &Law,
        packet: &Verified<Envelope>,
    ) -> Option<(Self, Vec<Flight>)> {
        let mut turn = Turn::of(law, self.clone());
        match &packet.packet {
            Packet::BlocksRequest(request) => {
                let blocks = self.blocks.iter().filter(|block| block.id.height >= request.from);
                turn.send(&packet.sender, Packet::Blocks(blocks.cloned().collect()));
            }
            Packet::BodyRequest(request) => {
                if let Some(body) = self.body_of(&request.id) {
                    let reply = mokka_types::BodyReply { id: request.id, body };
                    turn.send(&packet.sender, Packet::Body(reply));
                }
            }
            _ => {
                turn.take(Input::Packet(Box::new(packet.clone())));
                return turn.end_if_heeded();
            }
        }
        Some(turn.end())
    }

    fn body_of(&self, id: &BlockId) -> Option<Body> {
        let prepared = self.durable.prepared.as_ref().filter(|prepared| prepared.id == *id);
        let block = self.blocks.iter().find(|block| block.id == *id);
        let known = self.bodies.get(id).or(block.map(|block| &block.body));
        known.or(prepared.map(|prepared| &prepared.body)).cloned()
    }
}
