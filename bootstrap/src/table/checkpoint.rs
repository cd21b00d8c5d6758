//! Checkpoints: the whole table in one Parquet file, so that a reader need not read every entry since the first.
//!
//! Written in Delta's form, which other programs read too. Reading one falls back to all entries where it cannot be used and
//! these are still there.

use std::io::BufReader;
use std::sync::Arc;

use arrow_json::{LineDelimitedWriter, ReaderBuilder};
use arrow_schema::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use super::action::{read_entry, write_entry};
use super::{LOG, Snapshot};
use crate::error::{Error, Result};
use crate::objects::Objects;

/// Where the last checkpoint is named.
fn pointer_path() -> String {
    format!("{LOG}/_last_checkpoint")
}

fn path(version: u64) -> String {
    format!("{LOG}/{version:020}.checkpoint.parquet")
}

#[derive(Serialize, Deserialize)]
struct Pointer {
    version: u64,
    size: u64,
}

/// Writes a checkpoint of a snapshot, and then where it is.
pub(super) fn write(objects: &Objects, snapshot: &Snapshot) -> Result<()> {
    let Some(version) = snapshot.version() else { return Ok(()) };
    let actions = snapshot.actions();
    let bytes = encode(&write_entry(&actions))
        .map_err(|error| Error::Format { entry: path(version), problem: error.to_string() })?;
    objects.put(&path(version), bytes)?;
    let pointer = Pointer { version, size: actions.len() as u64 };
    let pointer = serde_json::to_vec(&pointer).unwrap_or_default();
    objects.put(&pointer_path(), Bytes::from(pointer))
}

/// The last checkpoint, if there is one.
pub(super) fn last(objects: &Objects) -> Result<Option<Snapshot>> {
    let Some(pointer) = objects.get(&pointer_path())? else { return Ok(None) };
    let unusable = |entry: String, problem: String| Error::Format { entry, problem };
    let pointer: Pointer =
        serde_json::from_slice(&pointer).map_err(|error| unusable(pointer_path(), error.to_string()))?;
    let entry = path(pointer.version);
    let bytes = objects.get(&entry)?.ok_or_else(|| Error::Missing { file: entry.clone() })?;
    let lines = decode(bytes).map_err(|error| unusable(entry.clone(), error.to_string()))?;
    let actions = read_entry(&lines).map_err(|problem| unusable(entry.clone(), problem))?;
    if actions.len() as u64 != pointer.size {
        let problem = format!("it has {} lines, {} were written", actions.len(), pointer.size);
        return Err(unusable(entry, problem));
    }
    let mut snapshot = Snapshot::default();
    snapshot.apply(pointer.version, actions).map_err(|problem| unusable(entry, problem))?;
    Ok(Some(snapshot))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn encode(lines: &[u8]) -> std::result::Result<Bytes, Failure> {
    let schema = Arc::new(schema());
    let reader = ReaderBuilder::new(Arc::clone(&schema)).build(BufReader::new(lines))?;
    let zstd = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    for batch in reader {
        writer.write(&batch?)?;
    }
    Ok(Bytes::from(writer.into_inner()?))
}

fn decode(bytes: Bytes) -> std::result::Result<Vec<u8>, Failure> {
    let mut lines = LineDelimitedWriter::new(Vec::new());
    for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
        lines.write(&batch?)?;
    }
    lines.finish()?;
    Ok(lines.into_inner())
}

/// The columns of a checkpoint: one struct for each kind of line.
fn schema() -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    let int = |name: &str| Field::new(name, DataType::Int32, true);
    let flag = |name: &str| Field::new(name, DataType::Boolean, true);
    let record =
        |name: &str, fields: Vec<Field>| Field::new(name, DataType::Struct(Fields::from(fields)), true);
    let map = |name: &str| {
        let entry = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
        Field::new_map(name, "key_value", entry[0].as_ref().clone(), entry[1].as_ref().clone(), false, true)
    };
    let list = Field::new_list("partitionColumns", Field::new("element", DataType::Utf8, true), true);
    Schema::new(vec![
        record("txn", vec![text("appId"), long("version"), long("lastUpdated")]),
        record(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                long("size"),
                long("modificationTime"),
                flag("dataChange"),
                text("stats"),
                map("tags"),
            ],
        ),
        record(
            "remove",
            vec![
                text("path"),
                long("deletionTimestamp"),
                flag("dataChange"),
                flag("extendedFileMetadata"),
                map("partitionValues"),
                long("size"),
            ],
        ),
        record(
            "metaData",
            vec![
                text("id"),
                record("format", vec![text("provider"), map("options")]),
                text("schemaString"),
                list,
                map("configuration"),
                long("createdTime"),
            ],
        ),
        record("protocol", vec![int("minReaderVersion"), int("minWriterVersion")]),
    ])
}
