//! The embedded log: the contract that every log keeps, then what only a log on a disk of ours can do to us.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests panic when something is wrong, and print what they saw"
)]

#[path = "embedded/disk.rs"]
mod disk;
#[path = "embedded/kill.rs"]
mod kill;
#[path = "embedded/support.rs"]
mod support;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use connectors::embedded::{EmbeddedLog, Limits, Settings};
use engine::{Offset, Partition};
use ports::{Committed, ErrorKind, Log, Membership, Retention};

use support::{create, open, read_all, record, text, until};

fn on_embedded(test: &str, run: impl FnOnce(&dyn Log, &str)) {
    let dir = tempfile::tempdir().unwrap();
    run(&open(dir.path()), test);
}

tests::contract!(on_embedded);
tests::contract!(on_embedded; positions_of_a_group_without_members_can_be_set);

const APPENDERS: u32 = 8;
const APPENDS: u32 = 100;

#[test]
fn appenders_share_writes_and_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    create(&log, "events", 2, Retention::Any);
    thread::scope(|scope| {
        for appender in 0..APPENDERS {
            let log = &log;
            scope.spawn(move || {
                for number in 0..APPENDS {
                    let partition = Partition(number % 2);
                    let values = [0, 1, 2].map(|part| format!("{appender} {number} {part}"));
                    let records = values.map(|value| record("events", partition, value));
                    let places = log.append(records.into()).unwrap();
                    assert!(places.iter().all(|place| place.partition == partition));
                    assert!(places.is_sorted_by(|a, b| a.offset.next() == b.offset));
                }
            });
        }
    });
    drop(log);

    let log = open(dir.path());
    let mut seen: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
    for partition in [0, 1].map(Partition) {
        let mut last = BTreeMap::new();
        let records = read_all(&log, "events", partition);
        assert_eq!(records.len(), (APPENDERS * APPENDS * 3 / 2) as usize);
        for (record, offset) in records.iter().zip(0..) {
            assert_eq!(record.offset, Offset(offset));
            let numbers: Vec<u32> = text(record).split(' ').map(|n| n.parse().unwrap()).collect();
            let place = (numbers[1], numbers[2]);
            assert!(last.insert(numbers[0], place) < Some(place), "order of appender {}", numbers[0]);
            seen.entry(numbers[0]).or_default().push(place);
        }
    }
    let all: Vec<_> = (0..APPENDS).flat_map(|number| [0, 1, 2].map(|part| (number, part))).collect();
    for places in seen.values_mut() {
        places.sort_unstable();
        assert_eq!(*places, all);
    }
}

#[test]
fn all_of_an_append_is_refused_if_one_record_is() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    create(&log, "events", 1, Retention::Any);
    let good = || record("events", Partition(0), "good");
    let large = record("events", Partition(0), vec![b'x'; 2 * 1024 * 1024]);
    let error = log.append(vec![good(), large]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    let elsewhere = record("events", Partition(1), "nowhere");
    assert_eq!(log.append(vec![good(), elsewhere]).unwrap_err().kind, ErrorKind::Misconfigured);
    assert_eq!(log.append(vec![good()]).unwrap()[0].offset, Offset(0));
    let largest = record("events", Partition(0), vec![b'x'; 1024 * 1024]);
    assert_eq!(log.append(vec![largest]).unwrap()[0].offset, Offset(1));
}

fn membership() -> Membership {
    Membership { group: "g".to_owned(), topic: "events".to_owned(), name: "one".to_owned() }
}

#[test]
fn a_waiting_member_learns_at_once_that_it_is_fenced() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    create(&log, "events", 1, Retention::Any);
    let mut first = log.join(membership()).unwrap();
    first.poll(10, Duration::ZERO).unwrap();
    first.start(Partition(0), Offset(0)).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let started = Instant::now();
            (first.poll(10, Duration::from_secs(60)), started.elapsed())
        });
        let second = log.join(membership()).unwrap();
        let (polled, waited) = waiting.join().unwrap();
        assert_eq!(polled.unwrap_err().kind, ErrorKind::Fenced);
        assert!(waited < Duration::from_secs(30));
        second.leave().unwrap();
    });
}

#[test]
fn positions_and_generations_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    create(&log, "events", 2, Retention::Any);
    let mut member = log.join(membership()).unwrap();
    let committed = Committed { next: Offset(1), metadata: "metadata".to_owned() };
    let places = member
        .commit(vec![record("events", Partition(1), "alert")], &|places| {
            vec![(places[0].partition, committed.clone())]
        })
        .unwrap();
    assert_eq!((places[0].partition, places[0].offset), (Partition(1), Offset(0)));
    drop((log, member));

    let log = open(dir.path());
    assert_eq!(log.committed("g", "events").unwrap(), [None, Some(committed)]);
    assert_eq!(log.committed("other", "events").unwrap(), [None, None]);
    assert_eq!(text(&read_all(&log, "events", Partition(1))[0]), "alert");
    let error = log.join(membership()).unwrap().start(Partition(0), Offset(5)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
}

fn with_limits(dir: &std::path::Path, limits: Limits) -> EmbeddedLog {
    let log = EmbeddedLog::open(Settings {
        limits,
        retention_check_interval: Duration::from_millis(10),
        ..Settings::new(dir)
    });
    let log = log.unwrap();
    create(&log, "events", 1, Retention::Any);
    create(&log, "controls", 1, Retention::Forever);
    log
}

#[test]
fn old_records_go_and_offsets_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { age: Some(Duration::from_millis(200)), bytes: None };
    let log = with_limits(dir.path(), limits);
    let three = |topic| ["a", "b", "c"].map(|value| record(topic, Partition(0), value)).to_vec();
    // Before there is anything: records may go as soon as they are written.
    let mut reader = log.reader("events", &[(Partition(0), Offset(0))]).unwrap();
    log.append(three("events")).unwrap();
    log.append(three("controls")).unwrap();
    let bounds = || log.bounds("events", Partition(0)).unwrap();
    until(|| bounds().start == Offset(3));
    assert_eq!(bounds().end, Offset(3));
    log.append(three("events")).unwrap();
    assert_eq!(bounds().end, Offset(6));

    // Both a reader that is there already and one that comes later are told.
    assert_eq!(reader.poll(10, Duration::ZERO).unwrap_err().kind, ErrorKind::Gone);
    let late = log.reader("events", &[(Partition(0), Offset(2))]);
    assert_eq!(late.err().unwrap().kind, ErrorKind::Gone);
    until(|| bounds().start == Offset(6));
    assert_eq!(log.bounds("controls", Partition(0)).unwrap().start, Offset(0));
    drop((log, reader));

    let log = with_limits(dir.path(), limits);
    let bounds = log.bounds("events", Partition(0)).unwrap();
    assert_eq!((bounds.start, bounds.end), (Offset(6), Offset(6)));
    assert_eq!(log.append(three("events")).unwrap()[0].offset, Offset(6));
}

#[test]
fn a_partition_keeps_no_more_bytes_than_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { age: None, bytes: Some(50_000) };
    let log = with_limits(dir.path(), limits);
    for topic in ["events", "controls"] {
        let records = (0..100).map(|_| record(topic, Partition(0), vec![b'x'; 1000]));
        log.append(records.collect()).unwrap();
    }
    let bounds = |topic| log.bounds(topic, Partition(0)).unwrap();
    until(|| bounds("events").start > Offset(0));
    // 50,000 bytes hold 48 records of 1,000 bytes and their frames.
    assert_eq!(bounds("events").start, Offset(52));
    let records = read_all(&log, "events", Partition(0));
    assert_eq!((records.len(), records[0].offset), (48, Offset(52)));
    assert_eq!(bounds("controls").start, Offset(0));
}
