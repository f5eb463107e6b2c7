//! What a genesis file means where it is silent, and the bounds of what it may say.
//!
//! | field | default |
//! |---|---|
//! | `gasLimit` | 100,000,000 |
//! | `timestamp` | 0 |
//! | `config.mokka.heartbeat` | 200ms |
//! | `config.mokka.electionTimeout` | 400ms |
//! | `config.mokka.proofLifetime` | 1m |
//! | `config.mokka.handoverLead` | 2s |
//! | `config.mokka.progressTimeout` | 2s |
//! | `config.mokka.isolation` | 3s |
//! | `config.mokka.blockInterval` | 0s: blocks on demand |
//! | `config.mokka.emptyBlockInterval` | none: no empty blocks |
//! | `config.mokka.maxBlockBytes` | 4MiB |
//! | `config.mokka.baseFee` | 0 |
//! | `config.mokka.governance.threshold` | `"majority"` |
//! | `config.mokka.governance.votingPeriod` | 7days |
//! | `config.mokka.governance.acceptancePeriod` | 1day |
//! | `config.mokka.permissions` | every list off and empty, no observers |
//!
//! `config.chainId`, `config.mokka.crashModel`, `config.mokka.validators` and `alloc` have none: a
//! chain must say who it is. The timers are those of [`mokka_types::Settings::default`]; the
//! backoff and the leader timeout follow from them (`consensus.md` §4). `governance` is that of
//! [`mokka_runtime::system::Governance::default`]. The chain hash covers every value with the
//! defaults filled in, so writing a default down does not change it.

use std::time::Duration;

pub use mokka_types::{
    ALIVE_INTERVAL, MAX_NAME_CHARS, MAX_TIMER, MIN_GAS_LIMIT, WORST_GAS_PER_SECOND,
};

/// Gas of every block.
pub const GAS_LIMIT: u64 = 100_000_000;
/// Fee that every gas costs beside the tip.
pub const BASE_FEE: u64 = 0;

/// Wallets compute the `v` of EIP-155 in floating point: above this it is wrong.
pub const MAX_CHAIN_ID: u64 = 4_503_599_627_370_476;
/// The end of the year 9999, in seconds. A timestamp beyond it is in milliseconds by mistake.
pub const MAX_TIMESTAMP: u64 = 253_402_300_799;
/// A block must hold the largest transaction that a pool accepts (128 KiB) with its header.
pub const MIN_BLOCK_BYTES: u64 = 256 << 10;
/// A block travels in one message.
pub const MAX_BLOCK_BYTES: u64 = 32 << 20;
/// The longest code of a contract (EIP-170).
pub const MAX_CODE_BYTES: usize = 24_576;
/// A year, as `humantime` counts it. A proposal that waits longer is forgotten, not considered.
pub const MAX_PERIOD: Duration = Duration::from_secs(31_557_600);
