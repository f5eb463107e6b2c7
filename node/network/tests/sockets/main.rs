//! Several networks in one process, over real sockets on 127.0.0.1.
//!
//! Every wait is for an event and has a generous limit; nothing sleeps and hopes.

#![allow(clippy::unwrap_used, missing_docs)]

mod changes;
mod hostile;
mod latency;
mod membership;
mod moving;
mod recovery;
mod traffic;
mod world;
