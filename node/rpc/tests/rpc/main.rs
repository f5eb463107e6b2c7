//! The RPC as clients see it: real sockets on free ports, a chain in memory behind them.

#![allow(missing_docs, clippy::unwrap_used, clippy::needless_pass_by_value)]

mod calls;
mod fake;
mod fees;
mod limits;
mod logs;
mod members;
mod mokka;
mod reads;
mod submit;
mod subscriptions;
mod transport;
mod wire;
