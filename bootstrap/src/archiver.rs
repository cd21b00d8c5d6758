//! The archiver: every record of the event topic, also one that cannot be evaluated, into the table, exactly once.
//!
//! It begins where the table's log says that the table ends, never where a consumer group stands. Rows and the new ends are one
//! commit. When that cannot be made because another archiver was first, what was gathered is dropped and read again from where the
//! table now ends; so it is after every error too. Any number of archivers may run: one of them wins each commit.

pub(crate) mod batch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{Offset, Partition, Timestamp};
use ports::{Log, Reader, Record};
use rules::{Matcher, RuleBook};
use serde_json::json;
use uuid::Uuid;

use self::batch::Batch;
use crate::error::{Error, Result};
use crate::table::action::{Action, Txn};
use crate::table::{Change, Committed, Snapshot, Table, partition_id};

/// How an archiver works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The event topic.
    pub topic: String,
    /// Rows become visible after this time at the latest.
    pub flush_after: Duration,
    /// Or as soon as this many bytes wait.
    pub flush_bytes: usize,
}

impl Settings {
    /// For this topic: a minute or 128 MiB.
    pub fn new(topic: &str) -> Self {
        Self { topic: topic.to_owned(), flush_after: Duration::from_secs(60), flush_bytes: 128 << 20 }
    }
}

/// What a step of the archiver did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It gathered records, or found none.
    Gathered {
        /// How many.
        records: usize,
    },
    /// Rows became visible.
    Committed {
        /// How many.
        rows: u64,
        /// In which version.
        version: u64,
    },
    /// Another archiver was first: what was gathered is dropped and read again.
    Lost,
}

/// The most records that are read at once.
const RECORDS_MAX: usize = 4096;

/// An archiver at work.
pub struct Archiver {
    log: Arc<dyn Log>,
    table: Table,
    settings: Settings,
    snapshot: Snapshot,
    decoder: rules::Snapshot,
    reading: Option<Reading>,
    halted: BTreeMap<Partition, String>,
}

/// What was read since the last commit.
struct Reading {
    reader: Box<dyn Reader>,
    /// Where each partition began, as the table said.
    from: BTreeMap<Partition, Offset>,
    batch: Batch,
    /// When the first record was gathered.
    since: Option<Timestamp>,
}

impl Archiver {
    /// Opens the table at its newest version.
    ///
    /// # Errors
    /// The store's.
    pub fn open(log: Arc<dyn Log>, table: Table, settings: Settings) -> Result<Self> {
        table.objects().probe(&Uuid::new_v4().to_string())?;
        let snapshot = table.load()?;
        // No rule looks at anything, so payloads are validated and not kept.
        let decoder = Matcher::compile(&RuleBook::default());
        Ok(Self { log, table, settings, snapshot, decoder, reading: None, halted: BTreeMap::new() })
    }

    /// Reads on, waiting up to `timeout` for records, and commits when it is time to.
    ///
    /// # Errors
    /// The log's and the store's. What was gathered is dropped; the next step reads it again.
    pub fn step(&mut self, timeout: Duration, now: Timestamp) -> Result<Step> {
        let stepped = self.gather(timeout, now);
        match stepped {
            Ok(records) if !self.is_due(now) => Ok(Step::Gathered { records }),
            Ok(_) => self.flush(now),
            Err(error) => {
                self.reading = None;
                Err(error)
            },
        }
    }

    /// Commits what was gathered, however little; for the end of a process.
    ///
    /// # Errors
    /// As [`Archiver::step`].
    pub fn flush(&mut self, now: Timestamp) -> Result<Step> {
        let Some(reading) = self.reading.take() else { return Ok(Step::Gathered { records: 0 }) };
        if reading.batch.is_empty() {
            self.reading = Some(reading);
            return Ok(Step::Gathered { records: 0 });
        }
        let Reading { reader, from, batch, .. } = reading;
        let topic = self.settings.topic.clone();
        let spans = batch.spans(&from);
        let file = batch.write(&self.table, &spans, now)?;
        let rows = file.sum.rows;
        let mut actions = vec![file.add(true)];
        let mut next = from;
        for (partition, span) in &spans {
            let app_id = partition_id(&topic, *partition);
            actions.push(Action::Txn(Txn { app_id, version: span.next, last_updated: Some(now.0) }));
            next.insert(*partition, Offset(u64::try_from(span.next).unwrap_or_default()));
        }
        let before: Vec<_> =
            spans.keys().map(|partition| (*partition, self.snapshot.next(&topic, *partition))).collect();
        // Only where nobody has moved any of our partitions do our rows follow on what is there.
        let still = |snapshot: &Snapshot| {
            before.iter().all(|(partition, next)| snapshot.next(&topic, *partition) == *next)
        };
        let change = Change { operation: "WRITE", parameters: json!({"rows": rows}), actions, now };
        let base = self.snapshot.clone();
        match self.table.commit(base, change, still)? {
            Committed::Done(snapshot) => {
                let version = snapshot.version().unwrap_or_default();
                self.snapshot = snapshot;
                self.reading = Some(Reading { reader, from: next, batch: Batch::default(), since: None });
                Ok(Step::Committed { rows, version })
            },
            Committed::Lost(snapshot) => {
                self.snapshot = snapshot;
                Ok(Step::Lost)
            },
        }
    }

    /// The table as this archiver knows it.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How many records of the log are not in the table yet.
    ///
    /// # Errors
    /// The log's.
    pub fn lag(&self) -> Result<u64> {
        let mut lag = 0;
        for partition in (0..self.log.partitions(&self.settings.topic)?).map(Partition) {
            let bounds = self.log.bounds(&self.settings.topic, partition)?;
            let next = self.snapshot.next(&self.settings.topic, partition).unwrap_or(bounds.start);
            lag += bounds.end.0.saturating_sub(next.0);
        }
        Ok(lag)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let Some(reading) = &self.reading else { return false };
        let waited = reading.since.map_or(0, |since| now.0.saturating_sub(since.0));
        // A clock that went back must not hold rows up.
        let is_late =
            !u128::try_from(waited).is_ok_and(|waited| waited < self.settings.flush_after.as_millis());
        reading.batch.bytes() >= self.settings.flush_bytes || (reading.since.is_some() && is_late)
    }

    fn gather(&mut self, timeout: Duration, now: Timestamp) -> Result<usize> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => self.begin()?,
        };
        let records = reading.reader.poll(RECORDS_MAX, timeout)?.records;
        let count = records.len();
        if count > 0 {
            reading.since.get_or_insert(now);
        }
        for record in records {
            self.check(&reading.from, &record)?;
            reading.batch.push(&self.decoder, record);
        }
        self.reading = Some(reading);
        Ok(count)
    }

    /// The partitions that are not archived, and why; the others go on.
    pub fn halted(&self) -> &BTreeMap<Partition, String> {
        &self.halted
    }

    /// Opens a reader where the table ends.
    fn begin(&mut self) -> Result<Reading> {
        self.table.refresh(&mut self.snapshot)?;
        let topic = &self.settings.topic;
        let (mut from, mut halted) = (BTreeMap::new(), BTreeMap::new());
        for partition in (0..self.log.partitions(topic)?).map(Partition) {
            let bounds = self.log.bounds(topic, partition)?;
            match start(partition, self.snapshot.next(topic, partition), bounds) {
                Ok(offset) => drop(from.insert(partition, offset)),
                Err(problem) => drop(halted.insert(partition, problem.to_string())),
            }
        }
        if halted != self.halted {
            halted.values().for_each(|problem| tracing::error!(problem, "a partition is not archived"));
            self.halted = halted;
        }
        let places: Vec<_> = from.iter().map(|(partition, offset)| (*partition, *offset)).collect();
        let reader = self.log.reader(topic, &places)?;
        Ok(Reading { reader, from, batch: Batch::default(), since: None })
    }

    fn check(&self, from: &BTreeMap<Partition, Offset>, record: &Record) -> Result<()> {
        if from.get(&record.partition).is_some_and(|from| record.offset >= *from) {
            return Ok(());
        }
        let message = format!("the reader answered {record:?}, which was not asked for");
        Err(ports::Error::new(ports::ErrorKind::Corrupt, message).into())
    }
}

/// Where to begin with a partition.
fn start(partition: Partition, next: Option<Offset>, bounds: ports::Bounds) -> Result<Offset> {
    let signed = |offset: Offset| i64::try_from(offset.0).unwrap_or(i64::MAX);
    let Some(next) = next else { return Ok(bounds.start) };
    if next < bounds.start {
        return Err(Error::Gap { partition, from: signed(next), until: signed(bounds.start) });
    }
    if next > bounds.end {
        return Err(Error::Recreated { partition, archived: signed(next), end: signed(bounds.end) });
    }
    Ok(next)
}

/// Takes note that records are lost to the archive for good: those that the log no longer has and the table does not have yet. From
/// then on the archiver goes on behind them, and folds over them say that there is a gap.
///
/// # Errors
/// The log's and the store's; [`Error::Refused`] if there is no gap.
pub fn accept_gap(
    log: &dyn Log,
    table: &Table,
    topic: &str,
    partition: Partition,
    now: Timestamp,
) -> Result<(Offset, Offset)> {
    let snapshot = table.load()?;
    let bounds = log.bounds(topic, partition)?;
    let Some(next) = snapshot.next(topic, partition).filter(|next| *next < bounds.start) else {
        return Err(Error::Refused(format!("partition {partition} has no gap")));
    };
    let version = i64::try_from(bounds.start.0).unwrap_or(i64::MAX);
    let txn = Txn { app_id: partition_id(topic, partition), version, last_updated: Some(now.0) };
    let parameters = json!({"partition": partition.0, "from": next.0, "until": bounds.start.0});
    let change = Change { operation: "ACCEPT GAP", parameters, actions: vec![Action::Txn(txn)], now };
    match table.commit(snapshot, change, |snapshot| snapshot.next(topic, partition) == Some(next))? {
        Committed::Done(_) => Ok((next, bounds.start)),
        Committed::Lost(_) => Err(Error::Refused(format!("partition {partition} has just moved on"))),
    }
}

#[cfg(test)]
mod tests;
