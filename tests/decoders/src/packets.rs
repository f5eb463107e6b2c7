//! What validators send each other (§3), and the core that believes or refuses it.

use std::{fmt::Debug, time::Duration};

use mokka::Gate;
use mokka_consensus::{Action, Config, Consensus, Input, Restored};
use mokka_crypto::{ProofSession, aggregate_nonces, digest, is_valid_nonce};
use mokka_types::{
    Ack, AggregatedNonce, Alive, Ballot, BlockVote, BlocksRequest, BodyReply, BodyRequest,
    Certificate, CertifiedBase, Evidence, FinalBlock, Handover, HandoverToken, Misdeed, Monotonic,
    Packet, PartialSignature, Phase, Proof, Proposal, PublicNonce, Refusal, Refused, SafetyState,
    SealedEnvelope, Settings, Sign, Signed, SignedClaim, SignedProposal, Signers, ValidatorSet,
    Vote, Voted, VotedAnswer, codec,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Target,
    council::{CHAIN, COUNCIL, EPOCH, Election, block, genesis, view},
};

pub(crate) const PACKET: Target =
    Target { name: "packet", check: packet, seeds: || envelopes().map(seal).collect() };
pub(crate) const CONSENSUS: Target =
    Target { name: "consensus", check: consensus, seeds: dialogues };
pub(crate) const CERTIFICATE: Target = Target {
    name: "certificate",
    check: certificate,
    seeds: || {
        let id = block(1, b"one").0;
        let phases = [Phase::Prepare, Phase::Commit].into_iter();
        phases.map(|phase| codec::encode(&COUNCIL.certificate(phase, 3, id))).collect()
    },
};
pub(crate) const PROOF: Target =
    Target { name: "proof", check: proof, seeds: || vec![codec::encode(&election().proof)] };
pub(crate) const EVIDENCE: Target = Target { name: "evidence", check: evidence, seeds: misdeeds };
pub(crate) const NONCES: Target = Target {
    name: "nonces",
    check: nonces,
    seeds: || {
        let Election { ballot, signers, nonces, sum, partials, .. } = election();
        vec![codec::encode(&(nonces, ballot, signers, sum, partials))]
    },
};
pub(crate) const VALIDATOR_SET: Target = Target {
    name: "validator_set",
    check: validator_set,
    seeds: || vec![codec::encode(COUNCIL.committee.set())],
};

/// A value, which is written in one way only and read as itself.
pub(crate) fn canonical<T>(bytes: &[u8]) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let value: T = codec::decode(bytes).ok()?;
    let written = codec::encode(&value);
    assert_eq!(written, bytes, "one value, two spellings");
    assert_eq!(codec::decode::<T>(&written).as_ref(), Ok(&value), "what is written is read");
    Some(value)
}

/// A packet passes the gate exactly as it was sealed, and only on its chain.
fn packet(bytes: &[u8]) -> Option<()> {
    let gate = Gate::new(CHAIN, &Settings::default());
    let arrived = gate.open(bytes);
    let SealedEnvelope { envelope, .. } = canonical(bytes)?;
    if let Ok(opened) = arrived {
        assert_eq!(*opened, envelope);
    }
    let kind = envelope.packet.kind();
    let (sealed, said) = COUNCIL.secrets[0].seal(&CHAIN, envelope);
    let bytes = codec::encode(&sealed);
    if bytes.len() <= gate.limit().bytes() {
        assert_eq!(gate.open(&bytes), Ok(said), "{kind:?}");
        let other = Gate::new(mokka_types::ChainHash::new([8; 32]), &Settings::default());
        assert!(other.open(&bytes).is_err(), "{kind:?} of another chain");
    }
    Some(())
}

/// No sequence of packets makes a validator break its invariants, or grow.
fn consensus(bytes: &[u8]) -> Option<()> {
    /// What one fuzzed input may say, so that it ends soon.
    const MOST: usize = 64;
    let said: Vec<(u8, u16, Packet)> = codec::decode(bytes).ok()?;
    let council = &*COUNCIL;
    let own = council.secrets[3].public_key();
    let config = Config {
        chain: CHAIN,
        genesis: genesis(),
        key: own,
        settings: Settings::default(),
        seed: 3,
        wall_clock: Duration::from_secs(1 << 30),
    };
    let run = mokka_types::RunNumber::new(1);
    let safety = SafetyState { run, ..SafetyState::default() };
    let restored = Restored {
        safety,
        committed: genesis(),
        certificate: None,
        epoch: EPOCH,
        set: council.committee.set().clone(),
        began: genesis(),
    };
    let mut now = Monotonic::since_start(Duration::from_secs(100));
    let (mut core, _) = Consensus::start(config, restored, now).expect("keys of the curve");
    for (counter, (from, millis, packet)) in (1..).zip(said.into_iter().take(MOST)) {
        now = now.after(Duration::from_millis(millis.into()));
        let from = usize::from(from % 3);
        let envelope = council.envelope(from, counter, packet);
        let (_, envelope) = council.secrets[from].seal(&CHAIN, envelope);
        let out = core.step(now, Input::Packet(Box::new(envelope)));
        let finalizes = |action: &Action| matches!(action, Action::Finalize(_));
        let final_blocks = out.actions.iter().filter(|action| finalizes(action)).count();
        assert!(final_blocks <= 1, "one packet, {final_blocks} final blocks");
        if millis % 2 == 1 {
            let _out = core.step(now, Input::DeadlineReached);
        }
    }
    assert!(core.status(now).committed.height >= genesis().height);
    Some(())
}

/// A certificate that is believed has a quorum of signers, each with a signature.
fn certificate(bytes: &[u8]) -> Option<()> {
    let certificate: Certificate = canonical(bytes)?;
    if COUNCIL.committee.check_certificate(&certificate).is_ok() {
        let quorum = COUNCIL.committee.set().quorum();
        assert!(quorum.is_reached_by(certificate.signers.count()));
        assert_eq!(certificate.signatures.len(), certificate.signers.count());
    }
    Some(())
}

/// Likewise a proof.
fn proof(bytes: &[u8]) -> Option<()> {
    let proof: Proof = canonical(bytes)?;
    if COUNCIL.committee.check_proof(&proof).is_ok() {
        assert!(COUNCIL.committee.set().quorum().is_reached_by(proof.signers.count()));
        assert_eq!(proof, COUNCIL.elects(3, COUNCIL.base()).proof, "nobody signed another");
    }
    Some(())
}

/// Evidence that is believed is against a validator, about two statements of one term.
fn evidence(bytes: &[u8]) -> Option<()> {
    let evidence: Evidence = canonical(bytes)?;
    let _named = (evidence.view(), evidence.misdeed.name());
    if COUNCIL.committee.check_evidence(&evidence) {
        assert!(COUNCIL.committee.set().index_of(&evidence.culprit).is_some());
        assert_eq!(evidence.view().epoch, EPOCH);
    }
    Some(())
}

/// What both rounds of an election bring: points and scalars that may be none.
fn nonces(bytes: &[u8]) -> Option<()> {
    type Rounds = (Vec<PublicNonce>, Ballot, Signers, AggregatedNonce, Vec<PartialSignature>);
    let (nonces, ballot, signers, sum, partials): Rounds = canonical(bytes)?;
    if aggregate_nonces(&nonces).is_ok() {
        assert!(nonces.iter().all(is_valid_nonce), "what is summed up is valid");
    }
    let session = ProofSession::new(&COUNCIL.committee, signers, &ballot, sum).ok()?;
    assert_eq!(signers.count(), COUNCIL.committee.set().quorum().votes());
    let rounds = signers.iter().zip(nonces.iter().zip(&partials));
    for (signer, (nonce, partial)) in rounds {
        let _is_right = session.check_partial(signer, nonce, partial);
    }
    let _signature = session.aggregate(&partials);
    Some(())
}

/// A set has its keys in order, each once, and a quorum that two of them share.
fn validator_set(bytes: &[u8]) -> Option<()> {
    let set: ValidatorSet = canonical(bytes)?;
    assert!(set.keys().windows(2).all(|pair| pair[0] < pair[1]));
    assert!((1..=mokka_types::MAX_VALIDATORS).contains(&set.len()));
    let quorum = set.quorum();
    assert!(quorum.votes() <= set.len());
    assert!(2 * quorum.votes() > set.len() + quorum.byzantine());
    let everybody: Signers = set.indices().collect();
    assert_eq!(set.select(everybody).as_deref(), Some(set.keys()));
    let _digest = digest::set(&set);
    let _unless_a_key_is_no_point = mokka_crypto::Committee::new(CHAIN, EPOCH, set);
    Some(())
}

fn election() -> Election {
    COUNCIL.elects(3, COUNCIL.base())
}

fn seal((from, packet): (usize, Packet)) -> Vec<u8> {
    let envelope = COUNCIL.envelope(from, 1, packet);
    codec::encode(&COUNCIL.secrets[from].seal(&CHAIN, envelope).0)
}

/// A packet of each kind, with who sends it.
fn envelopes() -> impl Iterator<Item = (usize, Packet)> {
    let council = &*COUNCIL;
    let Election { ballot, signers, nonces, sum, partials, proof } = election();
    let ((one, body), (two, second)) = (block(1, b"one"), block(2, b"two"));
    let certificate = council.certificate(Phase::Commit, 1, one);
    let prepare = council.certificate(Phase::Prepare, 2, two);
    let base = CertifiedBase {
        base: council.base(),
        commit: Some(certificate.clone()),
        prepare: Some(prepare),
    };
    let sign = |at: usize, digest| council.secrets[at].sign(&digest);
    let token = HandoverToken {
        view: view(3),
        successor: council.secrets[1].public_key(),
        signature: sign(0, digest::handover(&CHAIN, view(3), &council.secrets[1].public_key())),
    };
    let vote = Vote {
        ballot,
        promise: view(2),
        base: base.clone(),
        newest_proof: Some(proof.clone()),
        handover: Some(token),
    };
    let refused = Refused {
        reason: Refusal::LowerBase,
        promise: view(2),
        newest_proof: Some(proof.clone()),
        base,
    };
    let binding = digest::proof(&CHAIN, ballot.view, &ballot.candidate, &ballot.base);
    let signed = Signed { ballot, partial: partials[1], signature: sign(1, binding) };
    let proposal = Proposal {
        proof: proof.clone(),
        id: two,
        parent: one,
        parent_certificate: Some(certificate.clone()),
        body: Some(second),
        signature: sign(0, digest::proposal(&CHAIN, view(3), &two)),
    };
    let packets = [
        (0, Packet::Vote(Box::new(vote))),
        (1, Packet::Voted(Voted { ballot, answer: VotedAnswer::Granted(nonces[1]) })),
        (2, Packet::Voted(Voted { ballot, answer: VotedAnswer::Refused(Box::new(refused)) })),
        (0, Packet::Sign(Sign { ballot, signers, nonce: sum })),
        (1, Packet::Signed(signed)),
        (
            0,
            Packet::Ack(Box::new(Ack {
                proof,
                committed: one,
                certificate: Some(certificate.clone()),
            })),
        ),
        (1, Packet::Alive(Alive { promise: view(3), committed: one })),
        (0, Packet::Proposal(Box::new(proposal))),
        (1, Packet::PrepareVote(block_vote(1, Phase::Prepare, 3, 2))),
        (2, Packet::CommitVote(block_vote(2, Phase::Commit, 3, 2))),
        (0, Packet::Certified(Box::new(certificate.clone()))),
        (0, Packet::Handover(Box::new(Handover { token, certificate: Some(certificate.clone()) }))),
        (1, Packet::BlocksRequest(BlocksRequest { from: one.height })),
        (2, Packet::Blocks(vec![FinalBlock { id: one, body: body.clone(), certificate }])),
        (1, Packet::BodyRequest(BodyRequest { id: one })),
        (2, Packet::Body(BodyReply { id: one, body })),
    ];
    packets.into_iter()
}

/// A validator's vote for the block with the number of its height as content.
fn block_vote(at: usize, phase: Phase, term: u64, height: u64) -> BlockVote {
    let id = block(height, if height == 1 { b"one" } else { b"two" }).0;
    let next_set = COUNCIL.committee.set_digest();
    let digest = digest::block_vote(&CHAIN, phase, view(term), &id, &next_set);
    let signature = COUNCIL.secrets[at].sign(&digest);
    BlockVote { view: view(term), id, next_set, signature }
}

/// What the core hears: everything one after another, and each thing alone behind signs of life.
fn dialogues() -> Vec<Vec<u8>> {
    let sender = |from: usize| u8::try_from(from).unwrap_or_default();
    let alive =
        |from: u8| (from, 0u16, Packet::Alive(Alive { promise: view(0), committed: genesis() }));
    let greeting = [0, 1, 2].map(alive);
    let said: Vec<_> = envelopes().map(|(from, packet)| (sender(from), 101, packet)).collect();
    let alone = said.iter().map(|one| [&greeting[..], std::slice::from_ref(one)].concat());
    let all = [&greeting[..], &said[..]].concat();
    alone.chain([all]).map(|dialogue| codec::encode(&dialogue)).collect()
}

/// One lie of each kind.
fn misdeeds() -> Vec<Vec<u8>> {
    let culprit = COUNCIL.secrets[0].public_key();
    let sign = |digest| COUNCIL.secrets[0].sign(&digest);
    let proposed = |bytes: &[u8]| {
        let id = block(2, bytes).0;
        let signature = sign(digest::proposal(&CHAIN, view(3), &id));
        SignedProposal { view: view(3), id, signature }
    };
    let voted = |bytes: &[u8]| {
        let (id, next_set) = (block(2, bytes).0, COUNCIL.committee.set_digest());
        let digest = digest::block_vote(&CHAIN, Phase::Commit, view(3), &id, &next_set);
        BlockVote { view: view(3), id, next_set, signature: sign(digest) }
    };
    let claimed = |at: usize| {
        let candidate = COUNCIL.secrets[at].public_key();
        let base = digest::base(&CHAIN, &COUNCIL.base());
        let signature = sign(digest::proof(&CHAIN, view(3), &candidate, &base));
        SignedClaim { view: view(3), candidate, base, signature }
    };
    let misdeeds = [
        Misdeed::Proposals([proposed(b"a"), proposed(b"b")]),
        Misdeed::BlockVotes(Phase::Commit, [voted(b"a"), voted(b"b")]),
        Misdeed::Ballots([claimed(1), claimed(2)]),
    ];
    misdeeds.map(|misdeed| codec::encode(&Evidence { culprit, misdeed })).into()
}
