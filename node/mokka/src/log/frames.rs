//! The file of one member: frames that are only ever appended.
//!
//! It begins with what it belongs to (cluster, key) and 32 random bytes, the salt. A frame is a
//! mark, a length, a checksum and canonical bytes. The mark follows from the salt, and the checksum
//! is keyed by it and covers the place of the frame, so that no bytes that somebody brings into the
//! log look like a frame, or slow down the search for one.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use mokka_types::{ChainHash, FinalBlock, PublicKey, SafetyRecord, codec};
use serde::{Deserialize, Serialize};

use super::scan::{Found, Salt, Span};

const FORMAT: &[u8; 12] = b"mokka log 2\n";
const HEADER_BYTES: usize = FORMAT.len() + 32 + 33 + Salt::BYTES;

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record {
    /// A promise of some kind; synced (§8).
    Safety(SafetyRecord),
    /// A final block; not synced by itself (§6.5).
    Commit(FinalBlock),
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system says no.
    #[error("{path} cannot be used: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process has it open.
    #[error("{0} is in use by another process; a member must run only once")]
    InUse(PathBuf),
    /// It is some other file, or a log of another version.
    #[error(
        "{0} is no log of this version. Where it is this member's own, do not start its key on \
         another path, which knows nothing of what it signed"
    )]
    NotALog(PathBuf),
    /// It is the log of another cluster, or of this one with other rules.
    #[error("{0} belongs to another cluster, or to one with other rules; choose another path")]
    OtherCluster(PathBuf),
    /// It is the log of another member.
    #[error("{path} belongs to the member {owner}; each member needs a file of its own")]
    OtherMember {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: PublicKey,
    },
    /// It is damaged where no crash can have damaged it (§8).
    #[error(
        "{path} is damaged at byte {at}, and more was written after that: the disk has lost what \
         this member promised; it must not go on from here"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the first broken frame begins.
        at: u64,
    },
}

/// The file, open for appending, and locked.
#[derive(Debug)]
pub(super) struct Frames {
    file: File,
    salt: Salt,
    end: u64,
}

impl Frames {
    /// Opens the file, or makes it, and shows every record in order. A torn tail is cut off.
    pub(super) fn open(
        path: &Path,
        chain: &ChainHash,
        owner: &PublicKey,
        mut each: impl FnMut(Span, Record) -> io::Result<()>,
    ) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io { path: path.to_owned(), error };
        if !path.try_exists().map_err(failed)? {
            create(path, chain, owner).map_err(failed)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let salt = read_header(&file, path, chain, owner)?;
        let length = file.metadata().map_err(failed)?.len();
        let begin = HEADER_BYTES as u64;
        let end = match salt.scan(&file, begin..length, &mut each).map_err(failed)? {
            Found::Whole { end } => end,
            Found::Damaged { at } => {
                return Err(OpenError::Damaged { path: path.to_owned(), at });
            }
        };
        let mut frames = Self { file, salt, end };
        frames.cut_tail().map_err(failed)?;
        Ok(frames)
    }

    /// Appends a record; a crash may still lose it.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<Span> {
        let (span, frame) = self.salt.frame(self.end, &codec::encode(record))?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&frame)?;
        self.end = span.end();
        Ok(span)
    }

    /// Makes everything written so far survive a crash.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Lets another process open the file.
    pub(super) fn unlock(&self) {
        // Where that fails, the lock goes with the file.
        let _kept = self.file.unlock();
    }

    /// Reads a record again.
    pub(super) fn read(&self, span: Span) -> io::Result<Record> {
        match self.salt.frame_at(&self.file, span.whole())? {
            Some((_, record)) => Ok(record),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "a block has changed on disk")),
        }
    }

    fn cut_tail(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.sync_all()
    }
}

/// Makes an empty log. It has its name only once it is whole.
fn create(path: &Path, chain: &ChainHash, owner: &PublicKey) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let salt: [u8; Salt::BYTES] = rand::random();
    let header = [&FORMAT[..], chain.as_bytes(), owner.as_bytes(), &salt].concat();
    let unfinished = path.with_added_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(&header)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

fn read_header(
    mut file: &File,
    path: &Path,
    chain: &ChainHash,
    owner: &PublicKey,
) -> Result<Salt, OpenError> {
    let mut format = [0; FORMAT.len()];
    let (mut found_chain, mut found_owner, mut salt) = ([0; 32], [0; 33], [0; Salt::BYTES]);
    let parts: [&mut [u8]; 4] = [&mut format, &mut found_chain, &mut found_owner, &mut salt];
    for part in parts {
        file.read_exact(part).map_err(|_| OpenError::NotALog(path.to_owned()))?;
    }
    let found_owner = PublicKey::new(found_owner);
    if format != *FORMAT {
        Err(OpenError::NotALog(path.to_owned()))
    } else if found_chain != *chain.as_bytes() {
        Err(OpenError::OtherCluster(path.to_owned()))
    } else if found_owner != *owner {
        Err(OpenError::OtherMember { path: path.to_owned(), owner: found_owner })
    } else {
        Ok(Salt::new(salt))
    }
}

#[cfg(test)]
mod tests {
    use mokka_types::{
        BlockId, Body, Certificate, Epoch, Phase, RunNumber, SetDigest, Signers, Term, View,
    };
    use tempfile::TempDir;

    use super::*;
    use crate::log::scan::FRAME_HEADER;

    const CHAIN: ChainHash = ChainHash::new([7; 32]);
    const OWNER: PublicKey = PublicKey::new([2; 33]);

    fn run(number: u64) -> Record {
        Record::Safety(SafetyRecord::Run(RunNumber::new(number)))
    }

    fn commit(bytes: &[u8]) -> Record {
        let (id, body) = (BlockId::default(), Body::new(bytes));
        let certificate = Certificate {
            phase: Phase::Commit,
            view: View::new(Epoch::new(0), Term::new(1)),
            id,
            next_set: SetDigest::default(),
            signers: Signers::NONE,
            signatures: Vec::new(),
        };
        Record::Commit(FinalBlock { id, body, certificate })
    }

    struct Disk {
        path: PathBuf,
        _folder: TempDir,
    }

    impl Disk {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            Self { path: folder.path().join("log"), _folder: folder }
        }

        fn open(&self) -> Result<(Frames, Vec<Record>), OpenError> {
            let mut records = Vec::new();
            let frames = Frames::open(&self.path, &CHAIN, &OWNER, |_, record| {
                records.push(record);
                Ok(())
            })?;
            Ok((frames, records))
        }

        fn holding(records: &[Record]) -> (Self, Vec<u8>) {
            let disk = Self::new();
            let (mut frames, _) = disk.open().expect("a new file");
            for record in records {
                frames.write(record).expect("written");
            }
            let bytes = fs::read(&disk.path).expect("readable");
            (disk, bytes)
        }

        fn overwrite(&self, bytes: &[u8]) {
            fs::write(&self.path, bytes).expect("writable");
        }
    }

    /// §8: a torn tail is tolerated, at every byte, and written over.
    #[test]
    fn a_tail_may_be_torn_anywhere() {
        let (_, one) = Disk::holding(&[run(1)]);
        let (disk, two) = Disk::holding(&[run(1), run(300)]);
        for length in one.len()..two.len() {
            disk.overwrite(&two[..length]);
            let (mut frames, records) = disk.open().expect("a torn tail");
            assert_eq!(records, [run(1)], "{length} bytes");
            frames.write(&run(3)).expect("written");
            drop(frames);
            assert_eq!(disk.open().expect("whole").1, [run(1), run(3)], "{length} bytes");
        }
    }

    /// §8: damage before a synced record is an error. What was written after the last sync may be
    /// on disk in any order.
    #[test]
    fn damage_is_an_error_where_something_synced_follows() {
        let (disk, mut bytes) = Disk::holding(&[commit(b"one"), run(2), commit(b"two")]);
        let whole = bytes.clone();
        bytes[HEADER_BYTES + FRAME_HEADER + 2] ^= 1;
        disk.overwrite(&bytes);
        let at = HEADER_BYTES as u64;
        assert!(matches!(disk.open(), Err(OpenError::Damaged { at: found, .. }) if found == at));

        let mut bytes = whole;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        disk.overwrite(&bytes);
        assert_eq!(disk.open().expect("unsynced").1, [commit(b"one"), run(2)]);
    }

    /// Bytes that a user brings into the log are no frame, even where they look like one.
    #[test]
    fn nobody_can_write_a_frame_into_a_block() {
        let (_, forged) = Disk::holding(&[run(1)]);
        let (disk, mut bytes) = Disk::holding(&[run(7), commit(&forged[HEADER_BYTES..])]);
        bytes.truncate(bytes.len() - 1);
        disk.overwrite(&bytes);
        assert_eq!(disk.open().expect("a torn tail").1, [run(7)]);
    }

    #[test]
    fn a_file_belongs_to_one_member_of_one_cluster_and_one_process() {
        let (disk, _) = Disk::holding(&[run(1)]);
        let open = |chain, owner| Frames::open(&disk.path, &chain, &owner, |_, _| Ok(()));
        let other = ChainHash::new([8; 32]);
        assert!(matches!(open(other, OWNER), Err(OpenError::OtherCluster(_))));
        let another = PublicKey::new([3; 33]);
        assert!(matches!(open(CHAIN, another), Err(OpenError::OtherMember { .. })));
        let held = open(CHAIN, OWNER).expect("ours");
        assert!(matches!(open(CHAIN, OWNER), Err(OpenError::InUse(_))));
        drop(held);
        disk.overwrite(b"something else");
        assert!(matches!(open(CHAIN, OWNER), Err(OpenError::NotALog(_))));
    }
}
