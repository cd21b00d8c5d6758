//! A topic while the log is open: where its partitions start and end, and who waits for more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use engine::{Offset, Partition};
use ports::{Bounds, Error, ErrorKind, Result, Retention};

use super::notes::Start;

/// A topic.
pub(super) struct Topic {
    /// Its name.
    pub(super) name: String,
    /// Whether its records may ever be removed.
    pub(super) retention: Retention,
    /// The place of its first partition among the partitions of all topics.
    pub(super) slot: usize,
    partitions: Vec<Progress>,
    /// Guards nothing: readers look for news while they hold it, and the writer takes it before it wakes them, so
    /// that no wake-up falls between a look and a wait.
    looking: Mutex<()>,
    news: Condvar,
}

/// How far a partition has come. Written by the writer alone, read by everyone.
#[derive(Debug, Default)]
pub(super) struct Progress {
    start: AtomicU64,
    start_position: AtomicU64,
    /// Published after the write: a record below it is durable.
    end: AtomicU64,
    /// The bytes that were ever written.
    position: AtomicU64,
}

impl Progress {
    pub(super) fn new(start: Start, end: Offset, position: u64) -> Self {
        Self {
            start: start.offset.0.into(),
            start_position: start.position.into(),
            end: end.0.into(),
            position: position.into(),
        }
    }

    /// Takes the position of a record of that many bytes; that of the next one follows.
    pub(super) fn take_position(&self, bytes: u64) -> u64 {
        self.position.fetch_add(bytes, Ordering::Relaxed)
    }

    /// Bytes that are still there.
    pub(super) fn bytes(&self) -> u64 {
        let start = self.start_position.load(Ordering::Relaxed);
        self.position.load(Ordering::Relaxed).saturating_sub(start)
    }

    pub(super) fn set_end(&self, end: Offset) {
        self.end.store(end.0, Ordering::Release);
    }

    pub(super) fn set_start(&self, start: Start) {
        self.start_position.store(start.position, Ordering::Relaxed);
        self.start.store(start.offset.0, Ordering::Release);
    }

    pub(super) fn bounds(&self) -> Bounds {
        // The start first: an end that is read after it does not lie below it.
        let start = Offset(self.start.load(Ordering::Acquire));
        let end = Offset(self.end.load(Ordering::Acquire));
        Bounds { start, end }
    }
}

impl Topic {
    pub(super) fn new(name: String, retention: Retention, slot: usize, partitions: Vec<Progress>) -> Self {
        Self { name, retention, slot, partitions, looking: Mutex::default(), news: Condvar::new() }
    }

    /// The name of the column family that holds its records.
    pub(super) fn family(&self) -> String {
        family(&self.name)
    }

    /// The number of its partitions.
    pub(super) fn partitions(&self) -> u32 {
        u32::try_from(self.partitions.len()).expect("topics are created with a number of this type")
    }

    /// One of its partitions.
    pub(super) fn partition(&self, partition: Partition) -> Result<&Progress> {
        self.partitions.get(partition.0 as usize).ok_or_else(|| {
            let (name, count) = (&self.name, self.partitions.len());
            Error::new(
                ErrorKind::Misconfigured,
                format!("topic `{name}` has {count} partitions, there is no partition {partition}"),
            )
        })
    }

    /// Wakes those who wait for records, after the writer has published some.
    pub(super) fn wake(&self) {
        drop(self.looking.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_all();
    }

    /// Waits until `found` or the deadline.
    pub(super) fn wait_until(&self, deadline: Instant, mut found: impl FnMut() -> bool) {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        while !found() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            (looking, _) = self.news.wait_timeout(looking, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The name of the column family that holds a topic's records; no topic's is `default`.
pub(super) fn family(topic: &str) -> String {
    format!("topic/{topic}")
}
