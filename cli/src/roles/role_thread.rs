//! A role's work on a thread of its own, started again after whatever passes.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ports::{Error, ErrorKind};
use tokio::sync::watch;
use worker::{StatusBoard, Stop};

use crate::failure::Failure;

/// The first pause before another try; each further one is twice as long, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A running role.
pub(crate) struct RoleThread {
    thread: JoinHandle<Result<(), Failure>>,
    ended: watch::Receiver<bool>,
}

impl RoleThread {
    /// Starts the work, which ends when it is asked to stop, or by an error. It is done again after one that may pass.
    pub(crate) fn start(
        name: &'static str,
        status: StatusBoard,
        stop: Stop,
        work: impl Fn() -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Failure> {
        let (ending, ended) = watch::channel(false);
        let run = move || {
            let result = keep_working(name, &status, &stop, work);
            ending.send_replace(true);
            result
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread =
            thread.map_err(|error| Failure::other_side(format!("threads cannot be started: {error}")))?;
        Ok(Self { thread, ended })
    }

    /// Completes when the work has ended, for whatever reason.
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
            .unwrap_or_else(|_| Err(Failure::other_side("the thread has panicked, see the log")))
    }
}

fn keep_working(
    name: &str,
    status: &StatusBoard,
    stop: &Stop,
    work: impl Fn() -> Result<(), Error>,
) -> Result<(), Failure> {
    let mut pause = PAUSE_MIN;
    while !stop.is_requested() {
        let began = Instant::now();
        let Err(error) = work() else { return Ok(()) };
        status.update(|status| status.problem = Some(error.message.clone()));
        if error.kind != ErrorKind::Unavailable {
            tracing::error!(role = name, %error, "it stops");
            return Err(error.into());
        }
        if began.elapsed() > PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        tracing::warn!(role = name, %error, pause_ms = pause.as_millis(), "it will try again");
        wait(stop, pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
    Ok(())
}

fn wait(stop: &Stop, pause: Duration) {
    let step = Duration::from_millis(50);
    let mut left = pause;
    while !left.is_zero() && !stop.is_requested() {
        std::thread::sleep(step.min(left));
        left = left.saturating_sub(step);
    }
}
