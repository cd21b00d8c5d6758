//! The worker on a thread of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bootstrap::{Archived, Objects, Table};
use ports::{Error, ErrorKind, History, Log};
use state::RocksStores;
use worker::{Settings, StatusBoard, Stop, Worker};

use super::background::BackgroundThread;
use super::data_folder::DataFolder;
use super::log::{Topics, prepare};
use super::role_thread::RoleThread;
use super::system_clock::SystemClock;
use crate::config::Config;
use crate::failure::Failure;

/// Starts the worker. It waits for the log by itself, so a broker that is away delays nobody else.
pub(crate) fn start(
    config: &Config,
    folder: &DataFolder,
    log: Arc<dyn Log>,
    topics: Topics,
    status: StatusBoard,
    stop: Stop,
) -> Result<RoleThread, Failure> {
    let name = match &config.name {
        Some(name) => name.clone(),
        None => folder.worker_name()?,
    };
    let settings = Settings {
        topics: config.topics.clone(),
        customer_groups_max: config.customer_groups_max,
        plan_threads_max: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        ..Settings::new(&config.app, &name)
    };
    let job = Job {
        config: config.clone(),
        settings,
        state: state_settings(folder),
        log,
        topics,
        status: status.clone(),
        stop: stop.clone(),
    };
    RoleThread::start("worker", status, stop, move || job.work())
}

fn state_settings(folder: &DataFolder) -> state::Settings {
    state::Settings::new(folder.state())
}

struct Job {
    config: Config,
    settings: Settings,
    state: state::Settings,
    log: Arc<dyn Log>,
    topics: Topics,
    status: StatusBoard,
    stop: Stop,
}

impl Job {
    fn work(&self) -> Result<(), Error> {
        prepare(self.log.as_ref(), &self.config, self.topics)?;
        let stores = self.stores()?;
        let worker = Worker::join(
            self.settings.clone(),
            Arc::clone(&self.log),
            Box::new(stores),
            Box::new(SystemClock::start()),
            self.status.clone(),
        )?;
        let worker = match self.history()? {
            Some(history) => worker.with_history(history),
            None => worker,
        };
        let background = BackgroundThread::start().map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("threads cannot be started: {error}"))
        })?;
        worker.with_background(Box::new(background)).run(&self.stop)
    }

    /// What new rules are filled from beside the log. A worker for itself takes an archive that somebody else writes, if there is one
    /// in its folder.
    fn history(&self) -> Result<Option<Arc<dyn History>>, Error> {
        let Some(archive) = &self.config.archive else { return Ok(None) };
        if self.topics == Topics::Verify && !archive.folder.join("_delta_log").is_dir() {
            return Ok(None);
        }
        let table = Table::new(Objects::folder(&archive.folder)?);
        Ok(Some(Arc::new(Archived::new(table, &self.config.topics.events))))
    }

    fn stores(&self) -> Result<RocksStores, Error> {
        let stores = RocksStores::open(self.state.clone())?;
        match &self.config.checkpoints {
            Some(checkpoints) => {
                let partitions = self.log.partitions(&self.config.topics.events)?;
                stores.with_checkpoints(checkpoints.clone(), partitions)
            },
            None => Ok(stores),
        }
    }
}
