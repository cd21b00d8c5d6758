//! Import of what happened before the log began: files of events, by a mapping of where customer, time and payload stand in them.
//!
//! Such rows have negative offsets that tell their time, so they sort before everything that the log holds and among each other by
//! time, in whatever order files are imported. A file counts whole or not at all, and once: the log of the table keeps the hash of its
//! bytes.

mod lines;
mod mapping;
mod source;

use std::path::{Path, PathBuf};

use engine::{Partition, Timestamp, partition_of};
use ports::Header;
use serde_json::json;

use self::lines::Lines;
use crate::archiver::batch::create;
use crate::error::{Error, Result};
use crate::file::FileWriter;
use crate::row::{Row, encode_headers};
use crate::table::action::{Action, Txn};
use crate::table::{Change, Committed, DataFile, Level, Snapshot, Span, Spans, Table, import_id};
use crate::time::Moment;

pub use self::mapping::{Event, Mapping, TimeUnit};
pub use self::source::{Format, find};

/// So many bytes of rows are sorted at once.
const CHUNK_BYTES: usize = 128 << 20;
/// So many bad lines of a file are told.
pub const BAD_LINES_TOLD_MAX: usize = 100;
/// The part of an offset that tells events of one millisecond apart.
const ORDINAL_BITS: u32 = 20;
/// The last time that an offset can tell: in the year 2248.
const TIME_MAX: Timestamp = Timestamp((1 << 43) - 1);

/// How files are imported.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where in a line things stand.
    pub mapping: Mapping,
    /// How many partitions the event topic has; customers are spread over them as in the log.
    pub partitions: u32,
    /// Whether a file counts without the lines that are no events.
    pub skip_bad_lines: bool,
}

/// A line that is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1; of a Parquet file the number of the row.
    pub line: u64,
    /// What is wrong with it; quotes nothing of it.
    pub problem: String,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It counts.
    Done {
        /// How many events it had.
        rows: u64,
    },
    /// A file of the same bytes was imported before.
    Known,
    /// It has lines that are no events, so nothing of it counts.
    Refused,
}

/// A file's import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What became of it.
    pub imported: Imported,
    /// The first lines that are no events.
    pub bad_lines: Vec<BadLine>,
    /// How many there are.
    pub bad: u64,
}

/// Imports a file. `tell` is told how many of its bytes were read.
///
/// # Errors
/// The file cannot be read, or the store's. Nothing of it counts then.
pub fn import(
    table: &Table,
    path: &Path,
    settings: &Settings,
    now: Timestamp,
    tell: &mut dyn FnMut(u64),
) -> Result<Report> {
    let format = Format::of(path)?;
    let digest = source::digest(path)?;
    let snapshot = table.load()?;
    if snapshot.imported(&digest) {
        return Ok(Report { imported: Imported::Known, bad_lines: Vec::new(), bad: 0 });
    }
    let mut work = Work { table, settings, now, chunk: Chunk::default(), files: Vec::new(), rows: 0 };
    let (mut bad_lines, mut bad) = (Vec::new(), 0);
    let mut lines = Lines::open(path, format)?;
    while let Some(line) = lines.next()? {
        let number = line.number;
        let event = line.text.map_err(str::to_owned).and_then(|text| settings.mapping.read(text));
        match event {
            Ok(event) => work.take(event, number)?,
            Err(problem) => {
                bad += 1;
                if bad_lines.len() < BAD_LINES_TOLD_MAX {
                    bad_lines.push(BadLine { line: number, problem });
                }
            },
        }
        tell(lines.bytes_read());
    }
    work.flush()?;
    if bad > 0 && !settings.skip_bad_lines {
        work.discard();
        return Ok(Report { imported: Imported::Refused, bad_lines, bad });
    }
    let imported = work.commit(snapshot, path, &digest)?;
    Ok(Report { imported, bad_lines, bad })
}

/// Rows that wait to be sorted and written.
#[derive(Default)]
struct Chunk {
    rows: Vec<Row>,
    bytes: usize,
}

/// A file's import at work.
struct Work<'a> {
    table: &'a Table,
    settings: &'a Settings,
    now: Timestamp,
    chunk: Chunk,
    files: Vec<DataFile>,
    rows: u64,
}

impl Work<'_> {
    fn take(&mut self, event: Event, line: u64) -> Result<()> {
        let Event { customer, time, id, value } = event;
        let customer_text = customer.to_string();
        let headers = id.map(|id| vec![Header::new("id", id)]).unwrap_or_default();
        let row = Row {
            customer: Some(customer),
            partition: partition_of(customer_text.as_bytes(), self.settings.partitions),
            offset: offset_of(time, line),
            timestamp: time,
            key: Some(customer_text.into()),
            value: Some(value.into()),
            headers: encode_headers(&headers),
        };
        self.chunk.bytes += row.size();
        self.chunk.rows.push(row);
        self.rows += 1;
        if self.chunk.bytes >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes what waits as a file, which counts only once it is committed.
    fn flush(&mut self) -> Result<()> {
        let Chunk { mut rows, .. } = std::mem::take(&mut self.chunk);
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_by_key(Row::order);
        let mut spans: std::collections::BTreeMap<Partition, Span> = std::collections::BTreeMap::new();
        let mut writer = FileWriter::new(Level::Flushed)?;
        for row in rows {
            let span = spans.entry(row.partition).or_insert(Span { from: row.offset, next: row.offset + 1 });
            *span = Span { from: span.from.min(row.offset), next: span.next.max(row.offset + 1) };
            writer.push(row)?;
        }
        let spans = Spans::from_iter(spans);
        self.files.push(create(self.table, writer, Level::Flushed, spans, &Moment::of(self.now), self.now)?);
        Ok(())
    }

    fn discard(&self) {
        for file in &self.files {
            if let Err(error) = self.table.objects().delete(&file.path) {
                tracing::warn!(%error, "a file that does not count could not be removed; it is swept later");
            }
        }
    }

    fn commit(self, snapshot: Snapshot, path: &Path, digest: &str) -> Result<Imported> {
        let now = self.now;
        let mut actions: Vec<_> = self.files.iter().map(|file| file.add(true)).collect();
        actions.push(Action::Txn(Txn { app_id: import_id(digest), version: 1, last_updated: Some(now.0) }));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let parameters = json!({"file": name, "sha256": digest, "rows": self.rows});
        let change = Change { operation: "IMPORT", parameters, actions, now };
        match self.table.commit(snapshot, change, |snapshot| !snapshot.imported(digest))? {
            Committed::Done(_) => Ok(Imported::Done { rows: self.rows }),
            Committed::Lost(_) => {
                self.discard();
                Ok(Imported::Known)
            },
        }
    }
}

/// The place of an event before the log: by its time, then by its line.
fn offset_of(time: Timestamp, line: u64) -> i64 {
    // 43 bits of milliseconds, which the mapping has made sure of.
    let millis = time.0.clamp(0, TIME_MAX.0);
    let ordinal = i64::try_from(line % (1 << ORDINAL_BITS)).unwrap_or_default();
    i64::MIN + (millis << ORDINAL_BITS) + ordinal
}

/// Makes sure that the archive has no partition that the setting does not know of.
///
/// # Errors
/// It has.
pub fn check_partitions(snapshot: &Snapshot, topic: &str, partitions: u32) -> Result<()> {
    match snapshot.partitions(topic).last() {
        Some(last) if last.0 >= partitions => Err(Error::Refused(format!(
            "the archive holds partition {last} of `{topic}`, and the setting says {partitions} partitions: give the number \
             that the topic has with --partitions"
        ))),
        _ => Ok(()),
    }
}

/// Files below these paths that can be imported, in the order of their names.
///
/// # Errors
/// A path that is not there, or holds no such file.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(find(path)?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
