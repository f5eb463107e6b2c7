//! Tasks without which the node must not go on, by name.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{sync::oneshot, task::JoinHandle};

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was told to.
    Orderly,
    /// It could not go on.
    Failed(String),
    /// It panicked; the message went to standard error.
    Vanished,
}

/// A running task.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    ended: oneshot::Receiver<End>,
    end: Option<End>,
}

/// Where a task says how it ended.
pub(crate) struct Ends(oneshot::Sender<End>);

impl Task {
    /// A task that will tell its end.
    pub(crate) fn named(name: &'static str) -> (Ends, Self) {
        let (tell, ended) = oneshot::channel();
        (Ends(tell), Self { name, ended, end: None })
    }

    /// A task of the runtime, which keeps a panic to itself.
    pub(crate) fn of(name: &'static str, running: JoinHandle<()>) -> Self {
        let (ends, task) = Self::named(name);
        tokio::spawn(async move {
            match running.await {
                Ok(()) => ends.orderly(),
                Err(_panicked) => drop(ends),
            }
        });
        task
    }

    /// Waits for the end; may be asked again.
    pub(crate) async fn ended(&mut self) -> End {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if let Some(end) = &self.end {
            return Poll::Ready(end.clone());
        }
        let end = ready!(Pin::new(&mut self.ended).poll(context)).unwrap_or(End::Vanished);
        self.end = Some(end.clone());
        Poll::Ready(end)
    }
}

/// Waits until one of these ends.
pub(crate) async fn first_to_end(tasks: &mut [Task]) -> (&'static str, End) {
    poll_fn(|context| {
        for task in &mut *tasks {
            if let Poll::Ready(end) = task.poll(context) {
                return Poll::Ready((task.name, end));
            }
        }
        Poll::Pending
    })
    .await
}

impl Ends {
    /// It was told to end.
    pub(crate) fn orderly(self) {
        let _nobody_waits = self.0.send(End::Orderly);
    }

    /// It cannot go on.
    pub(crate) fn with(self, reason: String) {
        let _nobody_waits = self.0.send(End::Failed(reason));
    }
}
