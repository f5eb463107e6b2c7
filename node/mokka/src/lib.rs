//! Mokka as a library: agreement on a sequence of blocks, for any transport and any state machine.
//!
//! A [`Cluster`] says who agrees and by which rules, a [`Member`] takes part. The smallest one that
//! does something is a replicated [`log`] over [`tcp`]:
//! ```
//! # use mokka::{Cluster, Member, log, tcp, types::CrashModel, crypto::SecretKey};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("log");
//! let key = SecretKey::generate();
//! let cluster = Cluster::new("demo", CrashModel::Bft, [key.public_key()])?;
//! let member = Member::new(cluster, key)?;
//! let (transport, network) = tcp::listen(&member, "127.0.0.1:0").await?;
//! // For each other member: network.join(its_key, "host:port").await
//! let (log, mut running) = log::start(member, path, transport)?;
//! log.spread_over(&network);
//! let index = log.submit(*b"hello").await?;
//! let entry = log.entry(index).await?.expect("it is final");
//! assert_eq!(entry.bytes(), b"hello");
//! # network.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol in short
//! Time is cut into terms. A member that hears no leader stands for the next term. It asks all for
//! votes, which binds nobody; then it chooses a quorum of those that would grant one, and has them
//! sign together, by MuSig2, one signature of 64 bytes: its proof. While that lasts it leads, and
//! everybody can check that it does. It proposes one block at a time; a quorum of votes, signed one
//! by one, is the certificate that makes a block final, at once. With
//! [`CrashModel::Bft`](types::CrashModel) another round of votes comes before, so that no leader
//! can have one block certified here and another one there.
//!
//! *Why it is safe.* Two quorums have an honest member in common. It signs for one candidate in a
//! term, and for one block at a height in a term, and writes that down before it signs. So a term
//! has one leader, and one block at a height. Whoever voted to make a block final signs for a later
//! leader only if that one has this block, as final or as the one that it must propose again: what
//! is final stays final, across all changes of leader. The specification, whose sections are cited
//! like §5.2, has the whole argument (§11).
//!
//! # What the original promised, and where it is here
//! The original is the npm package `mokka` 1.4. `cargo run --example options` shows the options,
//! the middleware, messages and events at work in one process, `--example four` a state machine
//! with its own blocks over a transport of its own.
//!
//! | original | here |
//! |---|---|
//! | `new Mokka({…})` | [`Member::new`]; what all members share is a [`Cluster`] |
//! | `address` | [`tcp::listen`] |
//! | `crashModel` | [`types::CrashModel`], given to [`Cluster::new`] |
//! | `heartbeat` | [`Cluster::heartbeat`] |
//! | `electionTimeout` | [`Cluster::election_timeout`] |
//! | `proofExpiration` | [`Cluster::proof_lifetime`] |
//! | `customVoteRule` | [`Member::vote_rule`], [`StateMachine::agrees`] |
//! | `reqMiddleware`, `resMiddleware` | [`Member::incoming`], [`Member::outgoing`]: they refuse |
//! | `logger` | `tracing` |
//! | `privateKey` | [`crypto::SecretKey`], [`crypto::keyfile`]; elsewhere behind a [`Signer`] |
//! | `join(address)` | [`join`](tcp::Network::join), while running, too; it gives no vote (§9) |
//! | `connect()` | [`log::start`], or [`Member::start`] with plugs of one's own |
//! | `disconnect()` | [`Handle::stop`], [`tcp::Network::stop`] |
//! | `messageApi.message(…)` | [`tcp::Network::send`]; the engine sends its packets itself |
//! | packets with the user's `data` | [`tcp::Network::messages`] |
//! | events `join`, `leave` | [`Notice::Joined`], [`Notice::Left`], of [`Handle::notices`] |
//! | event `heartbeat_timeout` | [`Event::HeartbeatTimeout`](consensus::Event::HeartbeatTimeout) |
//! | event `state` | [`Event::State`](consensus::Event::State); `Leader`, `Final` and others, too |
//! | event `error` | [`Running::ended`] for our own, [`Notice::Accused`] for another's |
//! | `initialize`, `write` | [`Handle::packet`], [`Transport`]; [`memory`] is an example |
//! | a state machine of one's own | [`log::Log::follow`]; with its own blocks [`StateMachine`] |
//! | storage left to the user | [`log`] has a file; [`SafetyStore`] is for other stores |
//! | votes by MuSig | MuSig2: what the original signed gave the keys away |
//! | demo: `add_log`, `get_log`, `info` | `cargo run --example cluster` |
//! | demo: private chain | the node of this repository: `cargo run --example private_chain` |
//! | in a browser | no |
//!
//! # How it is made
//! The core (`mokka-consensus`) decides and never acts. This crate acts: [`Engine`] takes one
//! input, lets the core decide, makes the records durable, and only then performs the actions (§8).
//! It is a plain synchronous struct; the node and the simulator run the same one. [`driver`] gives
//! it a thread, a clock and an inbox.
//! ```text
//! peers ──bytes──▶ Gate ─Verified─▶ Inbox ──┐                ┌▶ SafetyStore   1. append, synced
//! state machine ──answers──▶ Handle ▶ Inbox ┼▶ Engine::turn ─┼▶ Transport     2. packets
//! clock ──deadline──────────────────────────┘  (core.step)   └▶ StateMachine  3. build, finalize
//! ```
//! Whoever wants neither [`tcp`] nor [`log`] brings plugs of his own ([`Plugs`]): a [`Transport`]
//! that carries packets, a [`StateMachine`] that builds and checks blocks, a [`SafetyStore`] that
//! forgets nothing, and a [`Signer`] that keeps the key. [`memory`] has a transport and a store for
//! tests and examples.
//!
//! Read in this order: [`Cluster`], [`Member`], [`log`], [`tcp`]; then [`Engine`], [`Gate`],
//! [`driver`] and the plugs.
//!
//! # Where we differ from `consensus.md`, and why
//! * Every envelope is signed, also where it is direct: one way to authenticate a packet.
//! * [`log`] makes its file where there is none, so that a member starts with one command: who has
//!   lost it starts like somebody new, and listens to the others first (§8).

#[cfg(doctest)]
#[doc = include_str!("../../docs/library.md")]
struct Page;

mod cluster;
pub mod driver;
mod engine;
mod fatal;
mod gate;
pub mod log;
mod machine;
mod member;
pub mod memory;
mod screen;
mod serve;
mod signer;
mod store;
pub mod tcp;
mod transport;
mod vote_rule;

pub use mokka_consensus as consensus;
pub use mokka_crypto as crypto;
pub use mokka_types as types;

pub use cluster::{Cluster, UnfitCluster};
pub use driver::{Driver, Ended, Handle, Inbox, Notice, Running, Stopped, inbox, spawn};
pub use engine::{Engine, Plugs, Start, TurnReport};
pub use fatal::Fatal;
pub use gate::{Gate, Unopened};
pub use machine::{ByteLimit, RangeLimit, StateMachine};
pub use member::Member;
pub use screen::{Passage, Screen};
pub use signer::{LocalSigner, Signer, SignerFailure};
pub use store::{SafetyStore, StoreFailure};
pub use transport::Transport;
