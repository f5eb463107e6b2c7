//! The words of the protocol: what validators say, sign and remember.
//!
//! Nothing here decides, it only says what a thing is and how it is written down: every number,
//! name and packet of the specification is a type of its own, so that a [`Term`] cannot be taken
//! for a [`Height`]. Everything that crosses the network or the disk passes through [`codec`],
//! whose encoding is canonical: one value, one sequence of bytes.
//!
//! Read in this order: [`Height`], [`Term`] and [`View`]; [`ValidatorSet`] and [`Quorum`];
//! [`Base`], [`Proof`] and [`Certificate`]; [`Packet`]; [`SafetyRecord`]; [`Settings`] and
//! [`Setting`].
//!
//! What a [validator's name](check_name), a [`NodeAddress`] and [settings](Settings::broken) may be
//! is said here once, for the genesis file and for what members decide later.

mod address;
mod base;
pub mod codec;
mod evidence;
mod hash;
mod name;
mod number;
mod packet;
mod proof;
mod record;
mod rule;
mod setting;
mod settings;
mod validator;
mod words;

pub use address::{MAX_NODES, NodeAddress, NotANodeAddress, is_peer_id};
pub use base::{Base, CertifiedBase, Prepared};
pub use evidence::{Evidence, Misdeed, SignedClaim, SignedProposal};
pub use hash::{BaseDigest, BlockHash, BlockId, Body, ChainHash, SetDigest, Signature};
pub use name::{MAX_NAME_CHARS, NameProblem, check_name};
pub use number::{Epoch, Height, Monotonic, RunNumber, Term, View};
pub use packet::{
    Ack, AggregatedNonce, Alive, Attempt, Ballot, BlockVote, BlocksRequest, BodyReply, BodyRequest,
    Envelope, FinalBlock, Handover, HandoverToken, Packet, PacketKind, PartialSignature, Proposal,
    PublicNonce, Refusal, Refused, SealedEnvelope, Sign, Signed, Vote, Voted, VotedAnswer,
};
pub use proof::{Certificate, Phase, Proof};
pub use record::{
    Mark, MarkReason, PreparedRecord, Promise, SafetyRecord, SafetyState, SignedBallot,
};
pub use rule::{
    ALIVE_INTERVAL, BrokenRule, MAX_TIMER, MIN_GAS_LIMIT, Relation, WORST_GAS_PER_SECOND,
};
pub use setting::Setting;
pub use settings::Settings;
pub use validator::{
    CrashModel, InvalidSet, MAX_VALIDATORS, PublicKey, Quorum, Signers, ValidatorIndex,
    ValidatorSet,
};
