//! What the tests of the embedded log have in common.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use connectors::embedded::{EmbeddedLog, Settings};
use engine::Partition;
use ports::{Log, Outgoing, Record, Retention, TopicSpec};

/// Names the folder, and so tells a test that it is a child process.
pub(crate) const CHILD: &str = "TOCSIN_TEST_EMBEDDED_CHILD";

pub(crate) fn open(dir: &Path) -> EmbeddedLog {
    EmbeddedLog::open(Settings::new(dir)).unwrap()
}

pub(crate) fn create(log: &dyn Log, topic: &str, partitions: u32, retention: Retention) {
    let spec = TopicSpec { name: topic.to_owned(), partitions, retention };
    log.create_topics(&[spec]).unwrap();
}

pub(crate) fn record(topic: &str, partition: Partition, value: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        partition: Some(partition),
        timestamp: None,
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

pub(crate) fn text(record: &Record) -> &str {
    std::str::from_utf8(record.value.as_ref().unwrap()).unwrap()
}

/// All records of a partition.
pub(crate) fn read_all(log: &dyn Log, topic: &str, partition: Partition) -> Vec<Record> {
    let start = log.bounds(topic, partition).unwrap().start;
    let mut reader = log.reader(topic, &[(partition, start)]).unwrap();
    let mut records = Vec::new();
    loop {
        let polled = reader.poll(1000, Duration::ZERO).unwrap();
        records.extend(polled.records);
        if polled.at_end {
            return records;
        }
    }
}

/// Waits for a condition that is to come true.
#[track_caller]
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "it did not come true");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts this test binary again, for one test only, which finds the folder in [`CHILD`].
pub(crate) fn child(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
