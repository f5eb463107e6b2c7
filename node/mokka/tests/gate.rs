//! What the gate lets pass: packets as their sender sealed them, and nothing else (§3, §10).

use mokka::{Gate, Unopened};
use mokka_crypto::SecretKey;
use mokka_types::{
    Ack, AggregatedNonce, Alive, Attempt, Ballot, Base, BaseDigest, BlockHash, BlockId, BlockVote,
    BlocksRequest, Body, BodyReply, BodyRequest, Certificate, CertifiedBase, ChainHash, Envelope,
    Epoch, FinalBlock, Handover, HandoverToken, Height, Packet, PacketKind, PartialSignature,
    Phase, Prepared, Proof, Proposal, PublicKey, PublicNonce, Refusal, Refused, RunNumber,
    SetDigest, Settings, Sign, Signature, Signed, Signers, Term, View, Vote, Voted, VotedAnswer,
    codec,
};

const CHAIN: ChainHash = ChainHash::new([7; 32]);
const VIEW: View = View::new(Epoch::new(1), Term::new(300));
const ID: BlockId = BlockId { height: Height::new(5), hash: BlockHash::new([5; 32]) };
const SIGNATURE: Signature = Signature::new([9; 64]);

/// Every bit of a packet up to this size is flipped; of a longer one, one bit of every byte.
const SHORT: usize = 256;

fn key() -> SecretKey {
    SecretKey::from_bytes([3; 32]).expect("a secret key")
}

fn public() -> PublicKey {
    key().public_key()
}

fn sealed(packet: Packet) -> Vec<u8> {
    let (sender, run) = (public(), RunNumber::new(1));
    codec::encode(&key().seal(&CHAIN, Envelope { sender, run, counter: 1, packet }).0)
}

fn base() -> Base {
    Base { committed: ID, prepared: Some(Prepared { term: Term::new(2), id: ID }) }
}

fn ballot() -> Ballot {
    let attempt = Attempt { run: RunNumber::new(1), counter: 2 };
    Ballot { view: VIEW, candidate: public(), attempt, base: BaseDigest::new([4; 32]) }
}

fn proof() -> Proof {
    let (candidate, base) = (public(), base());
    Proof { view: VIEW, candidate, base, signers: Signers::NONE, signature: SIGNATURE }
}

fn certificate(phase: Phase) -> Certificate {
    let (next_set, signers) = (SetDigest::new([6; 32]), Signers::NONE);
    Certificate { phase, view: VIEW, id: ID, next_set, signers, signatures: vec![SIGNATURE; 3] }
}

fn certified_base() -> CertifiedBase {
    let (commit, prepare) = (certificate(Phase::Commit), certificate(Phase::Prepare));
    CertifiedBase { base: base(), commit: Some(commit), prepare: Some(prepare) }
}

fn body() -> Body {
    Body::new(vec![8; 100])
}

fn token() -> HandoverToken {
    HandoverToken { view: VIEW, successor: ballot().candidate, signature: SIGNATURE }
}

/// One of each kind, with every part that it may have.
fn example(kind: PacketKind) -> Packet {
    let block_vote =
        BlockVote { view: VIEW, id: ID, next_set: SetDigest::new([6; 32]), signature: SIGNATURE };
    let commit = || Some(certificate(Phase::Commit));
    match kind {
        PacketKind::Vote => Packet::Vote(Box::new(Vote {
            ballot: ballot(),
            promise: VIEW,
            base: certified_base(),
            newest_proof: Some(proof()),
            handover: Some(token()),
        })),
        PacketKind::Voted => {
            let answer = VotedAnswer::Refused(Box::new(Refused {
                reason: Refusal::LiveLeader,
                promise: VIEW,
                newest_proof: Some(proof()),
                base: certified_base(),
            }));
            Packet::Voted(Voted { ballot: ballot(), answer })
        }
        PacketKind::Sign => {
            let nonce = AggregatedNonce([2; 66]);
            Packet::Sign(Sign { ballot: ballot(), signers: Signers::NONE, nonce })
        }
        PacketKind::Signed => {
            let partial = PartialSignature([2; 32]);
            Packet::Signed(Signed { ballot: ballot(), partial, signature: SIGNATURE })
        }
        PacketKind::Ack => {
            let certificate = commit();
            Packet::Ack(Box::new(Ack { proof: proof(), committed: ID, certificate }))
        }
        PacketKind::Alive => Packet::Alive(Alive { promise: VIEW, committed: ID }),
        PacketKind::Proposal => Packet::Proposal(Box::new(Proposal {
            proof: proof(),
            id: ID,
            parent: ID,
            parent_certificate: commit(),
            body: Some(body()),
            signature: SIGNATURE,
        })),
        PacketKind::PrepareVote => Packet::PrepareVote(block_vote),
        PacketKind::CommitVote => Packet::CommitVote(block_vote),
        PacketKind::Certified => Packet::Certified(Box::new(certificate(Phase::Prepare))),
        PacketKind::Handover => {
            let handover = Handover { token: token(), certificate: commit() };
            Packet::Handover(Box::new(handover))
        }
        PacketKind::BlocksRequest => Packet::BlocksRequest(BlocksRequest { from: ID.height }),
        PacketKind::Blocks => {
            let certificate = certificate(Phase::Commit);
            Packet::Blocks(vec![FinalBlock { id: ID, body: body(), certificate }; 2])
        }
        PacketKind::BodyRequest => Packet::BodyRequest(BodyRequest { id: ID }),
        PacketKind::Body => Packet::Body(BodyReply { id: ID, body: body() }),
    }
}

/// Each kind of packet that there is.
fn kinds() -> Vec<PacketKind> {
    (0..=u8::MAX).map_while(|number| codec::decode(&[number]).ok()).collect()
}

/// No bit of these bytes may be another.
fn assert_every_bit_counts(what: &str, bytes: &[u8]) {
    let gate = Gate::new(CHAIN, &Settings::default());
    gate.open(bytes).expect("it passes as it was sealed");
    let bits = if bytes.len() <= SHORT { 8 } else { 1 };
    let mut flipped = bytes.to_vec();
    for at in 0..bytes.len() {
        for bit in 0..bits {
            let mask = 1 << ((at + bit) % 8);
            flipped[at] ^= mask;
            let opened = gate.open(&flipped);
            let refused = opened.is_err_and(|why| why.is_senders_fault());
            assert!(refused, "{what}: mask {mask} of byte {at} does not matter");
            flipped[at] ^= mask;
        }
    }
}

/// §3, §10: one flipped bit in any field of any packet, and it is nobody's.
#[test]
fn no_packet_of_any_kind_passes_with_a_flipped_bit() {
    let kinds = kinds();
    assert_eq!((kinds.len(), kinds.last()), (15, Some(&PacketKind::Body)));
    for kind in kinds {
        let packet = example(kind);
        assert_eq!(packet.kind(), kind);
        assert_every_bit_counts(&format!("{kind:?}"), &sealed(packet));
    }
    let answer = VotedAnswer::Granted(PublicNonce([2; 66]));
    let granted = Packet::Voted(Voted { ballot: ballot(), answer });
    assert_every_bit_counts("a granted vote", &sealed(granted));
}

/// §3: the chain hash is in every signature.
#[test]
fn a_packet_of_another_chain_does_not_pass() {
    let gate = Gate::new(ChainHash::new([9; 32]), &Settings::default());
    for kind in kinds() {
        let opened = gate.open(&sealed(example(kind)));
        assert!(matches!(opened, Err(Unopened::NotAuthentic(_))), "{opened:?}");
    }
}

/// §10: size is looked at before anything is parsed.
#[test]
fn a_packet_above_the_limit_does_not_pass() {
    let gate = Gate::new(CHAIN, &Settings::default());
    let opened = gate.open(&vec![0; gate.limit().bytes() + 1]);
    assert!(matches!(opened, Err(Unopened::TooLarge { .. })), "{opened:?}");
}
