//! §10, §13: no packet may crash a node, make it contradict itself, or make it grow. The node's own
//! watch fails the test where it signs twice for one slot, or signs before its record is durable.

use mokka_crypto::aggregate_nonces;
use mokka_types::{
    Base, BodyReply, Packet, Phase, Refusal, Refused, Sign, Voted, VotedAnswer, codec,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    node::Node,
    voters::{Voters, newest_sign, newest_vote},
    world::{
        HEARTBEAT, World, ack, alive, ask, block, certified, fresh_base, genesis, id, prepared,
        propose,
    },
};

/// The block that is prepared in a term: one only, as a quorum would have it.
fn tag(term: u64) -> u8 {
    u8::try_from(term % 2).unwrap()
}

fn any_base(rng: &mut StdRng) -> Base {
    match rng.random_range(0..4) {
        0 => Base { committed: id(1, 0), prepared: None },
        1 => {
            let term = rng.random_range(1..6);
            prepared(term, id(1, tag(term)))
        }
        _ => fresh_base(),
    }
}

/// Something that an honest or a lying validator could say.
fn any_packet(world: &World, from: usize, rng: &mut StdRng) -> Packet {
    let (term, height) = (rng.random_range(1..8), rng.random_range(1..4));
    let phase = if rng.random() { Phase::Prepare } else { Phase::Commit };
    match rng.random_range(0..11) {
        0 | 1 => {
            let mut vote = world.vote(from, term, rng.random_range(1..20), any_base(rng));
            if rng.random_range(0..4) == 0 {
                vote.newest_proof = Some(world.proof(from, term, fresh_base()));
            }
            ask(vote)
        }
        2 => ack(&world.proof(from, term, any_base(rng))),
        3 | 4 => {
            let proof = world.proof(from, term, any_base(rng));
            propose(world.proposal(&proof, height, rng.random_range(0..3)))
        }
        5 => certified(&world.prepare(term, id(height, tag(term)))),
        6 => certified(&world.commit(term, id(height, 0))),
        7 => alive(term, id(height, 0)),
        8 => {
            let vote = world.block_vote(from, phase, term, id(height, tag(term)));
            match phase {
                Phase::Prepare => Packet::PrepareVote(vote),
                Phase::Commit => Packet::CommitVote(vote),
            }
        }
        9 => {
            let (id, body) = block(height, rng.random_range(0..3));
            Packet::Body(BodyReply { id, body })
        }
        _ => {
            let (id, body) = block(height, 0);
            let certificate = world.commit(term, id);
            Packet::Blocks(vec![mokka_types::FinalBlock { id, body, certificate }])
        }
    }
}

/// What answers the node: a grant, a refusal, a share, or a request to sign what it granted.
fn any_answer(
    world: &World,
    node: &Node<'_>,
    from: usize,
    voters: &mut Voters<'_>,
    rng: &mut StdRng,
) -> Option<Packet> {
    match rng.random_range(0..4) {
        0 => Some(voters.try_grant(from, &newest_vote(node)?.ballot)?),
        1 => {
            let base = world.certified(any_base(rng));
            let promise = crate::world::view(rng.random_range(0..9));
            let reason = Refusal::LowerBase;
            let refused = Refused { reason, promise, newest_proof: None, base };
            let answer = VotedAnswer::Refused(Box::new(refused));
            Some(Packet::Voted(Voted { ballot: newest_vote(node)?.ballot, answer }))
        }
        2 => voters.try_sign(from, &newest_sign(node)?),
        _ => {
            let granted = node.said(|packet| match packet {
                Packet::Voted(Voted { ballot, answer: VotedAnswer::Granted(nonce) }) => {
                    Some((*ballot, *nonce))
                }
                _ => None,
            });
            let (ballot, nonce) = *granted.last()?;
            let mut nonces = vec![nonce];
            let places = world.quorum_with(world.place(&ballot.candidate));
            for at in places.iter().filter(|at| **at != node.me) {
                let Packet::Voted(voted) = voters.try_grant(*at, &ballot)? else { return None };
                let VotedAnswer::Granted(nonce) = voted.answer else { return None };
                nonces.push(nonce);
            }
            let nonce = aggregate_nonces(&nonces).ok()?;
            Some(Packet::Sign(Sign { ballot, signers: world.signers(&places), nonce }))
        }
    }
}

/// One to three flipped bits, where the result can still be read.
fn damage(packet: &Packet, rng: &mut StdRng) -> Option<Packet> {
    let mut bytes = codec::encode(packet);
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] ^= 1 << rng.random_range(0..8);
    }
    codec::decode(&bytes).ok()
}

fn storm(world: &World, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut node = Node::new(world, 0);
    let mut voters = Voters::new(world);
    let mut damaged = 0;
    for round in 0..400 {
        let from = rng.random_range(1..world.secrets.len());
        let packet = match rng.random_range(0..3) {
            0 => any_answer(world, &node, from, &mut voters, &mut rng),
            _ => Some(any_packet(world, from, &mut rng)),
        };
        if let Some(packet) = packet {
            let broken = damage(&packet, &mut rng).filter(|_| rng.random());
            damaged += usize::from(broken.is_some());
            node.hears(from, broken.unwrap_or(packet));
        }
        if rng.random_range(0..3) == 0 {
            node.pass(HEARTBEAT.mul_f64(rng.random_range(0.0..1.5)));
        }
        if rng.random_range(0..20) == 0 {
            node.work();
        }
        while !node.builds.is_empty() {
            let height = node.builds[0].parent.height.get() + 1;
            node.built(height, 0);
        }
        if rng.random_range(0..200) == 0 {
            node.restart();
        }
        if round % 50 == 0 {
            node.sent.clear();
            node.outputs.clear();
            let size = format!("{:?}", node.core).len();
            assert!(size < 1 << 20, "the node grows: {size}");
        }
    }
    assert!(damaged > 30, "only {damaged} packets were damaged");
    assert!(node.committed != genesis(), "the storm had some sense");
}

/// §10, §13: random packets, true, false and damaged, with time, restarts and elections in between.
#[test]
fn no_storm_of_packets_makes_a_node_contradict_itself() {
    for seed in 0..3 {
        storm(&World::bft(4), seed);
        storm(&World::cft(3), seed);
        storm(&World::cft(5), seed);
    }
}

/// §10: numbers at the end of their range neither overflow nor are believed.
#[test]
fn numbers_at_the_end_of_their_range_do_no_harm() {
    let world = World::bft(4);
    let mut node = Node::new(&world, 0);
    let end =
        mokka_types::BlockId { height: mokka_types::Height::new(u64::MAX), hash: genesis().hash };
    let last = Base { committed: end, prepared: None };
    let before = node.committed;
    node.hears(1, alive(u64::MAX, end));
    node.hears(1, ask(world.vote(1, u64::MAX, u64::MAX, last)));
    node.hears(1, certified(&world.prepare(1, end)));
    node.hears(1, Packet::BodyRequest(mokka_types::BodyRequest { id: end }));
    node.hears_as(1, u64::MAX, u64::MAX, alive(u64::MAX, end));
    node.pass(HEARTBEAT * 100);
    assert_eq!(node.committed, before);
}
