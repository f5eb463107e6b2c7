//! The plug that forgets nothing.

use mokka_types::SafetyRecord;

/// The store could not keep what it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "safety records could not be made durable: {reason}; check the disk, then start the node again"
)]
pub struct StoreFailure {
    /// What the store says.
    pub reason: String,
}

/// Keeps what a node must remember across a crash (§8).
///
/// It shares one log with the blocks: a synced write makes all earlier writes durable (§6.5).
pub trait SafetyStore: Send {
    /// Writes the records in order, all or none, and returns once they are on disk.
    ///
    /// # Errors
    /// When they are not, or might not be: the node then stops without sending anything.
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure>;
}
