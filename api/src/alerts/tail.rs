//! One reader of the alert topic for all streams.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ports::{ErrorKind, Log};
use tokio::sync::watch;

use super::begin::{bounds, end, resume};
use super::ring::{Ring, Turn};
use super::vector::Vector;
use crate::settings::Settings;
use crate::stop::Stop;

const RECORDS_MAX: usize = 1_024;
/// How long a poll waits, and so how late a stop is noticed.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait after an error of the log.
const PAUSE: Duration = Duration::from_millis(500);

/// The end of the alert topic, as it was read last. Clones share it.
#[derive(Clone)]
pub(super) struct Tail(Arc<Shared>);

struct Shared {
    /// None until the log was reached for the first time.
    ring: Mutex<Option<Ring>>,
    /// The turn of the next alert.
    last: watch::Sender<Turn>,
    failure: Mutex<Option<String>>,
    alerts_max: usize,
    bytes_max: usize,
}

impl Tail {
    /// A tail that has read nothing yet.
    pub(super) fn new(settings: &Settings) -> Self {
        Self(Arc::new(Shared {
            ring: Mutex::new(None),
            last: watch::Sender::new(0),
            failure: Mutex::new(None),
            alerts_max: settings.ring_alerts_max,
            bytes_max: settings.ring_bytes_max,
        }))
    }

    /// Starts the thread that reads the topic.
    pub(super) fn start(
        &self,
        log: Arc<dyn Log>,
        topic: String,
        stop: Stop,
    ) -> std::io::Result<JoinHandle<()>> {
        let tail = self.clone();
        let run = move || tail.run(&*log, &topic, &stop);
        std::thread::Builder::new().name("api-alerts".to_owned()).spawn(run)
    }

    /// Looks at the ring; nothing if the log was not reached yet.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Ring) -> T) -> Option<T> {
        self.ring().as_ref().map(at)
    }

    /// Tells when the turn of the next alert changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<Turn> {
        self.0.last.subscribe()
    }

    /// Why alerts cannot be read now, if so.
    pub(super) fn not_ready(&self) -> Option<String> {
        let missing = || self.ring().is_none().then(|| "the alert topic was not reached yet".to_owned());
        self.failure().clone().or_else(missing)
    }

    fn run(&self, log: &dyn Log, topic: &str, stop: &Stop) {
        // Whatever ends this thread, a defect too, is seen by whoever asks for readiness.
        let _end = OnEnd(self);
        while !stop.is_set() {
            if let Err(error) = self.follow(log, topic, stop) {
                tracing::warn!(topic, %error, "reading alerts has failed and is tried again");
                *self.failure() = Some(format!("reading `{topic}`: {error}"));
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn follow(&self, log: &dyn Log, topic: &str, stop: &Stop) -> ports::Result<()> {
        let from: Vec<_> = self.position(log, topic)?.pairs().collect();
        let mut reader = match log.reader(topic, &from) {
            Err(error) if error.kind == ErrorKind::Gone => return self.skip(log, topic),
            reader => reader?,
        };
        while !stop.is_set() {
            let polled = match reader.poll(RECORDS_MAX, POLL) {
                Err(error) if error.kind == ErrorKind::Gone => return self.skip(log, topic),
                polled => polled?,
            };
            self.failure().take();
            if polled.records.is_empty() {
                continue;
            }
            let last = self.ring().as_mut().map(|ring| {
                polled.records.into_iter().for_each(|record| ring.push(record.into()));
                ring.last()
            });
            self.0.last.send_replace(last.unwrap_or_default());
        }
        Ok(())
    }

    /// Where to go on: behind the ring, or at the topic's end if there is none yet.
    fn position(&self, log: &dyn Log, topic: &str) -> ports::Result<Vector> {
        if let Some(end) = self.look(|ring| ring.end().clone()) {
            return Ok(end);
        }
        let partitions = log.partitions(topic)? as usize;
        let end = end(&bounds(log, topic, partitions)?);
        let ring = Ring::new(end.clone(), self.0.alerts_max, self.0.bytes_max);
        *self.ring() = Some(ring);
        Ok(end)
    }

    /// Goes on behind alerts that expired before they were read. The streams read the log and tell the gap.
    fn skip(&self, log: &dyn Log, topic: &str) -> ports::Result<()> {
        let at = self.position(log, topic)?;
        let (to, _) = resume(at.clone(), &bounds(log, topic, at.len())?);
        tracing::warn!(topic, "alerts have expired before they were read");
        let last = self.ring().as_mut().map(|ring| {
            ring.restart(to);
            ring.last()
        });
        self.0.last.send_replace(last.unwrap_or_default());
        Ok(())
    }

    fn ring(&self) -> MutexGuard<'_, Option<Ring>> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OnEnd<'a>(&'a Tail);

impl Drop for OnEnd<'_> {
    fn drop(&mut self) {
        *self.0.failure() = Some("reading alerts has ended".to_owned());
    }
}
