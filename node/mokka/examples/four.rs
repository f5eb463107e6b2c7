//! Four validators in one process elect a leader and count to twenty:
//! `cargo run --example four`.

#[path = "../tests/counter/mod.rs"]
mod counter;

use counter::{Network, committed};
use mokka::Notice;
use mokka_types::CrashModel;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let validators = Network::new(4, CrashModel::Bft, 20).start();
    let mut notices = validators[0].handle.notices();
    validators.iter().for_each(counter::Validator::has_work);
    tokio::spawn(async move {
        while let Ok(notice) = notices.recv().await {
            if let Notice::Event(event) = notice {
                println!("{event:?}");
            }
        }
    });
    for validator in &validators {
        println!("counted: {:?}", committed(validator, 20).await);
    }
    for mut validator in validators {
        validator.handle.stop();
        let promise = validator.store.state().promise.view;
        println!("{:?}, bound to term {promise}", validator.running.ended().await);
    }
}
