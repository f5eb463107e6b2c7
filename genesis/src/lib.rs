//! How a chain begins: the genesis file.
//!
//! The file has geth's format, so that its `alloc` and tools work; what is Mokka's is under
//! `config.mokka`. Nodes with different files must not work together, so the file says everything
//! once and for all, and nothing in it is guessed: unknown fields, fields written twice and values
//! that do not fit together are mistakes. All of them are found in one reading, each with its path,
//! its value and what to write instead.
//!
//! ```text
//! text --Genesis::parse--> Genesis --begin--> block 0, chain hash
//! Draft ----check--------->    |
//!                              +--to_json--> text
//! ```
//!
//! Read in this order: [`Draft`], [`defaults`], [`Problem`], [`Genesis`], [`predeploys`].
//!
//! # Where we differ from geth, and why
//! * Every fork up to Osaka is active from block 0; there is no other way to say it.
//! * `nonce`, `extraData`, `coinbase` and the like are the node's to fill: they may be there, but
//!   0.
//! * A mixed-case address must have its right checksum: a mistyped account is money nobody can
//!   reach.
//!
//! # Units
//! Lengths of time are text with a unit (`"200ms"`): timers in whole milliseconds, the periods of
//! `governance` in whole seconds. Sizes are bytes, or
//! text like `"4MiB"`. `timestamp` is in seconds. Balances are in the smallest unit of the coin.

mod alloc;
mod chain;
mod check;
pub mod defaults;
mod draft;
mod governance;
mod json;
mod mistake;
mod mokka;
mod parse;
pub mod predeploys;
mod reader;
mod validator;
mod write;

pub use chain::{Beginning, Genesis};
pub use draft::Draft;
pub use mistake::{Mistake, Mistakes, ParseError, Problem};
pub use mokka_runtime::system::{
    AllowListRules, Governance, NodeListRules, Permissions, Role, Switch, SystemRules, Threshold,
};
pub use mokka_types::{NodeAddress, NotANodeAddress};
pub use validator::Validator;
