//! Mokka as a library: agreement on a sequence of blocks, for any transport and any state machine.
//!
//! The core (`mokka-consensus`) decides and never acts. This crate acts: [`Engine`] takes one
//! input, lets the core decide, makes the records durable, and only then performs the actions (§8).
//! It is a plain synchronous struct; the node and the simulator run the same one. [`driver`] gives
//! it a thread, a clock and an inbox.
//! ```text
//! peers ──bytes──▶ Gate ─Verified─▶ Inbox ──┐                ┌▶ SafetyStore   1. append, synced
//! state machine ──answers──▶ Handle ▶ Inbox ┼▶ Engine::turn ─┼▶ Transport     2. packets
//! clock ──deadline──────────────────────────┘  (core.step)   └▶ StateMachine  3. build, finalize
//! ```
//! A user of the library brings four plugs ([`Plugs`]): a [`Transport`] that carries packets, a
//! [`StateMachine`] that builds and checks blocks, a [`SafetyStore`] that forgets nothing, and a
//! [`Signer`] that keeps the key. [`memory`] has a transport and a store for tests and examples.
//!
//! Read in this order: [`Engine`], [`Gate`], [`driver`], then the plugs.
//!
//! # Where we differ from `consensus.md`, and why
//! * Every envelope is signed, also where it is direct: one way to authenticate a packet.
//! * An old packet of our own key is dropped here and never reaches the core, so it cannot mark a
//!   node that is honest (§8, Appendix A.7); certificates and proofs, which do, still reach it.

pub mod driver;
mod engine;
mod fatal;
mod gate;
mod machine;
pub mod memory;
mod serve;
mod signer;
mod store;
mod transport;

pub use driver::{Driver, Ended, Handle, Inbox, Notice, Running, Stopped, inbox, spawn};
pub use engine::{Engine, Plugs, Start, TurnReport};
pub use fatal::Fatal;
pub use gate::{Gate, Unopened};
pub use machine::{ByteLimit, RangeLimit, StateMachine};
pub use signer::{LocalSigner, Signer, SignerFailure};
pub use store::{SafetyStore, StoreFailure};
pub use transport::Transport;
