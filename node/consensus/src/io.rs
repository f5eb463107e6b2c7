//! What goes into the core, and what comes out.

use std::time::Duration;

use mokka_crypto::Verified;
use mokka_types::{
    AggregatedNonce, Ballot, BlockHash, BlockId, Body, Certificate, Envelope, Epoch, Evidence,
    Mark, Packet, Phase, Proof, PublicKey, Refusal, SafetyRecord, SetDigest, Settings, Signers,
    ValidatorSet, View,
};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A packet came. Its sender is proved by the type; what it carries is not.
    Packet(Box<Verified<Envelope>>),
    /// A `Vote` came, and the application's vote rule does not want its candidate (§5.2 rule 5).
    Vetoed(Box<Verified<Envelope>>),
    /// A packet of our own key, of an earlier run, came from outside: old news, unless it shows
    /// that we have forgotten what we signed (§8).
    Echo(Box<Verified<Envelope>>),
    /// The instant that [`crate::Consensus::next_deadline`] named has come.
    DeadlineReached,
    /// The application says whether executable transactions wait (§5.6).
    WorkWaiting(WorkWaiting),
    /// Answers [`Action::BuildBlock`].
    Built(BuiltBlock),
    /// Answers [`Action::CheckBlock`].
    Checked(CheckedBlock),
    /// Answers [`Action::Finalize`]: the block is in the store.
    Finalized(FinalizedBlock),
    /// The application says who is approved to become a validator, and is none yet (§9).
    Approved(Vec<PublicKey>),
    /// The wall clock shows this, since 1970. Said now and then: it may be set while we run.
    WallClock(Duration),
    /// The operator stops the node: lead no longer.
    Stop,
}

/// What the application's vote rule says of a candidate (§5.2 rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    Given,
    Refused,
}

impl Consent {
    pub(crate) const fn agrees(self) -> Result<(), Refusal> {
        match self {
            Self::Given => Ok(()),
            Self::Refused => Err(Refusal::VoteRule),
        }
    }
}

/// Whether a block is due because of what the pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkWaiting {
    /// At least one executable transaction waits.
    Yes,
    /// None does.
    No,
}

/// The application built a block on [`BuildRequest::parent`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BuiltBlock {
    /// The term for which it was asked.
    pub view: View,
    /// The block below.
    pub parent: BlockId,
    /// The new block, or `None` where there turned out to be nothing to put into it.
    pub block: Option<ProposedBlock>,
}

/// A block to propose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProposedBlock {
    /// Its id.
    pub id: BlockId,
    /// What it contains.
    pub body: Body,
    /// The validator set active after it.
    pub next_set: SetDigest,
}

/// The application looked at a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CheckedBlock {
    /// The ticket of the request.
    pub ticket: CheckTicket,
    /// What it found.
    pub verdict: Verdict,
}

/// What the application says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The body has this id and parent, and every root agrees.
    Valid {
        /// The validator set active after it.
        next_set: SetDigest,
    },
    /// The body is not the block of this id and parent: its sender is at fault.
    NotThisBlock,
    /// Its time lies ahead of our clock: one of the two clocks is wrong, and it may be ours.
    TooEarly,
    /// It is the block of this id, but it breaks the rules of the chain.
    Invalid,
}

/// A block is in the store, with its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FinalizedBlock {
    /// The block.
    pub id: BlockId,
    /// The validator set that it announced, if that is another one (§9).
    pub next_set: Option<ValidatorSet>,
    /// The rules from here on, if they are other ones. How large a body may be never changes.
    pub next_settings: Option<Settings>,
}

/// What to do, in this order: write the records and sync them, then perform the actions.
#[must_use = "a dropped output loses a vote or a block"]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Output {
    /// Durable first. Sending before writing could vote twice after a crash (§8).
    pub records: Vec<SafetyRecord>,
    /// Perform in order, once every record is on disk.
    pub actions: Vec<Action>,
    /// What observers of this node may want to know.
    pub events: Vec<Event>,
    /// Why the input changed nothing; counted by reason, never silent.
    pub ignored: Option<Ignored>,
    /// Somebody does not follow the protocol (§10).
    pub accused: Option<Accused>,
}

impl Output {
    pub(crate) fn ignore(&mut self, reason: Ignored) {
        self.ignored.get_or_insert(reason);
    }

    pub(crate) fn accuse(&mut self, who: PublicKey, fault: PeerFault) {
        self.accused.get_or_insert(Accused { who, fault });
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }
}

/// Who broke the protocol, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Accused {
    /// The sender of what was wrong.
    pub who: PublicKey,
    /// What was wrong.
    pub fault: PeerFault,
}

/// What the driver has to do for the core.
///
/// A packet to ourselves is handed back as [`Input::Packet`] before anything else: a candidate is a
/// voter of its own, a leader its own follower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send to one node.
    Send {
        /// Who gets it.
        to: PublicKey,
        /// What it gets.
        packet: Packet,
    },
    /// Send to all, except ourselves.
    Broadcast(Packet),
    /// Open a nonce for this ballot, or find the one that is open for it, and send it to its
    /// candidate in a `Voted` (§5.2). At most one nonce is open per candidate; newer replaces
    /// older.
    Grant(Ballot),
    /// Consume the nonce that is open for this ballot and send `Signed` to its candidate (§5.3).
    /// The same request again gets the stored answer; where no nonce is open, nothing is sent.
    SignBallot(SignBallot),
    /// Sign a vote for a block and send it to the leader (§6.3, §6.4).
    CastVote(CastVote),
    /// Sign a proposal and send it (§6.1).
    Propose(Box<ProposeBlock>),
    /// Sign that another is to lead, and send it that (§5.7).
    HandOver(Box<HandOver>),
    /// Build a block on `parent`; answered by [`Input::Built`].
    BuildBlock(BuildRequest),
    /// Check a block; answered by [`Input::Checked`].
    CheckBlock(Box<CheckRequest>),
    /// Write a block that was found valid, with its certificate, in one atomic write that need not
    /// be synced; answered by [`Input::Finalized`] (§6.5).
    Finalize(Box<FinalizeBlock>),
    /// Our own state contradicts itself: stop, keep the evidence.
    Halt(Fatal),
}

/// Sign for a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignBallot {
    /// The candidacy.
    pub ballot: Ballot,
    /// Whose keys are aggregated.
    pub signers: Signers,
    /// The sum of their nonces.
    pub nonce: AggregatedNonce,
}

/// Vote for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CastVote {
    /// The leader who counts.
    pub to: PublicKey,
    /// Which round of votes.
    pub phase: Phase,
    /// The term of the vote.
    pub view: View,
    /// The block.
    pub id: BlockId,
    /// The validator set active after it.
    pub next_set: SetDigest,
}

/// Who gets a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody, ourselves included.
    All,
    /// One whose vote is missing: without the body (§6.8).
    One(PublicKey),
}

/// Propose a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProposeBlock {
    /// Who gets it.
    pub to: Audience,
    /// What makes us the leader.
    pub proof: Proof,
    /// The block.
    pub id: BlockId,
    /// The committed block below it.
    pub parent: BlockId,
    /// Proves the parent; none for genesis.
    pub parent_certificate: Option<Certificate>,
    /// What the block contains; none for one whose vote is missing (§6.8).
    pub body: Option<Body>,
}

/// Hand over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HandOver {
    /// The successor.
    pub to: PublicKey,
    /// The term that we lead.
    pub view: View,
    /// Proves the last block; none for genesis.
    pub certificate: Option<Certificate>,
}

/// Build a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BuildRequest {
    /// The term in which it will be proposed.
    pub view: View,
    /// The block below.
    pub parent: BlockId,
    /// What to do where no transaction is fit for a block.
    pub empty: EmptyBlock,
    /// Validators, and those approved to become one, who lately showed a recent committed height:
    /// a block may announce a set only if a quorum of it is among them (§9).
    pub level: Vec<PublicKey>,
}

/// Whether a block without transactions is to be built (§6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmptyBlock {
    /// `emptyBlockInterval` has passed: an empty block is better than none.
    Due,
    /// Answer that nothing was built.
    NotDue,
}

/// Ties a verdict to the body that was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckTicket(pub(crate) u64);

/// Check a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckRequest {
    /// Comes back with the verdict.
    pub ticket: CheckTicket,
    /// The block it claims to be.
    pub id: BlockId,
    /// The block below it: committed, or to be so by the [`Action::Finalize`] just before.
    pub parent: BlockId,
    /// What it contains.
    pub body: Body,
    /// Which rules apply.
    pub origin: Origin,
}

/// How a block came to us; decides whether rules of the moment apply to it (`architecture.md` §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Proposed for the first time, in this term.
    Fresh {
        /// The term.
        view: View,
        /// Its leader, who built the block.
        leader: PublicKey,
    },
    /// Prepared in an earlier term and proposed again.
    ProposedAgain,
    /// Already final: refusing it would mean that we are wrong.
    Certified,
}

/// Write a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FinalizeBlock {
    /// The block; it was found valid.
    pub id: BlockId,
    /// What it contains.
    pub body: Body,
    /// Proves it.
    pub certificate: Certificate,
}

/// What happened to this node, for logs, metrics and the library's users.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The original's `heartbeat_timeout`: the leader was silent, or there is none.
    HeartbeatTimeout,
    /// The original's `state`: the role or the followed leader changed.
    State(RoleName),
    /// A candidacy began.
    Standing(View),
    /// A candidacy of ours ended without a proof.
    NotElected(View),
    /// A proof was adopted, ours or another's.
    Leader {
        /// The term.
        view: View,
        /// Who leads it.
        leader: PublicKey,
    },
    /// We stopped leading.
    Resigned {
        /// The term that we led.
        view: View,
        /// Why.
        reason: EndOfTerm,
    },
    /// A block is final here.
    Final(BlockId),
    /// The block that was final last changed the validators: their epoch begins (§9).
    Epoch(Epoch),
    /// Our key must sign nothing from this state, until members replace it (§8). Said when it turns
    /// out, and at every start.
    Marked(Mark),
    /// A validator signed two statements of which an honest one makes one (§10).
    Evidence(Box<Evidence>),
    /// These cast no vote for a block of ours, not even too late for its certificate.
    VotesMissing(Signers),
    /// Our promise is of a term that our wall clock will not reach soon: we elect nobody before it
    /// has (§5.2 rule 2).
    ClockBehind(View),
}

/// What a node is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    /// Follows, whether it knows a leader or not.
    Follower,
    /// Stands for election.
    Candidate,
    /// Leads.
    Leader,
}

/// Why a leader stopped (§5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndOfTerm {
    /// Its proof ended.
    ProofEnded,
    /// It met a valid proof or certificate of a higher term, or signed for one.
    HigherTerm,
    /// Too many have bound themselves to higher terms for it to find votes.
    PromisesAbove,
    /// It heard from too few.
    Isolated,
    /// Its block did not become final in time.
    NoProgress,
    /// The validator set changed (§9).
    EpochEnded,
    /// Its key must not sign (§8).
    Marked,
    /// The operator stops the node.
    Stopped,
}

/// Why an input changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// Of a term that is over for us.
    OldTerm,
    /// Of another epoch.
    OtherEpoch,
    /// Of a height that we have passed, or that lies ahead of the next.
    OtherHeight,
    /// We had it already.
    Duplicate,
    /// An older packet of its kind than the last (§3).
    NotNews,
    /// From somebody who is no validator.
    NotAValidator,
    /// Not from the leader of the term.
    NotTheLeader,
    /// We are not standing, or not with this ballot.
    NotStanding,
    /// We are not leading.
    NotLeading,
    /// It names no block or ballot that we know.
    Unknown,
    /// Our promise forbids it.
    Promised,
    /// It was refused, and its sender was told why.
    Refused,
    /// We must catch up first.
    Behind,
    /// Something that we hold for an election says no (§5.2 at the time of signing).
    RulesFail,
    /// A late answer of the application.
    Stale,
}

/// What a packet shows of its sender: it does not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerFault {
    /// A proof that does not verify.
    InvalidProof,
    /// A certificate that does not verify.
    InvalidCertificate,
    /// A vote, nonce or share whose signature does not verify.
    InvalidSignature,
    /// A packet whose parts contradict each other.
    Contradiction,
    /// A block that is not what it is called.
    WrongBody,
    /// A block that breaks the rules of the chain.
    InvalidBlock,
    /// Two different things where only one may be.
    Equivocation,
}

/// Our own state contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fatal {
    /// Two prepared blocks in one term and height (§6.4).
    #[error("this node prepared two blocks at height {0}: {1} and {2}")]
    PreparedTwice(mokka_types::Height, BlockHash, BlockHash),
    /// A certified block that we find invalid: our state is not the others'.
    #[error(
        "block {} at height {} is certified but invalid here: our state differs from the others'",
        .0.hash,
        .0.height
    )]
    Diverged(BlockId),
    /// Another block is certified at a height where we committed one.
    #[error("height {height} is final as {ours}, but a certificate shows {theirs}")]
    Fork {
        /// Where.
        height: mokka_types::Height,
        /// What we committed.
        ours: BlockHash,
        /// What the certificate names.
        theirs: BlockHash,
    },
    /// The store finalized another block than was asked for.
    #[error("the store says that block {0} is final, which was not asked for")]
    UnexpectedFinal(BlockHash),
    /// A certified block announced a set that is none, or not the one that it was voted on with.
    #[error(
        "the validator set after block {} at height {} is not the certified one",
        .0.hash,
        .0.height
    )]
    InvalidSet(BlockId),
    /// The number range is used up.
    #[error("no term or height is left")]
    NumbersExhausted,
}
