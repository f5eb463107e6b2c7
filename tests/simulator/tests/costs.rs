//! What is due comes in time, and a block costs so many packets for each validator and no more.
//! `make cost` measures the same in many more worlds.

use std::time::Duration;

use mokka_simulator::{
    Scenario, Weather,
    cost::{Line, Times, Traffic, Wait},
};
use mokka_types::CrashModel;

const MODELS: [CrashModel; 2] = [CrashModel::Cft, CrashModel::Bft];

fn scenario(validators: usize, model: CrashModel) -> Scenario {
    let weather = Weather { slowest: Duration::from_millis(20), ..Weather::CALM };
    Scenario::validators(validators).model(model).weather(weather)
}

#[track_caller]
fn takes_at_most(wait: Wait, seeds: u64, limit: Duration) {
    for model in MODELS {
        let measured = |seed| wait.measured(scenario(4, model).seed(seed));
        let times: Times = (0..seeds).map(measured).collect();
        println!("{wait}, {model}: median / p99 / longest of {}: {times} ms", times.count());
        assert!(times.max() <= limit, "{wait}, {model}: {:?}, {limit:?} allowed", times.max());
    }
}

/// §12: however long there was no quorum, what is due comes soon after it is back.
#[test]
fn after_an_hour_without_quorum_the_block_comes() {
    takes_at_most(Wait::Outage, 5, Duration::from_secs(4));
}

/// §5.1, §5.2: nobody is waited for longer than a leader timeout and an election.
#[test]
fn a_leader_comes_and_is_replaced() {
    takes_at_most(Wait::FirstLeader, 10, Duration::from_secs(2));
    takes_at_most(Wait::Failover, 10, Duration::from_secs(3));
}

/// §5.7: a handover is a few round trips, not a timeout: no follower would have stood yet.
#[test]
fn a_handover_takes_no_timeout() {
    takes_at_most(Wait::Stop, 10, Duration::from_millis(300));
    takes_at_most(Wait::EndOfProof, 5, Duration::from_millis(300));
}

/// §6: packets to and from the leader, and never from all to all.
#[test]
fn a_block_takes_packets_for_each_validator_not_for_each_pair() {
    for (model, most) in [(CrashModel::Cft, 5.0), (CrashModel::Bft, 7.0)] {
        let points = [4, 7, 16].map(|validators: u32| {
            let size = usize::try_from(validators).expect("small");
            let Traffic { packets, bytes } = Traffic::measured(scenario(size, model), 10);
            let n = f64::from(validators);
            println!("n = {n}, {model}: {packets:.0} packets and {bytes:.0} bytes each block");
            assert!(packets <= most * n, "n = {n}, {model}: {packets} packets each block");
            (n, packets)
        });
        let Line { at_zero, slope, worst } = Line::through(&points);
        println!("{model}: {slope:.1} n {at_zero:+.1}, off by at most {:.0} %", worst * 100.0);
        assert!(worst < 0.25, "{model}: {points:?} lie on no line");
    }
}
