//! What a search found, for people.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::judge::Milestone;

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong.
    pub what: String,
    /// All that happened before.
    pub story: Vec<String>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The world.
    pub name: &'static str,
    /// Different states.
    pub states: usize,
    /// Events that were tried in them.
    pub steps: u64,
    /// So many events deep, every state was met.
    pub depth: usize,
    /// How much of the next layer was searched.
    pub begun: f64,
    /// There are no more states within the budget.
    pub is_whole: bool,
    /// The most states of one depth.
    pub widest: usize,
    /// Different states of single nodes.
    pub nodes: usize,
    /// Different turns of single nodes: steps of the core, each taken once.
    pub turns: usize,
    /// At which depth each was met first.
    pub milestones: BTreeMap<Milestone, usize>,
    /// The first rule that did not hold.
    pub violation: Option<Violation>,
    /// How long it took.
    pub time: Duration,
}

impl Report {
    /// The head of the table whose rows reports are.
    pub const HEAD: &str = "world                     depth     states     steps      nodes    \
                            turns    states/s  time";
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = match self.is_whole {
            true => format!("{} all", self.depth),
            false => format!("{}+{:.0}%", self.depth, self.begun * 100.0),
        };
        let seconds = self.time.as_secs_f64();
        writeln!(
            f,
            "{:<25} {depth:<9} {:<10} {:<10} {:<8} {:<8} {:<9.0} {seconds:.1} s",
            self.name,
            self.states,
            self.steps,
            self.nodes,
            self.turns,
            self.states as f64 / seconds,
        )?;
        let met: Vec<_> =
            self.milestones.iter().map(|(what, depth)| format!("{what} at {depth}")).collect();
        writeln!(f, "    {}", met.join(", "))?;
        let Some(Violation { what, story }) = &self.violation else { return Ok(()) };
        writeln!(f, "    {what}")?;
        story.iter().enumerate().try_for_each(|(at, line)| writeln!(f, "    {:>3} {line}", at + 1))
    }
}
