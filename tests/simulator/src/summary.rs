//! What many runs were like, together. It stays small, however many they are.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{Failure, Fault, Lie, Report};

/// Failures that are kept.
const SHOWN: usize = 10;
/// Runs of which every fault and lie is expected to occur.
const MANY: u64 = 1000;

/// Sums over runs.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many there were.
    pub runs: u64,
    /// How many of them broke a rule.
    pub failed: u64,
    failures: Vec<Failure>,
    time: Duration,
    blocks: u64,
    packets: u64,
    bytes: u64,
    elections: u64,
    handovers: u64,
    epochs: u64,
    conspired: u64,
    evidence: u64,
    faults: BTreeMap<Fault, u64>,
    /// In how many worlds, and how often.
    lies: BTreeMap<Lie, (u64, u64)>,
    recoveries: Vec<Duration>,
}

impl Summary {
    /// One more run.
    pub fn add(&mut self, run: Result<Report, Failure>) {
        self.runs += 1;
        match run {
            Ok(report) => self.add_report(&report),
            Err(failure) => {
                self.failed += 1;
                self.failures.push(failure);
                self.keep_first();
            }
        }
    }

    fn add_report(&mut self, report: &Report) {
        self.time += report.time;
        self.blocks += report.blocks;
        self.packets += report.packets;
        self.bytes += report.bytes;
        self.elections += report.elections;
        self.handovers += report.handovers;
        self.epochs += report.epochs;
        self.conspired += report.conspired;
        self.evidence += report.evidence;
        self.recoveries.push(report.recovery);
        for (fault, count) in &report.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (lie, told) in &report.lies {
            let (worlds, lies) = self.lies.entry(*lie).or_default();
            *worlds += 1;
            *lies += told;
        }
    }

    /// The runs of another worker.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.keep_first();
        self.time += other.time;
        self.blocks += other.blocks;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.elections += other.elections;
        self.handovers += other.handovers;
        self.epochs += other.epochs;
        self.conspired += other.conspired;
        self.evidence += other.evidence;
        self.recoveries.extend(other.recoveries);
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (lie, (worlds, told)) in other.lies {
            let (all_worlds, all_told) = self.lies.entry(lie).or_default();
            *all_worlds += worlds;
            *all_told += told;
        }
        self
    }

    fn keep_first(&mut self) {
        self.failures.sort_by_key(|failure| failure.seed);
        self.failures.truncate(SHOWN);
    }

    /// What should have occurred in so many runs, and did not: a world that is too kind tests
    /// nothing.
    pub fn missing(&self) -> Vec<String> {
        if self.runs < MANY {
            return Vec::new();
        }
        let faults = Fault::ALL.into_iter().filter(|fault| !self.faults.contains_key(fault));
        let told = |lie: &Lie| self.lies.get(lie).is_some_and(|(_, told)| *told > 0);
        let lies = Lie::ALL.into_iter().filter(|lie| !told(lie));
        let others = [
            ("elections", self.elections),
            ("handovers", self.handovers),
            ("changes of validators", self.epochs),
            ("lies told together", self.conspired),
            ("evidence", self.evidence),
        ];
        let others = others.into_iter().filter(|(_, count)| *count == 0);
        let faults = faults.map(|fault| fault.to_string());
        let lies = lies.map(|lie| format!("lies of the {lie}"));
        faults.chain(lies).chain(others.map(|(name, _)| name.to_owned())).collect()
    }

    /// The recovery that so many of a hundred do not exceed.
    fn recovery(&self, percent: usize) -> Duration {
        let mut sorted = self.recoveries.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * percent / 100).copied().unwrap_or_default()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}\n")?;
        }
        let Self { runs, failed, blocks, packets, bytes, elections, handovers, epochs, .. } = self;
        let tenths = self.time.as_secs() / 360;
        writeln!(
            f,
            "{runs} seeds, {failed} failed, {}.{} virtual hours",
            tenths / 10,
            tenths % 10
        )?;
        writeln!(f, "{blocks} blocks, {elections} elections, {handovers} of them handed over")?;
        writeln!(f, "{epochs} changes of validators, {packets} packets, {bytes} bytes")?;
        writeln!(
            f,
            "recovery: p50 {:.0?}, p99 {:.0?}, max {:.0?}",
            self.recovery(50),
            self.recovery(99),
            self.recovery(100)
        )?;
        writeln!(f, "faults injected:")?;
        for (fault, count) in &self.faults {
            writeln!(f, "{count:>12} {fault}")?;
        }
        for (lie, (worlds, told)) in &self.lies {
            writeln!(f, "{told:>12} lies of the {lie}, in {worlds} worlds")?;
        }
        writeln!(f, "{:>12} lies told together", self.conspired)?;
        write!(f, "{:>12} pieces of evidence, all against liars", self.evidence)
    }
}
