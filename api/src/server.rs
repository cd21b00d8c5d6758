//! The API: what it is wired to, its start and its end.

use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use ports::{Bootstraps, Groups, Log, Previews, Savepoints, Topics};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::access::Authenticator;
use crate::alerts::Streams;
use crate::alerts::inbox::Projector;
use crate::audit::Audit;
use crate::body::Budget;
use crate::connections;
use crate::destinations::Deliverer;
use crate::readiness::{Probe, Readiness};
use crate::records::Records;
use crate::records::projections::Projection;
use crate::router::router;
use crate::rules::{Effective, Follower};
use crate::settings::Settings;
use crate::state::{App, Shared};
use crate::stop::{Stopper, pair};
use crate::token::TokenHash;

/// Renders the metrics of the process as Prometheus text.
pub type MetricsPage = Arc<dyn Fn() -> String + Send + Sync>;

/// The API, wired and not yet running.
pub struct Api(Wiring);

/// What an API is wired to.
pub struct Wiring {
    /// Its bounds.
    pub settings: Settings,
    /// The log with rules, events and alerts.
    pub log: Arc<dyn Log>,
    /// The topics in it.
    pub topics: Topics,
    /// The workers' group, whose committed positions tell which rules are in force.
    pub group: String,
    /// The hash of the root token.
    pub root: TokenHash,
    /// All other tokens, and what else is kept beside the log.
    pub records: Records,
    /// Tells what else of this process is not ready.
    pub probe: Arc<dyn Probe>,
    /// Renders the metrics of the process.
    pub metrics_page: MetricsPage,
    /// Looks into the past; without it previews of rules are refused.
    pub previews: Option<Arc<dyn Previews>>,
    /// Tells what rules have come to; none if no worker runs in this process.
    pub groups: Option<Arc<dyn Groups>>,
    /// Knows how rules get on that are being filled from the past; none if there is no worker in this process.
    pub bootstraps: Option<Arc<dyn Bootstraps>>,
    /// Where savepoints are found; none if checkpoints are off.
    pub savepoints: Option<Arc<dyn Savepoints>>,
}

/// The running parts. Dropping it gives the signal to stop.
pub(crate) struct Running {
    pub(crate) router: Router,
    pub(crate) stopper: Stopper,
    threads: Vec<JoinHandle<()>>,
    audit_stopper: Stopper,
    auditing: tokio::task::JoinHandle<()>,
    projecting: Vec<tokio::task::JoinHandle<()>>,
}

impl Api {
    /// An API over what it is wired to.
    pub fn new(wiring: Wiring) -> Self {
        Self(wiring)
    }

    /// Answers requests until `shutdown` completes; then ends the alert streams, lets open requests finish within
    /// [`Settings::stop_timeout`], and comes back. Needs a Tokio runtime with I/O and time.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> std::io::Result<()> {
        let (settings, records) = (self.0.settings.clone(), self.0.records.clone());
        let Running { router, stopper, threads, audit_stopper, auditing, projecting } = self.start()?;
        let open = connections::accept(&listener, router, &settings, shutdown).await;
        drop(listener);
        stopper.stop();
        connections::finish(open, settings.stop_timeout).await;
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().try_for_each(JoinHandle::join));
        if !matches!(joined.await, Ok(Ok(()))) {
            tracing::error!("a thread of the API has panicked");
        }
        for task in projecting {
            if task.await.is_err() {
                tracing::error!("a task that reads or sends alerts has panicked");
            }
        }
        audit_stopper.stop();
        if auditing.await.is_err() {
            tracing::error!("the task that writes the audit log has panicked");
        }
        records.close().await;
        Ok(())
    }

    /// Starts the threads and the task that follow the log.
    pub(crate) fn start(self) -> std::io::Result<Running> {
        crate::metrics::describe();
        let (stopper, stop) = pair();
        // Requests that are finished after the stop are written down yet.
        let (audit_stopper, auditing_until) = pair();
        let Wiring { settings, log, topics, group, root, .. } = self.0;
        let Wiring { records, probe, metrics_page, previews, groups, bootstraps, savepoints, .. } = self.0;
        let follower = Follower::new();
        let effective = Effective::default();
        let streams = Streams::new(Arc::clone(&log), &topics.alerts, &settings, stop.clone());
        let threads = vec![
            follower.start(Arc::clone(&log), topics.controls.clone(), stop.clone())?,
            streams.start(Arc::clone(&log), topics.alerts.clone(), stop.clone())?,
        ];
        let (audit, auditing) = Audit::new(records.clone(), auditing_until);
        let auditing = tokio::spawn(auditing);
        let projector = Projector::new(Projection::Inbox);
        let enqueuing = Projector::new(Projection::Deliveries);
        let deliverer = Deliverer::new(records.clone(), &settings);
        let mut projecting = vec![tokio::spawn(deliverer.run(stop.clone()))];
        for reading in [projector.clone(), enqueuing] {
            let (log, alerts) = (Arc::clone(&log), topics.alerts.clone());
            projecting.push(tokio::spawn(reading.run(log, alerts, records.clone(), stop.clone())));
        }
        let committed = effective.clone().run(Arc::clone(&log), group, topics.events.clone(), stop);
        tokio::spawn(committed);
        let authenticator = Authenticator::new(root, records.clone(), settings.oidc.clone());
        let app: App = Arc::new(Shared {
            bodies: Budget::new(settings.body_bytes_max, settings.body_timeout),
            turns: Semaphore::new(settings.writes_max),
            imports: Arc::new(Semaphore::new(settings.imports_max)),
            explanations: Semaphore::new(settings.explanations_max),
            previewing: Arc::new(Semaphore::new(settings.previews_max)),
            previews,
            looks: Arc::new(Semaphore::new(settings.looks_max)),
            groups,
            bootstraps,
            settings,
            log,
            topics,
            authenticator,
            audit,
            records,
            follower,
            effective,
            streams,
            projector,
            savepoints,
            readiness: Readiness::new(probe),
            metrics_page,
        });
        Ok(Running { router: router(app), stopper, threads, audit_stopper, auditing, projecting })
    }
}
