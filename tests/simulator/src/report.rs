//! What a run was like.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{Fault, Lie};

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
    /// Their bytes.
    pub bytes: u64,
    /// Proofs that made a leader.
    pub elections: u64,
    /// Those that a leader wanted.
    pub handovers: u64,
    /// How often the validators changed.
    pub epochs: u64,
    /// What went wrong, and how often.
    pub faults: BTreeMap<Fault, u64>,
    /// Who lied in what way, and how often; without an entry nobody did.
    pub lies: BTreeMap<Lie, u64>,
    /// Lies that several liars told together.
    pub conspired: u64,
    /// How often somebody had evidence against a liar.
    pub evidence: u64,
    /// How long it took, after all faults were healed, until all nodes had the last work done.
    pub recovery: Duration,
    /// blake3 of everything that happened, in order.
    pub trace: [u8; 32],
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kind, time, blocks, packets, bytes, elections, handovers, .. } = self;
        let Self { epochs, recovery, trace, evidence, conspired, .. } = self;
        writeln!(
            f,
            "seed {seed} {kind}: {blocks} blocks, {elections} elections ({handovers} handed over), \
             {epochs} changes of validators, {packets} packets ({bytes} bytes), {evidence} pieces \
             of evidence, {conspired} lies told together, {time:?}, recovered in {recovery:?}"
        )?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {fault}: {count}")?;
        }
        for (lie, count) in &self.lies {
            writeln!(f, "  lies of the {lie}: {count}")?;
        }
        f.write_str("trace ")?;
        trace.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
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
    /// The last things that happened.
    pub last: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kind, at, what, last } = self;
        last.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        write!(
            f,
            "seed {seed} ({kind}) after {at:?}: {what}\n\
             replay: make sim SEED={seed}"
        )
    }
}

impl std::error::Error for Failure {}
