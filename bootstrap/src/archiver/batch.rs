//! What was read since the last commit, and the file that it becomes.

use std::collections::BTreeMap;

use engine::{Offset, Partition, Timestamp, customer_of};
use ports::Record;
use rules::Snapshot as Decoder;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::file::{FileWriter, blocks, storable};
use crate::objects::Created;
use crate::row::{Row, encode_headers};
use crate::table::{DataFile, Level, Span, Spans, Table};
use crate::time::Moment;

/// Rows that wait for a commit.
#[derive(Default)]
pub(super) struct Batch {
    rows: Vec<Row>,
    bytes: usize,
    next: BTreeMap<Partition, Offset>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a record in, whatever it holds.
    pub(super) fn push(&mut self, decoder: &Decoder, record: Record) {
        let Record { partition, offset, timestamp, key, value, headers } = record;
        let row = Row {
            customer: customer_of(decoder, value.as_deref()).ok(),
            partition,
            offset: i64::try_from(offset.0).unwrap_or(i64::MAX),
            timestamp: storable(timestamp),
            key,
            value,
            headers: encode_headers(&headers),
        };
        self.bytes += row.size();
        self.next.insert(partition, offset.next());
        self.rows.push(row);
    }

    /// What they cover of each partition that has any, if they were read from there.
    pub(super) fn spans(&self, from: &BTreeMap<Partition, Offset>) -> BTreeMap<Partition, Span> {
        let signed = |offset: Offset| i64::try_from(offset.0).unwrap_or(i64::MAX);
        let span = |(partition, next): (&Partition, &Offset)| {
            let from = from.get(partition).copied().unwrap_or(*next);
            (*partition, Span { from: signed(from), next: signed(*next) })
        };
        self.next.iter().map(span).collect()
    }

    /// Writes them as a file, which counts only once it is committed.
    pub(super) fn write(
        self,
        table: &Table,
        spans: &BTreeMap<Partition, Span>,
        now: Timestamp,
    ) -> Result<DataFile> {
        let mut rows = self.rows;
        rows.sort_by_cached_key(Row::order);
        let mut writer = FileWriter::new(Level::Flushed)?;
        for row in rows {
            writer.push(row)?;
        }
        let spans = spans.iter().map(|(partition, span)| (*partition, *span)).collect();
        create(table, writer, Level::Flushed, spans, &Moment::of(now), now)
    }
}

/// Ends a file and stores it under a name that nobody else has.
pub(crate) fn create(
    table: &Table,
    writer: FileWriter,
    level: Level,
    spans: Spans,
    Moment { day, hour }: &Moment,
    now: Timestamp,
) -> Result<DataFile> {
    let written = writer.finish()?;
    let name = format!("L{}-h{hour:02}-{}.parquet", level.number(), Uuid::new_v4().simple());
    let path = format!("data/ingest_day={day}/{name}");
    let file = DataFile {
        path: path.clone(),
        size: written.bytes.len() as u64,
        day: day.clone(),
        hour: *hour,
        modified: now.0,
        level,
        sum: written.sum,
        spans,
        buckets: written.buckets,
        customers: written.customers,
        times: written.times,
        blocks: blocks::hashes(&written.bytes),
    };
    match table.objects().create(&path, written.bytes)? {
        Created::Made => Ok(file),
        // Somebody's clock and random numbers are ours, or an answer was lost and the store asked twice by itself.
        Created::Taken => Err(Error::Unavailable { path, problem: "the name is taken".to_owned() }),
    }
}
