//! Writes rows into a file.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use bytes::Bytes;
use engine::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use rules::CustomerId;

use super::schema;
use crate::error::{Error, Result};
use crate::row::{Row, RowOrder, Sum};
use crate::table::{Buckets, Level};

/// Rows are handed to the encoder so many at a time,
const CHUNK_ROWS: usize = 1024;
/// or as soon as they hold so many bytes.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;
/// A timestamp beyond this many milliseconds is stored as this: microseconds would not fit.
const TIME_MAX: i64 = i64::MAX / 1000;

/// A time as the archive can store it.
pub(crate) fn storable(time: Timestamp) -> Timestamp {
    Timestamp(time.0.clamp(-TIME_MAX, TIME_MAX))
}

/// A file that was written, and what the log must know of it.
#[derive(Debug)]
pub struct Written {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its rows.
    pub sum: Sum,
    /// The buckets of its customers.
    pub buckets: Buckets,
    /// The least and the greatest customer.
    pub customers: Option<(CustomerId, CustomerId)>,
    /// The least and the greatest timestamp.
    pub times: (Timestamp, Timestamp),
}

/// Writes one file, row by row in their order.
pub struct FileWriter {
    encoder: ArrowWriter<Vec<u8>>,
    chunk: Vec<Row>,
    chunk_bytes: usize,
    last: Option<RowOrder>,
    sum: Sum,
    buckets: Buckets,
    customers: Option<(CustomerId, CustomerId)>,
    times: Option<(Timestamp, Timestamp)>,
}

impl FileWriter {
    /// Begins a file. Flushed files are compressed quickly and in small groups, since many of them are merged at once.
    ///
    /// # Errors
    /// The encoder's.
    pub fn new(level: Level) -> Result<Self> {
        let properties = match level {
            Level::Flushed => schema::properties(1, 8 * 1024 * 1024),
            Level::Hour | Level::Day => schema::properties(3, 32 * 1024 * 1024),
        };
        let encoder = ArrowWriter::try_new(Vec::new(), schema::schema(), Some(properties));
        Ok(Self {
            encoder: encoder.map_err(|error| unwritable(&error))?,
            chunk: Vec::new(),
            chunk_bytes: 0,
            last: None,
            sum: Sum::default(),
            buckets: Buckets::default(),
            customers: None,
            times: None,
        })
    }

    /// Adds a row that does not belong before the last one.
    ///
    /// # Errors
    /// It does, or the encoder's.
    pub fn push(&mut self, row: Row) -> Result<()> {
        let order = row.order();
        if self.last.is_some_and(|last| last > order) {
            return Err(Error::Refused(format!("rows are not in order at {row:?}")));
        }
        self.last = Some(order);
        self.sum.add(&row);
        self.buckets.add(order.0);
        if let Some(customer) = row.customer {
            let (least, greatest) = self.customers.unwrap_or((customer, customer));
            self.customers = Some((least.min(customer), greatest.max(customer)));
        }
        let (least, greatest) = self.times.unwrap_or((row.timestamp, row.timestamp));
        self.times = Some((least.min(row.timestamp), greatest.max(row.timestamp)));
        self.chunk_bytes += row.size();
        self.chunk.push(row);
        if self.chunk.len() >= CHUNK_ROWS || self.chunk_bytes >= CHUNK_BYTES {
            self.encode()?;
        }
        Ok(())
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.sum.rows
    }

    /// About how large the file is by now.
    pub fn size(&self) -> usize {
        self.encoder.bytes_written() + self.encoder.in_progress_size()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The encoder's.
    pub fn finish(mut self) -> Result<Written> {
        self.encode()?;
        let bytes = self.encoder.into_inner().map_err(|error| unwritable(&error))?;
        Ok(Written {
            bytes: Bytes::from(bytes),
            sum: self.sum,
            buckets: self.buckets,
            customers: self.customers,
            times: self.times.unwrap_or_default(),
        })
    }

    fn encode(&mut self) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let batch = batch(&self.chunk).map_err(|error| unwritable(&ParquetError::from(error)))?;
        self.chunk.clear();
        self.chunk_bytes = 0;
        self.encoder.write(&batch).map_err(|error| unwritable(&error))
    }
}

fn unwritable(error: &ParquetError) -> Error {
    Error::Refused(format!("rows cannot be written as Parquet: {error}"))
}

fn batch(rows: &[Row]) -> std::result::Result<RecordBatch, arrow_schema::ArrowError> {
    let mut bucket = Int32Builder::with_capacity(rows.len());
    let mut customer = StringBuilder::with_capacity(rows.len(), rows.len() * 36);
    let mut partition = Int32Builder::with_capacity(rows.len());
    let mut offset = Int64Builder::with_capacity(rows.len());
    let mut timestamp = TimestampMicrosecondBuilder::with_capacity(rows.len()).with_timezone("UTC");
    let (mut key, mut value) = (BinaryBuilder::new(), StringBuilder::new());
    let (mut value_bytes, mut headers) = (BinaryBuilder::new(), StringBuilder::new());
    let mut written: Option<(CustomerId, String)> = None;
    for row in rows {
        bucket.append_value(row.bucket());
        match row.customer {
            Some(id) => {
                if written.as_ref().is_none_or(|(last, _)| *last != id) {
                    written = Some((id, id.to_string()));
                }
                customer.append_option(written.as_ref().map(|(_, text)| text));
            },
            None => customer.append_null(),
        }
        partition.append_value(i32::try_from(row.partition.0).unwrap_or(i32::MAX));
        offset.append_value(row.offset);
        timestamp.append_value(row.timestamp.0 * 1000);
        key.append_option(row.key.as_ref());
        match row.value.as_ref().map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
            Some(Ok(text)) => {
                value.append_value(text);
                value_bytes.append_null();
            },
            Some(Err(bytes)) => {
                value.append_null();
                value_bytes.append_value(bytes);
            },
            None => {
                value.append_null();
                value_bytes.append_null();
            },
        }
        headers.append_option(row.headers.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok()));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(bucket.finish()),
        Arc::new(customer.finish()),
        Arc::new(partition.finish()),
        Arc::new(offset.finish()),
        Arc::new(timestamp.finish()),
        Arc::new(key.finish()),
        Arc::new(value.finish()),
        Arc::new(value_bytes.finish()),
        Arc::new(headers.finish()),
    ];
    RecordBatch::try_new(schema::schema(), columns)
}
