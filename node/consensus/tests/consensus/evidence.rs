//! §10: what proves that a validator broke the protocol.

use mokka_consensus::Event;
use mokka_crypto::digest;
use mokka_types::{
    Base, Evidence, Misdeed, Packet, PartialSignature, Phase, Signature, Signed, SignedClaim,
    SignedProposal,
};

use crate::{
    node::Node,
    voters::Voters,
    world::{CHAIN, World, certified, fresh_base, id},
};

fn evidence(node: &Node<'_>) -> Vec<Evidence> {
    node.events()
        .filter_map(|event| match event {
            Event::Evidence(evidence) => Some((**evidence).clone()),
            _ => None,
        })
        .collect()
}

/// One piece, against this validator, which anybody finds genuine.
fn proves(node: &Node<'_>, culprit: usize) -> Misdeed {
    let [evidence] = &evidence(node)[..] else { panic!("{:?}", evidence(node)) };
    assert_eq!(evidence.culprit, node.world.key(culprit));
    assert!(node.world.committee.check_evidence(evidence));
    evidence.misdeed.clone()
}

/// §10: two proposals of one term and height; the second is found whatever became of the first.
#[test]
fn two_proposals_are_evidence() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let proof = node.follows(1, 2);
    for tag in [0, 0, 1] {
        node.hears(1, Packet::Proposal(Box::new(world.proposal(&proof, 1, tag))));
    }
    assert!(matches!(proves(&node, 1), Misdeed::Proposals(_)));
}

/// §10: two votes of one phase, term and height, as the leader hears them.
#[test]
fn two_votes_are_evidence() {
    let world = World::bft(4);
    for phase in [Phase::Prepare, Phase::Commit] {
        let mut node = Node::new(&world, 0);
        Voters::new(&world).elect(&mut node);
        let term = node.status().promise.term.get();
        node.work();
        node.built(1, 0);
        for tag in [0, 0, 1] {
            let vote = world.block_vote(2, phase, term, id(1, tag));
            node.hears(
                2,
                match phase {
                    Phase::Prepare => Packet::PrepareVote(vote),
                    Phase::Commit => Packet::CommitVote(vote),
                },
            );
        }
        assert_eq!(
            proves(&node, 2).name(),
            match phase {
                Phase::Prepare => "two prepare votes",
                Phase::Commit => "two commit votes",
            }
        );
    }
}

/// §10: a certificate shows the votes of its signers.
#[test]
fn a_vote_that_contradicts_a_certificate_is_evidence() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(1, 2);
    node.hears(1, certified(&world.certificate_by(Phase::Prepare, 2, id(1, 0), &[1, 2, 3])));
    node.hears(1, certified(&world.certificate_by(Phase::Prepare, 2, id(1, 1), &[0, 1, 2])));
    let mut culprits: Vec<_> =
        evidence(&node).iter().map(|one| world.place(&one.culprit)).collect();
    culprits.sort_unstable();
    assert_eq!(culprits, [1, 2], "who signed both");
}

/// §10: votes of different terms, heights or phases contradict nothing.
#[test]
fn statements_of_different_places_are_no_evidence() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    node.follows(1, 2);
    for (phase, term, at) in [
        (Phase::Prepare, 2, id(1, 0)),
        (Phase::Prepare, 3, id(1, 1)),
        (Phase::Commit, 3, id(1, 0)),
        (Phase::Prepare, 3, id(2, 1)),
    ] {
        node.hears(1, certified(&world.certificate(phase, term, at)));
    }
    assert_eq!(evidence(&node), []);
}

/// §10: evidence is checked by anybody: nothing about it may be another.
#[test]
fn made_up_evidence_proves_nothing() {
    let world = World::bft(4);
    let view = world.view(3);
    let sign = |digest: &mokka_crypto::Digest| world.secrets[1].sign(digest);
    let proposal =
        |at| SignedProposal { view, id: at, signature: sign(&digest::proposal(&CHAIN, view, &at)) };
    let claim = |candidate: usize, base: Base| {
        let (candidate, base) = (world.key(candidate), digest::base(&CHAIN, &base));
        let signature = sign(&digest::proof(&CHAIN, view, &candidate, &base));
        SignedClaim { view, candidate, base, signature }
    };
    let vote = |tag| world.block_vote(1, Phase::Commit, 3, id(1, tag));
    let other_base = Base { committed: id(1, 0), prepared: None };
    let genuine = [
        Misdeed::Proposals([proposal(id(1, 0)), proposal(id(1, 1))]),
        Misdeed::BlockVotes(Phase::Commit, [vote(0), vote(1)]),
        Misdeed::Ballots([claim(2, fresh_base()), claim(3, fresh_base())]),
        Misdeed::Ballots([claim(2, fresh_base()), claim(2, other_base)]),
    ];
    let holds = |culprit: usize, misdeed: Misdeed| {
        world.committee.check_evidence(&Evidence { culprit: world.key(culprit), misdeed })
    };
    for misdeed in genuine {
        assert!(holds(1, misdeed.clone()), "{}", misdeed.name());
        assert!(!holds(2, misdeed.clone()), "another did it: {}", misdeed.name());
    }
    let nobody = Signature::new([7; 64]);
    let made_up = [
        Misdeed::Proposals([proposal(id(1, 0)), proposal(id(1, 0))]),
        Misdeed::Proposals([proposal(id(1, 0)), proposal(id(2, 0))]),
        Misdeed::Proposals([
            proposal(id(1, 0)),
            SignedProposal { signature: nobody, ..proposal(id(1, 1)) },
        ]),
        Misdeed::BlockVotes(Phase::Prepare, [vote(0), vote(1)]),
        Misdeed::BlockVotes(Phase::Commit, [vote(0), vote(0)]),
        Misdeed::Ballots([claim(2, fresh_base()), claim(2, fresh_base())]),
    ];
    for misdeed in made_up {
        assert!(!holds(1, misdeed.clone()), "{misdeed:?}");
    }
}

/// §10, §5.3: two signatures of one term for different candidates, whoever got them first.
#[test]
fn two_signatures_for_candidates_are_evidence() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    // What nobody has heard of takes no place from what is remembered.
    node.follows(2, 5);
    for (candidate, term) in [(2, u64::MAX), (2, 5), (2, 5), (3, 5)] {
        let ballot = world.ballot(candidate, term, 1, &fresh_base());
        let digest = digest::proof(&CHAIN, ballot.view, &ballot.candidate, &ballot.base);
        let signature = world.secrets[1].sign(&digest);
        let signed = Signed { ballot, partial: PartialSignature([1; 32]), signature };
        node.hears(1, Packet::Signed(signed));
    }
    assert!(matches!(proves(&node, 1), Misdeed::Ballots(_)));
}
