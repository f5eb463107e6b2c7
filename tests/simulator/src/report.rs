//! What a run was like.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::Lie;

/// What happened in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The seed that drew everything.
    pub seed: u64,
    /// What kind of chain it was.
    pub kind: String,
    /// How much virtual time passed.
    pub time: Duration,
    /// The highest final block.
    pub blocks: u64,
    /// Packets sent, each receiver counted.
    pub packets: u64,
    /// Their bytes, sealed; those that only liars send are not counted.
    pub bytes: u64,
    /// Packets that never arrived.
    pub lost: u64,
    /// Proofs that made a leader.
    pub elections: u64,
    /// How often the validators changed.
    pub epochs: u64,
    /// Crashes.
    pub crashes: u64,
    /// Crashes in which a write was lost that had not been synced.
    pub crashes_that_lost_a_write: u64,
    /// How often a disk was replaced by an old copy.
    pub restored: u64,
    /// Who lied in what way, and how often; without an entry nobody did.
    pub lies: BTreeMap<Lie, u64>,
    /// How often somebody had evidence against a liar.
    pub evidence: u64,
    /// How long it took, after all faults were healed, until all nodes had the last work done.
    pub recovery: Duration,
    /// blake3 of everything that happened, in order.
    pub trace: [u8; 32],
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kind, time, blocks, packets, lost, elections, .. } = self;
        let Self { epochs, crashes, crashes_that_lost_a_write, restored, .. } = self;
        let Self { recovery, trace, lies, evidence, .. } = self;
        write!(
            f,
            "seed {seed} {kind}: {blocks} blocks, {elections} elections, {epochs} changes of \
             validators, {packets} packets ({lost} lost), {crashes} crashes \
             ({crashes_that_lost_a_write} lost a write), {restored} restored, lies {lies:?}, \
             {evidence} pieces of evidence, {time:?}, recovered in {recovery:?}, \
             trace {:02x}{:02x}{:02x}{:02x}",
            trace[0], trace[1], trace[2], trace[3]
        )
    }
}

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed that leads there.
    pub seed: u64,
    /// What kind of chain it was.
    pub kind: String,
    /// When.
    pub at: Duration,
    /// Which rule, and how.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kind, at, what } = self;
        write!(
            f,
            "seed {seed} ({kind}) after {at:?}: {what}\n\
             replay: make sim SEED={seed}"
        )
    }
}

impl std::error::Error for Failure {}
