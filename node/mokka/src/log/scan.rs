//! Frames among the bytes of a log: how one is found, and what is wrong where none is.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use mokka_types::codec;

use super::frames::Record;

const MARK_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 8;
/// Mark, length, checksum.
pub(super) const FRAME_HEADER: usize = MARK_BYTES + 4 + CHECKSUM_BYTES;

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    at: u64,
    /// Of its payload.
    bytes: u32,
}

impl Span {
    /// The first byte behind it.
    pub(super) const fn end(self) -> u64 {
        self.at.saturating_add(FRAME_HEADER as u64).saturating_add(self.bytes as u64)
    }

    /// All its bytes.
    pub(super) const fn whole(self) -> Range<u64> {
        self.at..self.end()
    }
}

/// What a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Frames up to here; behind them at most a torn tail.
    Whole { end: u64 },
    /// The frame that begins here is broken, and something synced follows it.
    Damaged { at: u64 },
}

/// The random bytes of one log. Who does not know them makes no bytes that look like its frames.
#[derive(Clone, Debug)]
pub(super) struct Salt {
    key: [u8; Salt::BYTES],
    mark: [u8; MARK_BYTES],
}

impl Salt {
    pub(super) const BYTES: usize = 32;

    pub(super) fn new(key: [u8; Self::BYTES]) -> Self {
        Self { key, mark: first_bytes(&blake3::keyed_hash(&key, b"mark")) }
    }

    /// A frame for this place.
    pub(super) fn frame(&self, at: u64, payload: &[u8]) -> io::Result<(Span, Vec<u8>)> {
        let bytes = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut frame = Vec::with_capacity(FRAME_HEADER + payload.len());
        frame.extend(self.mark);
        frame.extend(bytes.to_be_bytes());
        frame.extend(self.checksum(at, payload));
        frame.extend(payload);
        Ok((Span { at, bytes }, frame))
    }

    /// Shows every record in order, up to the first frame that is not whole.
    pub(super) fn scan(
        &self,
        mut from: impl Read + Seek,
        within: Range<u64>,
        mut each: impl FnMut(Span, Record) -> io::Result<()>,
    ) -> io::Result<Found> {
        let (mut at, length) = (within.start, within.end);
        while at < length {
            match self.frame_at(&mut from, at..length)? {
                Some((span, record)) => {
                    each(span, record)?;
                    at = span.end();
                }
                None if self.has_synced(&mut from, at + 1..length)? => {
                    return Ok(Found::Damaged { at });
                }
                None => break,
            }
        }
        Ok(Found::Whole { end: at })
    }

    /// The frame at the beginning of this range, if it is whole and lies in it.
    pub(super) fn frame_at(
        &self,
        mut from: impl Read + Seek,
        within: Range<u64>,
    ) -> io::Result<Option<(Span, Record)>> {
        let (at, length) = (within.start, within.end);
        if length.saturating_sub(at) < FRAME_HEADER as u64 {
            return Ok(None);
        }
        from.seek(SeekFrom::Start(at))?;
        let mut header = [0; FRAME_HEADER];
        from.read_exact(&mut header)?;
        let (mark, rest) = header.split_at(MARK_BYTES);
        let (bytes, checksum) = rest.split_at(4);
        // Invariant: the second part of the header has four bytes.
        let bytes = u32::from_be_bytes(bytes.try_into().expect("four bytes"));
        let span = Span { at, bytes };
        if mark != self.mark || span.end() > length {
            return Ok(None);
        }
        let mut payload = Vec::new();
        from.take(u64::from(bytes)).read_to_end(&mut payload)?;
        if self.checksum(at, &payload) != checksum {
            return Ok(None);
        }
        Ok(codec::decode(&payload).ok().map(|record| (span, record)))
    }

    /// Whether a synced record lies in what follows a broken frame. Then everything before it was
    /// on disk once, and it is no crash that broke the frame.
    fn has_synced(&self, mut from: impl Read + Seek, within: Range<u64>) -> io::Result<bool> {
        from.seek(SeekFrom::Start(within.start))?;
        let mut rest = Vec::new();
        from.by_ref().take(within.end.saturating_sub(within.start)).read_to_end(&mut rest)?;
        let windows = rest.windows(MARK_BYTES).enumerate();
        for (place, _) in windows.filter(|(_, bytes)| *bytes == self.mark) {
            let found = self.frame_at(&mut from, within.start + place as u64..within.end)?;
            if matches!(found, Some((_, Record::Safety(_)))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn checksum(&self, at: u64, payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&at.to_be_bytes()).update(payload);
        first_bytes(&hasher.finalize())
    }
}

fn first_bytes<const N: usize>(hash: &blake3::Hash) -> [u8; N] {
    let mut first = [0; N];
    first.copy_from_slice(&hash.as_bytes()[..N]);
    first
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use mokka_types::{RunNumber, SafetyRecord};

    use super::*;

    /// A broken frame may be full of what somebody else wrote, and who knew the mark could fill it
    /// with beginnings of frames, each of which would have to be read to its end.
    #[test]
    fn who_does_not_know_the_salt_does_not_know_the_mark() {
        let record = codec::encode(&Record::Safety(SafetyRecord::Run(RunNumber::new(1))));
        let (ours, other) = (Salt::new([1; Salt::BYTES]), Salt::new([2; Salt::BYTES]));
        let (_, mine) = ours.frame(0, &record).expect("short");
        let (_, theirs) = other.frame(0, &record).expect("short");
        assert_ne!(mine[..MARK_BYTES], theirs[..MARK_BYTES]);
        let length = mine.len() as u64;
        assert!(ours.frame_at(Cursor::new(mine), 0..length).expect("readable").is_some());
        assert!(ours.frame_at(Cursor::new(theirs), 0..length).expect("readable").is_none());
    }
}
