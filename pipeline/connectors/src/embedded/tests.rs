//! Tests that need the inside of the log: damaged records, and what a write costs. The rest is in the crate `tests`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{Offset, Partition};
use ports::{ErrorKind, Log, Outgoing, Place, Retention, TopicSpec};
use rocksdb::WriteBatch;

use super::codec;
use super::database::Database;
use super::{EmbeddedLog, Settings};

fn open(dir: &tempfile::TempDir) -> EmbeddedLog {
    let log = EmbeddedLog::open(Settings::new(dir.path())).unwrap();
    let spec = TopicSpec { name: "events".to_owned(), partitions: 2, retention: Retention::Any };
    log.create_topics(&[spec]).unwrap();
    log
}

fn record(partition: u32, value: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        topic: "events".to_owned(),
        partition: Some(Partition(partition)),
        timestamp: None,
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

const MIDDLE: Place = Place { partition: Partition(0), offset: Offset(1) };

/// Reads both partitions after `damage` was done to the middle one of three records: what can be read is read.
fn read_after(damage: impl FnOnce(&EmbeddedLog, &mut WriteBatch)) -> ports::Error {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir);
    let records = ["a", "b", "c"].map(|value| record(0, value)).into_iter();
    log.append(records.chain([record(1, "d")]).collect()).unwrap();
    let mut batch = WriteBatch::default();
    damage(&log, &mut batch);
    log.shared().database.write(batch).unwrap();

    let from = [0, 1].map(|partition| (Partition(partition), Offset(0)));
    let mut reader = log.reader("events", &from).unwrap();
    let before = reader.poll(10, Duration::ZERO).unwrap();
    let values: Vec<_> = before.records.iter().filter_map(|record| record.value.clone()).collect();
    assert_eq!(values, ["a"]);
    assert!(!before.at_end);
    reader.poll(10, Duration::ZERO).unwrap_err()
}

#[test]
fn a_damaged_record_is_named() {
    let error = read_after(|log, batch| {
        let mut bytes = Vec::new();
        codec::encode(&record(0, "b"), &mut bytes);
        let family = log.shared().database.family("topic/events").unwrap();
        batch.put_cf(&family, codec::key(MIDDLE), bytes);
    });
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert_eq!(
        error.message,
        "the record at offset 1 of partition 0 of topic `events` is damaged: its checksum does not fit"
    );
}

#[test]
fn a_missing_record_is_named() {
    let error = read_after(|log, batch| {
        let family = log.shared().database.family("topic/events").unwrap();
        batch.delete_cf(&family, codec::key(MIDDLE));
    });
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert_eq!(error.message, "the record at offset 1 of partition 0 of topic `events` is missing");
}

#[test]
fn an_unknown_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir);
    let mut batch = WriteBatch::default();
    batch.put("f", [2]);
    log.shared().database.write(batch).unwrap();
    drop(log);
    let error = EmbeddedLog::open(Settings::new(dir.path())).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert!(error.message.contains("format 2"), "{error}");
}

const ROUNDS: usize = 5;
const BATCHES: usize = 60;
const BATCH: usize = 1000;
const VALUE_BYTES: usize = 900;

/// Values that do not compress, like the payloads of many customers.
fn values() -> Vec<Bytes> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..BATCH).map(|_| (0..VALUE_BYTES).map(|_| byte()).collect::<Vec<_>>().into()).collect()
}

/// The log's appends against RocksDB's synced write of the same bytes, in turns.
#[test]
#[ignore = "a benchmark: cargo test --workspace --lib append_costs -- --ignored --nocapture"]
fn append_costs_little_more_than_a_synced_write() {
    let (values, dir, bare_dir) = (values(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = open(&dir);
    // The same options, so that the difference is the log's own.
    let bare = Database::open(bare_dir.path()).unwrap();
    bare.create_family("bare").unwrap();
    let family = bare.family("topic/bare").unwrap();
    let mut offset = 0u64;
    let mut write_bare = |values: &[Bytes]| {
        let mut batch = WriteBatch::default();
        for value in values {
            batch.put_cf(&family, offset.to_be_bytes(), value);
            offset += 1;
        }
        bare.write(batch).unwrap();
    };
    let append = |values: &[Bytes]| {
        let records = values.iter().map(|value| record(0, value.clone())).collect();
        log.append(records).unwrap();
    };
    for (name, count, batches) in [("1000 records", BATCH, BATCHES), ("1 record", 1, 1000)] {
        let values = &values[..count];
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let bare = rate(batches * count, || (0..batches).for_each(|_| write_bare(values)));
            let log = rate(batches * count, || (0..batches).for_each(|_| append(values)));
            rates.push((log / bare, log, bare));
        }
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, log, bare) = rates[ROUNDS / 2];
        println!("{name}: log {log:.0}/s, bare {bare:.0}/s, ratio {ratio:.2} (of {ROUNDS}: {rates:.2?})");
    }
    let alone = rate(400, || append_in_threads(&log, 1, 400));
    let shared = rate(3200, || append_in_threads(&log, 8, 400));
    println!("1 record: 1 appender {alone:.0}/s, 8 appenders {shared:.0}/s");
    println!("wake-up after append: {:?}", wake_up(&log));
}

fn append_in_threads(log: &EmbeddedLog, threads: usize, appends: usize) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..appends).for_each(|_| drop(log.append(vec![record(0, "x")]).unwrap())));
        }
    });
}

fn rate(count: usize, run: impl FnOnce()) -> f64 {
    let started = Instant::now();
    run();
    f64::from(u32::try_from(count).unwrap()) / started.elapsed().as_secs_f64()
}

/// Median time from the answer of an append until a waiting reader has the record.
fn wake_up(log: &EmbeddedLog) -> Duration {
    let end = log.bounds("events", Partition(1)).unwrap().end;
    let mut reader = log.reader("events", &[(Partition(1), end)]).unwrap();
    let reading = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while seen.len() < 200 {
            let polled = reader.poll(1, Duration::from_secs(10)).unwrap();
            seen.extend(polled.records.iter().map(|_| Instant::now()));
        }
        seen
    });
    let mut answered = Vec::new();
    for _ in 0..200 {
        log.append(vec![record(1, "x")]).unwrap();
        answered.push(Instant::now());
    }
    let seen = reading.join().unwrap();
    let mut delays: Vec<_> = seen
        .iter()
        .zip(&answered)
        .map(|(seen, answered)| seen.saturating_duration_since(*answered))
        .collect();
    delays.sort_unstable();
    delays[delays.len() / 2]
}
