//! What keeps this process from being ready.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ports::{Log, Topics, findings};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::blocking::blocking;
use crate::state::Shared;

/// How long an answer of the log is good.
const FRESH: Duration = Duration::from_secs(1);
/// How long the log may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// One reason why the process is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// Which part is concerned: `log`, `topics`, `rules`, `alerts`, `records`, `worker`.
    pub part: String,
    /// What is missing, for people: lower case, no full stop.
    pub reason: String,
}

impl NotReady {
    /// A reason.
    pub fn new(part: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { part: part.into(), reason: reason.into() }
    }
}

/// Tells what else of the process is not ready, for instance partitions that are still recovering. Must not block:
/// it is asked in every `GET /readyz`.
pub trait Probe: Send + Sync {
    /// The reasons; empty if all is well.
    fn not_ready(&self) -> Vec<NotReady>;
}

impl<F: Fn() -> Vec<NotReady> + Send + Sync> Probe for F {
    fn not_ready(&self) -> Vec<NotReady> {
        self()
    }
}

/// Puts the reasons of all parts together. The log is asked at most once a second, however often somebody asks us.
pub(crate) struct Readiness {
    probe: Arc<dyn Probe>,
    log: Mutex<Option<(Instant, Vec<NotReady>)>>,
}

impl Readiness {
    /// With the rest of the process behind this probe.
    pub(crate) fn new(probe: Arc<dyn Probe>) -> Self {
        Self { probe, log: Mutex::new(None) }
    }

    /// All reasons; empty if the process is ready.
    pub(crate) async fn reasons(&self, app: &Shared) -> Vec<NotReady> {
        let mut reasons = self.log_reasons(app).await;
        let followed = app.follower.not_ready();
        reasons.extend(followed.map(|reason| NotReady::new("rules", reason)));
        let tailed = app.streams.not_ready();
        reasons.extend(tailed.map(|reason| NotReady::new("alerts", reason)));
        reasons.extend(records_reason(app).await);
        reasons.extend(self.probe.not_ready());
        reasons
    }

    async fn log_reasons(&self, app: &Shared) -> Vec<NotReady> {
        let mut known = self.log.lock().await;
        if let Some((at, reasons)) = &*known
            && at.elapsed() < FRESH
        {
            return reasons.clone();
        }
        let (log, topics) = (Arc::clone(&app.log), app.topics.clone());
        let asked = timeout(PATIENCE, blocking(move || inspect(&*log, &topics))).await;
        let reasons = match asked {
            Ok(Ok(reasons)) => reasons,
            Ok(Err(_)) => vec![NotReady::new("log", "it could not be asked")],
            Err(_) => vec![NotReady::new("log", format!("no answer within {} s", PATIENCE.as_secs()))],
        };
        *known = Some((Instant::now(), reasons.clone()));
        reasons
    }
}

async fn records_reason(app: &Shared) -> Option<NotReady> {
    let ready = timeout(PATIENCE, app.records.ready()).await;
    let reason = match ready {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    Some(NotReady::new("records", reason))
}

fn inspect(log: &dyn Log, topics: &Topics) -> Vec<NotReady> {
    // The event topic decides how many partitions the others need.
    let partitions = match log.partitions(&topics.events) {
        Ok(partitions) => partitions,
        Err(error) => return vec![NotReady::new("log", error.message)],
    };
    let specs = topics.specs_with_checkpoints(partitions);
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    match log.inspect_topics(&names) {
        Err(error) => vec![NotReady::new("log", error.message)],
        Ok(states) => specs
            .iter()
            .zip(&states)
            .flat_map(|(spec, state)| findings(spec, state))
            .map(|finding| NotReady::new("topics", finding))
            .collect(),
    }
}
