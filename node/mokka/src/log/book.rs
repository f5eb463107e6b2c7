//! What is in the log, and where in the file it lies.

use std::{io, path::Path, sync::Arc};

use mokka_consensus::Restored;
use mokka_types::{BlockId, FinalBlock, Height, RunNumber, SafetyRecord, SafetyState};

use super::{
    entry::{Entry, LogBlock, Taken},
    frames::{Frames, OpenError, Record},
    scan::Span,
};
use crate::{Cluster, Member, RangeLimit, driver::wall_clock};

/// One block of the log.
#[derive(Clone, Copy, Debug)]
struct BlockAt {
    id: BlockId,
    span: Span,
    /// The index of its first entry.
    first: u64,
}

/// The file of a member and an index of it.
#[derive(Debug)]
pub(super) struct Book {
    frames: Frames,
    index: Index,
    /// The entries of the block that was read last: its neighbours are often read next.
    opened: Option<(Height, Arc<[Entry]>)>,
    /// Why nothing more can be written.
    failed: Option<String>,
}

/// What the blocks add up to.
#[derive(Clone, Debug)]
struct Index {
    tip: BlockId,
    blocks: Vec<BlockAt>,
    length: u64,
    taken: Taken,
}

impl Index {
    fn accepts(&self, id: &BlockId, block: &LogBlock) -> io::Result<()> {
        let follows = block.parent == self.tip && self.tip.height.next() == Some(id.height);
        if follows && self.taken.accepts(&block.entries) {
            Ok(())
        } else {
            Err(invalid(format!("block {} does not follow the one before it", id.height)))
        }
    }

    /// Takes in what was accepted, and returns the index of its first entry.
    fn extend(&mut self, id: BlockId, block: &LogBlock, span: Span) -> u64 {
        let first = self.length;
        block.entries.iter().for_each(|entry| self.taken.take(entry));
        self.blocks.push(BlockAt { id, span, first });
        self.length += block.entries.len() as u64;
        self.tip = id;
        first
    }
}

/// A book as it was found.
pub(super) struct Found {
    pub(super) book: Book,
    pub(super) restored: Restored,
    /// This start of the member; already durable.
    pub(super) run: RunNumber,
}

impl Book {
    /// Opens the file of a member, and writes down that it starts once more.
    pub(super) fn open(path: &Path, member: &Member) -> Result<Found, OpenError> {
        let cluster: &Cluster = member.cluster();
        let tip = cluster.genesis();
        let mut index = Index { tip, blocks: Vec::new(), length: 0, taken: Taken::default() };
        let (mut safety, mut newest) = (SafetyState::default(), None);
        let (chain, owner) = (cluster.chain(), member.public_key());
        let mut frames = Frames::open(path, &chain, &owner, |span, record| {
            match record {
                Record::Safety(record) => safety.apply(record),
                Record::Commit(block) => {
                    let inside = LogBlock::read(&block.body);
                    let inside = inside.ok_or_else(|| invalid("a block cannot be read"))?;
                    index.accepts(&block.id, &inside)?;
                    index.extend(block.id, &inside, span);
                    newest = Some(block.certificate);
                }
            }
            Ok(())
        })?;
        let failed = |error| OpenError::Io { path: path.to_owned(), error };
        let above =
            safety.run.next().ok_or_else(|| failed(invalid("the last run was the last")))?;
        let run = RunNumber::at(wall_clock()).max(above);
        frames.write(&Record::Safety(SafetyRecord::Run(run))).map_err(failed)?;
        frames.sync().map_err(failed)?;
        safety.run = run;
        let beginning = cluster.beginning(safety);
        let restored = Restored { committed: index.tip, certificate: newest, ..beginning };
        let book = Self { frames, index, opened: None, failed: None };
        Ok(Found { book, restored, run })
    }

    /// Nobody writes any more: another start of this member may open the file.
    pub(super) fn release(&mut self) {
        self.failed = Some("the member has stopped".to_owned());
        self.frames.unlock();
    }

    /// The newest final block.
    pub(super) const fn tip(&self) -> BlockId {
        self.index.tip
    }

    /// How many entries there are.
    pub(super) const fn length(&self) -> u64 {
        self.index.length
    }

    pub(super) const fn taken(&self) -> &Taken {
        &self.index.taken
    }

    /// Appends promises. When this returns they are on disk, as is all that was written before
    /// (§6.5).
    pub(super) fn promise(&mut self, records: &[SafetyRecord]) -> io::Result<()> {
        self.write(|frames| {
            for record in records {
                frames.write(&Record::Safety(record.clone()))?;
            }
            frames.sync()
        })
    }

    /// Appends a final block, and returns the index of its first entry.
    pub(super) fn commit(&mut self, block: FinalBlock, inside: &LogBlock) -> io::Result<u64> {
        let id = block.id;
        self.index.accepts(&id, inside)?;
        let span = self.write(|frames| frames.write(&Record::Commit(block)))?;
        Ok(self.index.extend(id, inside, span))
    }

    /// After a failure nobody knows what is on disk: nothing more is written (§8).
    fn write<T>(&mut self, write: impl FnOnce(&mut Frames) -> io::Result<T>) -> io::Result<T> {
        if let Some(failed) = &self.failed {
            return Err(io::Error::other(format!("nothing can be written any more: {failed}")));
        }
        let written = write(&mut self.frames);
        if let Err(error) = &written {
            self.failed = Some(error.to_string());
        }
        written
    }

    /// The entry at an index.
    pub(super) fn entry(&mut self, index: u64) -> io::Result<Option<Entry>> {
        if index >= self.index.length {
            return Ok(None);
        }
        // Empty blocks begin at the same index as their successor, which is then the last such.
        let after = self.index.blocks.partition_point(|block| block.first <= index);
        let Some(block) = after.checked_sub(1).and_then(|at| self.index.blocks.get(at)).copied()
        else {
            return Ok(None);
        };
        let entries = match &self.opened {
            Some((height, entries)) if *height == block.id.height => Arc::clone(entries),
            _ => {
                let inside = LogBlock::read(&self.block(&block)?.body);
                let inside = inside.ok_or_else(|| invalid("a block cannot be read"))?;
                let entries: Arc<[Entry]> = inside.entries.into();
                self.opened = Some((block.id.height, Arc::clone(&entries)));
                entries
            }
        };
        let place = usize::try_from(index - block.first).ok();
        Ok(place.and_then(|place| entries.get(place)).cloned())
    }

    /// Final blocks from a height on, as many as fit.
    pub(super) fn blocks(&self, from: Height, limit: RangeLimit) -> io::Result<Vec<FinalBlock>> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        let from = self.index.blocks.partition_point(|block| block.id.height < from);
        for at in self.index.blocks[from..].iter().take(limit.blocks) {
            let block = self.block(at)?;
            bytes += block.body.as_bytes().len();
            found.push(block);
            if bytes >= limit.bytes.bytes() {
                break;
            }
        }
        Ok(found)
    }

    /// The final block of this id.
    pub(super) fn block_of(&self, id: &BlockId) -> io::Result<Option<FinalBlock>> {
        let at = self.index.blocks.binary_search_by_key(&id.height, |block| block.id.height);
        let at = at.ok().and_then(|at| self.index.blocks.get(at));
        at.filter(|block| block.id == *id).map(|block| self.block(block)).transpose()
    }

    fn block(&self, at: &BlockAt) -> io::Result<FinalBlock> {
        match self.frames.read(at.span)? {
            Record::Commit(block) => Ok(block),
            Record::Safety(_) => Err(invalid("a block has changed on disk")),
        }
    }
}

fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}
