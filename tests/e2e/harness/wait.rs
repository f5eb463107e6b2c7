//! Waiting for things that must happen.

use std::{
    future::Future,
    io::Write,
    time::{Duration, Instant},
};

/// How long a thing may take before it counts as not happening.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// How often a condition is looked at: the error of every time that is reported.
const GLANCE: Duration = Duration::from_millis(10);

/// Waits until `look` finds something, and tells how long it took.
pub(crate) async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> (T, Duration)
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        let glance = tokio::time::timeout(LIMIT, look()).await;
        if let Some(found) = glance.unwrap_or_else(|_| panic!("no answer in {LIMIT:?}: {what}")) {
            return (found, started.elapsed());
        }
        assert!(started.elapsed() < LIMIT, "did not happen in {LIMIT:?}: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// Writes a line that is seen even when the test passes.
pub(crate) fn report(line: impl std::fmt::Display) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "    {line}").unwrap();
}
