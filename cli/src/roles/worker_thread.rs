//! The worker on a thread of its own, started again after whatever passes.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ports::{Error, ErrorKind, Log};
use state::RocksStores;
use tokio::sync::watch;
use worker::{Settings, StatusBoard, Stop, Worker};

use super::data_folder::DataFolder;
use super::log::{Topics, prepare};
use super::system_clock::SystemClock;
use crate::config::Config;
use crate::failure::Failure;

/// The first pause before another try; each further one is twice as long, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A running worker.
pub(crate) struct WorkerThread {
    thread: JoinHandle<Result<(), Failure>>,
    ended: watch::Receiver<bool>,
}

impl WorkerThread {
    /// Starts the worker. It waits for the log by itself, so a broker that is away delays nobody else.
    pub(crate) fn start(
        config: &Config,
        folder: &DataFolder,
        log: Arc<dyn Log>,
        topics: Topics,
        status: StatusBoard,
        stop: Stop,
    ) -> Result<Self, Failure> {
        let name = match &config.name {
            Some(name) => name.clone(),
            None => folder.worker_name()?,
        };
        let settings = Settings { topics: config.topics.clone(), ..Settings::new(&config.app, &name) };
        let job = Job {
            config: config.clone(),
            settings,
            state: state_settings(folder),
            log,
            topics,
            status,
            stop,
        };
        let (ending, ended) = watch::channel(false);
        let run = move || {
            let result = job.run();
            ending.send_replace(true);
            result
        };
        let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(run);
        let thread =
            thread.map_err(|error| Failure::other_side(format!("threads cannot be started: {error}")))?;
        Ok(Self { thread, ended })
    }

    /// Completes when the worker has ended, for whatever reason.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<> {
        let mut ended = self.ended.clone();
        async move {
            // An error means that the thread is gone without a word, which is an end too.
            drop(ended.wait_for(|ended| *ended).await);
        }
    }

    /// Waits for the end and answers how it came.
    pub(crate) fn join(self) -> Result<(), Failure> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(Failure::other_side("the worker has panicked, see the log")))
    }
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
    fn run(self) -> Result<(), Failure> {
        let mut pause = PAUSE_MIN;
        while !self.stop.is_requested() {
            let joined = std::time::Instant::now();
            let Err(error) = self.work() else { return Ok(()) };
            self.status.update(|status| status.problem = Some(error.message.clone()));
            if error.kind != ErrorKind::Unavailable {
                tracing::error!(%error, "the worker stops");
                return Err(error.into());
            }
            if joined.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
            }
            tracing::warn!(%error, pause_ms = pause.as_millis(), "the worker will try again");
            self.wait(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(())
    }

    fn work(&self) -> Result<(), Error> {
        prepare(self.log.as_ref(), &self.config, self.topics)?;
        let stores = RocksStores::open(self.state.clone())?;
        let worker = Worker::join(
            self.settings.clone(),
            Arc::clone(&self.log),
            Box::new(stores),
            Box::new(SystemClock::start()),
            self.status.clone(),
        )?;
        worker.run(&self.stop)
    }

    fn wait(&self, pause: Duration) {
        let step = Duration::from_millis(50);
        let mut left = pause;
        while !left.is_zero() && !self.stop.is_requested() {
            std::thread::sleep(step.min(left));
            left = left.saturating_sub(step);
        }
    }
}
