//! What `mokka dev` and `mokka devnet` show while they run: one line for each block and each change
//! of leader, and progress while nobody leads.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::Address;
use alloy_rpc_types_eth::Block;
use mokka_rpc::api::types::NodeStatus;

use crate::{
    endpoint::{Endpoint, name, stamp},
    error::Failure,
    output::{self, Colours},
    units,
};

/// How often nodes are asked: often enough for eyes, seldom enough to cost nothing.
pub(crate) const PERIOD: Duration = Duration::from_millis(250);

/// More new blocks than this at once are told in one line.
const BLOCKS_AT_ONCE: u64 = 20;

/// The lines below each other, and what was shown already.
pub(crate) struct Screen {
    endpoints: Vec<Endpoint>,
    colours: Colours,
    names: BTreeMap<Address, String>,
    shown: Option<u64>,
    leader: Option<(u64, u64, String)>,
    waiting: Option<String>,
}

/// What the nodes say at one moment.
pub(crate) struct Moment {
    /// Each node's answer, `None` if it gave none.
    pub(crate) answers: Vec<Option<NodeStatus>>,
}

impl Moment {
    /// Asks all nodes at once.
    pub(crate) async fn of(endpoints: &[Endpoint]) -> Self {
        let asking: Vec<_> = endpoints
            .iter()
            .cloned()
            .map(|endpoint| tokio::spawn(async move { endpoint.status().await.ok() }))
            .collect();
        let mut answers = Vec::new();
        for task in asking {
            answers.push(task.await.ok().flatten());
        }
        Self { answers }
    }

    /// The leader of the highest term that any node follows: `(epoch, term, name)`.
    pub(crate) fn leader(&self) -> Option<(u64, u64, String)> {
        let leaders = self.answers.iter().flatten().filter_map(|status| status.leader.as_ref());
        let newest = leaders.max_by_key(|leader| (leader.epoch, leader.term))?;
        Some((newest.epoch, newest.term, name(&newest.validator)))
    }

    /// The node with the most blocks.
    fn highest(&self) -> Option<(usize, u64)> {
        let heads = self.answers.iter().enumerate();
        heads
            .filter_map(|(at, status)| Some((at, status.as_ref()?.head.number)))
            .max_by_key(|(_, height)| *height)
    }

    /// How far it is from a working network, for people.
    pub(crate) fn progress(&self) -> String {
        let all = self.answers.len();
        let answering = self.answers.iter().flatten().count();
        let quorum = self.answers.iter().flatten().map(|status| status.quorum).max();
        let peers = self.answers.iter().flatten().map(|status| status.peers).max();
        match (quorum, peers) {
            (Some(quorum), Some(peers)) => format!(
                "waiting for a leader: {answering} of {all} validators run, {quorum} are needed; \
                 the best connected has {}",
                units::counted(u64::from(peers), "peer")
            ),
            _ => format!("waiting for {} to start", units::counted(all as u64, "validator")),
        }
    }
}

impl Screen {
    /// Nothing was shown yet.
    pub(crate) fn new(endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            colours: Colours::of_stdout(),
            names: BTreeMap::new(),
            shown: None,
            leader: None,
            waiting: None,
        }
    }

    /// Blocks above this one are news; without it, those above what is there at the first look.
    pub(crate) const fn after(mut self, height: u64) -> Self {
        self.shown = Some(height);
        self
    }

    /// Asks the nodes and shows what is new.
    pub(crate) async fn refresh(&mut self) -> Result<(), Failure> {
        let moment = Moment::of(&self.endpoints).await;
        self.show_leader(&moment)?;
        let Some((at, height)) = moment.highest() else { return Ok(()) };
        // What was there before the start is not news.
        let shown = *self.shown.get_or_insert(height);
        if height <= shown {
            return Ok(());
        }
        self.learn_names(at).await;
        if height - shown > BLOCKS_AT_ONCE {
            let count = units::counted(height - shown, "block");
            self.line(&format!("… {count} up to {}", units::number(height)))?;
        } else {
            for number in shown + 1..=height {
                let Ok(Some(block)) = self.endpoints[at].block(number).await else {
                    self.shown = Some(number - 1);
                    return Ok(());
                };
                self.line(&self.described(&block))?;
            }
        }
        self.shown = Some(height);
        Ok(())
    }

    /// Shows a line in the order of time.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.waiting = None;
        output::line(text)
    }

    fn show_leader(&mut self, moment: &Moment) -> Result<(), Failure> {
        let now = moment.leader();
        match &now {
            Some(leader) if self.leader.as_ref() != Some(leader) => {
                let (_, term, name) = leader;
                // A term that is renewed by the same leader is no change that anybody must see.
                let same = self.leader.as_ref().is_some_and(|(_, _, before)| before == name);
                if !same {
                    self.line(&self.colours.green(format_args!("leader {name} in term {term}")))?;
                }
                self.leader = now;
            }
            Some(_) => {}
            None => {
                // Whoever leads next is news, also where it is the same one that was silent.
                self.leader = None;
                let progress = moment.progress();
                if self.waiting.as_ref() != Some(&progress) {
                    self.line(&self.colours.yellow(&progress))?;
                    self.waiting = Some(progress);
                }
            }
        }
        Ok(())
    }

    async fn learn_names(&mut self, at: usize) {
        if !self.names.is_empty() {
            return;
        }
        if let Ok(validators) = self.endpoints[at].validators().await {
            let named = validators.into_iter().map(|one| (one.address, name(&one.validator)));
            self.names.extend(named);
        }
    }

    fn described(&self, block: &Block) -> String {
        let header = &block.header;
        let by = match self.names.get(&header.beneficiary) {
            Some(name) => name.clone(),
            None => units::short(&header.beneficiary),
        };
        let (term, ms) = stamp(block).unwrap_or((0, header.timestamp.saturating_mul(1000)));
        format!(
            "{}  {:>10}  {:>14} gas  {}  {}",
            self.colours.bold(format_args!("block {:<8}", units::number(header.number))),
            units::counted(block.transactions.len() as u64, "tx"),
            units::number(header.gas_used),
            self.colours.dim(units::time_of_day(ms)),
            self.colours.dim(format_args!("term {term} by {by}")),
        )
    }
}
