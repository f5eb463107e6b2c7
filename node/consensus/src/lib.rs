//! Who leads, and which blocks are final.
//!
//! This crate decides and never acts: it owns no socket, file, clock, secret or random source.
//! ```text
//! packets, timers, application --Input--> step() --Output--> 1. write records   2. perform actions
//! ```
//! The whole state is a value that can be cloned, compared and hashed, so that it can be searched.
//! Section numbers (`§5.2`) are those of the specification. Every step ends by looking at what has
//! become possible ([`Consensus::step`]), so that the order in which a block, its proposal, its
//! certificate and the application's verdict arrive does not matter.
//!
//! Read in this order: `consensus` (the state and its step), `role`, then by `packet`, which has a
//! file for each kind. An election: `standing`, `vote`, `voted`, `sign`, `signed`, with `rules`,
//! `eligibility` and `turns`. A term: `following`, `leading`, `ack`, `alive`, `handover`. A block:
//! `proposing`, `proposal`, `checking`, `voting`, `block_vote`, `certified`, `storing`. Then
//! `catchup`, `timers`, `epochs` (the set changes), `mark` (lost state), `evidence` (who signs
//! twice), `invariants`, `faults` (what a test can leave out).
//!
//! # Where we differ from the specification, and why
//! * A verdict of the application and the end of a write are inputs: a block is final here when
//!   [`Input::Finalized`] says so, and nothing of the next height is recorded before it (§6.5).
//! * The application's vote rule (§5.2 rule 5) is asked of each `Vote` of another, by whoever
//!   drives the core; its newest answer counts, so that a `Sign` need not wait for one.
//! * A proposal that is said again has no body, for anybody, not only for the long silent (§6.8):
//!   who lacks it asks, and waits longer each time. Where the network or the machines are too slow
//!   already, whole bodies with every heartbeat would keep them so.
//! * Terms are bounded by the wall clock, one for each millisecond since 1970, and not by what was
//!   seen (§5.2 rule 2): a liar that asks one node alone to sign for a term at the end of such a
//!   bound, and shows no proof, would leave that node waiting for terms that all others refuse, for
//!   ever. This bound moves on by itself, for all alike (decision 7).
//! * The newest terms belong to one validator each, in rotation; who has its turn, and finds no
//!   leader, stands for the first of them, and is held up neither by a signature for another, a
//!   penalty or a term that it led before, nor by a leader that has owed a block for long (§5.2
//!   rules 2, 3 and 6, §5.4, §5.5). Liars that bind single validators to higher terms, always when
//!   these are asked to sign for another, could otherwise keep everybody from being elected
//!   (decision 8).
//! * An observer that gets no block for a second asks one of the validators (§7): a leader that
//!   lies could leave it out.
//! * A prepared block is taken over at the first refusal for a lower base, even while q grants are
//!   in reach (§5.4): it costs a candidacy a quarter of a heartbeat, and the block is needed.
//! * A silent signer is asked again in the same candidacy, once a repetition finds no quorum
//!   without it (§5.4): where exactly q answer, a slow disk would otherwise elect nobody.
//! * What somebody has claimed three times in vain keeps nobody listening (§8): two liars could
//!   take turns.
//! * Who stands in an epoch that is over, and is no validator any more, is told so (§9): a leader
//!   that lies need not.
//! * Handovers are repeated like the packets of an election (§6.8), until the successor stands.
//! * A candidate that asks for signatures does not sign for another one of a lower term, nor for
//!   one of the same term that ranks behind it (§5.3). Without that each of two signs for the
//!   other, having itself the signatures that the other one needs, and the term has no leader; not
//!   to sign is never unsafe.
//! * Not only the old leader shows that an epoch has ended (§9): whoever has the block does, an
//!   election timeout later and after a restart, too; the old leader may be gone. Between two times
//!   the pause grows to four heartbeats.
//! * What ended the last epoch is known by its id, so that keys of the old set prove nothing any
//!   more, whoever holds them now (§9).
//! * Alone in a set, a node is not marked by what it sees (§8), but a declared mark counts there,
//!   too: a chain may have grown since the state that was restored.
//!
//! # Units
//! Lengths of time are [`std::time::Duration`]; instants are [`mokka_types::Monotonic`].

mod at_height;
mod catchup;
mod checking;
mod clock;
mod consensus;
mod eligibility;
mod epochs;
mod evidence;
mod faults;
mod following;
mod invariants;
mod io;
mod leading;
mod mark;
mod packet;
mod peers;
mod proposing;
mod random;
mod role;
mod rules;
mod standing;
mod storing;
mod timers;
mod turns;
mod voting;

pub use consensus::{Config, Consensus, Restored, Status};
pub use faults::Rule;
pub use io::{
    Accused, Action, Audience, BuildRequest, BuiltBlock, CastVote, CheckRequest, CheckTicket,
    CheckedBlock, EmptyBlock, EndOfTerm, Event, Fatal, FinalizeBlock, FinalizedBlock, HandOver,
    Ignored, Input, Origin, Output, PeerFault, ProposeBlock, ProposedBlock, RoleName, SignBallot,
    Verdict, WorkWaiting,
};
