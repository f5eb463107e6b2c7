//! What a member is put together from.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mokka::{
    Cluster, Passage, UnfitCluster, Unopened,
    types::{
        Alive, CrashModel, Envelope, InvalidSet, Packet, PacketKind, PublicKey, RunNumber, Vote,
        codec,
    },
};

use crate::world::{World, in_time, public, secret, until};

#[test]
fn a_cluster_that_cannot_be_is_refused_with_the_reason() {
    let of = |keys: &[PublicKey]| Cluster::new("x", CrashModel::Bft, keys.iter().copied());
    assert_eq!(of(&[]), Err(UnfitCluster::Members(InvalidSet::Empty)));
    let nowhere = PublicKey::new([2; 33]);
    let off_curve = PublicKey::new(std::array::from_fn(|at| if at == 0 { 2 } else { 0xff }));
    assert_ne!(nowhere, off_curve);
    assert_eq!(of(&[off_curve]), Err(UnfitCluster::NotOnCurve(off_curve)));
    let hasty = of(&[public(1)]).expect("a key").election_timeout(Duration::from_millis(100));
    let refused = hasty.checked().expect_err("below the heartbeat").to_string();
    assert!(refused.starts_with("electionTimeout is 100ms, but must be"), "{refused}");
}

/// The original's `reqMiddleware`.
#[tokio::test]
async fn a_screen_refuses_what_comes_in() {
    let world = World::new(2, CrashModel::Bft);
    let seen = Arc::new(AtomicU64::default());
    let count = Arc::clone(&seen);
    let member = world.member(1).incoming(move |packet| {
        count.fetch_add(1, Ordering::Relaxed);
        if packet.packet.kind() == PacketKind::Alive { Passage::Refuse } else { Passage::Let }
    });
    let packet =
        Packet::Alive(Alive { promise: Default::default(), committed: world.cluster.genesis() });
    let (sender, run) = (public(2), RunNumber::new(1));
    let envelope = Envelope { sender, run, counter: 1, packet };
    let (sealed, _) = secret(2).seal(&world.cluster.chain(), envelope);
    let refused = member.handle().packet(&codec::encode(&sealed)).expect_err("refused");
    assert_eq!(refused, Unopened::Refused);
    assert!(!refused.is_senders_fault());
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

/// The original's `resMiddleware`: of four members only the first may ask for votes, so it leads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_refuses_what_goes_out() {
    let world = World::new(4, CrashModel::Bft);
    let mut seats = Vec::new();
    for number in 1..=4 {
        let member = world.member(number).outgoing(move |packet| {
            let asks = packet.packet.kind() == PacketKind::Vote;
            if asks && number != 1 { Passage::Refuse } else { Passage::Let }
        });
        let seat = world.start(member, number, &seats).await;
        seats.push(seat);
    }
    in_time(seats[3].log.submit(*b"hello")).await.expect("submitted");
    for seat in &seats {
        let leader = |status: &Option<mokka::consensus::Status>| {
            status.as_ref().and_then(|status| status.leader) == Some(public(1))
        };
        until(seat.handle.status(), leader).await;
    }
    for seat in seats {
        seat.stop().await;
    }
}

/// The original's `customVoteRule`: where three of four want the second only, it leads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_rule_decides_who_may_lead() {
    let world = World::new(4, CrashModel::Bft);
    let mut seats = Vec::new();
    for number in 1..=4 {
        let wants = |vote: &Vote| vote.ballot.candidate == public(2);
        let seat = world.start(world.member(number).vote_rule(wants), number, &seats).await;
        seats.push(seat);
    }
    in_time(seats[0].log.submit(*b"hello")).await.expect("submitted");
    for seat in &seats {
        let leader = |status: &Option<mokka::consensus::Status>| {
            status.as_ref().and_then(|status| status.leader) == Some(public(2))
        };
        until(seat.handle.status(), leader).await;
    }
    for seat in seats {
        seat.stop().await;
    }
}
