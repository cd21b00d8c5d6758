//! The columns of the archive, as Arrow, as Delta readers are told them, and how each is encoded.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::json;

use crate::table::DAY;

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const CUSTOMER: &str = "customer_id";
pub(crate) const PARTITION: &str = "k_partition";
pub(crate) const OFFSET: &str = "k_offset";
pub(crate) const TIMESTAMP: &str = "k_timestamp";
pub(crate) const KEY: &str = "key";
pub(crate) const VALUE: &str = "value";
pub(crate) const VALUE_BYTES: &str = "value_bytes";
pub(crate) const HEADERS: &str = "headers";

/// A page holds at most so many rows, so that a small customer costs few of them.
const PAGE_ROWS_MAX: usize = 4096;
/// And about so many bytes; larger ones compress better, smaller ones are read faster (measured: research of the format).
const PAGE_BYTES: usize = 256 * 1024;

/// The columns in the files.
pub(crate) fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new(BUCKET, DataType::Int32, true),
        Field::new(CUSTOMER, DataType::Utf8, true),
        Field::new(PARTITION, DataType::Int32, true),
        Field::new(OFFSET, DataType::Int64, true),
        Field::new(TIMESTAMP, time, true),
        Field::new(KEY, DataType::Binary, true),
        Field::new(VALUE, DataType::Utf8, true),
        Field::new(VALUE_BYTES, DataType::Binary, true),
        Field::new(HEADERS, DataType::Utf8, true),
    ]))
}

/// The columns as the log tells them; the day is in the paths of files alone.
pub(crate) fn delta_schema() -> String {
    let columns = [
        (BUCKET, "integer"),
        (CUSTOMER, "string"),
        (PARTITION, "integer"),
        (OFFSET, "long"),
        (TIMESTAMP, "timestamp"),
        (KEY, "binary"),
        (VALUE, "string"),
        (VALUE_BYTES, "binary"),
        (HEADERS, "string"),
        (DAY, "date"),
    ];
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, kind)| json!({"name": name, "type": kind, "nullable": true, "metadata": {}}))
        .collect();
    json!({"type": "struct", "fields": fields}).to_string()
}

/// How files are written. Flushed files are read and replaced soon, so they are compressed quickly.
pub(crate) fn properties(zstd: i32, group_bytes: usize) -> WriterProperties {
    let level = ZstdLevel::try_new(zstd).unwrap_or_default();
    let column = |name: &str| ColumnPath::from(name);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(128 * 1024))
        .set_max_row_group_bytes(Some(group_bytes))
        .set_data_page_row_count_limit(PAGE_ROWS_MAX)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_write_batch_size(256)
        .set_dictionary_enabled(true)
        .set_statistics_enabled(EnabledStatistics::Page);
    // Nearly every value is another one: a dictionary would only be read beside the pages.
    for name in [OFFSET, TIMESTAMP] {
        properties = properties
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in [VALUE, VALUE_BYTES, HEADERS] {
        properties = properties
            .set_column_dictionary_enabled(column(name), false)
            .set_column_statistics_enabled(column(name), EnabledStatistics::None);
    }
    properties.build()
}
