//! Entries that wait to become part of the log, within bounds for each author.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    time::{Duration, Instant},
};

use mokka_consensus::WorkWaiting;
use mokka_types::{PublicKey, ValidatorSet};
use tokio::sync::oneshot;

use super::entry::{BLOCK_ENTRIES, BLOCK_OVERHEAD, Entry, Place, Taken};
use crate::Handle;

/// Entries of one author that wait; who writes more must wait.
const ENTRIES_WAITING: usize = 1024;
/// Their bytes.
const BYTES_WAITING: usize = 1 << 20;
/// So often own entries that are not final are said again.
pub(super) const SAY_AGAIN: Duration = Duration::from_millis(500);
/// So many of them, the next ones first.
const SAID_AGAIN: usize = 64;

/// The entries of one author, in order.
#[derive(Debug, Default)]
struct Queue {
    entries: BTreeMap<Place, Entry>,
    bytes: usize,
}

impl Queue {
    fn insert(&mut self, entry: Entry) {
        self.bytes += entry.weight();
        self.entries.insert(entry.place(), entry);
    }

    fn remove_last(&mut self) {
        if let Some((_, entry)) = self.entries.pop_last() {
            self.bytes -= entry.weight();
        }
    }

    fn remove_first(&mut self) {
        if let Some((_, entry)) = self.entries.pop_first() {
            self.bytes -= entry.weight();
        }
    }

    fn has_room_for(&self, entry: &Entry) -> bool {
        self.entries.len() < ENTRIES_WAITING && self.bytes + entry.weight() <= BYTES_WAITING
    }

    /// Whether what comes earlier than all that wait could take the place of some.
    fn would_make_room_for(&self, entry: &Entry) -> bool {
        let last = self.entries.last_key_value().map(|(place, _)| *place);
        self.has_room_for(entry) || last.is_some_and(|last| entry.place() < last)
    }

    /// The entry that comes next in the log.
    fn next(&self, author: &PublicKey, taken: &Taken) -> Option<&Entry> {
        let mut waiting = self.entries.iter();
        waiting.find(|(place, _)| taken.is_next(author, **place)).map(|(_, entry)| entry)
    }
}

/// Why an entry does not wait here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwanted {
    /// Its author is no member.
    Stranger,
    /// It waits already, or is in the log.
    Known,
    /// Too many of its author wait.
    Full,
}

/// What waits at one member.
#[derive(Debug)]
pub(super) struct Pool {
    own: PublicKey,
    members: ValidatorSet,
    taken: Taken,
    queues: BTreeMap<PublicKey, Queue>,
    /// Who waits to hear at which index an own entry is final.
    waiters: BTreeMap<Place, oneshot::Sender<u64>>,
    /// The last own entry that was said.
    said: Place,
    said_again: Instant,
    handle: Handle,
}

impl Pool {
    pub(super) fn new(own: PublicKey, members: ValidatorSet, taken: Taken, handle: Handle) -> Self {
        let (queues, waiters) = (BTreeMap::new(), BTreeMap::new());
        let (said, said_again) = (Place::default(), Instant::now());
        Self { own, members, taken, queues, waiters, said, said_again, handle }
    }

    /// Whether an entry that another member says may wait here, all but its signature. What this
    /// member wrote itself it need not hear from others: it could only be of an earlier run.
    pub(super) fn wants_heard(&self, entry: &Entry) -> Result<(), Unwanted> {
        if entry.author() == self.own { Err(Unwanted::Known) } else { self.wants(entry) }
    }

    fn wants(&self, entry: &Entry) -> Result<(), Unwanted> {
        let author = entry.author();
        if !self.members.keys().contains(&author) {
            return Err(Unwanted::Stranger);
        }
        if self.taken.is_past(&author, entry.place()) {
            return Err(Unwanted::Known);
        }
        match self.queues.get(&author) {
            Some(queue) if queue.entries.contains_key(&entry.place()) => Err(Unwanted::Known),
            Some(queue) if !queue.would_make_room_for(entry) => Err(Unwanted::Full),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether this very entry waits here: its signature was checked.
    pub(super) fn knows(&self, entry: &Entry) -> bool {
        let queue = self.queues.get(&entry.author());
        queue.and_then(|queue| queue.entries.get(&entry.place())) == Some(entry)
    }

    /// Takes in an authentic entry. What comes next in the log displaces what comes later.
    pub(super) fn insert(&mut self, entry: Entry) -> Result<(), Unwanted> {
        self.wants(&entry)?;
        let queue = self.queues.entry(entry.author()).or_default();
        while !queue.has_room_for(&entry) {
            queue.remove_last();
        }
        queue.insert(entry);
        self.show_work();
        Ok(())
    }

    /// Takes in an own entry, and says when it is final. None of its own is ever displaced.
    pub(super) fn submit(&mut self, entry: Entry) -> Result<oneshot::Receiver<u64>, Unwanted> {
        let place = entry.place();
        if self.queues.get(&self.own).is_some_and(|queue| !queue.has_room_for(&entry)) {
            return Err(Unwanted::Full);
        }
        self.insert(entry)?;
        let (tell, told) = oneshot::channel();
        self.waiters.insert(place, tell);
        Ok(told)
    }

    /// The own entries that are to be said now: those that never were, and from time to time the
    /// next ones once more.
    pub(super) fn say(&mut self, now: Instant) -> Vec<Entry> {
        let Some(queue) = self.queues.get(&self.own) else { return Vec::new() };
        let mut entries: Vec<Entry> = Vec::new();
        if now.duration_since(self.said_again) >= SAY_AGAIN {
            self.said_again = now;
            let said = queue.entries.range(..=self.said).take(SAID_AGAIN);
            entries.extend(said.map(|(_, entry)| entry.clone()));
        }
        let new = queue.entries.range((Bound::Excluded(self.said), Bound::Unbounded));
        entries.extend(new.map(|(_, entry)| entry.clone()));
        if let Some((last, _)) = queue.entries.last_key_value() {
            self.said = self.said.max(*last);
        }
        entries
    }

    /// What fits into the next block, all authors in turn.
    pub(super) fn next_block(&self, limit: usize) -> Vec<Entry> {
        let mut left = limit.saturating_sub(BLOCK_OVERHEAD);
        let (mut chosen, mut taken) = (Vec::new(), self.taken.clone());
        let mut turns: VecDeque<_> = self.queues.iter().collect();
        while let Some((author, queue)) = turns.pop_front() {
            let Some(entry) = queue.next(author, &taken) else { continue };
            if chosen.len() == BLOCK_ENTRIES || entry.weight() > left {
                break;
            }
            left -= entry.weight();
            taken.take(entry);
            chosen.push(entry.clone());
            turns.push_back((author, queue));
        }
        chosen
    }

    /// These entries are final, the first at this index.
    pub(super) fn finalized(&mut self, entries: &[Entry], first: u64) {
        for (index, entry) in (first..).zip(entries) {
            let author = entry.author();
            self.taken.take(entry);
            if author == self.own
                && let Some(waiter) = self.waiters.remove(&entry.place())
            {
                let _nobody_waits = waiter.send(index);
            }
            if let Some(queue) = self.queues.get_mut(&author) {
                let is_past = |place: &Place| self.taken.is_past(&author, *place);
                while queue.entries.keys().next().is_some_and(is_past) {
                    queue.remove_first();
                }
            }
        }
        self.show_work();
    }

    /// Says whether anything could go into a block: within the lock, so that the newest word is
    /// the last one.
    pub(super) fn show_work(&self) {
        let mut queues = self.queues.iter();
        let waits = queues.any(|(author, queue)| queue.next(author, &self.taken).is_some());
        self.handle.work_waiting(if waits { WorkWaiting::Yes } else { WorkWaiting::No });
    }
}

#[cfg(test)]
mod tests {
    use mokka_crypto::SecretKey;
    use mokka_types::{Body, ChainHash, CrashModel, RunNumber, Settings};

    use super::*;
    use crate::driver::inbox;

    const CHAIN: ChainHash = ChainHash::new([7; 32]);

    fn secret(number: u8) -> SecretKey {
        SecretKey::from_bytes([number; 32]).expect("a secret key")
    }

    fn entry(author: u8, number: u64) -> Entry {
        let place = (RunNumber::new(1), number);
        Entry::sign(&secret(author), &CHAIN, place, Body::new(*b"something"))
    }

    fn pool() -> Pool {
        let keys = [1, 2].map(|number| secret(number).public_key());
        let members = ValidatorSet::new(CrashModel::Bft, keys).expect("two keys");
        let (_, handle) = inbox(CHAIN, &Settings::default());
        Pool::new(keys[0], members, Taken::default(), handle)
    }

    #[test]
    fn a_block_takes_what_comes_next_from_all_in_turn() {
        let mut pool = pool();
        for (author, number) in [(1, 1), (1, 2), (1, 4), (2, 2), (2, 1)] {
            pool.insert(entry(author, number)).expect("wanted");
        }
        let mut block = pool.next_block(1 << 20);
        assert_eq!(block.len(), 4, "one waits for the third of its author");
        assert!(Taken::default().accepts(&block));
        block.truncate(2);
        assert_ne!(block[0].author(), block[1].author());
        pool.finalized(&block, 0);
        assert_eq!(pool.insert(block[0].clone()), Err(Unwanted::Known));
        assert_eq!(pool.next_block(1 << 20).len(), 2);
    }

    #[test]
    fn nobody_fills_the_pool() {
        let mut pool = pool();
        let late = 2..2 + ENTRIES_WAITING as u64;
        late.for_each(|number| pool.insert(entry(2, number)).expect("room"));
        assert_eq!(pool.insert(entry(2, 5000)), Err(Unwanted::Full));
        assert_eq!(pool.insert(entry(3, 1)), Err(Unwanted::Stranger));
        pool.insert(entry(2, 1)).expect("what comes next has room");
        assert_eq!(pool.queues.values().map(|queue| queue.entries.len()).sum::<usize>(), 1024);
    }

    #[test]
    fn an_own_entry_is_told_its_index() {
        let mut pool = pool();
        let mut told = pool.submit(entry(1, 1)).expect("room");
        let block = pool.next_block(1 << 20);
        pool.finalized(&block, 41);
        assert_eq!(told.try_recv(), Ok(41));
    }

    #[test]
    fn own_entries_are_said_at_once_and_again_until_they_are_final() {
        let mut pool = pool();
        let (began, later) = (Instant::now(), Instant::now() + 2 * SAY_AGAIN);
        let _told = [1, 2].map(|number| pool.submit(entry(1, number)).expect("room"));
        assert_eq!(pool.say(began), [entry(1, 1), entry(1, 2)]);
        assert_eq!(pool.say(began), []);
        pool.finalized(&[entry(1, 1)], 0);
        assert_eq!(pool.say(later), [entry(1, 2)]);
        assert_eq!(pool.say(later), []);
    }
}
