//! What agreement costs: virtual time, packets and bytes, measured and not judged.
//!
//! [`Wait`] is what a user waits for, [`Times`] how long it took in many worlds, [`Traffic`] what a
//! block takes on the network, and [`Moment`] a core to measure with a real clock.

mod moment;
mod times;
mod traffic;
mod wait;

pub use moment::Moment;
pub use times::{Line, Times};
pub use traffic::Traffic;
pub use wait::Wait;

use std::time::Duration;

use crate::World;

/// How exact what is measured here is.
const LOOK: Duration = Duration::from_millis(1);
/// What takes longer than this takes for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pieces of work that fill one block.
const BLOCKFUL: usize = 8;
/// Blocks that are due at any time where work is steady.
const DUE: usize = 8;

impl World {
    /// Time passes until this is so, looked at more often than stories do.
    fn watched_until(&mut self, holds: impl Fn(&Self) -> bool) -> Duration {
        let began = self.time();
        while !holds(self) {
            let failure = self.failure("what is measured never comes".into());
            assert!(self.time() - began < PATIENCE, "{failure}");
            self.run_for(LOOK);
        }
        self.time() - began
    }

    /// Everybody runs, follows one leader, and has its first block.
    fn settle(&mut self) {
        self.until("everybody runs", |world| (0..world.validators()).all(|at| world.is_up(at)));
        self.until_led();
        let work = self.submit();
        self.until("a first block everywhere", |world| world.all_have_done(work));
        // A first leader may have been lost to a rival on the way.
        self.until_led();
    }

    /// Work for so many blocks waits.
    fn supply(&mut self, blocks: usize) {
        for _ in 0..blocks * BLOCKFUL {
            self.submit();
        }
    }
}
