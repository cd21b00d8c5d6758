//! The archiver on a thread of its own, and another one that looks after its files. Started again after whatever passes.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bootstrap::archiver::{Settings, Step};
use bootstrap::compaction::{Compacted, compact};
use bootstrap::metrics as names;
use bootstrap::retention::{expire, sweep};
use bootstrap::{Archiver, Objects, Table};
use ports::{ErrorKind, Log};
use worker::{Clock, Stop};

use super::system_clock::SystemClock;
use crate::config::Archive;
use crate::failure::Failure;

/// The first pause before another try; each further one is twice as long, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long one step waits for records.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);
/// Files are looked after so often,
const UPKEEP_EVERY: Duration = Duration::from_secs(60);
/// and what is too old is removed so often.
const REMOVAL_EVERY: Duration = Duration::from_secs(3600);

/// A running archiver.
pub(crate) struct ArchiveThreads {
    archiver: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl ArchiveThreads {
    /// Starts both threads.
    pub(crate) fn start(
        archive: &Archive,
        topic: &str,
        log: Arc<dyn Log>,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let objects = Objects::folder(&archive.folder)?;
        tracing::info!(folder = %archive.folder.display(), "events are archived");
        let table = Table::new(objects);
        let settings = Settings { flush_after: archive.flush_after, ..Settings::new(topic) };
        let job = Job { table: table.clone(), log, settings, stop: stop.clone() };
        let keep_days = archive.keep_days;
        let upkeep = Upkeep { table, keep_days, stop: stop.clone(), removed_at: None };
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let failed = |error| Failure::other_side(format!("threads cannot be started: {error}"));
        Ok(Self {
            archiver: named("archiver").spawn(move || job.run()).map_err(failed)?,
            upkeep: named("archive-upkeep").spawn(move || upkeep.run()).map_err(failed)?,
        })
    }

    /// Waits for the end of both, which comes after they were asked to stop.
    pub(crate) fn join(self) -> Result<(), Failure> {
        let panicked = || Failure::other_side("the archiver has panicked, see the log");
        let (archiver, upkeep) = (self.archiver.join(), self.upkeep.join());
        archiver.and(upkeep).map_err(|_| panicked())
    }
}

struct Job {
    table: Table,
    log: Arc<dyn Log>,
    settings: Settings,
    stop: Stop,
}

impl Job {
    fn run(self) {
        let clock = SystemClock::start();
        let mut pause = PAUSE_MIN;
        while !self.stop.is_requested() {
            let began = Instant::now();
            let Err(error) = self.archive(&clock) else { return };
            if began.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
            }
            // Whatever it is, events stay in the log until it is mended; nothing else stops for it.
            match error.kind() {
                ErrorKind::Unavailable => tracing::warn!(%error, "the archiver will try again"),
                _ => tracing::error!(%error, "the archiver cannot go on; it tries again"),
            }
            metrics::counter!(names::FAILURES).increment(1);
            wait(&self.stop, pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn archive(&self, clock: &SystemClock) -> bootstrap::Result<()> {
        let mut archiver = Archiver::open(Arc::clone(&self.log), self.table.clone(), self.settings.clone())?;
        while !self.stop.is_requested() {
            match archiver.step(POLL_TIMEOUT, clock.now().wall)? {
                Step::Gathered { .. } => {},
                Step::Committed { rows, version } => {
                    metrics::counter!(names::ROWS).increment(rows);
                    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
                    metrics::gauge!(names::LAG).set(archiver.lag()? as f64);
                    tracing::debug!(rows, version, "events were archived");
                },
                Step::Lost => {
                    // Another archiver is at work. While it is, this one would only do its work again.
                    metrics::counter!(names::COMMITS_LOST).increment(1);
                    wait(&self.stop, self.settings.flush_after);
                },
            }
        }
        archiver.flush(clock.now().wall).map(drop)
    }
}

struct Upkeep {
    table: Table,
    keep_days: Option<u32>,
    stop: Stop,
    removed_at: Option<Instant>,
}

impl Upkeep {
    fn run(mut self) {
        let clock = SystemClock::start();
        loop {
            wait(&self.stop, UPKEEP_EVERY);
            if self.stop.is_requested() {
                return;
            }
            if let Err(error) = self.look_after(&clock) {
                metrics::counter!(names::UPKEEP_FAILURES).increment(1);
                tracing::warn!(%error, "the archive's files could not be looked after; it is tried again");
            }
        }
    }

    fn look_after(&mut self, clock: &SystemClock) -> bootstrap::Result<()> {
        while !self.stop.is_requested() {
            match compact(&self.table, clock.now().wall)? {
                Compacted::Merged { inputs, outputs, rows } => {
                    tracing::info!(inputs, outputs, rows, "files of the archive were merged");
                },
                Compacted::Nothing => break,
                Compacted::Lost => {},
            }
        }
        if self.removed_at.is_none_or(|at| at.elapsed() >= REMOVAL_EVERY) {
            let now = clock.now().wall;
            let expired = self.keep_days.map_or(Ok(0), |days| expire(&self.table, days, now))?;
            let swept = sweep(&self.table, now)?;
            if expired + swept > 0 {
                tracing::info!(expired, swept, "files of the archive were removed");
            }
            self.removed_at = Some(Instant::now());
        }
        Ok(())
    }
}

fn wait(stop: &Stop, pause: Duration) {
    let step = Duration::from_millis(50);
    let mut left = pause;
    while !left.is_zero() && !stop.is_requested() {
        std::thread::sleep(step.min(left));
        left = left.saturating_sub(step);
    }
}
