//! `make cost`: what one processor takes for the steps of agreement, at sizes from 4 to 100.
//!
//! Steps, proofs and certificates come from a simulated network; a step includes checking what the
//! packet carries, not the packet's own signature and not what the step asks of
//! disk, signer and application. As a test (`make test`) it runs each once, with few validators.

mod election;

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion};
use mokka_simulator::{Scenario, World, cost::Moment};
use mokka_types::{CrashModel, Packet, Phase};

use election::Election;

const MODELS: [CrashModel; 2] = [CrashModel::Cft, CrashModel::Bft];
const SIZES: [usize; 4] = [4, 16, 31, 100];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let measures = std::env::args().any(|word| word == "--bench");
    let sizes = if measures { &SIZES[..] } else { &SIZES[..1] };
    for (model, validators) in MODELS.iter().flat_map(|model| sizes.iter().map(|n| (*model, *n))) {
        let at = format!("{model}/n = {validators}");
        let mut world = working(model, validators);
        steps(&mut criterion, &at, &mut world);
        criterion.bench_function(&format!("{at}/election, all nodes together"), |bench| {
            let fresh = || Election::new(model, validators);
            bench.iter_batched(fresh, Election::hold, BatchSize::PerIteration);
        });
    }
    criterion.final_summary();
}

/// A network that makes blocks, a few of which are final.
fn working(model: CrashModel, validators: usize) -> World {
    let mut world = Scenario::validators(validators).model(model).start();
    world.until_led();
    for _ in 0..200 {
        world.submit();
    }
    world.until("a few blocks", |world| world.height().get() > 3);
    world
}

fn steps(criterion: &mut Criterion, at: &str, world: &mut World) {
    let commit =
        |packet: &Packet| matches!(packet, Packet::Certified(it) if it.phase == Phase::Commit);
    let proposal = world.moment(|packet| matches!(packet, Packet::Proposal(_)));
    let vote = world.moment(|packet| matches!(packet, Packet::CommitVote(_)));
    let certified = world.moment(commit);
    let ack = world.moment(|packet| matches!(packet, Packet::Ack(_)));
    let named = [
        ("step: proposal", &proposal),
        ("step: commit vote", &vote),
        ("step: commit certificate", &certified),
        ("step: ack", &ack),
    ];
    for (name, moment) in named {
        criterion.bench_function(&format!("{at}/{name}"), |bench| {
            bench.iter_batched(|| moment.clone(), Moment::step, BatchSize::SmallInput);
        });
    }
    let committee = ack.committee();
    if let Packet::Ack(ack) = ack.packet() {
        criterion.bench_function(&format!("{at}/check a proof"), |bench| {
            bench.iter(|| committee.check_proof(black_box(&ack.proof)).expect("a proof"));
        });
    }
    if let Packet::Certified(certificate) = certified.packet() {
        criterion.bench_function(&format!("{at}/check a certificate"), |bench| {
            let check = || committee.check_certificate(black_box(certificate));
            bench.iter(|| check().expect("a certificate"));
        });
    }
}
