//! A worker with a log, stores and a clock of its own, all in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engine::{Partition, Timestamp};
use ports::memory::{MemoryLog, MemoryStores};
use ports::{Error, ErrorKind, Log, Outgoing, Position, Result, Stores, Topics};
use rules::{CustomerId, RuleKey};
use serde_json::json;
use serde_json::value::RawValue;
use worker::{Clock, Moment, Settings, StatusBoard, Worker};

use crate::expectation::{Came, Stream};

/// The deployment's name.
const APP: &str = "scenario";
/// How many turns a worker gets to commit what has come.
const TURNS_MAX: usize = 1_000;
/// A time that never comes: such a worker commits nothing of its own accord.
const NEVER: Duration = Duration::from_secs(1 << 30);

/// The clock of a world: it stands still unless it is moved.
#[derive(Clone)]
struct StandingClock(Arc<Mutex<Moment>>);

impl Clock for StandingClock {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl StandingClock {
    fn set(&self, change: impl FnOnce(&mut Moment)) {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// One deployment of one worker.
pub(crate) struct World {
    partitions: u32,
    log: MemoryLog,
    stores: MemoryStores,
    clock: StandingClock,
    status: StatusBoard,
    worker: Option<Worker>,
    /// How many records of each stream and partition were taken.
    taken: BTreeMap<(Stream, Partition), usize>,
}

impl World {
    /// Without rules and events, at this time.
    pub(crate) fn new(partitions: u32, now: Timestamp) -> Result<Self> {
        let log = MemoryLog::default();
        log.create_topics(&Topics::of(APP).specs(partitions))?;
        let moment = Moment { wall: now, monotonic: Duration::ZERO };
        let clock = StandingClock(Arc::new(Mutex::new(moment)));
        let (stores, status, taken) = Default::default();
        Ok(Self { partitions, log, stores, clock, status, worker: None, taken })
    }

    /// Time goes on to this moment, if it is later.
    pub(crate) fn advance(&self, to: Timestamp) {
        self.clock.set(|moment| moment.wall = moment.wall.max(to));
    }

    /// An event's record.
    pub(crate) fn event(&self, customer: CustomerId, payload: &str, at: Timestamp) -> Result<()> {
        // As JSON in the envelope if it is that, so that every digit stays; else as a string.
        let is_object = payload.starts_with('{');
        let payload = RawValue::from_string(payload.to_owned())
            .ok()
            .filter(|_| is_object)
            .map_or_else(|| json!(payload).to_string(), |payload| payload.get().to_owned());
        let customer = customer.to_string();
        let value = format!(r#"{{"customerId":"{customer}","payload":{payload}}}"#);
        self.append(&Topics::of(APP).events, &customer, Some(value), Some(at))
    }

    /// A rule's record; none deletes it.
    pub(crate) fn control(&self, key: RuleKey, rule: Option<&str>) -> Result<()> {
        self.append(&Topics::of(APP).controls, &key.to_string(), rule.map(str::to_owned), None)
    }

    fn append(
        &self,
        topic: &str,
        key: &str,
        value: Option<String>,
        timestamp: Option<Timestamp>,
    ) -> Result<()> {
        let key = Some(Bytes::from(key.to_owned()));
        let value = value.map(Bytes::from);
        let (topic, headers) = (topic.to_owned(), Vec::new());
        self.log.append(vec![Outgoing { topic, partition: None, timestamp, key, value, headers }])?;
        Ok(())
    }

    /// Turns until all that was sent is committed.
    pub(crate) fn settle(&mut self) -> Result<()> {
        for _ in 0..TURNS_MAX {
            self.turn(Duration::ZERO)?;
            if self.is_settled()? {
                return Ok(());
            }
        }
        let why = self.status.reasons().join("; ");
        Err(Error::new(ErrorKind::Unavailable, format!("the worker does not come to an end: {why}")))
    }

    /// A worker evaluates what was sent and crashes before it commits.
    pub(crate) fn evaluate_and_crash(&mut self) -> Result<()> {
        self.crash();
        // It is assigned its partitions, and gets their records.
        (0..3).try_for_each(|_| self.turn(NEVER))?;
        self.crash();
        Ok(())
    }

    /// Drops the worker with all that it has not committed.
    pub(crate) fn crash(&mut self) {
        self.worker = None;
    }

    /// Loses the stores; a worker restores them from the changelog.
    pub(crate) fn lose_disks(&mut self) -> Result<()> {
        self.crash();
        (0..self.partitions).try_for_each(|partition| self.stores.remove(Partition(partition)))
    }

    /// Nothing comes until then, and long enough for that to be noticed.
    pub(crate) fn silence(&mut self, until: Timestamp) -> Result<()> {
        self.settle()?;
        let idle_after = Settings::new(APP, APP).idle_after;
        self.advance(until);
        self.clock.set(|moment| moment.monotonic += Duration::from_millis(idle_after.as_millis()));
        // Customers are woken a thousand at once, and not more than once a second.
        for _ in 0..3 {
            self.clock.set(|moment| moment.monotonic += Duration::from_secs(2));
            self.turn(Duration::ZERO)?;
        }
        Ok(())
    }

    fn turn(&mut self, epoch_wait: Duration) -> Result<()> {
        let worker = match &mut self.worker {
            Some(worker) => worker,
            None => {
                let mut settings = Settings::new(APP, APP);
                (settings.epoch_wait, settings.alert_wait) = (epoch_wait, epoch_wait);
                (settings.poll_timeout, settings.recovery_patience) = (Duration::ZERO, Duration::ZERO);
                let log: Arc<dyn Log> = Arc::new(self.log.clone());
                let (stores, clock) = (Box::new(self.stores.clone()), Box::new(self.clock.clone()));
                self.worker.insert(Worker::join(settings, log, stores, clock, self.status.clone())?)
            },
        };
        worker.step()
    }

    fn is_settled(&self) -> Result<bool> {
        let topics = Topics::of(APP);
        let control = self.log.bounds(&topics.controls, Partition(0))?.end;
        let committed = self.log.committed(APP, &topics.events)?;
        for (partition, committed) in (0..).map(Partition).zip(committed) {
            let (next, followed) = match committed {
                Some(committed) => {
                    let corrupt = |_| Error::new(ErrorKind::Corrupt, "a position in the log cannot be read");
                    let position: Position = committed.metadata.parse().map_err(corrupt)?;
                    (position.next, position.control)
                },
                None => Default::default(),
            };
            let end = self.log.bounds(&topics.events, partition)?.end;
            if next != end || followed != control {
                return Ok(false);
            }
        }
        let is_filling = self.status.read().bootstraps.values().any(|newcomers| !newcomers.is_empty());
        Ok(self.worker.is_some() && !is_filling)
    }

    /// What has come out since the last call, each stream in its order.
    pub(crate) fn take(&mut self) -> Vec<Came> {
        let topics = Topics::of(APP);
        let mut came = Vec::new();
        for stream in Stream::ALL {
            let topic = match stream {
                Stream::Alerts => &topics.alerts,
                Stream::Shadow => &topics.alerts_shadow,
                Stream::Late => &topics.late,
                Stream::Refused => &topics.dead_letters,
            };
            for record in self.log.records(topic) {
                let taken = self.taken.entry((stream, record.partition)).or_default();
                if record.offset.0 >= *taken as u64 {
                    *taken += 1;
                    came.push(Came::of(stream, &record));
                }
            }
        }
        came
    }
}
