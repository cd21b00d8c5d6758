//! Reading on from chosen offsets: what readers and members have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Offset, Partition};
use ports::{Error, ErrorKind, Place, Polled, Reader, Record, Result};

use super::Open;
use super::topic::Topic;

/// The most bytes of records that one call answers, or one record if that is larger.
const POLL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What one call answers.
struct Taken {
    records: Vec<Record>,
    bytes: usize,
    records_max: usize,
}

impl Taken {
    fn is_full(&self) -> bool {
        self.records.len() >= self.records_max || self.bytes >= POLL_BYTES_MAX
    }
}

/// Where reading goes on, partition by partition.
pub(super) struct Cursor {
    pub(super) log: Arc<Open>,
    pub(super) topic: Arc<Topic>,
    next: BTreeMap<Partition, Offset>,
    /// The partition to begin with, a later one each time, so that a busy one does not starve the others.
    first: Partition,
}

impl Cursor {
    pub(super) fn new(log: Arc<Open>, topic: Arc<Topic>) -> Self {
        Self { log, topic, next: BTreeMap::new(), first: Partition(0) }
    }

    /// Reads a partition from this offset on.
    ///
    /// # Errors
    /// There is no such partition, or records after that offset are gone: removed by retention, or lost with the
    /// data folder if the offset lies after the end.
    pub(super) fn start(&mut self, partition: Partition, from: Offset) -> Result<()> {
        let bounds = self.topic.partition(partition)?.bounds();
        if from < bounds.start {
            return Err(self.gone(partition, from, bounds.start));
        }
        if from > bounds.end {
            let (name, end) = (&self.topic.name, bounds.end);
            return Err(Error::new(
                ErrorKind::Gone,
                format!(
                    "offset {from} of partition {partition} of topic `{name}` was never written: the partition ends \
                     at {end}"
                ),
            ));
        }
        self.next.insert(partition, from);
        Ok(())
    }

    /// Reads a partition no longer.
    pub(super) fn stop(&mut self, partition: Partition) {
        self.next.remove(&partition);
    }

    /// Answers up to `records_max` records, waiting up to `timeout` for the first, or until `interrupted`.
    pub(super) fn poll(
        &mut self,
        records_max: usize,
        timeout: Duration,
        interrupted: impl Fn() -> bool,
    ) -> Result<Vec<Record>> {
        // A timeout too long for the clock is as good as a day.
        let deadline = Instant::now() + timeout.min(Duration::from_secs(24 * 60 * 60));
        self.topic.wait_until(deadline, || interrupted() || (records_max > 0 && !self.is_at_end()));
        let mut taken = Taken { records: Vec::new(), bytes: 0, records_max };
        let order = self.next.range(self.first..).chain(self.next.range(..self.first));
        let order: Vec<_> = order.map(|(partition, next)| (*partition, *next)).collect();
        for (partition, next) in order {
            if taken.is_full() {
                break;
            }
            match self.read(partition, next, &mut taken) {
                Ok(()) => self.first = Partition(partition.0 + 1),
                Err(error) if taken.records.is_empty() => return Err(error),
                // What was read before is answered first; the next call begins with the trouble.
                Err(_) => {
                    self.first = partition;
                    break;
                },
            }
        }
        Ok(taken.records)
    }

    fn read(&mut self, partition: Partition, next: Offset, taken: &mut Taken) -> Result<()> {
        let progress = self.topic.partition(partition)?;
        let end = progress.bounds().end;
        if next >= end {
            return Ok(());
        }
        let from = Place { partition, offset: next };
        let mut reached = next;
        let database = &self.log.shared.database;
        let is_whole = database.read(&self.topic.name, from, |record, size| {
            reached = record.offset.next();
            taken.bytes += size;
            taken.records.push(record);
            reached < end && !taken.is_full()
        });
        let start = progress.bounds().start;
        self.next.insert(partition, reached);
        if is_whole? {
            Ok(())
        } else if reached < start {
            Err(self.gone(partition, reached, start))
        } else {
            let name = &self.topic.name;
            Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "the record at offset {reached} of partition {partition} of topic `{name}` is missing"
                ),
            ))
        }
    }

    /// Whether every partition was read to its present end.
    pub(super) fn is_at_end(&self) -> bool {
        self.next.iter().all(|(partition, next)| {
            let progress = self.topic.partition(*partition);
            progress.is_ok_and(|progress| progress.bounds().end <= *next)
        })
    }

    fn gone(&self, partition: Partition, offset: Offset, start: Offset) -> Error {
        let name = &self.topic.name;
        Error::new(
            ErrorKind::Gone,
            format!(
                "offset {offset} of partition {partition} of topic `{name}` was removed by retention: the partition \
                 starts at {start}"
            ),
        )
    }
}

/// A reader outside of any group.
pub(super) struct EmbeddedReader(pub(super) Cursor);

impl Reader for EmbeddedReader {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Polled> {
        let records = self.0.poll(records_max, timeout, || false)?;
        Ok(Polled { records, at_end: self.0.is_at_end() })
    }
}
