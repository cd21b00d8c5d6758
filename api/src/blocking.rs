//! Blocking calls from asynchronous code.

use crate::error::{Answer, Code, Problem};

/// Runs work that blocks on a thread of its own kind.
///
/// The pool of such threads is large and its queue unbounded, so every caller bounds how many calls it makes at once.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ended(&error))
}

/// The problem of work on a thread or task of its own that did not come to its end.
pub(crate) fn ended(error: &tokio::task::JoinError) -> Problem {
    Problem::new(Code::Internal, format!("the work has ended early: {error}"))
}
