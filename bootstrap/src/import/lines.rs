//! The lines of a file, whatever its format; rows of Parquet become lines of JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_json::LineDelimitedWriter;
use engine::EVENT_BYTES_MAX;
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::source::{Format, unreadable};
use crate::error::Result;

/// The longest line that is read; what is longer is no event in any case.
const LINE_BYTES_MAX: u64 = 2 * EVENT_BYTES_MAX as u64;
/// Rows of Parquet are read so many at a time.
const BATCH_ROWS: usize = 256;

/// A line.
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// What it says, or why that cannot be told.
    pub(super) text: std::result::Result<&'a str, &'static str>,
}

/// Reads lines. Blank ones count and are passed over.
pub(super) struct Lines {
    path: PathBuf,
    source: Box<dyn BufRead>,
    number: u64,
    buffer: Vec<u8>,
    read: Arc<AtomicU64>,
}

impl Lines {
    pub(super) fn open(path: &Path, format: Format) -> Result<Self> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let read = Arc::new(AtomicU64::new(0));
        let source: Box<dyn BufRead> = match format {
            Format::Lines => Box::new(BufReader::new(Counted { file, read: Arc::clone(&read) })),
            Format::Gzip => {
                let counted = BufReader::new(Counted { file, read: Arc::clone(&read) });
                Box::new(BufReader::new(MultiGzDecoder::new(counted)))
            },
            Format::Parquet => {
                let size = file.metadata().map_or(0, |metadata| metadata.len());
                let builder = ParquetRecordBatchReaderBuilder::try_new(file);
                let builder = builder.map_err(|error| unreadable(path, &error))?.with_batch_size(BATCH_ROWS);
                let total = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or_default();
                let reader = builder.build().map_err(|error| unreadable(path, &error))?;
                let progress = (Arc::clone(&read), size, total.max(1), 0);
                Box::new(BufReader::new(Rows { reader, progress, buffer: Vec::new(), at: 0 }))
            },
        };
        Ok(Self { path: path.to_owned(), source, number: 0, buffer: Vec::new(), read })
    }

    /// How many bytes of the file were read; of Parquet about.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.buffer.clear();
            let read = (&mut self.source).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.buffer);
            let read = read.map_err(|error| unreadable(&self.path, &error))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 == LINE_BYTES_MAX && self.buffer.last() != Some(&b'\n') {
                self.pass_the_rest()?;
                return Ok(Some(Line { number: self.number, text: Err("the line is longer than 2 MiB") }));
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let text = std::str::from_utf8(self.buffer.trim_ascii()).map_err(|_| "it is not UTF-8");
        Ok(Some(Line { number: self.number, text }))
    }

    fn pass_the_rest(&mut self) -> Result<()> {
        loop {
            let available = self.source.fill_buf().map_err(|error| unreadable(&self.path, &error))?;
            let newline = available.iter().position(|byte| *byte == b'\n');
            let (length, is_done) = (available.len(), available.is_empty() || newline.is_some());
            self.source.consume(newline.map_or(length, |at| at + 1));
            if is_done {
                return Ok(());
            }
        }
    }
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Rows of Parquet as lines of JSON.
struct Rows {
    reader: ParquetRecordBatchReader,
    /// Where bytes are counted, the file's size, its rows, and how many were read.
    progress: (Arc<AtomicU64>, u64, u64, u64),
    buffer: Vec<u8>,
    at: usize,
}

impl Read for Rows {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.buffer.len() {
            let Some(batch) = self.reader.next() else { return Ok(0) };
            let batch = batch.map_err(std::io::Error::other)?;
            let mut lines = LineDelimitedWriter::new(Vec::new());
            lines.write(&batch).and_then(|()| lines.finish()).map_err(std::io::Error::other)?;
            (self.buffer, self.at) = (lines.into_inner(), 0);
            let (read, size, total, rows) = &mut self.progress;
            *rows += batch.num_rows() as u64;
            read.store(*size * *rows / *total, Ordering::Relaxed);
        }
        let count = into.len().min(self.buffer.len() - self.at);
        into[..count].copy_from_slice(&self.buffer[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
