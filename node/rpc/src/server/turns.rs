//! How many requests of one connection are answered at a time.
//!
//! A request above the limit waits for its turn, and meanwhile nothing more is read from the
//! connection: who asks faster than we answer is slowed down by TCP and refused nothing. What was
//! read together with it waits as well: a few kilobytes, the buffer of the WebSocket.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The turns of one connection.
pub(super) struct Turns {
    limit: usize,
    free: Semaphore,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    /// Requests that have their turn, or wait for it.
    unanswered: usize,
    /// Who reads, while reading waits.
    reader: Option<Waker>,
}

/// Being answered. Dropping it ends the turn.
pub(super) struct Turn<'a> {
    /// Gives its place back before a reader is woken.
    _place: SemaphorePermit<'a>,
    _counted: Counted<'a>,
}

/// Counts a request from when it is read to when it is answered, or its connection is gone.
struct Counted<'a>(&'a Turns);

impl<'a> Counted<'a> {
    fn new(turns: &'a Turns) -> Self {
        turns.asked().unanswered += 1;
        Self(turns)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut asked = self.0.asked();
        asked.unanswered -= 1;
        if let Some(reader) = asked.reader.take() {
            reader.wake();
        }
    }
}

impl Turns {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, free: Semaphore::new(limit), asked: Mutex::default() }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    pub(super) async fn take(&self) -> Turn<'_> {
        let counted = Counted::new(self);
        // Invariant: nobody closes the semaphore.
        let place = self.free.acquire().await.expect("an open semaphore");
        Turn { _place: place, _counted: counted }
    }

    /// Whether there is a turn for what would be read; wakes the reader when there may be one.
    pub(super) fn poll_free(&self, cx: &Context<'_>) -> Poll<()> {
        let mut asked = self.asked();
        if asked.unanswered < self.limit {
            return Poll::Ready(());
        }
        asked.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_above_the_limit_waits_for_its_turn() {
        let turns = Turns::new(2);
        let first = turns.take().await;
        let _second = turns.take().await;
        let mut third = Box::pin(turns.take());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(third.as_mut().poll(&mut cx).is_pending());
        drop(first);
        assert!(third.as_mut().poll(&mut cx).is_ready());
    }

    #[tokio::test]
    async fn nothing_is_read_while_the_turns_are_taken_or_waited_for() {
        let turns = Turns::new(1);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(turns.poll_free(&cx).is_ready());
        let first = turns.take().await;
        assert!(turns.poll_free(&cx).is_pending());
        let mut second = Box::pin(turns.take());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        drop(first);
        assert!(turns.poll_free(&cx).is_pending(), "the one that waits goes before new ones");
        // Its connection is gone.
        drop(second);
        assert!(turns.poll_free(&cx).is_ready());
    }
}
