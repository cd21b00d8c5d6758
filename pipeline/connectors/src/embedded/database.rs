//! RocksDB under the log: how it is opened, and its errors in our words.

use std::path::Path;
use std::sync::Arc;

use engine::Offset;
use ports::{Error, ErrorKind, Place, Record, Result};
use rocksdb::{
    BlockBasedOptions, BoundColumnFamily, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode,
    DBWithThreadMode, IteratorMode, LogLevel, MultiThreaded, Options, ReadOptions, WriteBatch, WriteOptions,
};

use super::codec::{self, Trailer};
use super::notes::Note;
use super::topic::family;

/// Memory for all write buffers, and for those of one topic.
const WRITE_BUFFERS_BYTES: usize = 64 * 1024 * 1024;
const TOPIC_WRITE_BUFFER_BYTES: usize = 32 * 1024 * 1024;
/// Memory for blocks that were read. Most reads are of new records, which are still in a write buffer.
const CACHE_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes that a start has to read from the write-ahead log.
const WAL_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// What the list of files takes from the disk at a time. It has some KiB; RocksDB would take 4 MiB, which fills a small disk.
const MANIFEST_STEP_BYTES: usize = 64 * 1024;

/// Parts of RocksDB's messages, which carry the operating system's words, and what they mean for us.
const KINDS: [(&str, ErrorKind); 8] = [
    ("No space left on device", ErrorKind::Full),
    ("Disk quota exceeded", ErrorKind::Full),
    ("File too large", ErrorKind::Full),
    ("lock hold by current process", ErrorKind::Misconfigured),
    ("While lock file", ErrorKind::Misconfigured),
    ("Permission denied", ErrorKind::Misconfigured),
    ("Read-only file system", ErrorKind::Misconfigured),
    ("Too many open files", ErrorKind::Misconfigured),
];

/// The open database.
pub(super) struct Database {
    db: DBWithThreadMode<MultiThreaded>,
    /// Its folder, for messages.
    dir: String,
    /// How column families are opened and made.
    options: Options,
}

impl Database {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let shown = dir.display().to_string();
        let (whole, each) = (database_options(), family_options());
        let names = if dir.join("CURRENT").exists() {
            DBWithThreadMode::<MultiThreaded>::list_cf(&whole, dir)
                .map_err(|error| failed(&shown, "open", &error))?
        } else {
            vec![rocksdb::DEFAULT_COLUMN_FAMILY_NAME.to_owned()]
        };
        let families = names.into_iter().map(|name| ColumnFamilyDescriptor::new(name, each.clone()));
        let db = DBWithThreadMode::open_cf_descriptors(&whole, dir, families)
            .map_err(|error| failed(&shown, "open", &error))?;
        Ok(Self { db, dir: shown, options: each })
    }

    /// Makes the column family of a topic. One that a crash left behind before the topic was noted is taken as it
    /// is: nothing was ever written to it.
    pub(super) fn create_family(&self, topic: &str) -> Result<()> {
        let name = family(topic);
        if self.db.cf_handle(&name).is_some() {
            return Ok(());
        }
        self.db.create_cf(&name, &self.options).map_err(|error| self.failed("make a topic in", &error))
    }

    /// The column family of a topic.
    pub(super) fn family(&self, name: &str) -> Result<Arc<BoundColumnFamily<'_>>> {
        self.db.cf_handle(name).ok_or_else(|| {
            let dir = &self.dir;
            Error::new(ErrorKind::Corrupt, format!("the log in {dir} has lost its column family `{name}`"))
        })
    }

    /// All notes.
    pub(super) fn notes(&self) -> Result<Vec<Note>> {
        // This iterator ends with an error if it meets one.
        let found = self.db.full_iterator(IteratorMode::Start);
        found
            .map(|item| {
                let (key, value) = item.map_err(|error| self.failed("read", &error))?;
                Note::decode(&key, &value).map_err(|_| {
                    let (dir, key) = (&self.dir, key.escape_ascii());
                    Error::new(
                        ErrorKind::Corrupt,
                        format!("the log in {dir} has a note `{key}` that this version cannot read"),
                    )
                })
            })
            .collect()
    }

    /// Writes a batch and returns once it is durable.
    pub(super) fn write(&self, batch: WriteBatch) -> Result<()> {
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        self.db.write_opt(batch, &synced).map_err(|error| self.failed("write to", &error))
    }

    /// Gives the space of removed records back early. Without it compaction would come to the same, later.
    pub(super) fn drop_files(&self, topic: &str, from: Place, to: Place) -> Result<()> {
        let family = self.family(&family(topic))?;
        self.db
            .delete_file_in_range_cf(&family, codec::key(from), codec::key(to))
            .map_err(|error| self.failed("remove old records from", &error))
    }

    /// The last record of a partition at or before this place: its offset, what the log knows of it, and its size.
    pub(super) fn last(&self, topic: &str, until: Place) -> Result<Option<(Offset, Trailer, u64)>> {
        let family = self.family(&family(topic))?;
        let mut cursor = self.db.raw_iterator_cf_opt(&family, read_options());
        cursor.seek_for_prev(codec::key(until));
        cursor.status().map_err(|error| self.failed("read", &error))?;
        let Some((key, value)) = cursor.item() else {
            return Ok(None);
        };
        let Some(place) = codec::place(key).filter(|place| place.partition == until.partition) else {
            return Ok(None);
        };
        let trailer =
            codec::decode_trailer(place, value).map_err(|problem| damaged(topic, place, problem))?;
        Ok(Some((place.offset, trailer, size(value))))
    }

    /// What the log knows of the record at this place; none if it was removed meanwhile.
    pub(super) fn trailer(&self, topic: &str, place: Place) -> Result<Option<Trailer>> {
        let family = self.family(&family(topic))?;
        let found = self.db.get_pinned_cf_opt(&family, codec::key(place), &read_options());
        found
            .map_err(|error| self.failed("read", &error))?
            .map(|value| codec::decode_trailer(place, &value))
            .transpose()
            .map_err(|problem| damaged(topic, place, problem))
    }

    /// Reads records in order from this place on, until `take` has enough. Answers whether the first record was
    /// where it should be and each other one next to it.
    pub(super) fn read(
        &self,
        topic: &str,
        from: Place,
        mut take: impl FnMut(Record, usize) -> bool,
    ) -> Result<bool> {
        let family = self.family(&family(topic))?;
        let mut cursor = self.db.raw_iterator_cf_opt(&family, read_options());
        let mut expected = from;
        cursor.seek(codec::key(from));
        while let Some((key, value)) = cursor.item() {
            if key != codec::key(expected) {
                return Ok(false);
            }
            let (record, _) =
                codec::decode(expected, value).map_err(|problem| damaged(topic, expected, problem))?;
            if !take(record, value.len()) {
                return Ok(true);
            }
            expected.offset = expected.offset.next();
            cursor.next();
        }
        // A damaged block ends an iterator as quietly as the end does.
        cursor.status().map_err(|error| {
            let error = self.failed("read", &error);
            error.during(format_args!("{topic}/{}@{}", expected.partition, expected.offset))
        })?;
        Ok(false)
    }

    fn failed(&self, action: &str, error: &rocksdb::Error) -> Error {
        failed(&self.dir, action, error)
    }
}

/// The bytes that a record counts for.
pub(super) fn size(value: &[u8]) -> u64 {
    (codec::KEY_BYTES + value.len()) as u64
}

/// The error of a record that cannot be read.
fn damaged(topic: &str, place: Place, problem: &str) -> Error {
    let Place { partition, offset } = place;
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "the record at offset {offset} of partition {partition} of topic `{topic}` is damaged: {problem}"
        ),
    )
}

fn failed(dir: &str, action: &str, error: &rocksdb::Error) -> Error {
    let message = error.as_ref();
    // What is not known to be curable counts as damage: stop, a person must look.
    let kind =
        KINDS.iter().find(|(part, _)| message.contains(part)).map_or(ErrorKind::Corrupt, |(_, kind)| *kind);
    let advice = if kind == ErrorKind::Full { ": the disk is full, make room and start again" } else { "" };
    Error::new(kind, format!("could not {action} the log in {dir}{advice}: {error}"))
}

fn read_options() -> ReadOptions {
    let mut options = ReadOptions::default();
    // A read through old records would push out what others need.
    options.fill_cache(false);
    options
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_manifest_preallocation_size(MANIFEST_STEP_BYTES);
    // Every acknowledged batch was synced, so only a batch that nobody was told of can be torn.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_max_background_jobs(2);
    options.set_max_open_files(256);
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1024 * 1024);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options
}

fn family_options() -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
    blocks.set_block_size(32 * 1024);
    let mut options = Options::default();
    options.set_write_buffer_size(TOPIC_WRITE_BUFFER_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_block_based_table_factory(&blocks);
    options
}
