//! What the handlers share.

use std::sync::Arc;
use std::time::Duration;

use ports::{Bootstraps, Groups, Log, Previews, Savepoints, Topics};
use tokio::sync::Semaphore;

use crate::access::Authenticator;
use crate::alerts::Streams;
use crate::alerts::inbox::Projector;
use crate::audit::Audit;
use crate::body::Budget;
use crate::error::{Answer, Code, Problem};
use crate::readiness::Readiness;
use crate::records::Records;
use crate::rules::{Effective, Follower};
use crate::server::MetricsPage;
use crate::settings::Settings;

/// How long a request waits for its turn to write.
const TURN_PATIENCE: Duration = Duration::from_secs(1);

/// The shared state; clones are cheap.
pub(crate) type App = Arc<Shared>;

/// What the handlers share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) topics: Topics,
    pub(crate) records: Records,
    pub(crate) authenticator: Authenticator,
    pub(crate) audit: Audit,
    pub(crate) bodies: Budget,
    pub(crate) turns: Semaphore,
    pub(crate) imports: Arc<Semaphore>,
    pub(crate) explanations: Semaphore,
    pub(crate) previewing: Arc<Semaphore>,
    pub(crate) previews: Option<Arc<dyn Previews>>,
    pub(crate) looks: Arc<Semaphore>,
    /// None if no worker runs in this process.
    pub(crate) groups: Option<Arc<dyn Groups>>,
    /// None if there is no worker in this process.
    pub(crate) bootstraps: Option<Arc<dyn Bootstraps>>,
    pub(crate) follower: Follower,
    pub(crate) effective: Effective,
    pub(crate) streams: Streams,
    pub(crate) projector: Projector,
    /// None if no place for them is set.
    pub(crate) savepoints: Option<Arc<dyn Savepoints>>,
    pub(crate) readiness: Readiness,
    pub(crate) metrics_page: MetricsPage,
}

impl Shared {
    /// Does blocking work on the log in turn: only so many requests write at once.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Log) -> ports::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.in_turn_within(TURN_PATIENCE, work).await
    }

    /// As [`Shared::in_turn`], for who can wait longer.
    pub(crate) async fn in_turn_within<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&dyn Log) -> ports::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let turn = tokio::time::timeout(patience, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            let detail = "too many requests write to the log at once; nothing was written";
            return Err(Problem::new(Code::Overloaded, detail).retry_after(1));
        };
        let log = Arc::clone(&self.log);
        let done = crate::blocking::blocking(move || work(&*log)).await?;
        done.map_err(|error| error.during("writing to the log, which may hold a part now").into())
    }

    /// Explains in turn: it takes time that grows with rule and payload, and only so many do it at once.
    pub(crate) async fn explaining<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let turn = tokio::time::timeout(TURN_PATIENCE, self.explanations.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Problem::new(Code::Overloaded, "too many explanations at once").retry_after(1));
        };
        crate::blocking::blocking(work).await?
    }
}
