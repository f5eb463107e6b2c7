//! What validators say to each other (§3).

use serde::{Deserialize, Serialize};

use crate::{
    BaseDigest, BlockId, Body, Certificate, CertifiedBase, Height, Proof, PublicKey, RunNumber,
    SetDigest, Signature, Signers, View,
};

/// Names one sending of a candidacy, so that it never recurs: the run of the candidate, and a
/// counter that only grows within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// The candidate's run.
    pub run: RunNumber,
    /// The how many-th attempt of that run.
    pub counter: u64,
}

/// Names one attempt of one candidacy: what every packet of an election refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// The term that it would lead.
    pub view: View,
    /// Who stands.
    pub candidate: PublicKey,
    /// Which attempt of the term.
    pub attempt: Attempt,
    /// What it stands on.
    pub base: BaseDigest,
}

/// A candidate asks for votes (§5.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The candidacy; its base digest is that of `base`.
    pub ballot: Ballot,
    /// The candidate's promise.
    pub promise: View,
    /// What it stands on, with the certificates.
    pub base: CertifiedBase,
    /// The newest proof it saw.
    pub newest_proof: Option<Proof>,
    /// Its leader wants it to lead (§5.7).
    pub handover: Option<HandoverToken>,
}

/// A leader's word that another may stand although it lives itself (§5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HandoverToken {
    /// The term that it leads.
    pub view: View,
    /// Who may stand.
    pub successor: PublicKey,
    /// The leader's, over (epoch, term, successor).
    pub signature: Signature,
}

/// A leader hands over (§5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Handover {
    /// Names the successor.
    pub token: HandoverToken,
    /// Proves the last block; none for genesis.
    pub certificate: Option<Certificate>,
}

/// A MuSig2 public nonce, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublicNonce(#[serde(with = "crate::codec::array")] pub [u8; 66]);

/// The sum of the signers' public nonces, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AggregatedNonce(#[serde(with = "crate::codec::array")] pub [u8; 66]);

/// One signer's share of a proof's signature, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartialSignature(pub [u8; 32]);

/// Which rule of §5.2 a candidacy fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// Rule 1: another epoch, or not a member of ours.
    Epoch,
    /// Rule 2: the term is not above our promise.
    Term,
    /// Rule 2: the term lies too far ahead.
    TermTooHigh,
    /// Rule 3: it led lately, or is in penalty.
    NotEligible,
    /// Rule 4: its base is not proved.
    InvalidBase,
    /// Rule 4: its base is lower than ours.
    LowerBase,
    /// Rule 5: the application says no.
    VoteRule,
    /// Rule 6: our leader lives.
    LiveLeader,
}

/// Why a voter says no, and what the candidate should know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refused {
    /// The first rule that failed.
    pub reason: Refusal,
    /// The voter's promise.
    pub promise: View,
    /// The newest proof it saw.
    pub newest_proof: Option<Proof>,
    /// What the voter itself stands on.
    pub base: CertifiedBase,
}

/// A voter's answer in round one: not binding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VotedAnswer {
    /// Would sign, with this fresh nonce.
    Granted(PublicNonce),
    /// Would not.
    Refused(Box<Refused>),
}

/// A voter answers a candidate (§5.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Voted {
    /// The candidacy.
    pub ballot: Ballot,
    /// Yes or no.
    pub answer: VotedAnswer,
}

/// A candidate asks the chosen signers to sign (§5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sign {
    /// The candidacy.
    pub ballot: Ballot,
    /// The chosen ones.
    pub signers: Signers,
    /// The sum of their nonces.
    pub nonce: AggregatedNonce,
}

/// A signer signs: binding (§5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signed {
    /// The candidacy.
    pub ballot: Ballot,
    /// Its share of the proof.
    pub partial: PartialSignature,
    /// A signature of its own, over what the proof says: this one proves who signed.
    pub signature: Signature,
}

/// A leader shows that it is alive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ack {
    /// What makes it the leader.
    pub proof: Proof,
    /// Its newest committed block.
    pub committed: BlockId,
    /// Proves that block; none for genesis.
    pub certificate: Option<Certificate>,
}

/// A node shows a leader that it is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Alive {
    /// Its promise.
    pub promise: View,
    /// Its newest committed block.
    pub committed: BlockId,
}

/// A leader proposes a block (§6.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// What makes it the leader.
    pub proof: Proof,
    /// The block.
    pub id: BlockId,
    /// The committed block below it.
    pub parent: BlockId,
    /// Proves the parent; none for genesis.
    pub parent_certificate: Option<Certificate>,
    /// What the block contains; not said again in a repetition, to one whose vote is missing: who
    /// lacks it asks (§6.8).
    pub body: Option<Body>,
    /// The proposer's, over (epoch, term, id).
    pub signature: Signature,
}

/// A follower's vote for a block, in either phase (§6.3, §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockVote {
    /// The term of the vote.
    pub view: View,
    /// The block.
    pub id: BlockId,
    /// The validator set active after it.
    pub next_set: SetDigest,
    /// The voter's, over the above and the phase.
    pub signature: Signature,
}

/// Asks for final blocks from a height on (§7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlocksRequest {
    /// The first height wanted.
    pub from: Height,
}

/// A block with what makes it final.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FinalBlock {
    /// The block.
    pub id: BlockId,
    /// What it contains.
    pub body: Body,
    /// Proves it.
    pub certificate: Certificate,
}

/// Asks for the body of a block that was seen in a certificate, or in a repeated proposal (§6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BodyRequest {
    /// The block.
    pub id: BlockId,
}

/// Answers [`BodyRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BodyReply {
    /// The block.
    pub id: BlockId,
    /// What it contains, as the sender believes.
    pub body: Body,
}

/// Everything that one node can say to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Packet {
    /// Candidate to all.
    Vote(Box<Vote>),
    /// Voter to candidate.
    Voted(Voted),
    /// Candidate to the chosen signers.
    Sign(Sign),
    /// Signer to candidate.
    Signed(Signed),
    /// Leader to all.
    Ack(Box<Ack>),
    /// Follower to leader.
    Alive(Alive),
    /// Leader to all.
    Proposal(Box<Proposal>),
    /// Follower to leader, BFT.
    PrepareVote(BlockVote),
    /// Follower to leader.
    CommitVote(BlockVote),
    /// Leader to all.
    Certified(Box<Certificate>),
    /// Leader to its successor.
    Handover(Box<Handover>),
    /// To whoever showed a higher committed block.
    BlocksRequest(BlocksRequest),
    /// The answer, in order of height.
    Blocks(Vec<FinalBlock>),
    /// To whoever showed a certificate.
    BodyRequest(BodyRequest),
    /// The answer.
    Body(BodyReply),
}

/// Which kind of packet; counters run per sender and kind (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // Each is named after its packet.
pub enum PacketKind {
    Vote,
    Voted,
    Sign,
    Signed,
    Ack,
    Alive,
    Proposal,
    PrepareVote,
    CommitVote,
    Certified,
    Handover,
    BlocksRequest,
    Blocks,
    BodyRequest,
    Body,
}

impl Packet {
    /// Its kind.
    pub const fn kind(&self) -> PacketKind {
        match self {
            Self::Vote(_) => PacketKind::Vote,
            Self::Voted(_) => PacketKind::Voted,
            Self::Sign(_) => PacketKind::Sign,
            Self::Signed(_) => PacketKind::Signed,
            Self::Ack(_) => PacketKind::Ack,
            Self::Alive(_) => PacketKind::Alive,
            Self::Proposal(_) => PacketKind::Proposal,
            Self::PrepareVote(_) => PacketKind::PrepareVote,
            Self::CommitVote(_) => PacketKind::CommitVote,
            Self::Certified(_) => PacketKind::Certified,
            Self::Handover(_) => PacketKind::Handover,
            Self::BlocksRequest(_) => PacketKind::BlocksRequest,
            Self::Blocks(_) => PacketKind::Blocks,
            Self::BodyRequest(_) => PacketKind::BodyRequest,
            Self::Body(_) => PacketKind::Body,
        }
    }
}

/// A packet, who says it, and when in that node's life.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Envelope {
    /// Who says it.
    pub sender: PublicKey,
    /// The sender's run.
    pub run: RunNumber,
    /// The how many-th packet of this kind in that run.
    pub counter: u64,
    /// What it says.
    pub packet: Packet,
}

/// An envelope with its sender's signature: what travels.
///
/// The specification signs only what is relayed; every envelope is signed here, so that there is
/// one way to authenticate a packet and a relayed copy is as good as a direct one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SealedEnvelope {
    /// What is said.
    pub envelope: Envelope,
    /// The sender's BIP-340 signature over the envelope's canonical bytes.
    pub signature: Signature,
}
