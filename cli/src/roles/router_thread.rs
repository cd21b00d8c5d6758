//! The router on a thread of its own.

use std::sync::Arc;

use ports::{Error, Log, Retention, TopicSpec};
use worker::router::{Router, RouterSettings};
use worker::{StatusBoard, Stop};

use super::data_folder::DataFolder;
use super::role_thread::RoleThread;
use super::system_clock::SystemClock;
use crate::config::{Config, RouterConfig};
use crate::failure::Failure;

/// Starts the router. It waits for the log by itself, and makes its output topics if they are missing.
pub(crate) fn start(
    config: &Config,
    router: &RouterConfig,
    folder: &DataFolder,
    log: Arc<dyn Log>,
    status: StatusBoard,
    stop: Stop,
) -> Result<RoleThread, Failure> {
    let name = match &config.name {
        Some(name) => name.clone(),
        None => folder.worker_name()?,
    };
    let settings = RouterSettings {
        group: format!("{}.router", config.app),
        name,
        input: router.input.clone(),
        events: config.topics.events.clone(),
        dead_letters: router.dead_letters.clone(),
        mapping: router.mapping.clone(),
        from: router.from,
    };
    let job =
        Job { partitions: config.partitions, settings, log, status: status.clone(), stop: stop.clone() };
    RoleThread::start("router", status, stop, move || job.work())
}

struct Job {
    partitions: u32,
    settings: RouterSettings,
    log: Arc<dyn Log>,
    status: StatusBoard,
    stop: Stop,
}

impl Job {
    fn work(&self) -> Result<(), Error> {
        let spec = |name: &String| TopicSpec {
            name: name.clone(),
            partitions: self.partitions,
            retention: Retention::Any,
        };
        for name in
            self.log.create_topics(&[spec(&self.settings.events), spec(&self.settings.dead_letters)])?
        {
            tracing::info!(topic = name, "topic created");
        }
        let clock = Box::new(SystemClock::start());
        let router = Router::join(self.settings.clone(), Arc::clone(&self.log), clock, self.status.clone())?;
        router.run(&self.stop)
    }
}
