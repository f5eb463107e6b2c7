//! Tasks without which the node must not go on, by name.

use tokio::sync::oneshot;

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

    /// Waits for the end; may be asked again.
    pub(crate) async fn ended(&mut self) -> End {
        if self.end.is_none() {
            self.end = Some((&mut self.ended).await.unwrap_or(End::Vanished));
        }
        self.end.clone().unwrap_or(End::Vanished)
    }
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
