//! The archive as what new rules are filled from: [`ports::History`] over the table.

use engine::{Input, Offset, Partition, Timestamp};
use ports::{History, PinnedHistory, Rows, Wanted};

use crate::row::Row;
use crate::scan::{Scan, Selection};
use crate::table::{Snapshot, Table};

/// The archive of one event topic.
#[derive(Clone)]
pub struct Archived {
    table: Table,
    topic: String,
}

impl Archived {
    /// What this table holds of that topic.
    pub fn new(table: Table, topic: &str) -> Self {
        Self { table, topic: topic.to_owned() }
    }
}

impl History for Archived {
    fn pin(&self) -> ports::Result<Box<dyn PinnedHistory>> {
        let snapshot = self.table.load()?;
        Ok(Box::new(Pinned { table: self.table.clone(), topic: self.topic.clone(), snapshot }))
    }
}

struct Pinned {
    table: Table,
    topic: String,
    snapshot: Snapshot,
}

impl PinnedHistory for Pinned {
    fn end(&self, partition: Partition) -> Offset {
        self.snapshot.next(&self.topic, partition).unwrap_or_default()
    }

    fn rows(&self, partition: Partition, wanted: &Wanted, until: Offset) -> ports::Result<Box<dyn Rows>> {
        let until = i64::try_from(until.0).unwrap_or(i64::MAX);
        // What was never written is not missing: the archive may have begun after the log did.
        let first =
            self.snapshot.start(partition).map_or(until, |start| i64::try_from(start.0).unwrap_or(i64::MAX));
        let scan = |range| {
            let mut selection = Selection::all().within(vec![(partition, range)]);
            if let Some(customers) = &wanted.customers {
                selection = selection.of(customers.clone());
            }
            if let Some(since) = wanted.since {
                selection = selection.between(since..Timestamp(i64::MAX));
            }
            Scan::new(&self.table, &self.snapshot, &selection).map_err(ports::Error::from)
        };
        // What happened before the log comes first, as a whole.
        let scans = vec![scan(i64::MIN..0)?, scan(first.min(until)..until)?];
        Ok(Box::new(Scans { scans: scans.into_iter(), current: None, done: 0 }))
    }
}

struct Scans {
    scans: std::vec::IntoIter<Scan>,
    current: Option<Scan>,
    /// Rows of the scans that are done.
    done: u64,
}

impl Rows for Scans {
    fn next_batch(&mut self) -> ports::Result<Option<Vec<Input>>> {
        let mut batch = Vec::new();
        loop {
            if self.current.is_none() {
                self.current = self.scans.next();
            }
            let Some(scan) = &mut self.current else { return Ok(None) };
            scan.next(&mut batch)?;
            if !batch.is_empty() {
                return Ok(Some(batch.drain(..).map(input).collect()));
            }
            self.done += self.current.take().map_or(0, |scan| scan.read().rows);
        }
    }

    fn expected(&self) -> u64 {
        let scans = self.current.iter().chain(self.scans.as_slice());
        self.done + scans.map(Scan::rows_expected).sum::<u64>()
    }
}

fn input(row: Row) -> Input {
    Input {
        offset: Offset::from_signed(row.offset),
        timestamp: row.timestamp,
        key: row.key,
        value: row.value,
    }
}

#[cfg(test)]
mod tests;
