//! One log of one node, as bytes.
//!
//! Entries are framed: length, checksum, canonical bytes. Writing appends; syncing makes everything
//! written so far survive a crash. A crash keeps the synced part and a piece of what follows, which
//! may end within an entry: a torn tail is tolerated, any other damage is an error (§8).

use mokka_types::{FinalBlock, SafetyRecord, codec};
use serde::{Deserialize, Serialize};

/// Length and checksum before every entry.
const HEADER: usize = 8;

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A promise of some kind; synced.
    Record(SafetyRecord),
    /// A final block; not synced.
    Commit(FinalBlock),
}

/// The log is damaged where no crash can have damaged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Where the broken entry begins.
    pub at: usize,
}

/// The bytes, and how many of them a crash leaves alone.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    bytes: Vec<u8>,
    synced: usize,
}

impl Disk {
    /// A disk with these bytes on it, all of them synced.
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self { synced: bytes.len(), bytes }
    }

    /// Writes an entry; a crash may still lose it.
    pub fn write(&mut self, entry: &Entry) {
        let payload = codec::encode(entry);
        // Invariant: no entry of a simulated world has 4 GiB.
        let length = u32::try_from(payload.len()).expect("entries are small");
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(checksum(&payload));
        self.bytes.extend(payload);
    }

    /// Makes everything written so far survive.
    pub fn sync(&mut self) {
        self.synced = self.bytes.len();
    }

    /// All bytes, for a look at what is there.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes a crash can take.
    pub fn unsynced(&self) -> usize {
        self.bytes.len() - self.synced
    }

    /// Power is gone: of what was not synced, so many bytes reached the disk after all.
    pub fn crash(&mut self, kept: usize) {
        self.bytes.truncate(self.synced + kept.min(self.unsynced()));
        self.synced = self.bytes.len();
    }

    /// As if commits were in another file, which nobody synced: the newest is gone, and records
    /// that are newer still are not.
    pub(crate) fn lose_newest_commit(&mut self) {
        let Ok(mut entries) = self.open() else { return };
        let commit = entries.iter().rposition(|entry| matches!(entry, Entry::Commit(_)));
        commit.map(|at| entries.remove(at));
        *self = Self::default();
        entries.iter().for_each(|entry| self.write(entry));
        self.sync();
    }

    /// Reads the log after a crash. A torn tail is cut off, so that new entries follow whole ones.
    ///
    /// # Errors
    /// When anything but the tail is damaged.
    pub fn open(&mut self) -> Result<Vec<Entry>, Damaged> {
        let mut entries = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let Some(payload) = frame(&self.bytes[at..]) else {
                self.bytes.truncate(at);
                self.synced = at;
                break;
            };
            let end = at + HEADER + payload.len();
            if checksum(payload) != self.bytes[at + 4..at + HEADER] {
                return Err(Damaged { at });
            }
            entries.push(codec::decode(payload).map_err(|_| Damaged { at })?);
            at = end;
        }
        Ok(entries)
    }
}

/// The payload of the entry at the beginning of these bytes; none where it is torn.
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length))?;
    bytes.get(HEADER..HEADER + usize::try_from(length).ok()?)
}

fn checksum(payload: &[u8]) -> [u8; 4] {
    let mut short = [0; 4];
    short.copy_from_slice(&blake3::hash(payload).as_bytes()[..4]);
    short
}

#[cfg(test)]
mod tests {
    use mokka_types::RunNumber;

    use super::*;

    fn run(number: u64) -> Entry {
        Entry::Record(SafetyRecord::Run(RunNumber::new(number)))
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_nothing_else() {
        let mut disk = Disk::default();
        disk.write(&run(1));
        disk.sync();
        disk.write(&run(2));
        disk.crash(0);
        assert_eq!(disk.open(), Ok(vec![run(1)]));
    }

    #[test]
    fn a_synced_write_makes_all_earlier_writes_durable() {
        let mut disk = Disk::default();
        disk.write(&run(1));
        disk.write(&run(2));
        disk.sync();
        disk.crash(0);
        assert_eq!(disk.open(), Ok(vec![run(1), run(2)]));
    }

    #[test]
    fn every_torn_tail_is_cut_off_and_written_over() {
        let mut whole = Disk::default();
        whole.write(&run(1));
        whole.sync();
        whole.write(&run(300));
        for kept in 0..whole.unsynced() {
            let mut disk = whole.clone();
            disk.crash(kept);
            assert_eq!(disk.open(), Ok(vec![run(1)]), "{kept} bytes kept");
            disk.write(&run(3));
            assert_eq!(disk.open(), Ok(vec![run(1), run(3)]), "{kept} bytes kept");
        }
    }

    #[test]
    fn damage_before_the_tail_is_an_error() {
        let mut disk = Disk::default();
        disk.write(&run(1));
        disk.write(&run(2));
        let mut bytes = disk.bytes().to_vec();
        bytes[HEADER] ^= 1;
        assert_eq!(Disk::holding(bytes).open(), Err(Damaged { at: 0 }));
    }
}
