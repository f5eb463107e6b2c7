//! Real threads, real time, real signatures: validators in one process agree.

mod counter;

use std::time::Duration;

use counter::{Network, committed};
use mokka::{Notice, Stopped};
use mokka_consensus::Event;
use mokka_types::{CrashModel, Epoch, Promise, Term, View};

/// Long enough for any machine; the assertions are about what happens, not how fast.
const PATIENCE: Duration = Duration::from_secs(60);

async fn count_together(validators: u8, model: CrashModel) {
    let network = Network::new(validators, model, 10);
    let mut running = network.start();
    let mut notices = running[0].handle.notices();
    running.iter().for_each(counter::Validator::has_work);
    let mut tips = Vec::new();
    for validator in &running {
        tips.push(tokio::time::timeout(PATIENCE, committed(validator, 10)).await.expect("in time"));
    }
    assert!(tips.iter().all(|tip| *tip == tips[0]), "{tips:?}");
    let is_final = |notice: &Notice| matches!(notice, Notice::Event(Event::Final(_)));
    let mut finals = 0;
    // The status shows a block first, its notice follows.
    while finals < 10 {
        let notice = tokio::time::timeout(PATIENCE, notices.recv()).await.expect("in time");
        finals += u64::from(is_final(&notice.expect("none is missed")));
    }
    for validator in &mut running {
        assert!(validator.store.state().promise.view.term.get() > 0, "nobody leads unpromised");
        validator.handle.stop();
        let ended = tokio::time::timeout(PATIENCE, validator.running.ended()).await;
        assert_eq!(ended.expect("in time").expect("no fault"), Stopped::ByOperator);
    }
    while let Ok(notice) = notices.try_recv() {
        assert!(!is_final(&notice), "every block is announced once");
    }
}

#[tokio::test]
async fn four_validators_of_which_one_may_lie_count_to_ten() {
    count_together(4, CrashModel::Bft).await;
}

#[tokio::test]
async fn three_validators_that_never_lie_count_to_ten() {
    count_together(3, CrashModel::Cft).await;
}

#[tokio::test]
async fn a_validator_alone_counts_to_ten() {
    count_together(1, CrashModel::Bft).await;
}

/// §5.2 rule 2: a clock that was wrong at the start is set, and the core is told. Until then the
/// validator would be bound to a term that lies ahead of it.
#[tokio::test]
async fn a_clock_that_is_set_counts_while_a_validator_runs() {
    const HOUR: Term = Term::new(3_600_000);
    let mut network = Network::new(1, CrashModel::Bft, 3);
    network.wall_clock = Duration::ZERO;
    network.promise = Promise { view: View::new(Epoch::default(), HOUR), signed: None };
    let running = network.start();
    running[0].has_work();
    tokio::time::timeout(PATIENCE, committed(&running[0], 3)).await.expect("in time");
}
