//! What a block takes on the network.

use crate::{Scenario, cost::DUE};

/// What one block took, all senders and receivers together, acks and all else of that time
/// included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Packets, each receiver counted.
    pub packets: f64,
    /// Their bytes.
    pub bytes: f64,
}

impl Traffic {
    /// The mean over so many blocks, where work never ends.
    pub fn measured(scenario: Scenario, blocks: u32) -> Self {
        let mut world = scenario.start();
        world.settle();
        world.supply(DUE);
        let until_height = |world: &mut crate::World, height: u64| {
            while world.height().get() < height {
                let before = world.height();
                world.watched_until(|world| world.height() > before);
                world.supply(1);
            }
        };
        let first = world.height().get() + 2;
        until_height(&mut world, first);
        let (packets, bytes) = (world.report.packets, world.report.bytes);
        until_height(&mut world, first + u64::from(blocks));
        let each = |total: u64| {
            let total = u32::try_from(total).unwrap_or(u32::MAX);
            f64::from(total) / f64::from(blocks)
        };
        let (packets, bytes) = (world.report.packets - packets, world.report.bytes - bytes);
        Self { packets: each(packets), bytes: each(bytes) }
    }
}
