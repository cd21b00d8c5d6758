//! Blocking calls from asynchronous code.

use crate::error::{Answer, Code, Problem};

/// Runs work that blocks on a thread of its own kind.
///
/// The pool of such threads is large and its queue unbounded, so every caller bounds how many calls it makes at once.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Problem::new(Code::Internal, format!("a blocking call has ended early: {error}")))
}
