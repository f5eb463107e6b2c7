//! What a measurement found, for people and programs.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Pace, load::Load, pace::Run, verdict::Verdict};
use crate::{
    error::Failure,
    output::{self, Colours},
    units,
};

/// Differences that are printed; programs get all of them with --json.
const PRINTED: usize = 5;

/// What a measurement found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    load: LoadView,
    accounts: u32,
    /// How many were sent, or tried.
    transfers: u64,
    /// How many another node showed.
    #[serde(rename = "final")]
    finals: u64,
    /// How many no node took.
    refused: u64,
    /// How many were taken and not shown.
    lost: u64,
    seconds: f64,
    transfers_per_second: f64,
    blocks: u64,
    latency_ms: Latency,
    /// Answers that were errors, by kind; a transfer may be sent again after one.
    errors: BTreeMap<String, u64>,
    verdict: Verdict,
}

#[derive(Debug, Serialize)]
#[serde(tag = "loop", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum LoadView {
    Closed { in_flight: u32 },
    Open { rate: u32 },
}

/// From when a transfer was due until another node showed it.
#[derive(Debug, PartialEq, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

impl Latency {
    /// Of latencies in order.
    fn of(sorted: &[Duration]) -> Self {
        let at = |percent: usize| {
            // The smallest latency that so many percent do not exceed.
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        Self { p50: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}

impl Report {
    /// Sums up.
    pub(super) fn new(load: &Load, pace: Pace, accounts: u32, run: &Run, verdict: Verdict) -> Self {
        let latencies = run.ledger.latencies();
        let seconds = run.took.as_secs_f64();
        let finals = latencies.len() as u64;
        // Exact up to 2^53 transfers.
        #[allow(clippy::cast_precision_loss)]
        let rate = if seconds > 0.0 { finals as f64 / seconds } else { 0.0 };
        Self {
            load: match pace {
                Pace::Closed { in_flight } => LoadView::Closed { in_flight },
                Pace::Open { rate } => LoadView::Open { rate },
            },
            accounts,
            transfers: load.transfers.len() as u64,
            finals,
            refused: run.ledger.refusals(),
            lost: run.ledger.lost(),
            seconds,
            transfers_per_second: rate,
            blocks: run.blocks,
            latency_ms: Latency::of(&latencies),
            errors: run.ledger.errors().clone(),
            verdict,
        }
    }

    /// For people.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let colours = Colours::of_stdout();
        let row = |title: &str, text: String| {
            output::line(format_args!("{}  {text}", colours.dim(format_args!("{title:<10}"))))
        };
        let load = match self.load {
            LoadView::Closed { in_flight } => format!("{in_flight} under way at any time"),
            LoadView::Open { rate } => format!("{rate} in each second"),
        };
        let accounts = units::counted(self.accounts.into(), "account");
        row("sent", format!("{} of {accounts}, {load}", counted(self.transfers)))?;
        let rate = format!("{:.0} per second", self.transfers_per_second);
        let seconds = self.seconds;
        row(
            "final",
            format!("{} in {seconds:.1} s: {}", counted(self.finals), colours.bold(rate)),
        )?;
        let Latency { p50, p90, p99, max } = self.latency_ms;
        row(
            "latency",
            format!("p50 {p50:.0} ms  p90 {p90:.0} ms  p99 {p99:.0} ms  max {max:.0} ms"),
        )?;
        let each = self.finals.checked_div(self.blocks).unwrap_or(0);
        row("blocks", format!("{}, about {each} transfers each", units::number(self.blocks)))?;
        if self.errors.is_empty() {
            row("errors", "none".to_owned())?;
        }
        for (kind, count) in &self.errors {
            row("errors", format!("{} {kind}", units::number(*count)))?;
        }
        let lost = match (self.lost, self.refused) {
            (0, 0) => colours.green("none"),
            (lost, refused) => colours.red(format_args!("{lost} lost, {refused} refused")),
        };
        row("lost", lost)?;
        let verdict = match (&self.verdict.head, self.verdict.differences.len()) {
            (Some(head), 0) => colours.green(format_args!(
                "at block {} {}: all balances and nonces as they must be",
                units::number(head.number),
                units::short(&head.hash)
            )),
            (Some(_), count) => colours.red(units::counted(count as u64, "difference")),
            (None, _) => colours.red("the nodes never had the same newest block"),
        };
        row("nodes", verdict)?;
        for difference in self.verdict.differences.iter().take(PRINTED) {
            row("", difference.clone())?;
        }
        Ok(())
    }

    /// Nothing may be lost, and all nodes must agree.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let verdict = &self.verdict;
        if verdict.head.is_none() || !verdict.differences.is_empty() {
            return Err(Failure::network(
                "the nodes do not agree; keep their directories and logs",
            ));
        }
        match self.lost + self.refused {
            0 => Ok(()),
            count => Err(Failure::network(format!(
                "{} did not become final; see the errors above and the logs of the nodes",
                counted(count)
            ))),
        }
    }
}

fn counted(transfers: u64) -> String {
    units::counted(transfers, "transfer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let expected = Latency { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0 };
        assert_eq!(Latency::of(&sorted), expected);
        let one = Latency::of(&sorted[..1]);
        assert_eq!((one.p50, one.max), (1.0, 1.0));
        assert_eq!(Latency::of(&[]).max, 0.0);
    }
}
