//! Blocking work: bounded in number, in waiting and in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::RpcError;
use crate::seams::Cancel;

/// A bounded number of blocking threads.
#[derive(Clone, Debug)]
pub(super) struct Workers {
    slots: Arc<Semaphore>,
    patience: Duration,
    limit: Duration,
}

/// Tells the work that nobody waits any more: the client left, or the time is over.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Workers {
    pub(super) fn new(count: usize, patience: Duration, limit: Duration) -> Self {
        Self { slots: Arc::new(Semaphore::new(count)), patience, limit }
    }

    /// Runs `job` on a blocking thread. A thread cannot be stopped: it keeps its slot until it
    /// ends, so that late work is never more than there are slots.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T, RpcError>
    where
        T: Send + 'static,
        F: FnOnce(&Cancel) -> Result<T, RpcError> + Send + 'static,
    {
        let waiting = timeout(self.patience, self.slots.clone().acquire_owned());
        let Ok(Ok(slot)) = waiting.await else {
            return Err(RpcError::Busy);
        };
        let cancel = Cancel::default();
        let guard = CancelOnDrop(cancel.clone());
        let work = tokio::task::spawn_blocking(move || {
            let outcome = job(&cancel);
            drop(slot);
            outcome
        });
        let outcome = timeout(self.limit, work).await;
        drop(guard);
        match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(ended)) => Err(RpcError::Internal(format!("a worker ended early: {ended}"))),
            Err(_) => Err(RpcError::TimedOut { limit: self.limit }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn workers(limit: Duration) -> Workers {
        Workers::new(1, Duration::from_millis(20), limit)
    }

    #[tokio::test]
    async fn late_work_is_cancelled_keeps_its_slot_and_then_frees_it() {
        let workers = workers(Duration::from_millis(20));
        let (saw, seen) = mpsc::sync_channel(1);
        let (go, wait) = mpsc::sync_channel::<()>(1);
        let late = workers
            .run(move |cancel| {
                wait.recv().unwrap();
                saw.send(cancel.is_cancelled()).unwrap();
                Ok(())
            })
            .await;
        assert!(matches!(late, Err(RpcError::TimedOut { .. })), "{late:?}");
        let refused = workers.run(|_| Ok(())).await;
        assert!(matches!(refused, Err(RpcError::Busy)), "{refused:?}");

        go.send(()).unwrap();
        assert!(seen.recv().unwrap(), "the work was not told");
        let slot = workers.slots.acquire().await.unwrap();
        drop(slot);
        workers.run(|_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let workers = workers(Duration::from_secs(5));
        let failed = workers.run(|_| -> Result<(), RpcError> { panic!("planted") }).await;
        assert!(matches!(failed, Err(RpcError::Internal(_))), "{failed:?}");
        workers.run(|_| Ok(())).await.unwrap();
    }
}
