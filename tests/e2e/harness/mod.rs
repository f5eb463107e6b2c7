//! Processes, networks of them, and waiting.

mod command;
mod consortium;
mod http;
mod ledger;
mod load;
mod network;
mod node;
pub(crate) mod plan;
mod ports;
mod screen;
mod wait;

pub(crate) use command::{mokka, mokka_fails, mokka_fails_with, mokka_succeeds, signal_group};
pub(crate) use consortium::{Consortium, counts, validates, validators};
pub(crate) use http::{get, post};
pub(crate) use ledger::{Ledger, receipt};
pub(crate) use load::Load;
pub(crate) use network::{Network, turn};
pub(crate) use node::NodeProcess;
pub(crate) use plan::{CHAIN_ID, Plan, account};
pub(crate) use ports::free_ports;
pub(crate) use screen::Screen;
pub(crate) use wait::{LIMIT, report, until};
