//! Two archivers in processes of their own, on one folder, killed again and again: every record is archived once.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bootstrap::archiver::{Settings, Step};
use bootstrap::{Archiver, Objects, Scan, Selection, Table};
use bytes::Bytes;
use engine::{Offset, Partition, Timestamp};
use ports::{
    Bounds, Committed, Error, ErrorKind, Log, Member, Membership, Outgoing, Place, Polled, Reader, Record,
    Result, TopicSpec, TopicState,
};

const TOPIC: &str = "events";
const PARTITIONS: u32 = 3;
/// Records of each partition; every seventh offset is a hole, as transactions leave them.
const END: u64 = 40_000;
const KILLS: usize = 40;

/// A log that holds what its offsets say, so that processes share it without any server.
struct Written;

fn record(partition: Partition, offset: u64) -> Option<Record> {
    let customer = format!("{:08x}-0000-4000-8000-000000000000", offset % 50);
    let value = format!("{{\"customerId\":\"{customer}\",\"payload\":{{\"n\":{offset}}}}}");
    (offset % 7 != 3).then(|| Record {
        partition,
        offset: Offset(offset),
        timestamp: Timestamp(i64::try_from(offset).unwrap()),
        key: Some(Bytes::from(customer)),
        value: Some(Bytes::from(value)),
        headers: Vec::new(),
    })
}

fn none<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Refused, "this log only reads"))
}

impl Log for Written {
    fn create_topics(&self, _: &[TopicSpec]) -> Result<Vec<String>> {
        none()
    }

    fn inspect_topics(&self, _: &[&str]) -> Result<Vec<TopicState>> {
        none()
    }

    fn partitions(&self, _: &str) -> Result<u32> {
        Ok(PARTITIONS)
    }

    fn append(&self, _: Vec<Outgoing>) -> Result<Vec<Place>> {
        none()
    }

    fn reader(&self, _: &str, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>> {
        Ok(Box::new(From(from.to_vec())))
    }

    fn bounds(&self, _: &str, _: Partition) -> Result<Bounds> {
        Ok(Bounds { start: Offset(0), end: Offset(END) })
    }

    fn committed(&self, _: &str, _: &str) -> Result<Vec<Option<Committed>>> {
        none()
    }

    fn join(&self, _: Membership) -> Result<Box<dyn Member>> {
        none()
    }
}

struct From(Vec<(Partition, Offset)>);

impl Reader for From {
    fn poll(&mut self, _: usize, _: Duration) -> Result<Polled> {
        let mut records = Vec::new();
        for (partition, next) in &mut self.0 {
            let until = (next.0 + 50).min(END);
            records.extend((next.0..until).filter_map(|offset| record(*partition, offset)));
            *next = Offset(until);
        }
        Ok(Polled { at_end: records.is_empty(), records })
    }
}

/// Not a test of its own: what the processes run that are killed.
#[test]
#[ignore = "the process that the other test starts and kills; cargo test --workspace --test sigkill two_archivers"]
fn process() {
    let folder = std::env::var("ARCHIVE").unwrap();
    let table = Table::new(Objects::folder(Path::new(&folder)).unwrap());
    let settings = Settings { flush_bytes: 300_000, ..Settings::new(TOPIC) };
    let mut archiver = Archiver::open(Arc::new(Written), table, settings).unwrap();
    loop {
        match archiver.step(Duration::ZERO, Timestamp(0)).unwrap() {
            Step::Gathered { records: 0 } => drop(archiver.flush(Timestamp(0)).unwrap()),
            Step::Gathered { .. } | Step::Lost | Step::Committed { .. } => {},
        }
        // Offsets that hold nothing at the end of the log are not behind.
        if archiver.lag().unwrap() < 7 {
            return;
        }
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process", "--ignored"])
        .env("ARCHIVE", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn two_archivers_that_are_killed_archive_each_record_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut processes = [start(dir.path()), start(dir.path())];
    // Not random, and in step with nothing that the processes do.
    let mut pause = 17u64;
    for kill in 0..KILLS {
        pause = (pause * 31 + 7) % 97;
        std::thread::sleep(Duration::from_millis(20 + pause));
        let process = &mut processes[kill % 2];
        process.kill().unwrap();
        process.wait().unwrap();
        *process = start(dir.path());
    }
    let deadline = Instant::now() + Duration::from_secs(300);
    for process in &mut processes {
        while process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the archivers do not come to the end");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(process.wait().unwrap().success());
    }
    let table = Table::new(Objects::folder(dir.path()).unwrap());
    let snapshot = table.load().unwrap();
    let mut scan = Scan::new(&table, &snapshot, &Selection::all()).unwrap();
    let (mut found, mut batch) = (Vec::new(), Vec::new());
    loop {
        scan.next(&mut batch).unwrap();
        if batch.is_empty() {
            break;
        }
        found.extend(batch.iter().map(|row| (row.partition, row.offset, row.value.clone())));
    }
    found.sort();
    let expected: Vec<_> = (0..PARTITIONS)
        .map(Partition)
        .flat_map(|partition| (0..END).filter_map(move |offset| record(partition, offset)))
        .map(|record| (record.partition, i64::try_from(record.offset.0).unwrap(), record.value))
        .collect();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "other records than the log holds");
    eprintln!("{KILLS} kills, {} versions, {} records", snapshot.version().unwrap() + 1, found.len());
}
