//! The rules of one chain that consensus needs; every value comes from its genesis file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Timers and limits (§4). Built and checked against each other by the genesis file; [`Default`] is
/// the table of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// A leader that has broadcast nothing else for so long sends an ack.
    pub heartbeat: Duration,
    /// How long one candidacy lasts, with all its attempts.
    pub election_timeout: Duration,
    /// How long a proof makes a leader, from when a node first saw it.
    pub proof_lifetime: Duration,
    /// How long before its proof ends a leader hands over.
    pub handover_lead: Duration,
    /// How long a leader may go without finishing the block in flight. After half of it, whoever
    /// has its turn may replace it (decision 8).
    pub progress_timeout: Duration,
    /// How long a leader goes on without hearing from a quorum.
    pub isolation: Duration,
    /// The least time between two blocks.
    pub block_interval: Duration,
    /// How long a chain may go without a block; `None`: for ever (§6.6).
    pub empty_block_interval: Option<Duration>,
    /// The largest body of a block, in bytes.
    pub max_block_bytes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(200),
            election_timeout: Duration::from_millis(400),
            proof_lifetime: Duration::from_secs(60),
            handover_lead: Duration::from_secs(2),
            progress_timeout: Duration::from_secs(2),
            isolation: Duration::from_secs(3),
            block_interval: Duration::ZERO,
            empty_block_interval: None,
            max_block_bytes: 4 << 20,
        }
    }
}
